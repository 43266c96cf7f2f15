//! What services there are, and what each does.

use std::sync::Arc;

use abide_host::Known;
use abide_spec::Name;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::Problem;
use super::query::{self, Follow};
use super::{Shared, stream};
use crate::view::Seen;

/// All services, as they were last seen; to whoever takes server-sent events each as it changes, from then on.
pub async fn list(State(shared): State<Arc<Shared>>, Follow(follow): Follow) -> Result<Response, Problem> {
    if follow {
        return changes(&shared);
    }
    let snapshot = shared.view.now();
    let known: Vec<&Known> = snapshot.services.values().map(|seen| &seen.known).collect();
    Ok(Json(known).into_response())
}

/// One service, looked at afresh from both sides.
pub async fn one(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let seen = seen(&shared, &query::name(&name)?)?;
    let known = blocking(move || Known::of(&seen.name, &seen.home)).await??;
    Ok(Json(known).into_response())
}

/// A service that has gone.
#[derive(Serialize)]
struct Gone<'a> {
    name: &'a Name,
}

/// Every service once, then each that changes (`service`), and those that go (`gone`).
fn changes(shared: &Arc<Shared>) -> Result<Response, Problem> {
    let (response, sender) = stream::open(shared)?;
    let (view, mut ending) = (shared.view.clone(), shared.ending.clone());
    tokio::spawn(async move {
        let mut changed = view.changes();
        let mut told = crate::view::Snapshot::default();
        loop {
            changed.mark_unchanged();
            let now = view.now();
            for (name, seen) in &now.services {
                let is_new = told
                    .services
                    .get(name)
                    .is_none_or(|old| !Arc::ptr_eq(old, seen) && old.known != seen.known);
                if is_new && !sender.send("service", &seen.known).await {
                    return;
                }
            }
            for name in told.services.keys().filter(|name| !now.services.contains_key(*name)) {
                if !sender.send("gone", &Gone { name }).await {
                    return;
                }
            }
            told = (*now).clone();
            tokio::select! {
                changed = changed.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
                _ = ending.wait_for(|ending| *ending) => return,
            }
        }
    });
    Ok(response)
}

/// The service of this name.
pub fn seen(shared: &Shared, name: &Name) -> Result<Arc<Seen>, Problem> {
    shared.view.service(name).ok_or_else(|| {
        let known = shared.view.now();
        let near = abide_spec::nearest(name.as_str(), known.services.keys().map(Name::as_str));
        let problem =
            Problem::new(StatusCode::NOT_FOUND, "not-installed", format!("there is no service {name}"));
        match near {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("GET /v1/services lists what there is"),
        }
    })
}

/// What may wait, on a thread that may.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            format!("the agent failed at it: {error}"),
        )
    })
}

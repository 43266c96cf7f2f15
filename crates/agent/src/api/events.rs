//! What happened to a service, and why.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use abide_supervisor::history::{self, Event};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use super::query::{self, Asked, Follow};
use super::services::{blocking, seen};
use super::{Shared, stream};

/// The newest events, oldest first; to whoever takes server-sent events those that come as well.
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Asked(asked): Asked<query::Events>,
    Follow(follow): Follow,
) -> Result<Response, Problem> {
    let seen = seen(&shared, &query::name(&name)?)?;
    let lines = asked.understood()?;
    let state = seen.home.place(&seen.name).state;
    // Before the first look: what comes between the two is told.
    let mut changed = shared.view.changes();
    let folder = state.clone();
    let events = blocking(move || read(&folder)).await?.map_err(|error| unreadable(&error))?;
    let skip = events.len().saturating_sub(lines);
    if !follow {
        return Ok(Json(&events[skip..]).into_response());
    }
    let (response, sender) = stream::open(&shared)?;
    let mut ending = shared.ending.clone();
    tokio::spawn(async move {
        let mut events = events;
        let mut next = skip;
        loop {
            for event in &events[next..] {
                if !sender.send("event", event).await {
                    return;
                }
            }
            tokio::select! {
                changed = changed.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
                _ = ending.wait_for(|ending| *ending) => return,
            }
            let folder = state.clone();
            // What cannot be read now may be at the next change.
            let Ok(Ok(now)) = blocking(move || read(&folder)).await else { continue };
            next = events
                .last()
                .and_then(|last| now.iter().rposition(|event| event == last))
                .map_or(0, |at| at + 1);
            events = now;
        }
    });
    Ok(response)
}

/// All that are kept, oldest first; none of a service that never ran.
pub fn read(state: &FilePath) -> io::Result<Vec<Event>> {
    match history::read(state) {
        // It never ran.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

fn unreadable(error: &io::Error) -> Problem {
    let status = match error.kind() {
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::CONFLICT,
    };
    Problem::new(status, "unreadable", format!("the events cannot be read: {error}"))
}

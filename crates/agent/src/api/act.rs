//! Making services do something.

use std::sync::Arc;
use std::time::Duration;

use abide_host::{Deed, Home, Known, Order};
use abide_os::manager;
use abide_os::process::INSTANCE_VARIABLE;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::access::Outcome;
use super::error::Problem;
use super::services::{blocking, seen};
use super::{Shared, query};
use crate::view::Seen;

/// The longest time that a request may ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// What goes with an order.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Wish {
    /// How long it may take; by default as long as the spec allows.
    timeout: Option<abide_spec::Duration>,
    /// Of `debug`: on or off.
    on: Option<bool>,
}

/// What came of an order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Done {
    /// The form of this.
    schema: &'static str,
    /// In words.
    text: String,
    /// The service afterwards.
    status: Known,
}

/// The order that a route gives.
#[derive(Clone, Copy, Debug)]
pub enum Given {
    /// This one.
    Order(Order),
    /// Debug, on or off as the body says.
    Debug,
}

/// Does it, and answers when it is so, or why it is not.
pub async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(given): Extension<Given>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let refused = |problem: Problem| problem.into_response();
    let seen = query::name(&name).and_then(|name| seen(&shared, &name)).map_err(refused)?;
    let wish = wish(&body).map_err(refused)?;
    let order = match (given, wish.on) {
        (Given::Order(order), None) => order,
        (Given::Debug, Some(on)) => Order::Debug { on },
        (Given::Order(_), Some(_)) => return Err(refused(Problem::bad("`on` goes with `debug` alone"))),
        (Given::Debug, None) => {
            return Err(refused(Problem::bad("debug is switched on or off").hint("send {\"on\": true}")));
        }
    };
    if let Some(problem) = would_be_ours(&seen, order) {
        return Err(refused(problem));
    }
    let timeout = wish.timeout.map(abide_spec::Duration::get);
    if timeout.is_some_and(|timeout| timeout > LONGEST) {
        return Err(refused(Problem::bad("`timeout` is at most 1h")));
    }
    let done = blocking(move || {
        let deed = Deed { name: &seen.name, home: &seen.home, order, timeout };
        let told = deed.run(&mut |_| {})?;
        let status = Known::of(&seen.name, &seen.home)?;
        Ok(Done { schema: "abide.done/1", text: format!("{}{told}", seen.name), status })
    });
    match done.await.and_then(|done| done.map_err(|error: abide_host::HostError| error.into())) {
        Ok(done) => Ok((Extension(Outcome(done.text.clone())), Json(done)).into_response()),
        Err(problem) => {
            let outcome = Outcome(problem.error.clone());
            Err((Extension(outcome), problem).into_response())
        }
    }
}

/// A service must not end with the agent. Where it would, for its service manager starts it as a child of whoever asks, and
/// this agent's own supervisor owns all its children, the agent does not start it.
fn would_be_ours(seen: &Seen, order: Order) -> Option<Problem> {
    let is_owned = std::env::var_os(INSTANCE_VARIABLE).is_some();
    let starts = matches!(order, Order::Start | Order::Restart) && matches!(seen.home, Home::Installed(_));
    let kind = manager::detect();
    (is_owned && starts && kind.starts_children()).then(|| {
        let (name, error) =
            (&seen.name, "would start it as a child of the agent, and it would end with the agent");
        Problem::new(StatusCode::CONFLICT, "not-by-the-agent", format!("{kind} {error}"))
            .hint(format!("run `abide {order} {name}` on the machine"))
    })
}

/// An empty body wishes nothing.
fn wish(body: &[u8]) -> Result<Wish, Problem> {
    if body.is_empty() {
        return Ok(Wish::default());
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad(format!("the body is not understood: {error}")))
}

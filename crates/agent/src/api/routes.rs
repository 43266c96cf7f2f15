//! Every route, as data.

use std::sync::Arc;

use abide_host::Order;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Json, Router};
use serde::Serialize;

use super::act::{Given, act};
use super::error::Problem;
use super::shape::Shape;
use super::{Shared, access, events, logs, metrics, openapi, services};
use crate::tokens::Role;

/// The largest body that is taken, in bytes: orders are small.
const LARGEST: usize = 64 * 1024;

/// A route of the API.
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, with `{name}` where a service's name stands.
    pub path: &'static str,
    /// Its name in the OpenAPI document.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The least role that may.
    pub role: Role,
    /// What may stand in the query: its name, its type and what it means.
    pub query: &'static [(&'static str, &'static str, &'static str)],
    /// What may stand in the body.
    pub body: Option<Shape>,
    /// What it answers.
    pub answer: Shape,
    /// To whoever takes server-sent events it goes on; the kinds of events then.
    pub stream: Option<&'static str>,
    handler: fn() -> MethodRouter<Arc<Shared>>,
}

const LINES: (&str, &str, &str) =
    ("lines", "integer", "at most so many, the newest ones; 200 by default, 10000 at most");

const LOGS: &[(&str, &str, &str)] = &[
    LINES,
    ("since", "string", "that arrived at this time or later: `10m` (ago), or RFC 3339"),
    ("until", "string", "that arrived at this time or earlier"),
    ("stream", "string", "`stdout` or `stderr` alone"),
    ("level", "string", "of this level or above: trace, debug, info, warn, error, fatal"),
    ("grep", "string", "in which this regular expression is found"),
];

/// An order to a service.
const fn order(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: fn() -> MethodRouter<Arc<Shared>>,
) -> Route {
    Route {
        method: "POST",
        path,
        id,
        summary,
        role: Role::Operator,
        query: &[],
        body: Some(Shape::Wish),
        answer: Shape::Done,
        stream: None,
        handler,
    }
}

/// Something to look at.
const fn look(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: Shape,
    handler: fn() -> MethodRouter<Arc<Shared>>,
) -> Route {
    Route {
        method: "GET",
        path,
        id,
        summary,
        role: Role::Viewer,
        query: &[],
        body: None,
        answer,
        stream: None,
        handler,
    }
}

/// The handler of an order.
macro_rules! given {
    ($given:expr) => {
        || post(act).layer(Extension($given))
    };
}

/// The whole API.
pub const TABLE: &[Route] = &[
    look("/v1/health", "health", "How the agent itself is", Shape::Health, || get(health)),
    look("/v1/openapi.json", "openapi", "This description", Shape::Any, || get(openapi::serve)),
    look(
        "/metrics",
        "metrics",
        "What services use and have done, as OpenMetrics or Prometheus text",
        Shape::Text,
        || get(metrics::metrics),
    ),
    look(
        "/v1/targets",
        "targets",
        "Where the services' own metrics are: for `http_sd_configs`",
        Shape::Targets,
        || get(metrics::targets),
    ),
    Route {
        stream: Some(
            "`service` with a status, for each at first and then for those that change; `gone` with a name",
        ),
        ..look("/v1/services", "services", "All services, and what they do", Shape::Statuses, || {
            get(services::list)
        })
    },
    look("/v1/services/{name}", "service", "One service, looked at afresh", Shape::Status, || {
        get(services::one)
    }),
    Route {
        query: &[LINES],
        stream: Some("`event` with an event"),
        ..look("/v1/services/{name}/events", "events", "What happened to it, and why", Shape::Events, || {
            get(events::list)
        })
    },
    Route {
        query: LOGS,
        stream: Some("`line` with a line; `problem` where the log cannot be read further"),
        ..look("/v1/services/{name}/logs", "logs", "What it printed", Shape::Lines, || get(logs::list))
    },
    order(
        "/v1/services/{name}/start",
        "start",
        "Start it, and answer when it is ready",
        given!(Given::Order(Order::Start)),
    ),
    order(
        "/v1/services/{name}/stop",
        "stop",
        "Stop it, and answer when its whole process tree is gone",
        given!(Given::Order(Order::Stop)),
    ),
    order(
        "/v1/services/{name}/restart",
        "restart",
        "Stop it, then start it",
        given!(Given::Order(Order::Restart)),
    ),
    order(
        "/v1/services/{name}/reload",
        "reload",
        "Let the program read its configuration again",
        given!(Given::Order(Order::Reload)),
    ),
    order("/v1/services/{name}/pause", "pause", "Suspend the program", given!(Given::Order(Order::Pause))),
    order(
        "/v1/services/{name}/continue",
        "continue",
        "Let a suspended program go on",
        given!(Given::Order(Order::Continue)),
    ),
    order("/v1/services/{name}/rotate", "rotate", "Begin new log files", given!(Given::Order(Order::Rotate))),
    Route {
        body: Some(Shape::Switch),
        ..order(
            "/v1/services/{name}/debug",
            "debug",
            "Switch its verbosity, as `on` says",
            given!(Given::Debug),
        )
    },
];

/// The router of the table.
pub fn router(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for route in TABLE {
        let guard = from_fn_with_state((Arc::clone(shared), route.role), access::guard);
        let refuse =
            || async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "bad-request", "not by this method") };
        router = router.route(route.path, (route.handler)().fallback(refuse).layer(guard));
    }
    router = router.merge(crate::dashboard::router(shared));
    // Who may not look is not told what there is to look at.
    let guard = from_fn_with_state((Arc::clone(shared), Role::Viewer), access::guard);
    let nothing: MethodRouter = any(nothing).layer(guard);
    router.layer(DefaultBodyLimit::max(LARGEST)).with_state(Arc::clone(shared)).fallback_service(nothing)
}

async fn nothing(uri: Uri) -> Problem {
    let error = format!("there is nothing at {}", uri.path().escape_debug());
    Problem::new(StatusCode::NOT_FOUND, "not-found", error).hint("GET /v1/openapi.json tells what there is")
}

/// How the agent is.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Health {
    schema: &'static str,
    version: &'static str,
    pid: u32,
    started: String,
    services: usize,
    http: Option<String>,
}

async fn health(State(shared): State<Arc<Shared>>) -> Json<Health> {
    Json(Health {
        schema: "abide.agent/1",
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: abide_supervisor::timestamp::rfc3339(shared.started),
        services: shared.view.now().services.len(),
        http: shared.settings.http.map(|address| format!("http://{address}")),
    })
}

//! The first page: what needs attention, and all services.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, page, trouble};
use super::told::{self, Condition, Trouble};
use super::words::{Moment, plain};
use crate::api::access::Who;
use crate::api::services::blocking;
use crate::api::{Peer, Shared, logs};
use crate::view::{Seen, Snapshot};

/// A service in the table.
struct Row {
    name: String,
    description: Option<String>,
    condition: Condition,
    sign: &'static str,
    state: String,
    health: &'static str,
    up: Option<Moment>,
    restarts: u64,
    last: Option<String>,
    troubles: Vec<Trouble>,
}

#[derive(Template)]
#[template(path = "first.html")]
struct FirstPage {
    frame: Frame,
    rows: Vec<Row>,
}

impl FirstPage {
    fn count(&self, condition: Condition) -> usize {
        self.rows.iter().filter(|row| row.condition == condition).count()
    }
}

/// Shows it.
pub async fn show(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Extension(who): Extension<Who>,
) -> Response {
    let frame = Frame::of(Some(who), Some(&peer));
    let snapshot = shared.view.now();
    match blocking(move || rows(&snapshot)).await {
        Ok(rows) => page(StatusCode::OK, &FirstPage { frame, rows }),
        Err(problem) => trouble(problem, Some(frame)),
    }
}

/// All services, those that need attention first.
fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let mut rows: Vec<Row> = snapshot.services.values().map(|seen| row(seen)).collect();
    rows.sort_by_key(|row| row.condition);
    rows
}

fn row(seen: &Seen) -> Row {
    let status = &seen.known.status;
    // A log that cannot be read is told on the page of its service.
    let last = logs::newest(seen, 1).ok().and_then(|lines| lines.back().map(|line| plain(&line.text)));
    Row {
        name: seen.name.to_string(),
        description: status.description.as_deref().map(plain),
        condition: Condition::of(status),
        sign: told::sign(status),
        state: plain(&status.state),
        health: told::health(status),
        up: status.started.as_deref().and_then(Moment::of),
        restarts: status.restarts,
        last,
        troubles: told::troubles(&seen.known),
    }
}

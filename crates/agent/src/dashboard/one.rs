//! The page of one service.

use std::sync::Arc;

use abide_host::Known;
use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, page, trouble};
use super::told::{self, Condition, Trouble};
use super::words::{Moment, command, plain};
use crate::api::access::Who;
use crate::api::error::Problem;
use crate::api::services::{blocking, seen};
use crate::api::{Peer, Shared, events, logs, query};
use crate::tokens::Role;
use crate::view::Seen;

/// So many events are shown.
const EVENTS: usize = 50;
/// So many lines are shown at first.
const LINES: usize = 200;

/// A line of output.
struct Line {
    time: Option<Moment>,
    level: Option<&'static str>,
    stream: &'static str,
    text: String,
}

/// Something that happened.
struct Happened {
    time: Option<Moment>,
    text: String,
}

/// Something that can be done.
struct Act {
    label: &'static str,
    order: &'static str,
    /// Of debug: on or off.
    on: Option<bool>,
    /// It ends what the service does now: it is asked for twice.
    ends: bool,
    command: String,
}

#[derive(Template)]
#[template(path = "one.html")]
struct OnePage {
    frame: Frame,
    name: String,
    description: Option<String>,
    condition: Condition,
    sign: &'static str,
    state: String,
    health: &'static str,
    facts: Vec<(&'static str, String)>,
    troubles: Vec<Trouble>,
    may_act: bool,
    acts: Vec<Act>,
    events: Vec<Happened>,
    events_trouble: Option<String>,
    lines: Vec<Line>,
    log_trouble: Option<String>,
    most: usize,
    logs_command: String,
    events_command: String,
}

/// Shows it.
pub async fn show(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Extension(who): Extension<Who>,
    Path(name): Path<String>,
) -> Response {
    let frame = Frame::of(Some(who), Some(&peer));
    let found = query::name(&name).and_then(|name| seen(&shared, &name));
    let shown = match found {
        Ok(seen) => {
            let frame = frame.clone();
            blocking(move || one(&seen, frame)).await
        }
        Err(problem) => Err(without_api(problem)),
    };
    match shown {
        Ok(shown) => page(StatusCode::OK, &shown),
        Err(problem) => trouble(problem, Some(frame)),
    }
}

/// What to do next is a page here, where the API names a route.
fn without_api(problem: Problem) -> Problem {
    match &problem.hint {
        Some(hint) if hint.starts_with("GET ") => problem.hint("the first page lists what there is"),
        _ => problem,
    }
}

fn one(seen: &Seen, frame: Frame) -> OnePage {
    let (known, status) = (&seen.known, &seen.known.status);
    let (events, events_trouble) = match events::read(&seen.home.place(&seen.name).state) {
        Ok(events) => (events, None),
        Err(error) => (Vec::new(), Some(format!("the events cannot be read: {error}"))),
    };
    let events = events.iter().rev().take(EVENTS);
    let events = events.map(|event| Happened { time: Moment::of(&event.time), text: plain(&event.text) });
    let (lines, log_trouble) = match logs::newest(seen, LINES) {
        Ok(lines) => (lines, None),
        Err(problem) => (Default::default(), Some(plain(&problem.error))),
    };
    let lines = lines.iter().map(|line| Line {
        time: line.time.as_deref().and_then(Moment::of),
        level: line.level,
        stream: line.stream,
        text: plain(&line.text),
    });
    OnePage {
        name: seen.name.to_string(),
        description: status.description.as_deref().map(plain),
        condition: Condition::of(status),
        sign: told::sign(status),
        state: plain(&status.state),
        health: told::health(status),
        facts: told::facts(known),
        troubles: told::troubles(known),
        may_act: frame.who.as_ref().is_some_and(|who| who.role >= Role::Operator),
        acts: acts(known),
        events: events.collect(),
        events_trouble,
        lines: lines.collect(),
        log_trouble,
        most: LINES,
        logs_command: command(known, "logs", "--follow"),
        events_command: command(known, "events", ""),
        frame,
    }
}

fn acts(known: &Known) -> Vec<Act> {
    let act = |label, order, ends| Act { label, order, on: None, ends, command: command(known, order, "") };
    let debug = |label, on: bool| Act {
        label,
        order: "debug",
        on: Some(on),
        ends: false,
        command: command(known, "debug", if on { "on" } else { "off" }),
    };
    vec![
        act("Start", "start", false),
        act("Stop", "stop", true),
        act("Restart", "restart", true),
        act("Reload", "reload", false),
        debug("Debug on", true),
        debug("Debug off", false),
    ]
}

//! A service as a line of a table.

use std::time::SystemTime;

use abide_supervisor::status::Status;
use anstyle::Style;

use crate::printer::{BAD, FAINT, GOOD, WARN};
use crate::shown;
use crate::table::{Cell, Column};

/// How times are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// For how long: true at the moment of printing.
    Spans,
    /// Since when, by the clock: stays true while it stands on the screen.
    Clock,
}

/// The columns of the table.
pub fn columns(times: Times) -> [Column; 8] {
    let time = match times {
        Times::Spans => "UP",
        Times::Clock => "SINCE",
    };
    [("", 0), ("NAME", 0), ("STATE", 0), ("HEALTH", 1), ("PID", 4), (time, 2), ("RESTARTS", 3), ("WHY", 0)]
        .map(|(title, spare)| Column { title, spare })
}

/// A sign and a colour for a state.
pub fn mark(status: &Status) -> (&'static str, Style) {
    match status.state.as_str() {
        "running" if is_fine(status) => ("●", GOOD),
        "running" | "starting" | "stopping" | "paused" | "waiting" => ("◐", WARN),
        "unknown" => ("?", WARN),
        "backing-off" | "failed" => ("✗", BAD),
        _ => ("○", FAINT),
    }
}

/// Whether a service does what it is there for.
pub fn is_fine(status: &Status) -> bool {
    status.state == "running" && status.ready && status.healthy
}

/// How a service fares while it runs, in a word.
pub fn health(status: &Status) -> &'static str {
    match (status.state.as_str(), status.ready, status.healthy) {
        ("running", _, false) => "unhealthy",
        ("running", false, _) => "not ready",
        ("running", ..) => "ok",
        _ => "-",
    }
}

/// Why a service is not fine; nothing where it is.
pub fn why(status: &Status) -> &str {
    // Why it runs well is of no interest.
    let why = if is_fine(status) { "" } else { status.why.as_deref().unwrap_or("") };
    // The state stands beside it.
    why.strip_prefix(&format!("{}: ", status.state)).unwrap_or(why)
}

/// A service's line in the table.
pub fn row(status: &Status, times: Times) -> Vec<Cell> {
    let (sign, style) = mark(status);
    let time = match times {
        Times::Spans => status
            .started
            .as_deref()
            .and_then(|time| shown::distance(time, SystemTime::now()))
            .map_or("-".into(), shown::span),
        Times::Clock => shown::clock(&status.since),
    };
    let pid = status.pid.map_or("-".into(), |pid| pid.to_string());
    vec![
        Cell::new(sign, style),
        status.name.as_str().into(),
        Cell::new(&status.state, style),
        health(status).into(),
        pid.into(),
        time.into(),
        status.restarts.to_string().into(),
        Cell::new(why(status), FAINT),
    ]
}

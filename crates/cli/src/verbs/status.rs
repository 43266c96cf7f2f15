//! `abide status`: what services do.

use std::time::SystemTime;

use abide_os::manager::{Enabled, ManagerState, ManagerStatus};
use abide_spec::Name;
use abide_supervisor::status::{self, Status};
use anstyle::Style;
use serde::Serialize;

use crate::args::{self, Common};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{BAD, BOLD, FAINT, GOOD, Printer, WARN};
use crate::services::{self, Home};
use crate::shown;
use crate::table::{self, Cell};

/// The heading of the table.
pub const HEADING: [&str; 7] = ["", "NAME", "STATE", "HEALTH", "UP", "RESTARTS", "WHY"];

/// What is known of a service from both sides.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Known {
    #[serde(flatten)]
    status: Status,
    /// `auto`, `delayed`, `manual`, `disabled`; nothing in an `abide up`.
    enabled: Option<Enabled>,
    /// What the service manager says, where there is one.
    manager: Option<ManagerStatus>,
}

/// Shows one service or all.
pub fn run(args: &args::Status, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    match &args.name {
        Some(name) => one(name, args.json, common, printer),
        None => all(args.json, common, printer),
    }
}

fn one(name: &Name, json: bool, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let Some(home) = Home::of(name, common)? else {
        return Err(Failure { exit: Exit::UnknownStatus, ..services::absent(name) });
    };
    let known = know(name, &home).map_err(|failure| Failure { exit: Exit::UnknownStatus, ..failure })?;
    if json {
        printer.json(&known)?;
    } else {
        detail(&known, printer)?;
    }
    Ok(match known.status.state.as_str() {
        "stopped" | "failed" | "waiting" => Exit::NotRunningStatus,
        _ => Exit::Ok,
    })
}

fn all(json: bool, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let mut known = Vec::new();
    for name in services::known(common.dir.as_deref()) {
        if let Some(home) = Home::of(&name, common)? {
            known.push(know(&name, &home)?);
        }
    }
    if json {
        printer.json(&known)?;
    } else if known.is_empty() {
        printer.note("no services here yet; `abide install NAME -- COMMAND…` makes one");
    } else {
        let rows: Vec<_> = known.iter().map(|known| row(&known.status)).collect();
        for line in table::render(&HEADING, &rows) {
            printer.data(line)?;
        }
    }
    Ok(Exit::Ok)
}

/// Puts together what the supervisor left on disk and what the service manager says.
fn know(name: &Name, home: &Home) -> Result<Known, Failure> {
    let manager = match home {
        Home::Installed(_) => Some(services::manager()?.status(name)?),
        Home::Project(_) => None,
    };
    let left = match (status::read(&home.place(name).state), &manager) {
        (Ok(left), _) => left,
        // Not everybody may look into the folders of a service; the service manager tells everybody.
        (Err(_), Some(_)) => None,
        (Err(error), None) => return Err(error.into()),
    };
    let mut status = left.unwrap_or_else(|| unknown(name, manager.as_ref()));
    if let Some(manager) = &manager {
        reconcile(&mut status, manager);
    }
    Ok(Known { status, enabled: manager.as_ref().map(|manager| manager.enabled), manager })
}

/// The status of a service whose supervisor left none, from what the service manager says.
fn unknown(name: &Name, manager: Option<&ManagerStatus>) -> Status {
    let state = manager.map_or(ManagerState::Stopped, |manager| manager.state);
    Status {
        since: manager
            .and_then(|manager| manager.since)
            .map(abide_supervisor::timestamp::rfc3339)
            .unwrap_or_default(),
        ready: state == ManagerState::Running,
        why: manager.and_then(|manager| manager.text.clone()),
        ..Status::never_ran(name, state.as_str())
    }
}

/// Where the two disagree, the one who knows better is believed: a supervisor that is dead cannot know
/// that the service manager gave up on it.
fn reconcile(status: &mut Status, manager: &ManagerStatus) {
    let rests = matches!(status.state.as_str(), "stopped" | "failed");
    if rests && manager.state == ManagerState::Failed && status.state != "failed" {
        status.state = "failed".into();
        status.why = Some(match (&manager.result, &manager.exit) {
            (Some(result), Some(exit)) => format!("the service manager says {result} ({exit})"),
            (Some(result), None) => format!("the service manager says {result}"),
            _ => "the service manager says that it failed".into(),
        });
    }
    if rests
        && matches!(manager.state, ManagerState::Starting | ManagerState::Running)
        && !status::supervisor_lives(status)
    {
        status.state = "starting".into();
    }
}

/// A sign and a colour for a state.
fn mark(status: &Status) -> (&'static str, Style) {
    match status.state.as_str() {
        "running" if status.ready && status.healthy => ("●", GOOD),
        "running" | "starting" | "stopping" | "paused" | "waiting" => ("◐", WARN),
        "backing-off" | "failed" => ("✗", BAD),
        _ => ("○", FAINT),
    }
}

/// A service's line in the table.
pub fn row(status: &Status) -> Vec<Cell> {
    let (sign, style) = mark(status);
    let running = status.state == "running";
    let health = match (running, status.ready, status.healthy) {
        (false, ..) => "-",
        (_, _, false) => "unhealthy",
        (_, false, _) => "not ready",
        _ => "ok",
    };
    let now = SystemTime::now();
    let up =
        status.started.as_deref().and_then(|time| shown::distance(time, now)).map_or("-".into(), shown::span);
    // Why it runs well is of no interest.
    let why =
        if running && status.ready && status.healthy { "" } else { status.why.as_deref().unwrap_or("") };
    vec![
        Cell::new(sign, style),
        status.name.as_str().into(),
        Cell::new(status.state.as_str(), style),
        health.into(),
        up.into(),
        status.restarts.to_string().into(),
        Cell::new(why, FAINT),
    ]
}

fn detail(known: &Known, printer: &Printer) -> Result<(), Failure> {
    let status = &known.status;
    let (sign, style) = mark(status);
    let description = status.description.as_ref().map(|text| format!(" - {text}")).unwrap_or_default();
    printer.data(format!("{style}{sign}{style:#} {BOLD}{}{BOLD:#}{description}", status.name))?;
    let line = |label: &str, text: String| printer.data(format!("{label:>10}: {text}"));

    let ready = match (status.state.as_str(), status.ready, status.healthy) {
        ("running", true, true) => " (ready)",
        ("running", true, false) => " (unhealthy)",
        ("running", false, _) => " (not ready)",
        _ => "",
    };
    let ago =
        shown::distance(&status.since, SystemTime::now()).map(|ago| format!(", {} ago", shown::span(ago)));
    let since = if status.since.is_empty() {
        String::new()
    } else {
        format!(" since {}", shown::local(&status.since))
    };
    line("State", format!("{style}{}{style:#}{ready}{since}{}", status.state, ago.unwrap_or_default()))?;
    if let Some(why) = &status.why {
        line("Why", why.clone())?;
    }
    if let Some(text) = &status.text {
        line("Says", text.clone())?;
    }
    if let Some(next) = &status.next_start {
        line("Next start", shown::local(next))?;
    }
    if let Some(pid) = status.pid {
        line("PID", format!("{pid} (supervisor {})", status.supervisor.pid))?;
    }
    line("Restarts", format!("{} (failures in a row: {})", status.restarts, status.failures))?;
    if let Some(exit) = status.last_exit {
        line("Last end", exit.to_string())?;
    }
    if let Some(enabled) = known.enabled {
        line("Start", word(&enabled))?;
    }
    if status.debug {
        line("Debug", "on".into())?;
    }
    if status.logs.lost_bytes > 0 {
        line("Lost", format!("{} bytes of output", status.logs.lost_bytes))?;
    }
    if let Some(trouble) = &status.logs.trouble {
        line("Logs", trouble.clone())?;
    }
    for half in known.manager.iter().flat_map(|manager| &manager.halves) {
        line("Half", half.clone())?;
    }
    printer.note(format!("{FAINT}      more: abide logs {0}, abide events {0}{FAINT:#}", status.name));
    Ok(())
}

/// An enum's word, as JSON has it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

//! One service in detail.

use std::time::SystemTime;

use abide_host::Known;
use abide_logs::{Reader, Streams};
use abide_os::manager::{Enabled, Scope};

use super::row::mark;
use crate::failure::Failure;
use crate::printer::{self, BOLD, FAINT, Printer, WARN};
use crate::services::Home;
use crate::shown;
use crate::text;

/// How much of its output is shown, in lines.
const LAST_LINES: usize = 5;

/// Shows everything that is known of a service.
pub fn show(known: &Known, home: &Home, printer: &Printer) -> Result<(), Failure> {
    let status = &known.status;
    let (sign, style) = mark(status);
    let description = status.description.as_ref().map(|words| format!(" - {}", text::plain(words)));
    printer.data(format!(
        "{style}{sign}{style:#} {BOLD}{}{BOLD:#}{}",
        status.name,
        description.unwrap_or_default()
    ))?;
    let line = |label: &str, told: String| printer.data(format!("{label:>10}: {told}"));

    line("State", state(known))?;
    if let Some(why) = &status.why {
        line("Why", text::plain(why))?;
    }
    if let Some(words) = &status.text {
        line("Says", text::plain(words))?;
    }
    if let Some(next) = &status.next_start {
        line("Next start", shown::local(next))?;
    }
    if let Some(pid) = status.pid {
        let under = match status.supervisor.pid {
            0 => ", without a supervisor".to_owned(),
            supervisor => format!(", under supervisor {supervisor}"),
        };
        line("Process", format!("{pid}{under}"))?;
    }
    let direct = status.name.parse().is_ok_and(|name| home.is_direct(&name));
    if !direct {
        line("Restarts", format!("{} (failures in a row: {})", status.restarts, status.failures))?;
    }
    if let Some(exit) = status.last_exit {
        line("Last end", exit.to_string())?;
    }
    match &known.project {
        Some(folder) => line("Run by", format!("`abide up` in {}", folder.display()))?,
        None => line("Spec", home.spec(&status.name).display().to_string())?,
    }
    if let Some(enabled) = known.enabled {
        line("Start", start(enabled).into())?;
    }
    if status.debug {
        line("Debug", "on".into())?;
    }
    if status.logs.lost_bytes > 0 {
        line("Lost", format!("{} bytes of output", status.logs.lost_bytes))?;
    }
    if status.logs.suppressed_lines > 0 {
        line("Suppressed", format!("{} lines beyond the rate limit", status.logs.suppressed_lines))?;
    }
    if let Some(trouble) = &status.logs.trouble {
        line("Trouble", format!("{WARN}{}{WARN:#}", text::plain(trouble)))?;
    }
    for half in known.manager.iter().flat_map(|manager| &manager.halves) {
        line("Half there", format!("{WARN}{half}{WARN:#}"))?;
    }
    if known.manager.as_ref().is_some_and(|manager| !manager.halves.is_empty()) {
        printer.hint(&format!(
            "`abide apply` of its spec repairs it, `abide uninstall {}` ends it",
            status.name
        ));
    }
    if direct {
        return Ok(());
    }
    output(known, home, printer)?;
    let user = if home.scope() == Some(Scope::User) { "--user " } else { "" };
    printer.note(format!(
        "{FAINT}      more: abide {user}logs {0}, abide {user}events {0}{FAINT:#}",
        status.name
    ));
    Ok(())
}

fn state(known: &Known) -> String {
    let status = &known.status;
    let (_, style) = mark(status);
    let ready = match (status.state.as_str(), status.ready, status.healthy) {
        ("running", true, true) => " (ready)",
        ("running", true, false) => " (unhealthy)",
        ("running", false, _) => " (not ready)",
        _ => "",
    };
    let since = if status.since.is_empty() {
        String::new()
    } else {
        format!(" since {}", shown::local(&status.since))
    };
    let ago = shown::distance(&status.since, SystemTime::now());
    let ago = ago.map(|ago| format!(", {} ago", shown::span(ago))).unwrap_or_default();
    format!("{style}{}{style:#}{ready}{since}{ago}", status.state)
}

const fn start(enabled: Enabled) -> &'static str {
    match enabled {
        Enabled::Auto => "with the machine",
        Enabled::Delayed => "with the machine, after what starts at once",
        Enabled::Manual => "on demand only",
        Enabled::Disabled => "disabled",
        Enabled::No => "not installed",
    }
}

/// The last of what it printed, where that may be read.
fn output(known: &Known, home: &Home, printer: &Printer) -> Result<(), Failure> {
    let Ok(name) = known.status.name.parse() else { return Ok(()) };
    let Ok(reader) = Reader::open(&home.place(&name).logs) else { return Ok(()) };
    let Ok(lines) = reader.tail(LAST_LINES, Streams::Both) else { return Ok(()) };
    let room = printer::output_width().unwrap_or(usize::MAX).saturating_sub(6);
    let mut first = true;
    for line in lines.flatten() {
        if std::mem::take(&mut first) {
            printer.data("")?;
        }
        let words = anstream::adapter::strip_str(&text::line(&line.bytes)).to_string();
        printer.data(format!(
            "  {FAINT}{}{FAINT:#} {}",
            line.stream.name(),
            text::cut(&words, room.saturating_sub(6))
        ))?;
    }
    Ok(())
}

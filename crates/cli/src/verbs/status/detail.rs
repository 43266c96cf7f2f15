//! One service in detail.

use std::time::SystemTime;

use abide_host::Known;
use abide_logs::{Reader, Streams};
use abide_os::manager::{Enabled, Scope};
use anstyle::Style;

use super::row::mark;
use crate::failure::Failure;
use crate::printer::{self, BOLD, FAINT, Printer, WARN};
use crate::services::Home;
use crate::shown;
use crate::text;

/// How much of its output is shown, in lines.
const LAST_LINES: usize = 5;

/// One thing that is known of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// The words that are coloured, and how.
    pub marked: (String, Style),
    /// The words after them.
    pub rest: String,
}

impl Fact {
    fn new(label: &'static str, rest: impl Into<String>) -> Self {
        Self { label, marked: (String::new(), Style::new()), rest: rest.into() }
    }

    fn marked(label: &'static str, words: impl Into<String>, style: Style) -> Self {
        Self { label, marked: (words.into(), style), rest: String::new() }
    }
}

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
    for Fact { label, marked: (words, style), rest } in facts(known, home, SystemTime::now()) {
        printer.data(format!("{label:>10}: {style}{words}{style:#}{rest}"))?;
    }
    if known.manager.as_ref().is_some_and(|manager| !manager.halves.is_empty()) {
        printer.hint(&format!(
            "`abide apply` of its spec repairs it, `abide uninstall {}` ends it",
            status.name
        ));
    }
    if is_direct(known, home) {
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

fn is_direct(known: &Known, home: &Home) -> bool {
    known.status.name.parse().is_ok_and(|name| home.is_direct(&name))
}

/// Everything that is known of a service, in the order in which it is shown.
pub fn facts(known: &Known, home: &Home, now: SystemTime) -> Vec<Fact> {
    let status = &known.status;
    let mut facts = vec![state(known, now)];
    if let Some(why) = &status.why {
        facts.push(Fact::new("Why", text::plain(why)));
    }
    if let Some(words) = &status.text {
        facts.push(Fact::new("Says", text::plain(words)));
    }
    if let Some(next) = &status.next_start {
        facts.push(Fact::new("Next start", shown::local(next)));
    }
    if let Some(pid) = status.pid {
        let under = match status.supervisor.pid {
            0 => ", without a supervisor".to_owned(),
            supervisor => format!(", under supervisor {supervisor}"),
        };
        facts.push(Fact::new("Process", format!("{pid}{under}")));
    }
    if !is_direct(known, home) {
        let told = format!("{} (failures in a row: {})", status.restarts, status.failures);
        facts.push(Fact::new("Restarts", told));
    }
    if let Some(exit) = status.last_exit {
        facts.push(Fact::new("Last end", exit.to_string()));
    }
    facts.push(match &known.project {
        Some(folder) => Fact::new("Run by", format!("`abide up` in {}", folder.display())),
        None => Fact::new("Spec", home.spec(&status.name).display().to_string()),
    });
    if let Some(enabled) = known.enabled {
        facts.push(Fact::new("Start", start(enabled)));
    }
    if status.debug {
        facts.push(Fact::new("Debug", "on"));
    }
    if status.logs.lost_bytes > 0 {
        facts.push(Fact::new("Lost", format!("{} bytes of output", status.logs.lost_bytes)));
    }
    if status.logs.suppressed_lines > 0 {
        let told = format!("{} lines beyond the rate limit", status.logs.suppressed_lines);
        facts.push(Fact::new("Suppressed", told));
    }
    if let Some(trouble) = &status.logs.trouble {
        facts.push(Fact::marked("Trouble", text::plain(trouble), WARN));
    }
    for half in known.manager.iter().flat_map(|manager| &manager.halves) {
        facts.push(Fact::marked("Half there", half.to_string(), WARN));
    }
    facts
}

/// What it does, and for how long: the first of the facts, and the only one that time alone changes.
pub fn state(known: &Known, now: SystemTime) -> Fact {
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
    let ago = shown::distance(&status.since, now);
    let ago = ago.map(|ago| format!(", {} ago", shown::span(ago))).unwrap_or_default();
    Fact { label: "State", marked: (status.state.clone(), style), rest: format!("{ready}{since}{ago}") }
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

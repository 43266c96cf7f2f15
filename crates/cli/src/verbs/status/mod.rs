//! `abide status`: what services do.

mod detail;
mod row;

use abide_host::{HostError, Known};
use abide_spec::Name;

pub use detail::{Fact, facts, state};
pub use row::{Times, columns, health, mark, row, why};

use crate::args::{self, Common};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{self, FAINT, Printer};
use crate::services::{self, Home};
use crate::table;

/// Shows one service or all.
pub fn run(args: &args::Status, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    match &args.name {
        Some(name) => one(name, args.json, common, printer),
        None => all(args.json, common, printer),
    }
}

fn one(name: &Name, json: bool, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let nothing_known = |error: HostError| Failure { exit: Exit::UnknownStatus, ..error.into() };
    let whose = common.whose();
    let Some(home) = Home::of(name, &whose).map_err(nothing_known)? else {
        return Err(nothing_known(services::absent(name, &whose)));
    };
    let known = Known::of(name, &home).map_err(nothing_known)?;
    if json {
        printer.json(&known)?;
    } else {
        detail::show(&known, &home, printer)?;
    }
    Ok(match known.status.state.as_str() {
        "stopped" | "failed" | "waiting" => Exit::NotRunningStatus,
        "unknown" => Exit::UnknownStatus,
        _ => Exit::Ok,
    })
}

fn all(json: bool, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let mut known = Vec::new();
    for (name, home) in services::known(&common.whose()) {
        // One that cannot be told of must not hide the others.
        let one = Known::of(&name, &home).unwrap_or_else(|error| Known::nothing(&name, &home, error.error));
        known.push(one);
    }
    if json {
        printer.json(&known)?;
    } else if known.is_empty() {
        let other = if common.user { "" } else { " or `abide up`" };
        printer.note(format!("no services here yet; `abide install NAME -- COMMAND…`{other} makes one"));
    } else {
        let (own, others): (Vec<_>, Vec<_>) = known.iter().partition(|known| known.scope == Some("user"));
        let sections = [("", &others), ("your own services (--user)", &own)];
        let mut first = true;
        for (title, part) in sections.into_iter().filter(|(_, part)| !part.is_empty()) {
            if !std::mem::take(&mut first) {
                printer.data("")?;
            }
            if !title.is_empty() && !common.user {
                printer.data(format!("{FAINT}{title}{FAINT:#}"))?;
            }
            let rows: Vec<_> = part.iter().map(|known| row(&known.status, Times::Spans)).collect();
            for line in table::render(&columns(Times::Spans), &rows, printer::output_width()) {
                printer.data(line)?;
            }
        }
    }
    Ok(Exit::Ok)
}

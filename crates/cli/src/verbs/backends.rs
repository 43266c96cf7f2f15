//! `abide backends`: what each service manager has to offer and which settings it honours.

use abide_os::manager::{self, Has, Kind, Support};
use serde::Serialize;

use crate::args::Backends;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{BAD, BOLD, GOOD, Printer, WARN};
use crate::table::{self, Cell, Column};

/// One service manager, for machines.
#[derive(Serialize)]
struct Backend {
    schema: &'static str,
    name: &'static str,
    here: bool,
    offers: Vec<manager::Offer>,
    capabilities: Vec<manager::Capability>,
}

impl Backend {
    fn of(kind: Kind, here: Kind) -> Self {
        Self {
            schema: "abide.backend/1",
            name: kind.as_str(),
            here: kind == here,
            offers: manager::offers(kind),
            capabilities: kind.capabilities(),
        }
    }
}

/// Shows the table of all, or one in words. Settings that are not in it are honoured everywhere.
pub fn run(args: &Backends, printer: &Printer) -> Result<Exit, Failure> {
    let chosen = args.name.map(Kind::from);
    let here = manager::detect();
    let backends: Vec<Backend> = Kind::ALL
        .into_iter()
        .filter(|kind| chosen.is_none_or(|chosen| chosen == *kind))
        .map(|kind| Backend::of(kind, here))
        .collect();
    if args.json {
        printer.json(&backends)?;
        return Ok(Exit::Ok);
    }
    if let (Some(_), [backend]) = (chosen, backends.as_slice()) {
        return in_words(backend, printer);
    }
    for line in table::render(&columns(), &rows(&backends), None) {
        printer.data(line)?;
    }
    printer.note(format!("this machine's is {here}; `abide backends NAME` tells how and what is nearest"));
    printer.note("every setting that is not listed is honoured by all of them");
    Ok(Exit::Ok)
}

fn columns() -> Vec<Column> {
    let first = Column { title: "", spare: 0 };
    let kinds = Kind::ALL.into_iter().map(|kind| Column { title: kind.as_str(), spare: 0 });
    std::iter::once(first).chain(kinds).collect()
}

fn rows(backends: &[Backend]) -> Vec<Vec<Cell>> {
    let Some(first) = backends.first() else { return Vec::new() };
    let offers = first.offers.iter().enumerate().map(|(index, offer)| {
        let cells =
            backends.iter().filter_map(|backend| backend.offers.get(index)).map(|offer| has(offer.has));
        std::iter::once(Cell::from(offer.what)).chain(cells).collect()
    });
    let settings = first.capabilities.iter().enumerate().map(|(index, capability)| {
        let cells = backends
            .iter()
            .filter_map(|backend| backend.capabilities.get(index))
            .map(|capability| supported(capability.support));
        std::iter::once(Cell::from(setting(capability))).chain(cells).collect()
    });
    offers.chain(settings).collect()
}

fn setting(capability: &manager::Capability) -> String {
    match capability.values {
        "" => format!("`{}`", capability.field),
        values => format!("`{}` ({values})", capability.field),
    }
}

fn has(has: Has) -> Cell {
    match has {
        Has::Yes => Cell::new("yes", GOOD),
        Has::Partly => Cell::new("partly", WARN),
        Has::No => Cell::new("no", BAD),
    }
}

fn supported(support: Support) -> Cell {
    match support {
        Support::Full => Cell::new("yes", GOOD),
        Support::Differs(_) => Cell::new("differs", WARN),
        Support::Missing { .. } => Cell::new("no", BAD),
    }
}

fn in_words(backend: &Backend, printer: &Printer) -> Result<Exit, Failure> {
    let here = if backend.here { " (this machine's)" } else { "" };
    printer.data(format!("{BOLD}{}{BOLD:#}{here}", backend.name))?;
    for offer in &backend.offers {
        let (word, style) = match offer.has {
            Has::Yes => ("yes", GOOD),
            Has::Partly => ("partly", WARN),
            Has::No => ("no", BAD),
        };
        let how = if offer.how.is_empty() { String::new() } else { format!(": {}", offer.how) };
        printer.data(format!("  {}: {style}{word}{style:#}{how}", offer.what))?;
    }
    for capability in &backend.capabilities {
        let told = match capability.support {
            Support::Full => format!("{GOOD}honoured{GOOD:#}"),
            Support::Differs(how) => format!("{WARN}differs{WARN:#}: {how}"),
            Support::Missing { why, nearest } => {
                format!("{BAD}missing{BAD:#}: {} {why}; nearest: {nearest}", backend.name)
            }
        };
        printer.data(format!("  {}: {told}", setting(capability)))?;
    }
    Ok(Exit::Ok)
}

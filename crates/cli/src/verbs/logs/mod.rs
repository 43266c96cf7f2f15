//! `abide logs`: what services printed.

mod boots;
mod chosen;
mod filter;
mod follow;
mod output;
mod pattern;
mod wanted;
mod when;

use std::io;

use abide_logs::{Found, Mark, Reader, Until, search, search_last};

use crate::args::{Common, Logs};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::Printer;

use chosen::{Chosen, Service};
use output::Output;
use wanted::Wanted;

/// Shows what services printed, and with `--follow` goes on with what they print.
pub fn run(args: &Logs, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let (back, name) = wanted::boot(args)?;
    let mut wanted = Wanted::of(args, back)?;
    let words = args.names.iter().cloned().chain(name).collect();
    let chosen = Chosen::new(words, common);
    let services = chosen.services()?;
    if services.is_empty() && !(args.follow && chosen.is_open()) {
        return Err(chosen.none());
    }
    wanted.filter.rules = services.iter().map(|service| service.rule.clone()).collect();
    let mut out = Output::new(args, !chosen.is_one());
    out.set_services(&services);
    if args.follow {
        follow::run(&chosen, services, wanted, &mut out, printer)?;
    } else {
        let readers = open_all(&services, printer)?;
        if readers.iter().all(Option::is_none) {
            nothing_yet(&services, printer);
        }
        history(&readers, None, &wanted, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Ok)
}

fn nothing_yet(services: &[Service], printer: &Printer) {
    match services {
        [] => printer.note("there are no services yet"),
        [service] => printer.note(format!("{} has printed nothing yet", service.name)),
        _ => printer.note("these services have printed nothing yet"),
    }
}

/// Opens the logs. Those that this user may not read are named; it fails when that is so of all.
fn open_all(services: &[Service], printer: &Printer) -> Result<Vec<Option<Reader>>, Failure> {
    let mut denied = Vec::new();
    let mut readers = Vec::with_capacity(services.len());
    for service in services {
        readers.push(match open(service) {
            Ok(reader) => reader,
            Err(failure) if failure.exit == Exit::Permission => {
                denied.push(failure);
                None
            }
            Err(failure) => return Err(failure),
        });
    }
    if denied.len() == services.len()
        && let Some(failure) = denied.pop()
    {
        return Err(failure);
    }
    for failure in denied {
        printer.warning(failure.error);
    }
    Ok(readers)
}

/// A service that never ran has no folder for its output.
fn open(service: &Service) -> Result<Option<Reader>, Failure> {
    match Reader::open(&service.folder) {
        Ok(reader) => Ok(Some(reader)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let (name, folder) = (&service.name, service.folder.display());
            let error = format!(
                "the log of {name} in {folder} is not yours to read: programs print secrets, so only \
                 administrators and the account that runs it may"
            );
            Err(Failure::new(Exit::Permission, error).hint(failure::as_administrator()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows what is there of each log, up to a mark where there is one.
fn history(
    readers: &[Option<Reader>],
    marks: Option<&[Mark]>,
    wanted: &Wanted,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut parts = Vec::new();
    let mut numbers = Vec::new();
    let mut filter = filter::Filter { rules: Vec::new(), ..wanted.filter.clone() };
    for (number, reader) in readers.iter().enumerate() {
        let Some(reader) = reader else { continue };
        let mut range = wanted.range;
        if let (Some(mark), Until::Now) = (marks.and_then(|marks| marks.get(number)), range.until) {
            range.until = Until::Mark(*mark);
        }
        filter.rules.push(wanted.filter.rules.get(number).cloned().unwrap_or_default());
        parts.push((reader.clone(), range));
        numbers.push(number);
    }
    let mut outcome = Ok(());
    let each = |found: Found<'_>| {
        outcome = match found {
            Found::Line(part, line) => out.show(numbers[part], line),
            Found::Pause => out.flush(),
        };
        outcome.is_ok()
    };
    match wanted.last {
        Some(n) => search_last(&parts, &filter, n, each)?,
        None => search(&parts, &filter, each)?,
    }
    outcome
}

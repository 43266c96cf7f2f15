//! `abide backends`: what each service manager can honour.

use abide_os::manager::{self, Kind, Support};
use serde::Serialize;

use crate::args::Json;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{BOLD, GOOD, Printer, WARN};

/// One service manager, for machines.
#[derive(Serialize)]
struct Backend {
    schema: &'static str,
    name: &'static str,
    here: bool,
    capabilities: Vec<manager::Capability>,
}

/// Shows the capability table. Settings that are not in it are honoured everywhere.
pub fn run(args: &Json, printer: &Printer) -> Result<Exit, Failure> {
    let here = manager::detect();
    let backends: Vec<Backend> = Kind::ALL
        .into_iter()
        .map(|kind| Backend {
            schema: "abide.backend/1",
            name: kind.as_str(),
            here: kind == here,
            capabilities: kind.capabilities(),
        })
        .collect();
    if args.json {
        printer.json(&backends)?;
        return Ok(Exit::Ok);
    }
    for backend in &backends {
        let here = if backend.here { " (this machine's)" } else { "" };
        printer.data(format!("{BOLD}{}{BOLD:#}{here}", backend.name))?;
        for capability in &backend.capabilities {
            let told = match capability.support {
                Support::Full => format!("{GOOD}honoured{GOOD:#}"),
                Support::Differs(how) => format!("{WARN}differs{WARN:#}: {how}"),
                Support::Missing { why, nearest } => {
                    format!("{WARN}missing{WARN:#}: {} {why}; nearest: {nearest}", backend.name)
                }
            };
            printer.data(format!("  {:<28} {told}", capability.field))?;
        }
    }
    printer.note("every other setting is honoured by all of them");
    Ok(Exit::Ok)
}

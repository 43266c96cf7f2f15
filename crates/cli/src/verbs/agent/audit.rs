//! `abide agent audit`: what was changed through it.

use abide_agent::audit;

use super::Scene;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::{FAINT, Printer};
use crate::{shown, text};

/// Shows the record, oldest first.
pub fn run(scene: &Scene, json: bool, printer: &Printer) -> Result<Exit, Failure> {
    let path = scene.places.audit();
    let entries = audit::read(&path).map_err(|error| {
        let failure = Failure::io(format!("{} cannot be read", path.display()), &error);
        if failure.exit == Exit::Permission { failure.hint(failure::as_administrator()) } else { failure }
    })?;
    if entries.is_empty() && !json {
        printer.note("nothing was changed through the agent yet");
    }
    for entry in &entries {
        if json {
            printer.json_line(entry)?;
            continue;
        }
        let (time, who, from) =
            (shown::local(&entry.time), text::plain(&entry.who), text::plain(&entry.from));
        printer.data(format!(
            "{FAINT}{time}{FAINT:#}  {who} ({from})  {}  {} {}",
            text::plain(&entry.what),
            entry.status,
            text::plain(&entry.outcome)
        ))?;
    }
    Ok(Exit::Ok)
}

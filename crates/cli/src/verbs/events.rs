//! `abide events`: what happened to a service, and why.

use abide_supervisor::history;

use crate::args::{Common, Events};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{FAINT, Printer};
use crate::services::Home;
use crate::shown;

/// Shows the events kept, oldest first.
pub fn run(args: &Events, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let name = &args.name;
    let home = Home::required(name, common)?;
    let events = match history::read(&home.place(name).state) {
        Ok(events) => events,
        // It never ran.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Failure::io(format!("the events of {name} cannot be read"), &error)),
    };
    let skip = args.lines.map_or(0, |lines| events.len().saturating_sub(lines));
    for event in &events[skip..] {
        if args.json {
            printer.json_line(event)?;
        } else {
            printer.data(format!("{FAINT}{}{FAINT:#}  {}", shown::local(&event.time), event.text))?;
        }
    }
    if events.is_empty() {
        printer.note(format!("nothing has happened to {name} yet"));
    }
    Ok(Exit::Ok)
}

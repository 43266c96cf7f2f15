//! `abide events`: what happened to a service, and why.

use std::path::Path;

use abide_os::watch::{Watch, Woken};
use abide_supervisor::history::{self, Event};

use crate::args::{Common, Events};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::{FAINT, Printer};
use crate::services::{self, Home};
use crate::shown;
use crate::text;

/// Shows the events kept, oldest first, and with `--follow` those that come.
pub fn run(args: &Events, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let name = &args.name;
    let home = Home::required(name, &common.whose())?;
    if home.is_direct(name) {
        return Err(services::without_supervisor(name, &home, "nobody writes down what happens to it").into());
    }
    let state = home.place(name).state;
    let watched = |error| Failure::io(format!("{} cannot be watched", state.display()), &error);
    // Before the first look: what comes between the two is told.
    let mut watch = if args.follow { Some(Watch::new(&state).map_err(watched)?) } else { None };
    let mut events = read(name, &state)?;
    if events.is_empty() {
        printer.note(format!("nothing has happened to {name} yet"));
    }
    let skip = args.lines.map_or(0, |lines| events.len().saturating_sub(lines));
    show(&events[skip..], args, printer)?;
    while let Some(watch) = &mut watch {
        if watch.wait().map_err(watched)? == Woken::OutputClosed {
            break;
        }
        let now = read(name, &state)?;
        show(after(&now, events.last()), args, printer)?;
        events = now;
    }
    Ok(Exit::Ok)
}

fn read(name: &abide_spec::Name, state: &Path) -> Result<Vec<Event>, Failure> {
    match history::read(state) {
        Ok(events) => Ok(events),
        // It never ran.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let failure = Failure::io(format!("the events of {name} cannot be read"), &error);
            Err(match failure.exit {
                Exit::Permission => failure.hint(failure::as_administrator()),
                _ => failure,
            })
        }
    }
}

/// The events that came after one that was shown.
fn after<'a>(events: &'a [Event], last: Option<&Event>) -> &'a [Event] {
    let known = last.and_then(|last| events.iter().rposition(|event| event == last));
    &events[known.map_or(0, |known| known + 1)..]
}

fn show(events: &[Event], args: &Events, printer: &Printer) -> Result<(), Failure> {
    for event in events {
        if args.json {
            printer.json_line(event)?;
        } else {
            let (time, words) = (shown::local(&event.time), text::plain(&event.text));
            printer.data(format!("{FAINT}{time}{FAINT:#}  {words}"))?;
        }
    }
    Ok(())
}

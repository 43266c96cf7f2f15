//! `abide uninstall`: stop a service and remove everything that was made for it.

use std::time::Duration;

use abide_os::manager::{Progress, Uninstall};

use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{FAINT, GOOD, Printer};
use crate::services;
use crate::verbs::apply::words;

/// How long the service manager may take to forget a service that has stopped.
const WAIT: Duration = Duration::from_secs(30);

/// Uninstalls services, one after the other.
pub fn run(args: &args::Uninstall, printer: &Printer) -> Result<Exit, Failure> {
    let manager = services::manager()?;
    manager.may_change()?;
    let how = Uninstall { keep_logs: args.keep_logs, wait: WAIT };
    for name in &args.names {
        let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
        let removed = manager.uninstall(name, how, &mut watch)?;
        printer.data(format!("{GOOD}{name}{GOOD:#} is uninstalled"))?;
        for what in &removed.removed {
            printer.note(format!("  {FAINT}- {what}{FAINT:#}"));
        }
        for what in &removed.kept {
            printer.note(format!("  kept {what}"));
        }
    }
    Ok(Exit::Ok)
}

//! `abide uninstall`: stop a service and remove everything that was made for it.

use std::time::Duration;

use abide_os::manager::{Progress, ServiceManager, Uninstall};
use abide_spec::Name;

use crate::args::{self, Common};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{FAINT, GOOD, Printer};
use crate::services;
use crate::verbs::apply::words;

/// How long the service manager may take to forget a service that has stopped.
const WAIT: Duration = Duration::from_secs(30);

/// Uninstalls services, one after the other; what fails for one is done for the others all the same.
pub fn run(args: &args::Uninstall, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let manager = services::changing_manager(common.scope())?;
    let mut failed = None;
    for name in &args.names {
        match one(&*manager, name, args.keep_logs, printer) {
            Ok(()) => {}
            Err(failure) if args.names.len() == 1 => return Err(failure),
            Err(failure) => {
                printer.failure(&failure);
                failed.get_or_insert(failure.exit);
            }
        }
    }
    Ok(failed.unwrap_or(Exit::Ok))
}

fn one(manager: &dyn ServiceManager, name: &Name, keep_logs: bool, printer: &Printer) -> Result<(), Failure> {
    let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
    let removed = manager.uninstall(name, Uninstall { keep_logs, wait: WAIT }, &mut watch)?;
    printer.result(format!("{GOOD}{name}{GOOD:#} is uninstalled"))?;
    for what in &removed.removed {
        printer.note(format!("  {FAINT}- {what}{FAINT:#}"));
    }
    for what in &removed.kept {
        printer.note(format!("  kept {what}"));
    }
    Ok(())
}

//! `abide install`: the short way from a command to a service.

use abide_os::manager::{Desired, Kind};

use crate::args::{Common, Install};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::install_spec::{self, Made};
use crate::printer::{GOOD, Printer};
use crate::services;
use crate::shown::shell_word;
use crate::verbs::{apply, plan};

/// Writes a spec, applies it, starts it.
pub fn run(args: &Install, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let make = || -> Result<Made, Failure> {
        let here = std::env::current_dir()
            .map_err(|error| Failure::io("the current folder cannot be told", &error))?;
        install_spec::make(args, &here, std::env::var_os("PATH").as_deref())
    };
    if args.print {
        let made = make()?;
        made.notes.iter().for_each(|note| printer.note(format!("note: {note}")));
        printer.data(made.text().trim_end())?;
        return Ok(Exit::Ok);
    }
    let manager = services::manager(common.scope())?;
    if let Err(error) = manager.may_change() {
        let failure = Failure::from(error);
        let nobody = manager.kind() == Kind::Foreground;
        return Err(if nobody { failure.hint(by_hand(args)) } else { failure });
    }
    let name = &args.name;
    let known = manager.status(name)?;
    let whole = known.halves.is_empty();
    if known.installed && known.managed_by_abide && whole {
        return Err(Failure::new(Exit::Failed, format!("{name} is installed already"))
            .hint(format!("change its spec and run `abide apply`, or `abide uninstall {name}` first")));
    }
    let made = make()?;
    let desired = Desired::new(made.spec.clone(), Some(&made.text()), plan::supervisor()?);
    let plan = manager.plan(&desired)?;
    findings::refuse(&format!("{name} cannot be installed"), &plan.findings)?;
    made.notes.iter().for_each(|note| printer.note(format!("note: {note}")));
    apply::apply_one(&*manager, &plan, printer)?;
    let started = !args.no_start && apply::start(&*manager, &plan, true, printer)?;
    let state = if started { "installed and running" } else { "installed" };
    printer.result(format!("{GOOD}{name}{GOOD:#} is {state}"))?;
    let spec = services::layout(common.scope())?.spec(name);
    printer.note(format!("its spec is {0}; after a change of it run `abide apply {0}`", spec.display()));
    Ok(Exit::Ok)
}

/// What does nearly the same where there is no service manager.
fn by_hand(args: &Install) -> String {
    let words: Vec<String> = args.command.iter().map(|word| shell_word(word)).collect();
    format!(
        "run it in the foreground: `abide install --print {0} -- {1} > {0}.toml`, then `abide up {0}.toml`",
        args.name,
        words.join(" ")
    )
}

//! `abide install`: the short way from a command to a service.

use abide_os::manager;

use crate::args::Install;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::install_spec;
use crate::printer::{GOOD, Printer};
use crate::services;
use crate::verbs::{apply, plan};

/// Writes a spec, applies it, starts it.
pub fn run(args: &Install, printer: &Printer) -> Result<Exit, Failure> {
    let here =
        std::env::current_dir().map_err(|error| Failure::io("the current folder cannot be told", &error))?;
    let spec = install_spec::make(args, &here, std::env::var_os("PATH").as_deref())?;
    if args.print {
        printer.data(spec.to_toml().trim_end())?;
        return Ok(Exit::Ok);
    }
    let name = spec.name.clone();
    let manager = services::manager()?;
    let known = manager.status(&name)?;
    if known.installed && known.managed_by_abide {
        return Err(Failure::new(Exit::Failed, format!("{name} is installed already"))
            .hint(format!("change its spec and run `abide apply`, or `abide uninstall {name}` first")));
    }
    let desired = manager::Desired::new(spec, None, plan::supervisor()?);
    let plan = manager.plan(&desired)?;
    if plan.blocked() {
        return Err(apply::blocked(&plan));
    }
    manager.may_change()?;
    let (_, started) = apply::apply(&*manager, &plan, !args.no_start, printer)?;
    let state = if started { "installed and running" } else { "installed" };
    printer.data(format!("{GOOD}{name}{GOOD:#} is {state}"))?;
    let spec = abide_os::paths::Layout::system().spec(&name);
    printer.note(format!(
        "its spec is {}; after a change of it run `abide apply {}`",
        spec.display(),
        spec.display()
    ));
    Ok(Exit::Ok)
}

//! Abide's own services (the forwarder, the agent): made as any other.

use std::path::PathBuf;

use abide_os::manager::Desired;
use abide_os::paths::{Layout, ROOT_VARIABLE};
use abide_spec::{Compress, Name, Size, Spec, When};

use crate::args::Common;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::printer::{GOOD, Printer};
use crate::services;
use crate::verbs::{apply, plan};

/// A service of Abide's own that is to be.
pub struct Own {
    /// Its spec.
    pub spec: Spec,
    /// Folders that the spec names, and that are not there yet where no service was ever installed.
    pub folders: Vec<PathBuf>,
    /// The command that makes it.
    pub made_by: &'static str,
    /// Only the spec is wanted.
    pub print: bool,
    /// It is not to be started now.
    pub no_start: bool,
}

/// Makes it a service, or renews it, and starts it. False where only its spec was shown.
pub fn install(own: Own, common: &Common, printer: &Printer) -> Result<bool, Failure> {
    let Own { spec, folders, made_by, print, no_start } = own;
    let text = format!("# Made by `{made_by}`.\n{}", spec.to_toml());
    if print {
        printer.data(text.trim_end())?;
        return Ok(false);
    }
    let manager = services::changing_manager(common.scope())?;
    let name = spec.name.clone();
    let known = manager.status(&name)?;
    if known.installed && !known.managed_by_abide {
        return Err(Failure::new(Exit::Failed, format!("{name} is installed by something else than Abide")));
    }
    for folder in &folders {
        abide_os::fs::public_dir(folder).map_err(|error| {
            Failure::io(format!("the folder {} cannot be made", folder.display()), &error)
        })?;
    }
    let desired = Desired::new(spec, Some(&text), plan::supervisor()?);
    let plan = manager.plan(&desired)?;
    findings::refuse(&format!("{name} cannot be installed"), &plan.findings)?;
    apply::apply_one(&*manager, &plan, printer)?;
    let started = !no_start && apply::start(&*manager, &plan, true, printer)?;
    let state = if started || known.installed { "installed and running" } else { "installed" };
    printer.result(format!("{GOOD}{name}{GOOD:#} is {state}"))?;
    Ok(true)
}

/// This executable, as a word of a command.
pub fn program() -> Result<String, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("the executable of this process cannot be told", &error))?;
    Ok(program.to_string_lossy().into_owned())
}

/// The spec of such a service: always there, with the logs of something that says little.
pub fn spec(name: Name, command: Vec<String>, description: &str, layout: &Layout) -> Spec {
    let mut spec = Spec::minimal(name, command);
    spec.description = Some(description.into());
    spec.restart.when = When::Always;
    spec.restart.give_up = None;
    spec.logs.rotate.size = Size::mib(4);
    spec.logs.rotate.keep = 2;
    spec.logs.rotate.compress = Compress::None;
    moved(&mut spec, layout);
    spec
}

/// What was moved below another folder is looked for there by the service, too.
fn moved(spec: &mut Spec, layout: &Layout) {
    if let Some(root) = &layout.root {
        spec.program.env.insert(ROOT_VARIABLE.into(), root.to_string_lossy().replace('$', "$$"));
    }
}

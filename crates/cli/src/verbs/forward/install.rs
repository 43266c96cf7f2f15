//! `abide forward install` and `uninstall`: the forwarder as a service, made and removed as any other.

use std::path::PathBuf;

use abide_os::fs::Lock;
use abide_os::manager::{self, Desired, Kind};
use abide_spec::{Compress, Family, Name, Reload, RunAs, Signal, Size, Spec, When};

use super::{Scene, path_text};
use crate::args::{self, Common, ForwardInstall, ForwardUninstall};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::printer::{FAINT, GOOD, Printer};
use crate::services;
use crate::verbs::{apply, plan, uninstall as removal};

/// What the service is called.
const NAME: &str = "abide-forward";

/// Makes it a service, or renews it, and starts it.
pub fn install(
    scene: &Scene,
    args: &ForwardInstall,
    common: &Common,
    printer: &Printer,
) -> Result<Exit, Failure> {
    if common.dir.is_some() {
        return Err(Failure::new(Exit::Usage, "the services of an `abide up` are forwarded while it runs")
            .hint("run `abide forward run --dir DIR` beside it"));
    }
    // A service that cannot start is worse than none.
    scene.config()?;
    let spec = spec(scene, common)?;
    let text = format!("# Made by `abide forward install`.\n{}", spec.to_toml());
    if args.print {
        printer.data(text.trim_end())?;
        return Ok(Exit::Ok);
    }
    let manager = services::changing_manager(common.scope())?;
    let known = manager.status(&spec.name)?;
    if known.installed && !known.managed_by_abide {
        return Err(Failure::new(Exit::Failed, format!("{NAME} is installed by something else than Abide")));
    }
    // Where no service was ever installed there are no logs yet, and the spec names their folder.
    let logs = &scene.layout.logs;
    abide_os::fs::public_dir(logs)
        .map_err(|error| Failure::io(format!("the folder {} cannot be made", logs.display()), &error))?;
    let desired = Desired::new(spec, Some(&text), plan::supervisor()?);
    let plan = manager.plan(&desired)?;
    findings::refuse(&format!("{NAME} cannot be installed"), &plan.findings)?;
    apply::apply_one(&*manager, &plan, printer)?;
    let started = !args.no_start && apply::start(&*manager, &plan, true, printer)?;
    let state = if started || known.installed { "installed and running" } else { "installed" };
    printer.result(format!("{GOOD}{NAME}{GOOD:#} is {state}"))?;
    printer.note("`abide forward status` shows how each sink fares; `abide reload abide-forward` reads its configuration again");
    Ok(Exit::Ok)
}

/// Stops and removes it, and its queue: links there keep disk taken that the services have given free.
pub fn uninstall(
    scene: &Scene,
    args: ForwardUninstall,
    common: &Common,
    printer: &Printer,
) -> Result<Exit, Failure> {
    let service = args::Uninstall { names: vec![name()?], keep_logs: false };
    let exit = removal::run(&service, common, printer)?;
    let places = scene.places();
    let own = places.own.display();
    if !places.own.is_dir() {
        return Ok(exit);
    }
    // A folder that someone has chosen may hold more than ours.
    if args.keep_queue || scene.own.is_some() {
        printer.note(format!("  kept folder {own}"));
        return Ok(exit);
    }
    if Lock::acquire(&places.lock()).is_err() {
        printer.note(format!("  kept folder {own}: another forwarder runs there"));
        return Ok(exit);
    }
    std::fs::remove_dir_all(&places.own)
        .map_err(|error| Failure::io(format!("the folder {own} cannot be removed"), &error))?;
    printer.note(format!("  {FAINT}- folder {own}{FAINT:#}"));
    // Nothing but the queue may have kept it.
    let _ = std::fs::remove_dir(&places.logs);
    Ok(exit)
}

fn name() -> Result<Name, Failure> {
    NAME.parse().map_err(|error: abide_spec::NameError| Failure::new(Exit::Failed, error.to_string()))
}

/// What the forwarder writes. Hard links reach no further than one mount, so it is the whole folder of logs; systemd
/// keeps those of services with accounts of their own in `private` beside it.
fn writable(scene: &Scene) -> Vec<PathBuf> {
    let logs = &scene.layout.logs;
    let beside = logs.parent().filter(|_| manager::detect() == Kind::Systemd);
    let own = scene.own.iter().cloned();
    std::iter::once(beside.unwrap_or(logs).to_path_buf()).chain(own).collect()
}

/// The spec of the service.
fn spec(scene: &Scene, common: &Common) -> Result<Spec, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("the executable of this process cannot be told", &error))?;
    let mut command = vec![path_text(&program), "forward".into(), "run".into()];
    command.extend(["--config".into(), path_text(&scene.file)]);
    if let Some(own) = &scene.own {
        command.extend(["--state".into(), path_text(own)]);
    }
    if common.user {
        command.push("--user".into());
    }
    let mut spec = Spec::minimal(name()?, command);
    spec.description = Some("Forwards what services print".into());
    // The logs of all services are for their owners alone. A user's own are the user's.
    if !common.user {
        spec.account.run_as = RunAs::System;
        spec.security.write = writable(scene);
    }
    spec.restart.when = When::Always;
    spec.restart.give_up = None;
    spec.logs.rotate.size = Size::mib(4);
    spec.logs.rotate.keep = 2;
    spec.logs.rotate.compress = Compress::None;
    if Family::current() == Family::Unix {
        let hangup: Result<Signal, _> = "HUP".parse();
        spec.reload = hangup.ok().map(Reload::Signal);
    }
    // What was moved below another folder is looked for there by the service, too.
    if let Some(root) = &scene.layout.root {
        spec.program.env.insert(abide_os::paths::ROOT_VARIABLE.into(), path_text(root).replace('$', "$$"));
    }
    Ok(spec)
}

//! `abide forward install` and `uninstall`: the forwarder as a service, made and removed as any other.

use std::path::PathBuf;

use abide_os::fs::Lock;
use abide_os::manager::{self, Kind};
use abide_spec::{Family, Name, Reload, RunAs, Signal, Spec};

use super::{Scene, path_text};
use crate::args::{self, Common, ForwardInstall, ForwardUninstall};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{FAINT, Printer};
use crate::verbs::own::{self, Own};
use crate::verbs::uninstall as removal;

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
    let (print, no_start) = (args.print, args.no_start);
    let folders = vec![scene.layout.logs.clone()];
    if !own::install(
        Own { spec, folders, made_by: "abide forward install", print, no_start },
        common,
        printer,
    )? {
        return Ok(Exit::Ok);
    }
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
    let mut command = vec![own::program()?, "forward".into(), "run".into()];
    command.extend(["--config".into(), path_text(&scene.file)]);
    if let Some(own) = &scene.own {
        command.extend(["--state".into(), path_text(own)]);
    }
    if common.user {
        command.push("--user".into());
    }
    let mut spec = own::spec(name()?, command, "Forwards what services print", &scene.layout);
    // The logs of all services are for their owners alone. A user's own are the user's.
    if !common.user {
        spec.account.run_as = RunAs::System;
        spec.security.write = writable(scene);
    }
    if Family::current() == Family::Unix {
        let hangup: Result<Signal, _> = "HUP".parse();
        spec.reload = hangup.ok().map(Reload::Signal);
    }
    Ok(spec)
}

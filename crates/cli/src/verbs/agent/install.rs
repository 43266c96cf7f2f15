//! `abide agent install` and `uninstall`: the agent as a service.

use std::path::PathBuf;

use abide_spec::{Name, RunAs, Spec};

use super::Scene;
use crate::args::{self, AgentInstall};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::verbs::{own, uninstall as removal};

/// What the service is called.
const NAME: &str = "abide-agent";

/// Makes it a service, or renews it, and starts it.
pub fn install(scene: &Scene, args: &AgentInstall, printer: &Printer) -> Result<Exit, Failure> {
    if scene.common.dir.is_some() {
        return Err(Failure::new(Exit::Usage, "the services of an `abide up` are seen while it runs")
            .hint("run `abide agent run --dir DIR` beside it"));
    }
    let spec = spec(scene, args)?;
    let (print, no_start) = (args.print, args.no_start);
    let own = own::Own { folders: folders(scene), spec, made_by: "abide agent install", print, no_start };
    if own::install(own, &scene.common, printer)? {
        printer.note("`abide agent status` tells where it can be reached");
    }
    Ok(Exit::Ok)
}

/// Stops and removes it. Its tokens and its record of changes stay: others may still hold the ones, and ask for the other.
pub fn uninstall(scene: &Scene, printer: &Printer) -> Result<Exit, Failure> {
    let service = args::Uninstall { names: vec![name()?], keep_logs: false };
    let exit = removal::run(&service, &scene.common, printer)?;
    if scene.places.state.is_dir() {
        printer.note(format!("  kept folder {}", scene.places.state.display()));
    }
    Ok(exit)
}

fn name() -> Result<Name, Failure> {
    NAME.parse().map_err(|error: abide_spec::NameError| Failure::new(Exit::Failed, error.to_string()))
}

/// Where services keep their state and are spoken to, and the agent its own.
fn folders(scene: &Scene) -> Vec<PathBuf> {
    vec![scene.layout.state.clone(), scene.layout.run.clone()]
}

/// The spec of the service.
fn spec(scene: &Scene, args: &AgentInstall) -> Result<Spec, Failure> {
    let mut command = vec![own::program()?, "agent".into(), "run".into()];
    command.extend(super::local(args.http)?.map(|address| format!("--http={address}")));
    if scene.common.user {
        command.push("--user".into());
    }
    let mut spec = own::spec(name()?, command, "Serves what the services of this machine do", &scene.layout);
    // What services do is for their owners alone to see, and the machine's service manager for root to order.
    if !scene.common.user {
        spec.account.run_as = RunAs::System;
        spec.security.write = folders(scene);
    }
    Ok(spec)
}

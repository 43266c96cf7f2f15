//! runit: a folder `/etc/sv/NAME` with scripts, linked into the folder that `runsvdir` watches.
//!
//! Linked is known, and started with the machine unless there is a file `down`. `runsv` is given its orders through
//! `supervise/control` and tells what it does in `supervise/status`; both are used directly, as `sv` does.

use std::path::PathBuf;
use std::time::Duration;

use abide_spec::{Name, Spec, StartMode};

use super::apply::StepError;
use super::native::{Native, Seen};
use super::shared;
use super::{Artifact, Context, Finding, Kind, ManagerError};
use crate::paths::Layout;

pub(super) mod machine;
mod render;
pub(super) mod scanner;
pub(super) mod script;
pub(super) mod status;
#[cfg(test)]
pub(super) mod tests;

use self::machine::Service;
pub(crate) use self::render::{PATIENCE, findings, render};

/// The runit of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Runit {
    layout: Layout,
}

impl Runit {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout }
    }
}

impl Native for Runit {
    fn kind(&self) -> Kind {
        Kind::Runit
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        render(spec, context)
    }

    fn findings(&self, spec: &Spec, context: &Context) -> Vec<Finding> {
        findings(spec, context)
    }

    fn definition(&self, name: &Name) -> PathBuf {
        render::folder(&self.layout, name).join("run")
    }

    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
        known_in(&self.layout.native("/etc/sv"))
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        let service = Service::new(&self.layout, name);
        let mut belongings = Vec::new();
        if service.is_linked() {
            belongings.push(service.entry());
        }
        belongings.push(render::folder(&self.layout, name));
        belongings
    }

    fn optional(&self, name: &Name) -> Vec<PathBuf> {
        let folder = render::folder(&self.layout, name);
        ["check", "env", "control/t"].map(|file| folder.join(file)).to_vec()
    }

    fn elsewhere(&self, name: &Name) -> Option<String> {
        let found = Service::new(&self.layout, name).foreign()?;
        Some(format!("service {}", found.display()))
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        Service::new(&self.layout, name).seen()
    }

    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError> {
        Service::new(&self.layout, name).register(mode)
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        Service::new(&self.layout, name).forget()
    }

    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        Service::new(&self.layout, name).start(wait)
    }

    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        Service::new(&self.layout, name).stop(wait)
    }
}

/// The services in a folder of service folders, with their `run` scripts.
pub(super) fn known_in(folder: &std::path::Path) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
    let folders = shared::list(folder)?.into_iter();
    let named = folders.filter_map(|path| {
        let name = Name::new(path.file_name()?.to_str()?).ok()?;
        let run = path.join("run");
        run.is_file().then_some((name, run))
    });
    Ok(named.collect())
}

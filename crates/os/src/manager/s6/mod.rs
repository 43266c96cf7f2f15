//! s6: a folder `/etc/abide/s6/NAME` with scripts, linked into the folder that `s6-svscan` watches.
//!
//! Linked is known, and started with the machine unless there is a file `down`. Where the watched folder is made anew at
//! every boot (`/run/service`), the link stands in what it is made from as well.

use std::path::PathBuf;
use std::time::Duration;

use abide_spec::{Name, Spec, StartMode};

use super::apply::StepError;
use super::native::{Native, Seen};
use super::runit::known_in;
use super::{Artifact, Context, Finding, Kind, ManagerError};
use crate::paths::Layout;

mod machine;
mod render;
mod status;
#[cfg(test)]
mod tests;

use self::machine::Service;
pub(crate) use self::render::{findings, render};

/// The s6 of this machine.
#[derive(Clone, Debug)]
pub(crate) struct S6 {
    layout: Layout,
}

impl S6 {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout }
    }
}

impl Native for S6 {
    fn kind(&self) -> Kind {
        Kind::S6
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
        known_in(&render::services(&self.layout))
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        let mut belongings = Service::new(&self.layout, name).links();
        belongings.push(render::folder(&self.layout, name));
        belongings
    }

    fn optional(&self, name: &Name) -> Vec<PathBuf> {
        let folder = render::folder(&self.layout, name);
        ["env", "down-signal"].map(|file| folder.join(file)).to_vec()
    }

    fn shared_folders(&self) -> Vec<PathBuf> {
        let services = render::services(&self.layout);
        // Shared with the specs, and still in use when those went.
        let above = services.parent().map(PathBuf::from);
        [Some(services), above].into_iter().flatten().collect()
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

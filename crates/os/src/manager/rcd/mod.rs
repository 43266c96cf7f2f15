//! rc.d of FreeBSD: a script for every service, a variable in rc.conf(5) that says whether it starts with the machine, and
//! `service(8)` to start and stop it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use abide_spec::{Name, Spec, StartMode};

mod findings;
mod keep;
mod render;
#[cfg(test)]
mod tests;
mod tools;

use self::render::{Paths, switch};
use self::tools::Tools;
use super::apply::StepError;
use super::native::{Native, Seen};
use super::{Artifact, Context, Finding, Kind, ManagerError, ManagerExit, ManagerState};
use crate::paths::Layout;

/// FreeBSD's rc.d, seen from one layout.
#[derive(Clone, Debug)]
pub(crate) struct Rcd {
    layout: Layout,
    tools: Tools,
    /// Where the system has scripts of its own, which come before those of others.
    system: PathBuf,
}

impl Rcd {
    pub(crate) fn new(layout: Layout) -> Self {
        let tools = Tools::new(&layout);
        Self { layout, tools, system: "/etc/rc.d".into() }
    }

    fn paths(&self, name: &Name) -> Paths {
        Paths::of(name, &self.layout)
    }

    /// The shell that stays of a service, if it is there.
    fn keeper(&self, name: &Name) -> Option<u32> {
        let Paths { script, run, .. } = self.paths(name);
        number_in(&run.join("keeper")).filter(|keeper| self.tools.is_keeper(*keeper, &script))
    }
}

/// The script of a service.
pub(crate) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    render::render(spec, context)
}

/// What rc.d cannot make of a spec.
pub(crate) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    findings::findings(spec, context)
}

impl Native for Rcd {
    fn kind(&self) -> Kind {
        Kind::Rcd
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        render(spec, context)
    }

    fn findings(&self, spec: &Spec, context: &Context) -> Vec<Finding> {
        findings(spec, context)
    }

    fn definition(&self, name: &Name) -> PathBuf {
        self.paths(name).script
    }

    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
        let folder = &self.layout.units;
        let fail = |source| ManagerError::File { what: "read folder", path: folder.clone(), source };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(fail)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| Name::new(name).ok());
            found.extend(name.map(|name| (name, path)));
        }
        found.sort();
        Ok(found)
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        let Paths { script, run, variables } = self.paths(name);
        vec![run, variables, script]
    }

    fn optional(&self, name: &Name) -> Vec<PathBuf> {
        vec![self.paths(name).variables]
    }

    fn shared_folders(&self) -> Vec<PathBuf> {
        let any = self.layout.run.join(".rc.d");
        vec![any]
    }

    fn elsewhere(&self, name: &Name) -> Option<String> {
        let own = self.system.join(name.as_str());
        if own.exists() {
            return Some(format!("script {}", own.display()));
        }
        // Its name is another, but rc.subr reads the same variables for both.
        let mut folders = vec![&self.system, &self.layout.units].into_iter();
        let same = folders.find_map(|folder| same_variables(folder, name))?;
        Some(format!("script {}, whose variables in rc.conf are the same ({})", same.display(), switch(name)))
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        let paths = self.paths(name);
        if !paths.script.exists() {
            return Ok(Seen::NOTHING);
        }
        let at_boot = self.tools.is_enabled(&switch(name))?;
        // Not asked of `service NAME status`: what it reads may be for root's eyes only.
        let keeper = self.keeper(name);
        let main = number_in(&paths.run.join("main"));
        let Some(keeper) = keeper else {
            // A supervisor whose shell was killed goes on by itself.
            if let Some(left) = main.filter(|main| self.tools.is_supervisor(*main, name)) {
                return Ok(Seen { at_boot, state: ManagerState::Running, pid: Some(left), ..Seen::NOTHING });
            }
            let exit =
                number_in(&paths.run.join("exit")).and_then(|code| i32::try_from(code).ok()).map(|code| {
                    if code > 128 { ManagerExit::Signal(code - 128) } else { ManagerExit::Code(code) }
                });
            let state = match exit {
                None | Some(ManagerExit::Code(0)) => ManagerState::Stopped,
                Some(_) => ManagerState::Failed,
            };
            return Ok(Seen { at_boot, state, exit, ..Seen::NOTHING });
        };
        let main = main.filter(|main| self.tools.is_child(*main, keeper));
        // Between two runs there is the shell alone, which is nobody to send signals to.
        let state = if main.is_some() { ManagerState::Running } else { ManagerState::Starting };
        Ok(Seen { at_boot, state, pid: main, ..Seen::NOTHING })
    }

    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError> {
        let at_boot = matches!(mode, StartMode::Auto | StartMode::Delayed);
        self.tools.switch(&switch(name), at_boot).map_err(|error| StepError::new(error.to_string()))
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        self.tools.drop_switch(&switch(name)).map_err(|error| StepError::new(error.to_string()))
    }

    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        if self.keeper(name).is_some() || self.look(name)?.pid.is_some() {
            return Ok(());
        }
        // `onestart`: whatever rc.conf says about the boot.
        self.tools.service(name, &self.paths(name).script, "onestart", wait)
    }

    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        let begun = Instant::now();
        if self.keeper(name).is_some() {
            return self.tools.service(name, &self.paths(name).script, "onestop", wait);
        }
        // A supervisor by itself, of which no script knows.
        let Some(pid) = self.look(name)?.pid else { return Ok(()) };
        self.tools.terminate(pid)?;
        while self.look(name)?.pid == Some(pid) {
            if begun.elapsed() >= wait {
                let state = "running without its shell".to_owned();
                return Err(ManagerError::TimedOut { name: name.clone(), verb: "stop", after: wait, state });
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

/// How often it is looked whether a process is gone that is nobody's child here.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A script of another name for which rc.subr reads the variables that are ours.
fn same_variables(folder: &Path, name: &Name) -> Option<PathBuf> {
    let ours = render::variable(name);
    let others = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut same: Vec<_> = others
        .filter(|path| {
            let other =
                path.file_name().and_then(|other| other.to_str()).and_then(|other| Name::new(other).ok());
            other.is_some_and(|other| other != *name && render::variable(&other) == ours)
        })
        .collect();
    same.sort();
    same.into_iter().next()
}

/// The number in a small file, if there is one.
fn number_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

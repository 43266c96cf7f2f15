//! launchd of macOS: a property list for every service, and `launchctl` for everything else.
//!
//! Services of the machine are daemons in the domain `system`, those of a user agents in `gui/UID`.
//!
//! **Running is being loaded.** A service is started by loading its job (`bootstrap`, and `kickstart` where loading does
//! not start it) and stopped by unloading it (`bootout`). Killing a job and leaving it loaded would not do: launchd
//! would start it again where its `KeepAlive` says so, `ExitTimeOut` only counts when launchd itself ends a job, and a
//! loaded job keeps the settings that its file had when it was loaded. So a property list whose job is not loaded is a
//! stopped service; at boot (or log-in) launchd loads what is in its folder and not disabled.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use abide_spec::{Name, Spec, StartMode};

mod findings;
mod launchctl;
mod plist;
mod render;
#[cfg(test)]
mod tests;

use self::launchctl::{Job, Launchctl};
use self::render::{PREFIX, label};
use super::apply::StepError;
use super::native::{Native, Seen};
use super::{Artifact, Context, Finding, Kind, ManagerError, ManagerState, Scope};
use crate::paths::Layout;

/// How often launchd is asked whether it is so by now: it tells nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// launchd, seen from one layout.
#[derive(Clone, Debug)]
pub(crate) struct Launchd {
    layout: Layout,
    launchctl: Launchctl,
}

impl Launchd {
    /// In the domain of the machine or of the user who runs this process, as the layout is for.
    pub(crate) fn new(layout: Layout) -> Self {
        let launchctl = Launchctl::new("/bin/launchctl", domain(layout.scope));
        Self { layout, launchctl }
    }

    /// Unloads the job if one is loaded, and waits until launchd knows it no more.
    fn unload(&self, name: &Name, verb: &'static str, wait: Duration) -> Result<(), ManagerError> {
        let label = label(name);
        if self.launchctl.print(&label)?.is_none() {
            return Ok(());
        }
        self.launchctl.bootout(&label)?;
        let begun = Instant::now();
        while let Some(job) = self.launchctl.print(&label)? {
            if begun.elapsed() >= wait {
                let state = job.state.as_str().to_owned();
                return Err(ManagerError::TimedOut { name: name.clone(), verb, after: wait, state });
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

fn domain(scope: Scope) -> String {
    match scope {
        Scope::System => "system".into(),
        Scope::User => format!("gui/{}", user_id()),
    }
}

fn user_id() -> u32 {
    #[cfg(unix)]
    return rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    0
}

/// The property list of a service.
pub(crate) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    render::render(spec, context)
}

/// What launchd cannot make of a spec.
pub(crate) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    findings::findings(spec, context)
}

impl Native for Launchd {
    fn kind(&self) -> Kind {
        Kind::Launchd
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        render(spec, context)
    }

    fn findings(&self, spec: &Spec, context: &Context) -> Vec<Finding> {
        findings(spec, context)
    }

    fn definition(&self, name: &Name) -> PathBuf {
        render::definition(&self.layout, name)
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
            found.extend(name_of(&path).map(|name| (name, path)));
        }
        found.sort();
        Ok(found)
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        vec![self.definition(name)]
    }

    fn elsewhere(&self, name: &Name) -> Option<String> {
        let job = self.launchctl.print(&label(name)).ok().flatten()?;
        let path = job.path.filter(|path| *path != self.definition(name))?;
        Some(format!("job {} of {}", self.launchctl.target(&label(name)), path.display()))
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        let label = label(name);
        let job = self.launchctl.print(&label)?;
        let loads = match fs::read_to_string(self.definition(name)) {
            Ok(text) => starts_at_load(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => {
                return Err(ManagerError::File { what: "read", path: self.definition(name), source });
            }
        };
        let at_boot = loads && !self.launchctl.is_disabled(&label)?;
        Ok(seen(job, at_boot))
    }

    /// Loading a job starts it, so it is not loaded here; launchd finds its file at boot. A loaded job without a process
    /// is unloaded: it would be started again with the settings of before.
    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError> {
        let label = label(name);
        let disable = mode == StartMode::Disabled;
        let change = || -> Result<(), ManagerError> {
            if self.launchctl.is_disabled(&label)? != disable {
                // Kept by launchd itself, over reboots.
                if disable { self.launchctl.disable(&label)? } else { self.launchctl.enable(&label)? }
            }
            match self.launchctl.print(&label)? {
                Some(job) if job.pid.is_none() => self.unload(name, "unload", FORGET),
                _ => Ok(()),
            }
        };
        change().map_err(|error| StepError::new(error.to_string()))
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        let label = label(name);
        let change = || -> Result<(), ManagerError> {
            self.unload(name, "disappear", FORGET)?;
            // Another service of that name shall not find itself disabled.
            if self.launchctl.is_disabled(&label)? { self.launchctl.enable(&label) } else { Ok(()) }
        };
        change().map_err(|error| StepError::new(error.to_string()))
    }

    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        let label = label(name);
        if let Some(job) = self.launchctl.print(&label)? {
            if job.pid.is_some() && job.state == ManagerState::Running {
                return Ok(());
            }
            // On its way out, given up, or waiting for its next turn, perhaps with the settings of before.
            self.unload(name, "start", wait)?;
        }
        let begun = Instant::now();
        loop {
            match self.launchctl.bootstrap(&self.definition(name)) {
                Ok(()) => break,
                // An unloading that is over for `print` may not be over altogether.
                Err(ManagerError::Call { why, .. })
                    if why.contains("already in progress") && begun.elapsed() < wait =>
                {
                    sleep(LOOK_AGAIN);
                }
                Err(error) => return Err(self.explained(error)),
            }
        }
        // Where loading has started it already, this changes nothing.
        self.launchctl.kickstart(&label)
    }

    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        self.unload(name, "stop", wait)
    }
}

/// How long it takes at most to unload a job that has no process.
const FORGET: Duration = Duration::from_secs(30);

impl Launchd {
    /// launchctl's answer to what has to be done elsewhere than here.
    fn explained(&self, error: ManagerError) -> ManagerError {
        match error {
            // "Domain does not support specified action" (125): there is no such session.
            ManagerError::Call { call, why }
                if self.layout.scope == Scope::User && why.contains("Domain") =>
            {
                let domain = self.launchctl.domain();
                ManagerError::Call {
                    call,
                    why: format!("{why}; {domain} is there while its user is logged in at the screen"),
                }
            }
            error => error,
        }
    }
}

fn seen(job: Option<Job>, at_boot: bool) -> Seen {
    match job {
        None => Seen { at_boot, ..Seen::NOTHING },
        Some(job) => {
            Seen { at_boot, state: job.state, pid: job.pid, since: None, exit: job.exit, result: job.trouble }
        }
    }
}

/// Whether a property list of ours has its job started when it is loaded.
fn starts_at_load(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| line == "<key>RunAtLoad</key>") && lines.next() == Some("<true/>")
}

/// The service that a file in launchd's folder is for, if its name is one of ours.
fn name_of(path: &Path) -> Option<Name> {
    let name = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.strip_suffix(".plist")?;
    Name::new(name).ok()
}

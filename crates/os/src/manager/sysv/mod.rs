//! SysV init, with the tools of Debian, of Red Hat, or none.
//!
//! A service is one script in `/etc/init.d`. SysV init itself looks at nothing that its scripts start, so the script
//! keeps a process beside the supervisor that starts it again when a signal killed it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::{Name, Spec, StartMode};

mod links;
mod render;
#[cfg(test)]
mod tests;

use super::apply::StepError;
use super::native::{Native, Seen};
use super::openrc::script::{beside, env_file, exit_file};
use super::openrc::{End, script_path, scripts, written};
use super::tool::{SHORT, Trouble, call};
use super::{Artifact, Context, Finding, Kind, ManagerError, ManagerExit, ManagerState};
use crate::paths::Layout;

/// The SysV init of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Sysv {
    layout: Layout,
}

/// How a machine keeps the links by which scripts are run at boot.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keeper {
    /// `update-rc.d` of Debian.
    UpdateRc(PathBuf),
    /// `chkconfig` of Red Hat.
    Chkconfig(PathBuf),
    /// None: plain links.
    Links,
}

impl Sysv {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout }
    }

    fn keeper(&self) -> Keeper {
        let found = |paths: [&str; 2]| {
            paths.map(|path| self.layout.native(path)).into_iter().find(|path| path.exists())
        };
        found(["/usr/sbin/update-rc.d", "/sbin/update-rc.d"])
            .map(Keeper::UpdateRc)
            .or_else(|| found(["/sbin/chkconfig", "/usr/sbin/chkconfig"]).map(Keeper::Chkconfig))
            .unwrap_or(Keeper::Links)
    }

    /// The script with a verb, which must succeed.
    fn script(&self, name: &Name, verb: &'static str, wait: Duration) -> Result<(), ManagerError> {
        let path = script_path(&self.layout, name);
        match call(&path, &[verb], wait) {
            Ok(answer) if answer.succeeded() => Ok(()),
            Ok(answer) => {
                let why = answer.last_complaint();
                Err(ManagerError::Failed { name: name.clone(), verb, why, said: Vec::new() })
            }
            Err(Trouble::TimedOut) => Err(ManagerError::TimedOut {
                name: name.clone(),
                verb,
                after: wait,
                state: format!("`{} {verb}` did not end", path.display()),
            }),
            Err(Trouble::Call(why)) => {
                Err(ManagerError::Call { call: format!("{} {verb}", path.display()), why })
            }
        }
    }
}

/// Runs a tool that must succeed.
fn must(tool: &Path, arguments: &[&str]) -> Result<(), StepError> {
    let fail = |why: String| StepError::new(format!("`{} {}`: {why}", tool.display(), arguments.join(" ")));
    match call(tool, arguments, SHORT) {
        Ok(answer) if answer.succeeded() => Ok(()),
        Ok(answer) => Err(fail(answer.why())),
        Err(trouble) => Err(fail(trouble.to_string())),
    }
}

/// Works at the links alone: these tools read all scripts and renumber the links of all, and two of them at the same time
/// trip over each other.
fn alone<T>(layout: &Layout, work: impl FnOnce() -> T) -> T {
    // Let go when it is closed. Where there is nothing to lock, there is nothing to renumber.
    let folder = fs::File::open(layout.native("/etc/init.d"));
    let _held = folder.as_ref().map(fs::File::lock);
    work()
}

/// Runs a tool that must succeed, and does not where a script that it reads goes away meanwhile: then once more.
fn must_in_the_end(tool: &Path, arguments: &[&str]) -> Result<(), StepError> {
    let mut pause = Duration::from_millis(50);
    loop {
        match must(tool, arguments) {
            Err(_) if pause < LAST_PAUSE => std::thread::sleep(pause),
            outcome => return outcome,
        }
        pause *= 2;
    }
}

/// After a pause of this length it is not tried again.
const LAST_PAUSE: Duration = Duration::from_secs(2);

impl Native for Sysv {
    fn kind(&self) -> Kind {
        Kind::Sysv
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        render::render(spec, context)
    }

    fn findings(&self, spec: &Spec, _: &Context) -> Vec<Finding> {
        render::findings(spec)
    }

    fn definition(&self, name: &Name) -> PathBuf {
        script_path(&self.layout, name)
    }

    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
        scripts(&self.layout)
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        let run = ["pid", "keeper", "stop"].map(|what| beside(&self.layout, name, what));
        let mut all = run.to_vec();
        all.extend([exit_file(&self.layout, name), env_file(&self.layout, name), self.definition(name)]);
        all
    }

    fn optional(&self, name: &Name) -> Vec<PathBuf> {
        vec![env_file(&self.layout, name)]
    }

    fn elsewhere(&self, _: &Name) -> Option<String> {
        None
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        if !self.definition(name).exists() {
            return Ok(Seen::NOTHING);
        }
        let pid_file = beside(&self.layout, name, "pid");
        let at_boot = links::starts_at_boot(&self.layout, name);
        let seen = Seen { at_boot, ..Seen::NOTHING };
        if let Some(pid) = remembered(&pid_file) {
            let since = written(&pid_file);
            return Ok(Seen { state: ManagerState::Running, pid: Some(pid), since, ..seen });
        }
        let keeper = beside(&self.layout, name, "keeper");
        if remembered(&keeper).is_some() {
            return Ok(Seen { state: ManagerState::Starting, since: written(&keeper), ..seen });
        }
        Ok(match End::read(&exit_file(&self.layout, name)) {
            Some(end) => {
                let failed = end.word == "failed";
                Seen {
                    state: if failed { ManagerState::Failed } else { ManagerState::Stopped },
                    since: end.at,
                    exit: Some(ManagerExit::Code(end.code)),
                    result: failed.then(|| format!("it ended with exit code {}", end.code)),
                    ..seen
                }
            }
            // Killed together with what would have started it again.
            None if pid_file.exists() => Seen {
                state: ManagerState::Failed,
                result: Some("it was killed, and so was what starts it again".into()),
                ..seen
            },
            None => seen,
        })
    }

    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError> {
        let at_boot = matches!(mode, StartMode::Auto | StartMode::Delayed);
        let name_text = name.as_str();
        alone(&self.layout, || match self.keeper() {
            Keeper::UpdateRc(tool) => {
                must_in_the_end(&tool, &[name_text, "defaults"])?;
                must_in_the_end(&tool, &[name_text, if at_boot { "enable" } else { "disable" }])
            }
            Keeper::Chkconfig(tool) => {
                must(&tool, &["--add", name_text])?;
                must(&tool, &[name_text, if at_boot { "on" } else { "off" }])
            }
            Keeper::Links => links::make(&self.layout, name, at_boot),
        })
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        if !links::are_there(&self.layout, name) {
            return Ok(());
        }
        alone(&self.layout, || {
            match self.keeper() {
                Keeper::UpdateRc(tool) => must_in_the_end(&tool, &["-f", name.as_str(), "remove"])?,
                Keeper::Chkconfig(tool) if self.definition(name).exists() => {
                    must(&tool, &["--del", name.as_str()])?;
                }
                Keeper::Chkconfig(_) | Keeper::Links => {}
            }
            // What a tool left, or all.
            links::remove_all(&self.layout, name)
        })
    }

    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        self.script(name, "start", wait)
    }

    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        self.script(name, "stop", wait)
    }
}

/// The process that one of the script's files names, if it is still that one: its number, and its birth in ticks since
/// the machine booted.
fn remembered(file: &Path) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines();
    let (pid, birth): (u32, &str) = (lines.next()?.trim().parse().ok()?, lines.next()?);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    (birth_in(&stat)? == birth.trim()).then_some(pid)
}

/// The moment of its birth in `/proc/PID/stat`, unless it has ended and is only not yet reaped.
fn birth_in(stat: &str) -> Option<&str> {
    // The name, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18)).flatten()
}

/// What a supervisor does last: leaves a word that it ended by itself, without which it would be started again.
pub(crate) fn last_act(layout: &Layout, name: &Name, code: i32) {
    End::write(layout, name, code, None);
}

/// Removes a file or link that may not be there.
fn remove(path: &Path) -> Result<(), StepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StepError::io(path, &error)),
        _ => Ok(()),
    }
}

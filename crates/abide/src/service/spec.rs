//! From a [`Service`] to the spec that Abide's service managers take.

use std::path::PathBuf;
use std::time::Duration;

use abide_os::manager::Kind;
use abide_os::resolve;
use abide_spec::{Family, Name, Reload, Signal, Size, Spec, Stop, StopAction, StopStep, When};

use super::Service;
use crate::Error;
use crate::command::parse::is_word;

/// What the service manager is patient for beyond the program's own deadlines, so that the program is the one to end
/// itself, and to say why.
const MARGIN: Duration = Duration::from_secs(2);

/// The longest time-out.
const LONGEST: Duration = Duration::from_secs(23 * 3600);

impl Service {
    pub(crate) fn checked_name(&self) -> Result<Name, Error> {
        Name::new(&self.name).map_err(|error| self.wrong(&error))
    }

    pub(super) fn wrong(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Definition { name: self.name.clone(), why: why.to_string() }
    }

    /// The spec of this service for one service manager, checked.
    pub(super) fn spec(&self, kind: Kind) -> Result<Spec, Error> {
        for (time, what) in [(self.start_timeout, "start_timeout"), (self.stop_timeout, "stop_timeout")] {
            if time > LONGEST {
                return Err(
                    self.wrong(&format!("its {what} is longer than {}", abide_spec::Duration(LONGEST)))
                );
            }
        }
        let mut spec = Spec::minimal(self.checked_name()?, self.command()?);
        spec.display_name.clone_from(&self.display_name);
        spec.description.clone_from(&self.description);
        spec.accept.clone_from(&self.accept);
        spec.program.supervised = false;
        // In a spec, a dollar sign stands before the name of another variable.
        let env = self.env.iter().map(|(name, value)| (name.clone(), value.replace('$', "$$")));
        spec.program.env = env.collect();
        spec.program.env_file.clone_from(&self.env_file);
        spec.program.working_dir.clone_from(&self.working_dir);
        spec.start.mode = self.start_mode.into();
        spec.start.after.clone_from(&self.after);
        spec.start.ready = Some(abide_spec::Ready {
            timeout: abide_spec::Duration(self.start_timeout.saturating_add(MARGIN)),
            ..abide_spec::Ready::new(abide_spec::Probe::Notify)
        });
        spec.account.run_as = self.account.clone().into();
        spec.restart = self.restart.spec.clone();
        if kind.family() == Family::Windows && spec.restart.when == When::Always {
            // The SCM starts nothing again that ended well: the program says there that it did not (`Run::again`).
            spec.restart.when = When::OnFailure;
        }
        spec.stop = Stop {
            steps: vec![StopStep::new(
                StopAction::Signal(Signal::TERM),
                abide_spec::Duration(self.stop_timeout.saturating_add(MARGIN)),
            )],
        };
        if self.reloads && kind.family() == Family::Unix {
            spec.reload = Some(Reload::Signal(Signal::HUP));
        }
        spec.limits.memory = self.memory.map(Size);
        spec.limits.open_files = self.open_files;
        match kind {
            Kind::Systemd => self.systemd.lay_over(&mut spec),
            Kind::Launchd => self.launchd.lay_over(&mut spec),
            _ if kind.family() == Family::Windows => self.windows.lay_over(&mut spec),
            _ => self.scripts.lay_over(&mut spec),
        }
        // What has been through the text is as good as what a person wrote: checked by the same rules.
        Spec::parse(&spec.to_toml()).map_err(|errors| {
            let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
            self.wrong(&all.join("; "))
        })
    }

    /// The executable and its arguments, which must not be taken for words of [`Service::main`] when they come back.
    fn command(&self) -> Result<Vec<String>, Error> {
        let executable = match &self.executable {
            Some(path) => path.clone(),
            None => own_executable().map_err(|why| self.wrong(&why))?,
        };
        if !executable.is_absolute() {
            return Err(self.wrong(&format!(
                "the path of its executable, {}, has to begin at the root",
                executable.display()
            )));
        }
        if !resolve::is_executable(&executable) {
            return Err(self.wrong(&format!("{} is not there, or not executable", executable.display())));
        }
        let Some(executable) = executable.to_str() else {
            return Err(
                self.wrong(&format!("the path of its executable, {}, is not Unicode", executable.display()))
            );
        };
        let ambiguous = self.arguments.first().is_some_and(|first| is_word(first));
        let guard = ambiguous.then(|| "--".to_owned());
        Ok(std::iter::once(executable.to_owned())
            .chain(guard)
            .chain(self.arguments.iter().cloned())
            .collect())
    }
}

fn own_executable() -> Result<PathBuf, String> {
    let path = std::env::current_exe().map_err(|error| format!("cannot tell its own executable: {error}"))?;
    // So Linux calls a file that was replaced while it ran.
    match path.to_str().and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(path) => Err(format!("its executable {path} was replaced; run the new one")),
        None => Ok(path),
    }
}

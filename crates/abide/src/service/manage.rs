//! Installing, starting, stopping, asking for and removing a service.

use std::fmt;
use std::time::Duration;

use abide_os::manager::{
    self, Applied, ChangeKind, Desired, Finding, Kind, Level, Scope, ServiceManager, Uninstall,
};
use abide_spec::Family;

use super::Service;
use crate::{Backend, Error, StartMode, Status};

/// How long a service that has stopped may take to be gone.
const GONE: Duration = Duration::from_secs(30);

/// How long a start may take of a service whose definition is not at hand: what is left over is the service manager's.
const LONG: Duration = Duration::from_secs(600);

/// What an install did.
///
/// ```no_run
/// # fn main() -> Result<(), abide::Error> {
/// let installed = abide::Service::new("orders").install()?;
/// if !installed.changed {
///     println!("it was so already");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// Whether anything was changed at all.
    pub changed: bool,
    /// Whether it was running and now runs as it is defined now.
    pub restarted: bool,
    /// What is worth knowing: a setting that is honoured in another way, or lost by leave.
    pub notes: Vec<String>,
}

/// What an uninstall did.
///
/// ```no_run
/// # fn main() -> Result<(), abide::Error> {
/// for what in abide::Service::new("orders").uninstall()?.removed {
///     println!("removed {what}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// What is gone now, in order.
    pub removed: Vec<String>,
    /// What was left on purpose, with the reason.
    pub kept: Vec<String>,
}

/// What an install would change. Printed, it shows every file and entry as it would be.
///
/// ```no_run
/// # fn main() -> Result<(), abide::Error> {
/// print!("{}", abide::Service::new("orders").plan()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    inner: manager::Plan,
}

impl Plan {
    /// Whether there is nothing to change.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// assert!(!abide::Service::new("orders").plan()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Whether something stands in the way: [`findings`](Self::findings) tells what.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// assert!(!abide::Service::new("orders").plan()?.is_blocked());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.inner.blocked()
    }

    /// What there is to say about it: each with the setting it is about.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// for finding in abide::Service::new("orders").plan()?.findings() {
    ///     println!("{finding}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        self.inner.findings.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.inner.findings {
            let level = match finding.level {
                Level::Note => "note",
                Level::Warning => "warning",
                Level::Error => "error",
            };
            writeln!(f, "{level}: {finding}")?;
        }
        for change in &self.inner.changes {
            let verb = match change.kind {
                ChangeKind::Create => "create ",
                ChangeKind::Update => "update ",
                ChangeKind::Remove => "remove ",
                ChangeKind::Run => "",
            };
            writeln!(f, "{verb}{}", change.target)?;
            for line in change.after.iter().flat_map(|text| text.lines()) {
                writeln!(f, "    {line}")?;
            }
        }
        if self.is_empty() && !self.is_blocked() {
            writeln!(f, "nothing to change: {} is installed so already", self.inner.service)?;
        }
        Ok(())
    }
}

impl Service {
    fn manager(&self) -> Result<Box<dyn ServiceManager>, Error> {
        let scope = if self.user { Scope::User } else { Scope::System };
        Ok(manager::connect(None, scope)?)
    }

    /// What [`install`](Self::install) would change. It changes nothing.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// print!("{}", abide::Service::new("orders").plan()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when the service is not well defined, or when the machine cannot be asked.
    pub fn plan(&self) -> Result<Plan, Error> {
        let manager = self.manager()?;
        let desired = Desired::new(self.spec(manager.kind())?, None, None);
        Ok(Plan { inner: manager.plan(&desired)? })
    }

    /// Installs it, or brings what is installed up to this definition. As a whole or not at all. One that was running is
    /// restarted when that is needed; one that was not is not started.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// let service = abide::Service::new("orders").arguments(["--port", "9000"]);
    /// service.install()?;
    /// service.start()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails without having changed anything when the service is not well defined, when the machine cannot give what it
    /// asks for, or when this process may not do that; and when a step fails, after having undone those before.
    pub fn install(&self) -> Result<Installed, Error> {
        let (mut installed, findings) = self.install_told()?;
        installed.notes = findings.iter().map(ToString::to_string).collect();
        Ok(installed)
    }

    pub(crate) fn install_told(&self) -> Result<(Installed, Vec<Finding>), Error> {
        let manager = self.manager()?;
        if manager.kind() == Kind::Foreground {
            self.spec(Kind::Foreground)?;
        }
        manager.may_change()?;
        let desired = Desired::new(self.spec(manager.kind())?, None, None);
        let plan = manager.plan(&desired)?;
        if plan.blocked() {
            let findings = plan.findings(Level::Error).map(ToString::to_string).collect();
            return Err(Error::Refused { name: self.name.clone(), findings });
        }
        let applied = manager.apply(&plan, &mut |_| {})?;
        let Applied { changed, restarted, .. } = applied;
        Ok((Installed { changed, restarted, notes: Vec::new() }, plan.findings))
    }

    /// Whether it is to be started when it has been installed.
    pub(crate) fn starts_by_itself(&self) -> bool {
        matches!(self.start_mode, StartMode::Auto | StartMode::Delayed)
    }

    /// Stops it and removes it and everything that was made for it.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// abide::Service::new("orders").uninstall()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when it is not installed, was installed by something else, or does not go.
    pub fn uninstall(&self) -> Result<Removed, Error> {
        let how = Uninstall { keep_logs: false, wait: GONE };
        let removed = self.manager()?.uninstall(&self.checked_name()?, how, &mut |_| {})?;
        Ok(Removed { removed: removed.removed, kept: removed.kept })
    }

    /// Starts it and waits until it is ready. One that runs already is left alone.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// abide::Service::new("orders").start()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when it is not installed or does not become ready, with what is known of the reason.
    pub fn start(&self) -> Result<(), Error> {
        let manager = self.manager()?;
        Ok(manager.start(&self.checked_name()?, self.start_budget(manager.kind()), &mut |_| {})?)
    }

    /// Stops it and waits until it is gone. One that is stopped is left alone.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// abide::Service::new("orders").stop()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when it is not installed or does not stop.
    pub fn stop(&self) -> Result<(), Error> {
        let manager = self.manager()?;
        Ok(manager.stop(&self.checked_name()?, self.stop_budget(manager.kind()), &mut |_| {})?)
    }

    /// Stops it, then starts it, and waits until it is ready.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// abide::Service::new("orders").restart()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop) and [`start`](Self::start).
    pub fn restart(&self) -> Result<(), Error> {
        let manager = self.manager()?;
        let wait = self.stop_budget(manager.kind()).saturating_add(self.start_budget(manager.kind()));
        Ok(manager.restart(&self.checked_name()?, wait, &mut |_| {})?)
    }

    /// What the service manager knows about it. A service that is not installed has a status too.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// println!("{}", abide::Service::new("orders").status()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when the service manager cannot be asked, or when there is none.
    pub fn status(&self) -> Result<Status, Error> {
        let manager = self.manager()?;
        let status = manager.status(&self.checked_name()?)?;
        Ok(Status::of(&self.name, Backend::of(manager.kind()), status))
    }

    fn start_budget(&self, kind: Kind) -> Duration {
        self.spec(kind).map_or(LONG, |spec| manager::start_budget(&spec))
    }

    fn stop_budget(&self, kind: Kind) -> Duration {
        let unknown = self.stop_timeout.saturating_add(GONE);
        self.spec(kind).map_or(unknown, |spec| manager::stop_budget(&spec, Family::current()))
    }
}

//! What is known about a service.

use std::fmt;
use std::time::SystemTime;

use abide_os::manager::{Enabled, ManagerExit, ManagerState, ManagerStatus};

use crate::{Backend, StartMode};

/// What a service does now.
///
/// ```
/// assert_eq!(abide::State::Running.to_string(), "running");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The service manager does not know it.
    NotInstalled,
    /// Not running, and not because it failed.
    Stopped,
    /// On its way to be ready, or waiting to be started again.
    Starting,
    /// Running and ready.
    Running,
    /// Resting.
    Paused,
    /// On its way to be stopped.
    Stopping,
    /// Not running because it failed.
    Failed,
    /// The service manager used a word that is not known.
    Unknown,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInstalled => "not installed",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        })
    }
}

/// How a process ended.
///
/// ```
/// assert_eq!(abide::Exit::Code(3).to_string(), "exit code 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// With an exit code (those of Windows are the bits of the `u32`).
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What the service manager knows about a service, by [`Service::status`](crate::Service::status).
///
/// ```no_run
/// # fn main() -> Result<(), abide::Error> {
/// let status = abide::Service::new("orders").status()?;
/// if status.is_running() {
///     println!("process {:?}, since {:?}", status.pid, status.since);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The service.
    pub name: String,
    /// Which service manager says so. None: there is none here.
    pub backend: Option<Backend>,
    /// What it does now.
    pub state: State,
    /// Whether it starts with the machine. None: it is not installed.
    pub start: Option<StartMode>,
    /// Its process.
    pub pid: Option<u32>,
    /// Since when it is in this state.
    pub since: Option<SystemTime>,
    /// How it ended the last time, where it did and the service manager keeps it.
    pub exit: Option<Exit>,
    /// What it says about itself, or why it failed in the service manager's own word.
    pub text: Option<String>,
}

impl Status {
    pub(crate) fn of(name: &str, backend: Option<Backend>, status: ManagerStatus) -> Self {
        let state = match status.state {
            _ if !status.installed => State::NotInstalled,
            ManagerState::Stopped => State::Stopped,
            ManagerState::Starting => State::Starting,
            ManagerState::Running => State::Running,
            ManagerState::Paused => State::Paused,
            ManagerState::Stopping => State::Stopping,
            ManagerState::Failed => State::Failed,
            ManagerState::Unknown => State::Unknown,
        };
        let start = match status.enabled {
            Enabled::Auto => Some(StartMode::Auto),
            Enabled::Delayed => Some(StartMode::Delayed),
            Enabled::Manual => Some(StartMode::Manual),
            Enabled::Disabled => Some(StartMode::Disabled),
            Enabled::No => None,
        };
        let exit = status.exit.map(|exit| match exit {
            ManagerExit::Code(code) => Exit::Code(code),
            ManagerExit::Signal(signal) => Exit::Signal(signal),
        });
        let (pid, since) = (status.main_pid, status.since);
        let text = status.text.or(status.result.filter(|result| result != "success"));
        Self { name: name.to_owned(), backend, state, start, pid, since, exit, text }
    }

    /// Whether it runs and is ready.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// assert!(abide::Service::new("orders").status()?.is_running());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether it is installed.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// let service = abide::Service::new("orders");
    /// if !service.status()?.is_installed() {
    ///     service.install()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.state != State::NotInstalled
    }

    /// The exit code of `status` by the Linux Standard Base: 0 for a service that is up (on its way, paused), 3 for one
    /// that is not, 4 for one of which nothing is known.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// std::process::exit(abide::Service::new("orders").status()?.exit_code().into());
    /// # }
    /// ```
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.state {
            State::Running | State::Starting | State::Paused | State::Stopping => 0,
            State::Stopped | State::Failed => 3,
            State::NotInstalled | State::Unknown => 4,
        }
    }

    /// The status as one line of JSON, for scripts. Fields that are not known are `null`; times are seconds since 1970.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), abide::Error> {
    /// println!("{}", abide::Service::new("orders").status()?.to_json());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let since = self.since.and_then(|since| since.duration_since(SystemTime::UNIX_EPOCH).ok());
        let exit = self.exit.map(|exit| match exit {
            Exit::Code(code) => serde_json::json!({ "code": code }),
            Exit::Signal(signal) => serde_json::json!({ "signal": signal }),
        });
        serde_json::json!({
            "name": self.name,
            "backend": self.backend.map(|backend| backend.to_string()),
            "installed": self.is_installed(),
            "state": self.state.to_string(),
            "start": self.start.map(|start| start.to_string()),
            "pid": self.pid,
            "since": since.map(|since| since.as_secs()),
            "exit": exit,
            "text": self.text,
        })
        .to_string()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.state)?;
        if let Some(pid) = self.pid {
            write!(f, ", process {pid}")?;
        }
        if let Some(time) = self.since.and_then(|since| since.elapsed().ok()) {
            let whole = std::time::Duration::from_secs(time.as_secs());
            write!(f, ", for {}", abide_spec::Duration(whole))?;
        }
        if let Some(start) = self.start {
            write!(f, ", start {start}")?;
        }
        if let Some(exit) = self.exit.filter(|_| matches!(self.state, State::Stopped | State::Failed)) {
            write!(f, ", last ended with {exit}")?;
        }
        match &self.text {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: State) -> Status {
        Status {
            name: "orders".into(),
            backend: Some(Backend::Systemd),
            state,
            start: Some(StartMode::Auto),
            pid: Some(77),
            since: None,
            exit: Some(Exit::Code(3)),
            text: None,
        }
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        for (state, code) in
            [(State::Running, 0), (State::Paused, 0), (State::Stopped, 3), (State::Failed, 3)]
        {
            assert_eq!(status(state).exit_code(), code);
        }
        assert_eq!(status(State::NotInstalled).exit_code(), 4);
    }

    #[test]
    fn it_is_told_in_words_and_in_json() {
        assert_eq!(status(State::Running).to_string(), "orders: running, process 77, start auto");
        let failed = Status { pid: None, text: Some("exit-code".into()), ..status(State::Failed) };
        assert_eq!(failed.to_string(), "orders: failed, start auto, last ended with exit code 3 (exit-code)");
        assert_eq!(
            failed.to_json(),
            r#"{"backend":"systemd","exit":{"code":3},"installed":true,"name":"orders","pid":null,"since":null,"start":"auto","state":"failed","text":"exit-code"}"#
        );
        let absent = Status::of("orders", None, ManagerStatus::absent());
        assert_eq!(absent.to_string(), "orders: not installed");
    }
}

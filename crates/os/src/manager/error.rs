//! Why something about a service manager didn't work.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use abide_spec::Name;

use super::{Finding, Kind};

/// Why something about a service manager didn't work. The text says what failed, on what and why;
/// [`ManagerError::hint`] what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The plan has findings of level error; nothing was changed.
    #[error("{name} cannot be applied: {}", list(findings))]
    Blocked {
        /// The service.
        name: Name,
        /// Those findings.
        findings: Vec<Finding>,
    },
    /// Something of that name is there that Abide didn't make.
    #[error("{name} is already installed by something else than Abide: {what}")]
    Foreign {
        /// The service.
        name: Name,
        /// What was found ("unit /etc/systemd/system/orders.service").
        what: String,
    },
    /// The service isn't installed.
    #[error("{name} is not installed")]
    NotInstalled {
        /// The service.
        name: Name,
    },
    /// The service may not be started.
    #[error("{name} is disabled")]
    Disabled {
        /// The service.
        name: Name,
    },
    /// This process lacks the right.
    #[error("{what} needs {needs}")]
    NoPrivilege {
        /// What was asked for ("changing services").
        what: String,
        /// What is missing ("root", "an elevated prompt").
        needs: &'static str,
    },
    /// Another Abide is changing the same service.
    #[error("{name} is being changed by {}", pid.map_or_else(|| "another abide".into(), |pid| format!("another abide (process {pid})")))]
    Busy {
        /// The service.
        name: Name,
        /// The other process, where known.
        pid: Option<u32>,
    },
    /// The machine is no longer what the plan was made for; nothing was changed.
    #[error("{name} was changed by someone else since the plan was made")]
    Changed {
        /// The service.
        name: Name,
    },
    /// A step of an apply failed, and what had been done before was taken back.
    #[error("cannot {step}: {why}; everything was put back as it was{}", leftovers(left))]
    RolledBack {
        /// The step ("write file /etc/…").
        step: String,
        /// Why it failed.
        why: String,
        /// What to do about it, where there is something.
        hint: Option<String>,
        /// What couldn't be taken back, in words. Normally empty.
        left: Vec<String>,
    },
    /// A start, stop or restart failed.
    #[error("{name} did not {verb}: {why}{}", told(said))]
    Failed {
        /// The service.
        name: Name,
        /// "start", "stop", "restart".
        verb: &'static str,
        /// The reason.
        why: String,
        /// The last lines that the supervisor said about it.
        said: Vec<String>,
    },
    /// It wasn't so within the time given.
    #[error("{name} did not {verb} within {}: {state}", abide_spec::Duration(*after))]
    TimedOut {
        /// The service.
        name: Name,
        /// "start", "stop", "restart", "disappear".
        verb: &'static str,
        /// How long was waited.
        after: Duration,
        /// What it was doing at the end.
        state: String,
    },
    /// This machine has no service manager.
    #[error("there is no service manager here: {why}")]
    NoServiceManager {
        /// What was looked for.
        why: String,
    },
    /// The backend named doesn't run here.
    #[error("{wanted} does not run on this machine, which has {here}")]
    Elsewhere {
        /// What was asked for.
        wanted: Kind,
        /// What is here.
        here: Kind,
    },
    /// The backend has no services of users' own.
    #[error("{kind} has no services of a user's own")]
    NoUserServices {
        /// The service manager.
        kind: Kind,
    },
    /// A file or folder.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried ("read", "write", "remove").
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A call of the service manager.
    #[error("{call} failed: {why}")]
    Call {
        /// Which ("systemctl daemon-reload", "CreateService").
        call: String,
        /// What it answered.
        why: String,
    },
}

/// The classes of errors by which callers choose an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Failed for a reason of its own.
    Failed,
    /// Permission denied.
    Privilege,
    /// Not installed.
    NotInstalled,
    /// The spec asks for what can't be.
    Spec,
    /// Timed out.
    TimedOut,
}

impl ManagerError {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Blocked { .. } => ErrorKind::Spec,
            Self::NotInstalled { .. } => ErrorKind::NotInstalled,
            Self::NoPrivilege { .. } => ErrorKind::Privilege,
            Self::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                ErrorKind::Privilege
            }
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            _ => ErrorKind::Failed,
        }
    }

    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Foreign { name, .. } => {
                format!("give the spec another name, or remove that `{name}` with the tool that made it")
            }
            Self::NotInstalled { name } => {
                format!("`abide apply {name}.toml` or `abide install {name} -- COMMAND…`")
            }
            Self::Disabled { name } => {
                format!(
                    "set `start.mode` to \"manual\" or \"auto\" in the spec of {name} and run `abide apply`"
                )
            }
            Self::Busy { .. } | Self::Changed { .. } => {
                "look at it again with `abide plan`, then repeat".into()
            }
            Self::RolledBack { hint, .. } => hint.clone()?,
            Self::Failed { name, .. } => format!("`abide events {name}` and `abide logs {name}` tell more"),
            Self::TimedOut { name, .. } => format!("`abide status {name}` tells how it goes on"),
            Self::NoServiceManager { .. } => "run services in the foreground with `abide up`".into(),
            Self::NoUserServices { .. } => {
                "leave `--user` out for a service of the machine (its program can run as you: `account.run-as`), or run \
                 it with `abide up` as long as you are logged in"
                    .into()
            }
            Self::Elsewhere { .. } => "`abide plan --backend` shows what would be done there".into(),
            _ => return None,
        })
    }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn leftovers(left: &[String]) -> String {
    if left.is_empty() { String::new() } else { format!(", except: {}", left.join("; ")) }
}

fn told(said: &[String]) -> String {
    if said.is_empty() { String::new() } else { format!("\n  it said:\n    {}", said.join("\n    ")) }
}

//! Why something could not be told of a service, or done to it.

use std::io;

use abide_os::manager::{self, ManagerError};
use abide_supervisor::control::AskError;
use abide_supervisor::status::StatusError;

/// What kind of failure it is, for exit codes and HTTP statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It failed, for a reason of its own.
    Failed,
    /// This account may not do that.
    Permission,
    /// There is no such service.
    NotInstalled,
    /// The service would have to be running.
    NotRunning,
    /// The spec is not valid, or cannot be honoured here.
    BadSpec,
    /// It was not so in time; it may yet become so.
    TimedOut,
}

/// Why something could not be told of a service, or done to it: what failed, on what and why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct HostError {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What failed, on what, and why.
    pub error: String,
    /// What to do next. What rights are missing is told by `kind`; how to get them, only the caller knows.
    pub hint: Option<String>,
}

impl HostError {
    /// A failure without a next step.
    pub fn new(kind: Kind, error: impl Into<String>) -> Self {
        Self { kind, error: error.into(), hint: None }
    }

    /// The same, with what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Something that the operating system refused.
    pub fn io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::new(kind(error), format!("{what}: {error}"))
    }
}

fn kind(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Kind::Permission,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Kind::TimedOut,
        _ => Kind::Failed,
    }
}

impl From<ManagerError> for HostError {
    fn from(error: ManagerError) -> Self {
        let kind = match error.kind() {
            manager::ErrorKind::Failed => Kind::Failed,
            manager::ErrorKind::Privilege => Kind::Permission,
            manager::ErrorKind::NotInstalled => Kind::NotInstalled,
            manager::ErrorKind::Spec => Kind::BadSpec,
            manager::ErrorKind::TimedOut => Kind::TimedOut,
        };
        let hint = error.hint().filter(|_| kind != Kind::Permission);
        Self { hint, ..Self::new(kind, error.to_string()) }
    }
}

impl From<AskError> for HostError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refusal) => {
                Self { hint: refusal.hint, ..Self::new(Kind::Failed, refusal.error) }
            }
            AskError::Unreachable { ref source, .. } => {
                let denied = source.kind() == io::ErrorKind::PermissionDenied;
                Self::new(if denied { Kind::Permission } else { Kind::NotRunning }, error.to_string())
            }
            AskError::Broken { ref source, .. } if kind(source) == Kind::TimedOut => {
                Self::new(Kind::TimedOut, error.to_string()).hint("`abide status` tells how it goes on")
            }
            _ => Self::new(Kind::Failed, error.to_string()),
        }
    }
}

impl From<StatusError> for HostError {
    fn from(error: StatusError) -> Self {
        let kind = match &error {
            StatusError::Read { source, .. } => kind(source),
            StatusError::Form { .. } => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

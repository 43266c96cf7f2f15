//! Why a verb failed, what to do next, and with which exit code.

use abide_host::{HostError, Kind};
use abide_os::manager::ManagerError;
use abide_supervisor::SetupError;

use crate::exit::Exit;

/// Why a verb failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What failed, on what, and why.
    pub error: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code.
    pub exit: Exit,
    /// `error` is the whole message as it is to be shown: errors of specs with their lines, carets and hints.
    pub framed: bool,
}

impl Failure {
    /// A failure without a next step.
    pub fn new(exit: Exit, error: impl Into<String>) -> Self {
        Self { error: error.into(), hint: None, exit, framed: false }
    }

    /// A failure whose message is a frame of its own.
    pub fn framed(exit: Exit, message: impl Into<String>) -> Self {
        Self { framed: true, ..Self::new(exit, message) }
    }

    /// The reader of our output has gone: there is nothing more to do, and nothing went wrong.
    pub fn nobody_reads() -> Self {
        Self::new(Exit::Ok, "")
    }

    /// The same, with what to do next.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The failure of something that the operating system refused.
    pub fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Failed,
        };
        Self::new(exit, format!("{what}: {error}"))
    }
}

impl From<ManagerError> for Failure {
    fn from(error: ManagerError) -> Self {
        HostError::from(error).into()
    }
}

/// The exact command that has the rights that this one lacked.
pub fn as_administrator() -> String {
    if abide_spec::Family::current() == abide_spec::Family::Windows {
        return "run the same command in a terminal that was opened with \"Run as administrator\"".into();
    }
    let words: Vec<String> =
        std::env::args_os().map(|word| crate::shown::shell_word(&word.to_string_lossy())).collect();
    format!("`sudo {}`", words.join(" "))
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let exit = match error.kind {
            Kind::Failed => Exit::Failed,
            Kind::Permission => Exit::Permission,
            Kind::NotInstalled => Exit::NotInstalled,
            Kind::NotRunning => Exit::NotRunning,
            Kind::BadSpec => Exit::BadSpec,
            Kind::TimedOut => Exit::TimedOut,
        };
        let hint = error.hint.or_else(|| (exit == Exit::Permission).then(as_administrator));
        Self { hint, ..Self::new(exit, error.error) }
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        let failure = Self::new(Exit::Failed, error.to_string());
        match &error {
            SetupError::Busy { name, .. } => failure.hint(format!(
                "`abide status {name}` tells what it does, `abide stop {name}` stops it; Ctrl-C in the terminal of \
                 its `abide up` ends that"
            )),
            SetupError::Place(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Self { exit: Exit::Permission, ..failure }
            }
            _ => failure,
        }
    }
}

impl From<abide_logs::Error> for Failure {
    fn from(error: abide_logs::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Failed,
        };
        let hint = (exit == Exit::Permission).then(as_administrator);
        Self { hint, ..Self::new(exit, error.to_string()) }
    }
}

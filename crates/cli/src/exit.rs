//! The exit codes of `abide`, in one place.

use std::process::ExitCode;

/// How `abide` ends. The codes follow the Linux Standard Base: those of `status` say what a service
/// does, those of the other verbs why they failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It is so.
    Ok,
    /// It failed, for a reason of its own.
    Failed,
    /// The command line is not understood (clap's own code).
    Usage,
    /// `status`: the service is not running.
    NotRunningStatus,
    /// `status`: there is no such service, or nothing can be known of it.
    UnknownStatus,
    /// This user may not do that.
    Permission,
    /// There is no such service.
    NotInstalled,
    /// The spec is not valid, or cannot be honoured here.
    BadSpec,
    /// The service would have to be running.
    NotRunning,
    /// It was not so in time; it may yet become so.
    TimedOut,
}

impl Exit {
    /// The code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotRunningStatus => 3,
            Self::UnknownStatus | Self::Permission => 4,
            Self::NotInstalled => 5,
            Self::BadSpec => 6,
            Self::NotRunning => 7,
            Self::TimedOut => 75,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

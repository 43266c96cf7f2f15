//! The exit codes of `abide`, in one place: what the help says is made from here.

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
    /// Those of every verb but `status`, in the order of their codes.
    const VERBS: [Self; 8] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Permission,
        Self::NotInstalled,
        Self::BadSpec,
        Self::NotRunning,
        Self::TimedOut,
    ];
    /// Those of `status`.
    const STATUS: [Self; 5] =
        [Self::Ok, Self::Failed, Self::Usage, Self::NotRunningStatus, Self::UnknownStatus];

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

    /// What it means, in a few words.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done; it is so",
            Self::Failed => "failed, for the reason told",
            Self::Usage => "the command line is not understood",
            Self::NotRunningStatus => "the service is not running",
            Self::UnknownStatus => "there is no such service, or nothing can be known of it",
            Self::Permission => "permission denied",
            Self::NotInstalled => "there is no such service",
            Self::BadSpec => "the spec is not valid, or cannot be honoured here",
            Self::NotRunning => "the service would have to be running",
            Self::TimedOut => "not so in time; it may yet become so",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// All exit codes, as `abide help exit-codes` shows them.
pub fn table() -> String {
    let status = Exit::STATUS
        .map(|exit| if exit == Exit::Ok { (exit, "the service is running") } else { (exit, exit.meaning()) });
    let verbs = Exit::VERBS.map(|exit| (exit, exit.meaning()));
    let lines = |list: &[(Exit, &str)]| {
        list.iter().map(|(exit, meaning)| format!("  {:>2}  {meaning}\n", exit.code())).collect::<String>()
    };
    format!("Exit codes of `abide status NAME`:\n{}\nOf every other verb:\n{}", lines(&status), lines(&verbs))
}

/// The same in short, below the help.
pub fn short() -> String {
    "Exit codes:\n  \
     0 done   1 failed   2 usage   4 permission denied   5 not installed   6 bad spec\n  \
     7 not running   75 timed out;   status: 0 running   3 not running   4 unknown\n  \
     `abide help exit-codes` tells more"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_both_texts() {
        for exit in Exit::VERBS.into_iter().chain(Exit::STATUS) {
            assert!(table().contains(&format!("  {:>2}  ", exit.code())), "{exit:?}");
            assert!(short().contains(&format!("{} ", exit.code())), "{exit:?}");
        }
    }

    #[test]
    fn codes_of_one_list_differ() {
        for list in [&Exit::VERBS[..], &Exit::STATUS] {
            assert!(list.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        }
    }
}

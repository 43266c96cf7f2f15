//! Programs as trees of processes: started so that nothing of them can escape, signalled, suspended and ended as one.
//!
//! Where a process ends up belonging to a tree, per platform:
//! - Linux with a writable cgroup v2: a group of its own, entered before the program's first instruction.
//! - Linux without: its session and process group, and every orphan that the kernel hands to this process (it is a
//!   child-subreaper), told apart by the `ABIDE_INSTANCE` it was started with.
//! - other Unixes: its session and process group. A process that starts a session of its own there leaves the tree.
//! - Windows: a Job Object that the program is put into while still suspended.
//!
//! A tree ends with its supervisor: the kernel kills the program when the supervisor dies (Linux, Windows).

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use abide_spec::{Limits, Signal, StopAction};
use serde::{Deserialize, Serialize};

use crate::events::Loop;
use crate::pipes::PipeReader;

#[cfg(unix)]
use crate::unix::process as imp;
#[cfg(windows)]
use crate::windows::process as imp;

/// The environment variable that marks every process of a tree with its [`Launch::instance`].
pub const INSTANCE_VARIABLE: &str = "ABIDE_INSTANCE";

/// Everything needed to start a program. Bytes of arguments and environment are passed on as they are.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The executable, absolute.
    pub program: PathBuf,
    /// The arguments after the program's own name.
    pub args: Vec<OsString>,
    /// The whole environment. `ABIDE_INSTANCE` and `NOTIFY_SOCKET` are replaced by what `instance` and `notify` say.
    pub env: Vec<(OsString, OsString)>,
    /// Where it runs; `None`: where this process does.
    pub working_dir: Option<PathBuf>,
    /// Who it runs as.
    pub identity: Identity,
    /// What it may use. On Unix, open files and processes are bounded here, for each process and each user; memory and
    /// processor time are the service manager's to bound, and the plan says so where there is none.
    pub limits: Limits,
    /// Marks the processes of this tree, and must differ between the trees of this process: `NAME.random`.
    pub instance: String,
    /// Where its output goes.
    pub output: OutputMode,
    /// The socket on which it may tell that it is ready, given to it as `NOTIFY_SOCKET`.
    pub notify: Option<PathBuf>,
}

/// Who a program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// As this process does.
    Inherit,
    /// As a given user. It can then gain no privileges, not even by set-user-ID programs.
    User {
        /// The user's name, or its number in digits.
        name: String,
        /// Further groups by name or number; empty: those the user has.
        groups: Vec<String>,
    },
}

/// Where a program's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// Into two pipes, handed over in [`Spawned::output`].
    Pipes,
    /// Nowhere.
    Null,
}

/// A program that was started.
#[derive(Debug)]
pub struct Spawned {
    /// The processes.
    pub tree: Tree,
    /// The reading ends of standard output and standard error, with [`OutputMode::Pipes`].
    pub output: Option<(PipeReader, PipeReader)>,
}

/// Signals a process that is not of this process's making: the main process of a service, as its service manager tells.
pub(crate) fn send(pid: u32, signal: &Signal) -> io::Result<()> {
    #[cfg(unix)]
    {
        let number = signal.number().and_then(rustix::process::Signal::from_named_raw);
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let (Some(number), Some(pid)) = (number, pid) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(rustix::process::kill_process(pid, number)?)
    }
    #[cfg(not(unix))]
    {
        let _ = (pid, signal);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Ends what an earlier supervisor of a service left behind when it was killed: processes that were started with all of
/// these entries (`NAME=value`) in their environment. Answers their ids. On Linux alone; a Job Object leaves nothing, and
/// other systems don't tell.
pub fn clear_leftovers(marks: &[Vec<u8>]) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    return crate::linux::leftovers::clear(marks);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = marks;
        Vec::new()
    }
}

/// The step at which a program could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The launch itself is unusable: a NUL byte in an argument, a path that is not absolute.
    Arguments,
    /// Pipes for the output.
    Pipes,
    /// A new process.
    Fork,
    /// A session of its own.
    Session,
    /// Its standard streams.
    Streams,
    /// The cgroup or Job Object that holds the tree.
    Group,
    /// Its limits.
    Limits,
    /// Another user.
    Identity,
    /// Its working directory.
    WorkingDir,
    /// The tie by which it ends with this process.
    Tie,
    /// The execution of the program file.
    Exec,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arguments => "checking its command",
            Self::Pipes => "creating the pipes for its output",
            Self::Fork => "creating a process",
            Self::Session => "creating its session",
            Self::Streams => "connecting its standard streams",
            Self::Group => "creating the group that holds its processes",
            Self::Limits => "applying its limits",
            Self::Identity => "changing to its account",
            Self::WorkingDir => "entering its working directory",
            Self::Tie => "tying its life to the supervisor's",
            Self::Exec => "executing it",
        })
    }
}

/// A program could not be started. No process of it is left.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {}: {explanation}", program.display())]
pub struct SpawnError {
    /// The step that failed.
    pub stage: Stage,
    /// The program that was to be started.
    pub program: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
    /// What failed, on what and why, and what to do about it.
    pub explanation: String,
}

/// A tree could not be told what it was to be told.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The program has ended; there is nobody to tell.
    #[error("the program has ended already")]
    Ended,
    /// The action has no meaning on this platform, or is not this module's to do.
    #[error("{action} is not possible: {why}")]
    Unsupported {
        /// The action, in the words of the spec.
        action: String,
        /// Why not, and what is possible.
        why: String,
    },
    /// The operating system refused.
    #[error("cannot send {action} to process {pid}: {source}")]
    Os {
        /// The action, in the words of the spec.
        action: String,
        /// The process it was for.
        pid: u32,
        /// What the operating system said.
        source: io::Error,
    },
}

/// When a process started, in a form that no later process of the same id and boot can have. Written to status files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartToken(pub(crate) String);

/// A program and everything it started. Dropping it kills what is left of it.
#[derive(Debug)]
pub struct Tree {
    imp: imp::Tree,
}

impl Tree {
    /// Starts a program as a tree of its own: own session, standard input null, own standard output and error, no other
    /// descriptor or handle of this process, no signal blocked or ignored.
    ///
    /// Returns when the program's file has been executed, so that success means that it runs. To be called on the
    /// thread that owns the loop, which reaps the program and tells of its end.
    ///
    /// # Errors
    /// A [`SpawnError`] that names the stage and what to do; nothing is left running.
    pub fn spawn<M: Send + 'static>(launch: &Launch, events: &mut Loop<M>) -> Result<Spawned, SpawnError> {
        let (imp, output) = imp::Tree::spawn(launch, &mut events.core)?;
        Ok(Spawned { tree: Self { imp }, output })
    }

    /// The process id of the main program.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.imp.pid()
    }

    /// When the main program started; see [`is_alive`].
    #[must_use]
    pub fn started_at(&self) -> StartToken {
        self.imp.started_at()
    }

    /// Does one step of a stop ladder. Returns at once; what comes of it is told by the loop.
    ///
    /// # Errors
    /// [`ActError::Unsupported`] for what this platform has not, and for a command, which is the caller's to run;
    /// [`ActError::Ended`] when the program has ended.
    pub fn act(&mut self, action: &StopAction) -> Result<(), ActError> {
        self.imp.act(action)
    }

    /// Sends a signal to the main program. A suspended tree is resumed so that the signal is seen.
    ///
    /// # Errors
    /// As [`Self::act`]. On Windows only signals that mean an end are possible.
    pub fn signal(&mut self, signal: &Signal) -> Result<(), ActError> {
        self.imp.signal(signal)
    }

    /// Kills every process of the tree and returns at once. What a dying process still starts is killed too, when the
    /// loop hears of it. [`crate::events::Happening::TreeChanged`] follows as they end.
    ///
    /// # Errors
    /// Fails when the operating system refuses to kill; a tree that is gone is no error.
    pub fn kill(&mut self) -> io::Result<()> {
        self.imp.kill()
    }

    /// Kills the main program only.
    ///
    /// # Errors
    /// Fails when the operating system refuses; a program that has ended is no error.
    pub fn kill_program(&mut self) -> io::Result<()> {
        self.imp.kill_program()
    }

    /// Whether the main program was reaped and no other process of the tree is left. Cheap. Where it answers no, a
    /// [`crate::events::Happening::TreeChanged`] comes when it is worth asking again.
    #[must_use]
    pub fn is_gone(&mut self) -> bool {
        self.imp.is_gone()
    }

    /// The living processes of the tree, the main program first.
    #[must_use]
    pub fn members(&mut self) -> Vec<u32> {
        self.imp.members()
    }

    /// Whether the process is one of the tree's: who may speak for it on a notification socket.
    #[must_use]
    pub fn contains(&mut self, pid: u32) -> bool {
        pid == self.pid() || self.imp.contains(pid)
    }

    /// Stops the whole tree from running until [`Self::resume`].
    ///
    /// # Errors
    /// Fails when the operating system refuses.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.imp.suspend()
    }

    /// Lets a suspended tree run again.
    ///
    /// # Errors
    /// Fails when the operating system refuses.
    pub fn resume(&mut self) -> io::Result<()> {
        self.imp.resume()
    }
}

/// Whether the process that had this id and start is still alive; a later process with the same id is not it.
#[must_use]
pub fn is_alive(pid: u32, started_at: &StartToken) -> bool {
    imp::start_token(pid).is_some_and(|token| token == *started_at)
}

/// When a process started: this process's own token is `start_token(std::process::id())`. `None`: no such process.
#[must_use]
pub fn start_token(pid: u32) -> Option<StartToken> {
    imp::start_token(pid)
}

// What a platform's `process` module provides to this one:
//   struct Tree: Debug + Send, with
//     fn spawn(&Launch, &mut events::Core) -> Result<(Self, Option<(PipeReader, PipeReader)>), SpawnError>
//     and the methods that `Tree` forwards; fn start_token(u32) -> Option<StartToken>.

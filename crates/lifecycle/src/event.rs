//! What happens to a service: the machine's inputs.

use std::fmt;

use abide_spec::Exit;
use serde::{Deserialize, Serialize};

/// An input of the machine. Every event is legal in every state; one that means nothing there changes nothing and is
/// answered with [`Record::Ignored`](crate::Record::Ignored).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The service is to run.
    Start,
    /// The service is to be stopped, and to stay so.
    Stop,
    /// The program is to be stopped and started again. Does not count as a failure.
    Restart(Cause),
    /// The program is to be suspended.
    Pause,
    /// The suspended program is to go on.
    Continue,
    /// The program is to read its own configuration again.
    Reload,
    /// The machine, or the supervisor, goes down: stop, and never start again.
    Shutdown,
    /// [`Action::Spawn`](crate::Action::Spawn) succeeded: the program was executed.
    Spawned {
        /// Process id of the program.
        pid: u32,
    },
    /// [`Action::Spawn`](crate::Action::Spawn) failed: nothing was executed and nothing is left of the attempt.
    SpawnFailed {
        /// What failed, on what, and why.
        message: String,
    },
    /// The program itself ended. Its children may still be alive.
    Exited {
        /// Process id of the program that ended.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// No process of the program's tree is left. Answers each [`Action::KillTree`](crate::Action::KillTree), at once
    /// when the tree is already empty.
    TreeGone {
        /// Process id the program of this tree had.
        pid: u32,
    },
    /// The readiness probe passed, or the program said that it is ready (again).
    Ready,
    /// A program that was ready says that for now it is not, as while it reloads. [`Event::Ready`] ends it.
    Unready {
        /// In which words.
        detail: String,
    },
    /// A health probe failed as many times in a row as makes the program unhealthy.
    Unhealthy {
        /// Index into [`Policy::health`](crate::Policy::health).
        probe: usize,
        /// What the probe saw.
        detail: String,
    },
    /// A health probe that had made the program unhealthy passed again.
    Healthy {
        /// Index into [`Policy::health`](crate::Policy::health).
        probe: usize,
    },
    /// A step of the stop ladder could not be run; the next one is taken at once.
    StepFailed {
        /// Index into [`Policy::steps`](crate::Policy::steps).
        index: usize,
        /// What failed, on what, and why.
        message: String,
    },
    /// The moment [`Machine::due`](crate::Machine::due) named has come. Early, late and needless ones are harmless.
    Due,
}

impl Event {
    /// A stable lower-case name, for records.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Start => "start",
            Event::Stop => "stop",
            Event::Restart(_) => "restart",
            Event::Pause => "pause",
            Event::Continue => "continue",
            Event::Reload => "reload",
            Event::Shutdown => "shutdown",
            Event::Spawned { .. } => "spawned",
            Event::SpawnFailed { .. } => "spawn-failed",
            Event::Exited { .. } => "exited",
            Event::TreeGone { .. } => "tree-gone",
            Event::Ready => "ready",
            Event::Unready { .. } => "unready",
            Event::Unhealthy { .. } => "unhealthy",
            Event::Healthy { .. } => "healthy",
            Event::StepFailed { .. } => "step-failed",
            Event::Due => "due",
        }
    }
}

/// Who or what asked for a restart. Restarts the machine decides on by itself carry a
/// [`Fault`](crate::Fault) instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A person or a script, by the `restart` verb.
    User,
    /// The spec changed.
    SpecChanged,
    /// The verbosity of the program changed in a way that needs a restart.
    Debug,
    /// The service manager.
    ServiceManager,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::User => "asked by the user",
            Cause::SpecChanged => "the spec changed",
            Cause::Debug => "the verbosity changed",
            Cause::ServiceManager => "asked by the service manager",
        })
    }
}

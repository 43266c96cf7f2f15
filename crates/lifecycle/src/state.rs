//! Where a service stands.

use std::fmt;
use std::time::Duration;

use abide_spec::Exit;
use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::record::millis;
use crate::words::{exit_words, span, times};

/// The state of one service, with everything that belongs to that state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Not running, and not going to by itself.
    Stopped {
        /// Why it does not run.
        why: StopReason,
        /// How the last run ended, when there was one.
        exit: Option<Exit>,
    },
    /// Being executed, or executed and not ready yet.
    Starting {
        /// When the program was asked to be executed.
        since: Moment,
        /// Process id, once executed.
        pid: Option<u32>,
    },
    /// Executed and, at least once, ready.
    Running {
        /// When the program became ready for the first time.
        since: Moment,
        /// Process id.
        pid: u32,
        /// Whether it is ready now; false while it reloads.
        ready: bool,
        /// Whether no health probe calls it unhealthy.
        healthy: bool,
    },
    /// Suspended.
    Paused {
        /// When it was suspended.
        since: Moment,
        /// Process id.
        pid: u32,
        /// Whether it was ready when it was suspended.
        ready: bool,
    },
    /// Being stopped, or being cleared of what the ended program left behind.
    Stopping {
        /// When the stop began.
        since: Moment,
        /// Process id of the program, even after it ended; none while the answer to a spawn is awaited.
        pid: Option<u32>,
        /// How far the stop got.
        phase: Phase,
        /// What follows.
        then: Then,
    },
    /// Waiting for the next attempt.
    BackingOff {
        /// When the waiting began.
        since: Moment,
        /// When the next attempt is made.
        until: Moment,
        /// Number of that attempt.
        attempt: u32,
    },
    /// Not running because something is wrong; only a start that is asked for (or a stop) leaves this state. The one
    /// exception is [`FailReason::WontDie`], which ends when the program at last does.
    Failed {
        /// What is wrong.
        why: FailReason,
        /// How the last run ended, when it did.
        exit: Option<Exit>,
    },
}

impl State {
    /// The stable lower-case name: `stopped`, `starting`, `running`, `paused`, `stopping`, `backing-off` or `failed`.
    pub fn name(&self) -> &'static str {
        match self {
            State::Stopped { .. } => "stopped",
            State::Starting { .. } => "starting",
            State::Running { .. } => "running",
            State::Paused { .. } => "paused",
            State::Stopping { .. } => "stopping",
            State::BackingOff { .. } => "backing-off",
            State::Failed { .. } => "failed",
        }
    }

    /// Process id of the program, while there is one (or one that is being stopped).
    pub fn pid(&self) -> Option<u32> {
        match self {
            State::Starting { pid, .. } | State::Stopping { pid, .. } => *pid,
            State::Running { pid, .. } | State::Paused { pid, .. } => Some(*pid),
            State::Failed { why: FailReason::WontDie { pid }, .. } => Some(*pid),
            State::Stopped { .. } | State::BackingOff { .. } | State::Failed { .. } => None,
        }
    }

    /// Whether nothing more happens without a new event from outside: stopped or failed.
    pub fn is_at_rest(&self) -> bool {
        matches!(self, State::Stopped { .. } | State::Failed { .. })
    }
}

/// How far a stop got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// The stop came while the program was being executed; the answer to that is awaited first.
    Spawning,
    /// A step of the ladder was run, and the program has until `until` to end.
    Step {
        /// Index into [`Policy::steps`](crate::Policy::steps).
        index: usize,
        /// When the next step is taken.
        until: Moment,
    },
    /// The last step, the kill, was run, and the program is still there.
    Killing {
        /// Index of the kill into [`Policy::steps`](crate::Policy::steps).
        index: usize,
        /// How many times it was killed.
        tries: u32,
        /// When it is killed again, or given up on.
        until: Moment,
    },
    /// The program ended; what it left behind was killed and is waited for.
    Clearing {
        /// How many times the leftovers were killed.
        tries: u32,
        /// When they are killed again, or left behind.
        until: Moment,
    },
}

/// What follows a stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "kebab-case")]
pub enum Then {
    /// Stay stopped.
    Stop {
        /// Why.
        why: StopReason,
    },
    /// Start at once, with a clean slate.
    Start,
    /// Start again by itself, `delay` after the program ended.
    BackOff {
        /// The delay, jitter included.
        #[serde(rename = "delay_ms", with = "millis")]
        delay: Duration,
    },
    /// Fail.
    Fail {
        /// Why.
        why: FailReason,
    },
}

/// Why a service is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// It was never started.
    NotStarted,
    /// A stop was asked for.
    Asked,
    /// The machine or the supervisor goes down.
    Shutdown,
    /// The program ended by itself, and is not to be restarted after such an end.
    Finished,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::NotStarted => "not started yet",
            StopReason::Asked => "asked to stop",
            StopReason::Shutdown => "shutting down",
            StopReason::Finished => "the program finished",
        })
    }
}

/// Why a service failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum FailReason {
    /// The restart rule of the spec does not restart after this fault.
    NoRestart {
        /// What went wrong.
        fault: Fault,
    },
    /// Too many automatic restarts within the give-up window.
    GaveUp {
        /// How many times the program ended or failed within the window, the last included.
        count: u32,
        /// The window.
        #[serde(rename = "within_ms", with = "millis")]
        within: Duration,
        /// The last of the faults.
        fault: Fault,
    },
    /// The program did not end even when killed. No copy is started beside it.
    WontDie {
        /// Its process id.
        pid: u32,
    },
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailReason::NoRestart { fault } => write!(f, "{fault}, and the restart rule allows no restart"),
            FailReason::GaveUp { count, within, fault } => {
                write!(f, "gave up after it ended {} within {}; last: {fault}", times(*count), span(*within))
            }
            FailReason::WontDie { pid } => write!(f, "process {pid} does not end, even when killed"),
        }
    }
}

/// One thing that went wrong with the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// It ended by itself.
    Exited {
        /// How.
        exit: Exit,
    },
    /// It could not be executed.
    SpawnFailed {
        /// Why not.
        message: String,
    },
    /// It did not become ready in time.
    NotReady {
        /// The time it had.
        #[serde(rename = "timeout_ms", with = "millis")]
        timeout: Duration,
    },
    /// A health probe called it unhealthy.
    Unhealthy {
        /// Which probe.
        probe: String,
        /// What the probe saw.
        detail: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Exited { exit } => f.write_str(&exit_words(exit)),
            Fault::SpawnFailed { message } => write!(f, "could not be started: {message}"),
            Fault::NotReady { timeout } => write!(f, "not ready within {}", span(*timeout)),
            Fault::Unhealthy { probe, detail } => write!(f, "unhealthy by {probe}: {detail}"),
        }
    }
}

//! What is told about a service: structured for machines, and in plain words for people.

use std::borrow::Cow;
use std::time::Duration;

use abide_spec::Exit;
use serde::{Deserialize, Serialize};

use crate::words::{exit_words, span};
use crate::{Cause, FailReason, StopReason};

/// One entry of a service's events. Spans of time are whole milliseconds when serialised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Record {
    /// The program is about to be executed.
    Starting {
        /// 1 for a start that was asked for, one more for each automatic restart since.
        attempt: u32,
    },
    /// The program was executed.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The program is ready.
    Ready {
        /// Time since it was executed.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
    },
    /// The program, once ready, is not ready for now.
    Unready {
        /// In which words.
        detail: String,
    },
    /// The program is ready again.
    ReadyAgain,
    /// The program could not be executed.
    SpawnFailed {
        /// Why not.
        message: String,
        /// What follows.
        next: Next,
    },
    /// The program ended by itself.
    Exited {
        /// The process id it had.
        pid: u32,
        /// How it ended.
        exit: Exit,
        /// Time since it was executed.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
        /// Whether it had been ready.
        ready: bool,
        /// What follows.
        next: Next,
    },
    /// The program did not become ready in time.
    NotReady {
        /// The time it had.
        #[serde(rename = "timeout_ms", with = "millis")]
        timeout: Duration,
        /// What follows, after it is stopped.
        next: Next,
    },
    /// A health probe calls the program unhealthy.
    Unhealthy {
        /// Which probe.
        probe: String,
        /// What it saw.
        detail: String,
        /// What follows, after the program is stopped, if it is.
        next: Next,
    },
    /// A health probe that had called the program unhealthy passed again.
    Healthy {
        /// Which probe.
        probe: String,
    },
    /// The program has been up so long that earlier failures no longer lengthen the delay.
    Stable {
        /// How long it has been up.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
        /// How many failures were forgotten.
        failures: u32,
    },
    /// The program was suspended.
    Paused,
    /// The suspended program goes on.
    Continued,
    /// The program is told to reload.
    Reloading,
    /// A start was asked for while the program is still being stopped; it follows.
    StartQueued,
    /// A restart was asked for.
    Restarting {
        /// By whom.
        cause: Cause,
    },
    /// The stop of the program begins.
    Stopping {
        /// Why.
        why: StopReason,
    },
    /// A step of the stop ladder is run.
    StopStep {
        /// Its index, from 0.
        index: usize,
        /// The step in words.
        step: String,
        /// How long the program has to end; none after a kill.
        #[serde(rename = "wait_ms", with = "millis::option")]
        wait: Option<Duration>,
    },
    /// A step of the stop ladder could not be run.
    StepFailed {
        /// Its index, from 0.
        index: usize,
        /// The step in words.
        step: String,
        /// Why not.
        message: String,
    },
    /// The program ended while it was being stopped.
    StoppedBy {
        /// The process id it had.
        pid: u32,
        /// Index, from 0, of the step that worked.
        index: usize,
        /// That step in words.
        step: String,
        /// How the program ended.
        exit: Exit,
        /// Time since the stop began.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
    },
    /// The program was killed and is still there; it is killed again.
    KilledAgain {
        /// Its process id.
        pid: u32,
        /// How many times it was killed, this one included.
        tries: u32,
    },
    /// The program ended long after it was given up on as one that does not die.
    DiedLate {
        /// The process id it had.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// What the program left behind was killed and is still there; it is killed again.
    LeftoversStay {
        /// Time since the program ended.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
    },
    /// What the program left behind cannot be killed, and is no longer waited for.
    LeftBehind {
        /// Time since the program ended.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
    },
    /// The service is stopped.
    Stopped {
        /// Why.
        why: StopReason,
    },
    /// The service failed.
    Failed {
        /// Why.
        #[serde(flatten)]
        reason: FailReason,
    },
    /// An event that means nothing in this state; nothing was done.
    Ignored {
        /// [`Event::name`](crate::Event::name) of it.
        event: Cow<'static, str>,
        /// [`State::name`](crate::State::name) of the state.
        state: Cow<'static, str>,
        /// Why it means nothing.
        why: Cow<'static, str>,
    },
}

/// What follows a fault, or a clean end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "kebab-case")]
pub enum Next {
    /// A restart.
    Restart {
        /// How long after the end of the program, jitter included.
        #[serde(rename = "delay_ms", with = "millis")]
        delay: Duration,
        /// Whether it was a failure; a clean end, restarted under `always`, is not.
        failure: bool,
        /// How many times the program ended or failed within the give-up window, this one included; without
        /// give-up, failures since the last stable time.
        count: u32,
        /// At which count the machine gives up; none for never.
        limit: Option<u32>,
    },
    /// No restart: too many within the window.
    GiveUp {
        /// How many.
        count: u32,
        /// The window.
        #[serde(rename = "within_ms", with = "millis")]
        within: Duration,
    },
    /// No restart: the restart rule allows none after this fault.
    Fail,
    /// No restart, and none needed: the program finished.
    Finish,
    /// Nothing: it is only reported.
    Report,
    /// What had been asked for meanwhile: a stop, or a new start.
    AsAsked,
}

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Of use only when looking for a fault of Abide.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Something went wrong and is being healed.
    Warning,
    /// Something went wrong and needs a person.
    Error,
}

impl Record {
    /// How much this record matters.
    pub fn level(&self) -> Level {
        match self {
            Record::Ignored { .. } => Level::Debug,
            Record::Failed { .. } | Record::LeftBehind { .. } => Level::Error,
            Record::Exited { next: Next::Finish | Next::Restart { failure: false, .. }, .. } => Level::Info,
            Record::SpawnFailed { .. }
            | Record::Exited { .. }
            | Record::NotReady { .. }
            | Record::Unhealthy { .. }
            | Record::StepFailed { .. }
            | Record::KilledAgain { .. }
            | Record::DiedLate { .. }
            | Record::LeftoversStay { .. } => Level::Warning,
            _ => Level::Info,
        }
    }

    /// The record in plain words; begins in lower case, ends without a full stop, and does not name the service.
    pub fn sentence(&self) -> String {
        match self {
            Record::Starting { attempt: 1 } => "starting".to_owned(),
            Record::Starting { attempt } => format!("starting again (attempt {attempt})"),
            Record::Started { pid } => format!("started as process {pid}"),
            Record::Ready { after } => format!("ready after {}", span(*after)),
            Record::Unready { detail } => format!("not ready for now: {detail}"),
            Record::ReadyAgain => "ready again".to_owned(),
            Record::SpawnFailed { message, next } => {
                format!("could not be started: {message}; {}", next.words())
            }
            Record::Exited { exit, after, ready, next, .. } => format!(
                "{} after {}{}; {}",
                exit_words(exit),
                span(*after),
                if *ready { "" } else { ", before it was ready" },
                next.words()
            ),
            Record::NotReady { timeout, next } => {
                format!("not ready within {}; stopping it, {}", span(*timeout), next.words())
            }
            Record::Unhealthy { probe, detail, next: Next::Report } => {
                format!("unhealthy by {probe}: {detail}")
            }
            Record::Unhealthy { probe, detail, next } => {
                format!("unhealthy by {probe}: {detail}; stopping it, {}", next.words())
            }
            Record::Healthy { probe } => format!("healthy again by {probe}"),
            Record::Stable { after, failures: 1 } => {
                format!("up for {}; its failure is forgotten", span(*after))
            }
            Record::Stable { after, failures } => {
                format!("up for {}; its {failures} failures are forgotten", span(*after))
            }
            Record::Paused => "paused".to_owned(),
            Record::Continued => "continued".to_owned(),
            Record::Reloading => "reloading".to_owned(),
            Record::StartQueued => "starts again once it is stopped".to_owned(),
            Record::Restarting { cause } => format!("restarting: {cause}"),
            Record::Stopping { why } => format!("stopping: {why}"),
            Record::StopStep { index, step, wait: Some(wait) } => {
                format!("stop step {}: {step}, waiting up to {}", index + 1, span(*wait))
            }
            Record::StopStep { index, step, wait: None } => format!("stop step {}: {step}", index + 1),
            Record::StepFailed { index, step, message } => {
                format!("stop step {} ({step}) could not be run: {message}", index + 1)
            }
            Record::StoppedBy { index, step, exit, after, .. } => {
                format!(
                    "stopped by step {}, {step}, after {} ({})",
                    index + 1,
                    span(*after),
                    exit_words(exit)
                )
            }
            Record::KilledAgain { pid, tries } => {
                format!("process {pid} is still there after it was killed; killed again (try {tries})")
            }
            Record::DiedLate { pid, exit } => {
                format!("process {pid}, which did not die when killed, ended at last: {}", exit_words(exit))
            }
            Record::LeftoversStay { after } => {
                format!(
                    "processes it left behind are still there {} after its end; killed again",
                    span(*after)
                )
            }
            Record::LeftBehind { after } => format!(
                "processes it left behind cannot be killed and are still there {} after its end; going on",
                span(*after)
            ),
            Record::Stopped { why } => format!("stopped: {why}"),
            Record::Failed { reason } => format!("failed: {reason}"),
            Record::Ignored { event, state, why } => format!("{event} ignored while {state}: {why}"),
        }
    }
}

impl Next {
    /// What follows, in words that end a sentence.
    fn words(&self) -> String {
        match self {
            Next::Restart { delay, failure, count, limit } => {
                let when =
                    if delay.is_zero() { "at once".to_owned() } else { format!("in {}", span(*delay)) };
                let what = if *failure { "failure" } else { "restart" };
                let of = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
                format!("restarting {when} ({what} {count}{of})")
            }
            Next::GiveUp { count, within } => format!("giving up ({count} within {})", span(*within)),
            Next::Fail => "not restarting, by the restart rule".to_owned(),
            Next::Finish => "finished".to_owned(),
            Next::Report => "only reported".to_owned(),
            Next::AsAsked => "going on as asked".to_owned(),
        }
    }
}

/// Spans of time as whole milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(whole(span))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }

    fn whole(span: &Duration) -> u64 {
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) mod option {
        use super::{Deserialize, Deserializer, Duration, Serializer, whole};

        pub(crate) fn serialize<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
            match span {
                Some(span) => to.serialize_some(&whole(span)),
                None => to.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
            Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
        }
    }
}

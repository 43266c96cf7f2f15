//! What a control request waits for: a state of the service that means "done" or "will not be".

use std::sync::mpsc::Sender;

use abide_spec::Exit;

use crate::control::{Answer, Done, Refusal};
use crate::status::Status;

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The program runs and is ready.
    Started,
    /// A run of the program later than this one is ready.
    Restarted {
        /// The run that was current when the restart was asked for.
        after: u64,
    },
    /// The program and its whole tree are gone.
    Stopped,
    /// The program is suspended.
    Paused,
    /// The program runs again.
    Continued,
}

/// Whether a goal is reached.
#[derive(Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Not yet.
    Waiting,
    /// It is so.
    Reached(String),
    /// It will not be so by itself.
    Missed(Refusal),
}

impl Goal {
    /// Looks whether the goal is reached in `status`, `run` being the number of the program's run.
    pub fn outlook(self, status: &Status, run: u64) -> Outlook {
        let name = &status.name;
        let why = || status.why.clone().unwrap_or_else(|| "nothing is known of why".into());
        let ended = matches!(status.state.as_str(), "stopped" | "failed");
        let miss = |what: &str| {
            Outlook::Missed(Refusal::new(
                format!("{name} {what}: {}", why()),
                format!("`abide events {name}` and `abide logs {name}` tell more"),
            ))
        };
        match self {
            Self::Started | Self::Restarted { .. } => {
                let old = matches!(self, Self::Restarted { after } if run <= after);
                match status.state.as_str() {
                    "running" if status.ready && !old => Outlook::Reached(format!("{name} is running")),
                    "stopped" if !old && status.last_exit == Some(Exit::Code(0)) => {
                        Outlook::Reached(format!("{name} ran and has ended: {}", why()))
                    }
                    "stopped" | "failed" if !old => miss("did not start"),
                    _ => Outlook::Waiting,
                }
            }
            Self::Stopped if ended => Outlook::Reached(format!("{name} is stopped")),
            Self::Paused if status.state == "paused" => Outlook::Reached(format!("{name} is paused")),
            Self::Continued if status.state == "running" => Outlook::Reached(format!("{name} is running")),
            Self::Paused | Self::Continued if ended => miss("is not running"),
            _ => Outlook::Waiting,
        }
    }
}

/// Somebody who waits for a goal of one service.
#[derive(Debug)]
pub struct Waiter {
    /// What for.
    pub goal: Goal,
    /// Where the answer goes.
    pub reply: Sender<Answer>,
}

impl Waiter {
    /// Tells what happened meanwhile. False when nobody listens any more.
    pub fn progress(&self, text: &str) -> bool {
        self.reply.send(Answer::Progress(text.to_owned())).is_ok()
    }

    /// Answers if the goal is reached or missed. True when answered.
    pub fn answer(&self, status: &Status, run: u64) -> bool {
        let answer = match self.goal.outlook(status, run) {
            Outlook::Waiting => return false,
            Outlook::Reached(text) => Answer::Done(Box::new(Done { text, status: status.clone() })),
            Outlook::Missed(refusal) => Answer::Error(refusal),
        };
        // Whoever asked may have gone; then nobody needs the answer.
        let _ = self.reply.send(answer);
        true
    }
}

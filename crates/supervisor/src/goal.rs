//! What a control request waits for: a state of the service that means "done" or "will not be".

use std::sync::mpsc::Sender;

use abide_spec::Exit;

use crate::control::{Answer, Done, Refusal};
use crate::status::Status;

/// What somebody waits for. `run` is the run of the program that was current when they asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The program runs and is ready.
    Started,
    /// A later run of the program is ready.
    Restarted {
        /// The run at the time of asking.
        run: u64,
    },
    /// The program and its whole tree are gone.
    Stopped {
        /// The run at the time of asking.
        run: u64,
    },
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
        let tell_more = || format!("`abide events {name}` and `abide logs {name}` tell more");
        let state = status.state.as_str();
        match (self, state) {
            (Self::Restarted { run: old }, "running" | "paused") if run <= old => Outlook::Waiting,
            (Self::Restarted { run: old }, "stopped" | "failed") if run <= old => Outlook::Missed(
                Refusal::new(format!("{name} was stopped meanwhile, by another request"), tell_more()),
            ),
            (Self::Started | Self::Restarted { .. }, "running") if status.ready => {
                Outlook::Reached(format!("{name} is running"))
            }
            (Self::Started | Self::Restarted { .. }, "paused") => {
                Outlook::Reached(format!("{name} is paused"))
            }
            (Self::Started | Self::Restarted { .. }, "stopped")
                if status.last_exit == Some(Exit::Code(0)) =>
            {
                Outlook::Reached(format!("{name} ran and has ended: {}", why()))
            }
            (Self::Started | Self::Restarted { .. }, "stopped" | "failed") => {
                Outlook::Missed(Refusal::new(format!("{name} did not start: {}", why()), tell_more()))
            }
            (Self::Stopped { .. }, "stopped" | "failed") => Outlook::Reached(format!("{name} is stopped")),
            (Self::Stopped { run: old }, _) if run > old => Outlook::Missed(Refusal::new(
                format!("{name} was stopped, and started again meanwhile by another request"),
                format!("`abide stop {name}` stops it again"),
            )),
            (Self::Paused, "paused") => Outlook::Reached(format!("{name} is paused")),
            (Self::Continued, "running") => Outlook::Reached(format!("{name} is running")),
            // Both take effect at once or not at all.
            (Self::Paused, _) => Outlook::Missed(Refusal::new(
                format!("{name} is {state} and cannot be paused"),
                format!("`abide status {name}` tells when it runs"),
            )),
            (Self::Continued, _) => Outlook::Missed(Refusal::new(
                format!("{name} is {state}, not paused"),
                format!("`abide start {name}` starts a service that is stopped"),
            )),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str, ready: bool) -> Status {
        let name = "web".parse().unwrap();
        Status { ready, ..Status::never_ran(&name, state) }
    }

    #[test]
    fn every_goal_ends_in_every_state_of_rest() {
        for goal in [
            Goal::Started,
            Goal::Restarted { run: 1 },
            Goal::Stopped { run: 1 },
            Goal::Paused,
            Goal::Continued,
        ] {
            for state in ["stopped", "failed"] {
                for run in [1, 2] {
                    assert_ne!(
                        goal.outlook(&status(state, false), run),
                        Outlook::Waiting,
                        "{goal:?} {state} {run}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_restart_waits_for_a_later_run() {
        let goal = Goal::Restarted { run: 1 };
        assert_eq!(goal.outlook(&status("running", true), 1), Outlook::Waiting);
        assert_eq!(goal.outlook(&status("stopping", false), 1), Outlook::Waiting);
        assert_eq!(goal.outlook(&status("starting", false), 2), Outlook::Waiting);
        assert!(matches!(goal.outlook(&status("running", true), 2), Outlook::Reached(_)));
    }

    #[test]
    fn a_request_that_another_undoes_is_told_so() {
        let told = |outlook| match outlook {
            Outlook::Missed(refusal) => refusal.error,
            other => panic!("{other:?}"),
        };
        assert!(
            told(Goal::Restarted { run: 1 }.outlook(&status("stopped", false), 1))
                .contains("another request")
        );
        assert!(
            told(Goal::Stopped { run: 1 }.outlook(&status("starting", false), 2)).contains("another request")
        );
    }
}

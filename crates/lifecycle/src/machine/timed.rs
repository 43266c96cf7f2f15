//! What becomes due by the passing of time alone.

use crate::machine::{CLEAR_TRIES, KILL_TRIES, KILL_WAIT, Machine};
use crate::{Action, Fault, Moment, Phase, Record, State};

impl Machine {
    /// When [`Event::Due`](crate::Event::Due) is to be delivered next; may have passed already. `None` when only an
    /// event from outside changes anything.
    pub fn due(&self) -> Option<Moment> {
        match &self.state {
            State::Starting { pid: Some(_), .. } => {
                self.policy.ready_timeout.map(|timeout| self.spawned_at + timeout)
            }
            State::Running { .. } if self.failures > 0 => {
                Some(self.up_since + self.policy.restart.reset_after.get())
            }
            State::BackingOff { until, .. } => Some(*until),
            State::Stopping { phase, .. } => match phase {
                Phase::Spawning => None,
                Phase::Step { until, .. } | Phase::Killing { until, .. } | Phase::Clearing { until, .. } => {
                    Some(*until)
                }
            },
            State::Stopped { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Paused { .. }
            | State::Failed { .. } => None,
        }
    }

    pub(super) fn on_due(&mut self) {
        if self.due().is_none_or(|due| self.now < due) {
            return;
        }
        match &mut self.state {
            State::Starting { .. } => self.ready_timed_out(),
            State::Running { .. } => self.settle(),
            State::BackingOff { .. } => self.spawn_by_itself(),
            State::Stopping { phase: Phase::Step { index, .. }, .. } => {
                let next = *index + 1;
                self.run_stop_step(next);
            }
            State::Stopping { pid: Some(pid), phase: Phase::Killing { tries, until, .. }, then, .. } => {
                let pid = *pid;
                if *tries >= KILL_TRIES {
                    let then = then.clone();
                    return self.outlived_kill(pid, then);
                }
                *tries += 1;
                *until = self.now + KILL_WAIT;
                let tries = *tries;
                self.act(Action::KillTree);
                self.tell(Record::KilledAgain { pid, tries });
            }
            State::Stopping { phase: Phase::Clearing { tries, until }, then, .. } => {
                let after = self.now.since(self.ended_at);
                if *tries >= CLEAR_TRIES {
                    let then = then.clone();
                    self.tell(Record::LeftBehind { after });
                    return self.follow(then);
                }
                *tries += 1;
                *until = self.now + KILL_WAIT;
                self.act(Action::KillTree);
                self.tell(Record::LeftoversStay { after });
            }
            State::Stopping { .. } | State::Stopped { .. } | State::Paused { .. } | State::Failed { .. } => {}
        }
    }

    fn ready_timed_out(&mut self) {
        let Some(timeout) = self.policy.ready_timeout else { return };
        let allowed = self.policy.restarts_after_fault();
        let (next, then) = self.judge(Fault::NotReady { timeout }, true, allowed);
        self.tell(Record::NotReady { timeout, next });
        self.begin_stop(then);
    }
}

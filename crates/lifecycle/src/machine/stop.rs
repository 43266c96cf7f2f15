//! The stop ladder.

use abide_spec::StopAction;

use crate::machine::{KILL_WAIT, Machine};
use crate::policy::kills_tree;
use crate::{Action, FailReason, Phase, Record, State, Then};

impl Machine {
    /// Begins the stop of a program that is starting, running or paused.
    pub(super) fn begin_stop(&mut self, then: Then) {
        self.cancel_probes();
        if matches!(self.state, State::Paused { .. }) {
            // A suspended program could not answer a request to end.
            self.act(Action::Resume);
        }
        let pid = self.state.pid();
        self.state = State::Stopping { since: self.now, pid, phase: Phase::Spawning, then };
        if pid.is_some() {
            self.run_stop_step(0);
        }
    }

    /// Runs the step of this index; beyond the last one there is only that one again.
    pub(super) fn run_stop_step(&mut self, index: usize) {
        let index = index.min(self.policy.steps.len().saturating_sub(1));
        let (Some(step), State::Stopping { phase, .. }) = (self.policy.steps.get(index), &mut self.state)
        else {
            return;
        };
        let kill = matches!(step.action, StopAction::Kill(_));
        let wait = if kill { KILL_WAIT } else { step.wait.get() };
        let until = self.now + wait;
        *phase = if kills_tree(step) {
            Phase::Killing { index, tries: 1, until }
        } else {
            Phase::Step { index, until }
        };
        let told = (!kill).then_some(wait);
        let record = Record::StopStep { index, step: step.action.to_string(), wait: told };
        self.act(Action::StopStep { index });
        self.tell(record);
    }

    pub(super) fn step_failed(&mut self, failed: usize, message: String) {
        let (index, last) = match self.state {
            State::Stopping { phase: Phase::Step { index, .. }, .. } if index == failed => (index, false),
            // The kill itself; it is tried again when due.
            State::Stopping { phase: Phase::Killing { index, .. }, .. } if index == failed => (index, true),
            _ => return self.ignore("step-failed", "not the step that is being taken"),
        };
        let step = self.step_label(index);
        self.tell(Record::StepFailed { index, step, message });
        if !last {
            self.run_stop_step(index + 1);
        }
    }

    /// The program had its time after the last kill and is still there.
    pub(super) fn outlived_kill(&mut self, pid: u32, then: Then) {
        let why = FailReason::WontDie { pid };
        self.stuck = Some(then);
        self.exit = None;
        self.state = State::Failed { why: why.clone(), exit: None };
        self.tell(Record::Failed { reason: why });
    }

    pub(super) fn step_label(&self, index: usize) -> String {
        self.policy.steps.get(index).map(|step| step.action.to_string()).unwrap_or_default()
    }
}

//! What the spec asks of the machine, and nothing else of the spec.

use std::time::Duration;

use abide_spec::{Exit, Family, KillScope, Restart, Spec, StopAction, StopStep, Then, When};

use crate::backoff::base_delay;

/// Everything of a spec that decides what the machine does, for one family of operating systems.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Which ends of the program are followed by a restart, how soon, and how often.
    pub restart: Restart,
    /// The stop ladder. [`Machine::new`](crate::Machine::new) cuts it after the first kill of the tree and appends
    /// one where there is none, so that it always ends. Which family a step is for no longer matters here.
    pub steps: Vec<StopStep>,
    /// The time a program has to become ready; `None` when it counts as ready once executed.
    pub ready_timeout: Option<Duration>,
    /// The health probes, in the spec's order.
    pub health: Vec<HealthRule>,
    /// Whether the spec says how to reload.
    pub reloads: bool,
}

/// What follows when a health probe calls the program unhealthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRule {
    /// The probe in words, for the events: `http http://127.0.0.1:9000/healthz`.
    pub label: String,
    /// What becomes of the unhealthy program.
    pub then: Then,
}

impl Policy {
    /// The policy of `spec` on `family`.
    pub fn from_spec(spec: &Spec, family: Family) -> Self {
        Policy {
            restart: spec.restart.clone(),
            steps: spec.effective_stop(family),
            ready_timeout: spec.start.ready.as_ref().map(|ready| ready.timeout.get()),
            health: spec
                .health
                .iter()
                .map(|health| HealthRule { label: health.probe.to_string(), then: health.then })
                .collect(),
            reloads: spec.reload.is_some(),
        }
    }

    /// How soon after its first end a program that dies at once is given up on: the sum of the delays in between,
    /// without jitter. `None` when it never is: because `give-up` is false, nothing is restarted, or the delays are
    /// so long that the window is never filled.
    pub fn gives_up_after(&self) -> Option<Duration> {
        let rule = self.restart.give_up.filter(|_| self.restart.when != When::Never)?;
        let (gaps, within) = (rule.after.max(1) - 1, rule.within.get());
        // Delays that still grow after so many failures grow too slowly to matter.
        let each = gaps.min(1_000);
        let sum = (1..=each)
            .map(|failures| base_delay(&self.restart.delay, failures))
            .fold(Duration::ZERO, Duration::saturating_add);
        let rest = base_delay(&self.restart.delay, each).saturating_mul(gaps - each);
        Some(sum.saturating_add(rest)).filter(|total| *total <= within)
    }

    /// Whether a program that ended with `exit` is to be restarted. `failed` tells whether that end counts as a
    /// failure, which even a success code is while the program is not ready yet.
    pub(crate) fn restarts_after(&self, exit: &Exit, failed: bool) -> bool {
        // Signals, and codes that are no success, the rule of the spec takes for failures already.
        let failed_code =
            matches!(exit, Exit::Code(code) if failed && !self.restart.codes.never.contains(code));
        self.restart.wants(exit) || (failed_code && self.restart.when == When::OnFailure)
    }

    /// Whether a restart follows a fault that is no end of the program: it could not be executed, or did not become
    /// ready in time, or is unhealthy.
    pub(crate) fn restarts_after_fault(&self) -> bool {
        self.restart.when != When::Never
    }

    pub(crate) fn is_success(&self, exit: &Exit) -> bool {
        exit.success(&self.restart.success_codes)
    }

    pub(crate) fn close_ladder(&mut self) {
        match self.steps.iter().position(kills_tree) {
            Some(last) => self.steps.truncate(last + 1),
            None => self.steps.push(StopStep::KILL_TREE),
        }
    }
}

pub(crate) fn kills_tree(step: &StopStep) -> bool {
    step.action == StopAction::Kill(KillScope::Tree)
}

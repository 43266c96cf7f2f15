//! The machine: what is remembered of one service, and the way from an event to its actions.

mod asked;
mod reported;
mod stop;
mod timed;

use std::time::Duration;

use abide_spec::Exit;

use crate::backoff::{Random, spread_delay};
use crate::window::Window;
use crate::{Action, Event, FailReason, Fault, Moment, Next, Policy, Record, State, StopReason, Then};

/// How long a killed process has to be gone before it is killed again.
pub(crate) const KILL_WAIT: Duration = Duration::from_secs(2);
/// How many times a program is killed before it is given up on as one that does not die.
pub(crate) const KILL_TRIES: u32 = 5;
/// How many times leftovers of an ended program are killed before they are left behind.
pub(crate) const CLEAR_TRIES: u32 = 2;

/// The supervision state machine of one service.
///
/// Its size does not grow with the events it has seen: beside its policy it keeps at most
/// [`GiveUp::after`](abide_spec::GiveUp::after) moments.
#[derive(Clone, Debug)]
pub struct Machine {
    policy: Policy,
    state: State,
    random: Random,
    window: Window,
    /// The latest `now`; time never runs backwards here, whatever the caller's clock does.
    now: Moment,
    /// What the current step has produced so far; empty between steps.
    out: Vec<Action>,
    /// Set by a shutdown, and never cleared: nothing is started any more.
    closing: bool,
    /// Whether probes have been begun and not cancelled.
    probing: bool,
    /// Failures since the last stable time, or start that was asked for: the exponent of the delay.
    failures: u32,
    /// Number of the current attempt, from 1 at a start that was asked for.
    attempt: u32,
    /// Automatic restarts since the machine was made.
    restarts: u32,
    /// When the program was executed last.
    spawned_at: Moment,
    /// When the program ended last, or could not be executed.
    ended_at: Moment,
    /// When the program became ready, or went on after a pause: since when it counts as up.
    up_since: Moment,
    /// When the program became ready for the first time in this run.
    ready_at: Moment,
    /// How the last run ended.
    exit: Option<Exit>,
    /// The health probes that call the program unhealthy and are only to be reported.
    unhealthy: Vec<usize>,
    /// What follows should a program that did not die when killed end after all.
    stuck: Option<Then>,
}

impl Machine {
    /// A machine for a service that is stopped. `seed` decides the jitter of its delays: the same seed and the same
    /// events give the same actions.
    pub fn new(mut policy: Policy, seed: u64) -> Machine {
        policy.close_ladder();
        Machine {
            policy,
            state: State::Stopped { why: StopReason::NotStarted, exit: None },
            random: Random::new(seed),
            window: Window::default(),
            now: Moment::ORIGIN,
            out: Vec::new(),
            closing: false,
            probing: false,
            failures: 0,
            attempt: 1,
            restarts: 0,
            spawned_at: Moment::ORIGIN,
            ended_at: Moment::ORIGIN,
            up_since: Moment::ORIGIN,
            ready_at: Moment::ORIGIN,
            exit: None,
            unhealthy: Vec::new(),
            stuck: None,
        }
    }

    /// Takes in one event and returns what is to be done, in order. Legal with every event in every state.
    ///
    /// `now` must come from a monotonic clock; should it run backwards, the latest moment seen so far is used.
    pub fn step(&mut self, event: Event, now: Moment) -> Vec<Action> {
        self.now = self.now.max(now);
        match event {
            Event::Start => self.start(),
            Event::Stop => self.stop(),
            Event::Restart(cause) => self.restart(cause),
            Event::Pause => self.pause(),
            Event::Continue => self.resume(),
            Event::Reload => self.reload(),
            Event::Shutdown => self.shutdown(),
            Event::Spawned { pid } => self.spawned(pid),
            Event::SpawnFailed { message } => self.spawn_failed(message),
            Event::Exited { pid, exit } => self.exited(pid, exit),
            Event::TreeGone { pid } => self.tree_gone(pid),
            Event::Ready => self.ready(),
            Event::Unready { detail } => self.unready(detail),
            Event::Unhealthy { probe, detail } => self.unhealthy(probe, detail),
            Event::Healthy { probe } => self.healthy(probe),
            Event::StepFailed { index, message } => self.step_failed(index, message),
            Event::Due => self.on_due(),
        }
        std::mem::take(&mut self.out)
    }

    /// The policy, its stop ladder completed by a kill of the tree.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where the service stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Failures since the program was last up for the policy's `reset_after`, or was started by request.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Automatic restarts since the machine was made; restarts that were asked for are not among them.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// When the next attempt is made, while backing off.
    pub fn next_start(&self) -> Option<Moment> {
        match self.state {
            State::BackingOff { until, .. } => Some(until),
            _ => None,
        }
    }

    /// When the program that runs now was executed.
    pub fn started_at(&self) -> Option<Moment> {
        self.state.pid().map(|_| self.spawned_at)
    }

    /// How the last run ended, once there was one.
    pub fn last_exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    /// Whether a shutdown has been taken in: nothing will be started any more.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether a shutdown has been carried out: the driver may end.
    pub fn is_over(&self) -> bool {
        self.closing && self.state.is_at_rest()
    }

    fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    fn tell(&mut self, record: Record) {
        self.out.push(Action::Record(record));
    }

    fn ignore(&mut self, event: &'static str, why: &'static str) {
        let state = self.state.name();
        self.tell(Record::Ignored { event: event.into(), state: state.into(), why: why.into() });
    }

    fn cancel_probes(&mut self) {
        if std::mem::take(&mut self.probing) {
            self.act(Action::CancelProbes);
        }
    }

    fn probe_health(&mut self) {
        self.unhealthy = Vec::new();
        if !self.policy.health.is_empty() {
            self.probing = true;
            self.act(Action::ProbeHealth);
        }
    }

    /// Forgets earlier failures, as a start that was asked for does.
    fn wipe_slate(&mut self) {
        self.failures = 0;
        self.attempt = 1;
        self.window.clear();
    }

    fn spawn(&mut self) {
        self.stuck = None;
        self.state = State::Starting { since: self.now, pid: None };
        self.act(Action::Spawn { attempt: self.attempt });
        self.tell(Record::Starting { attempt: self.attempt });
    }

    fn spawn_by_itself(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
        self.restarts = self.restarts.saturating_add(1);
        self.spawn();
    }

    /// Forgets earlier failures in the delay, when the program has been up long enough.
    fn settle(&mut self) {
        let up = self.now.since(self.up_since);
        if matches!(self.state, State::Running { .. })
            && self.failures > 0
            && up >= self.policy.restart.reset_after.get()
        {
            let failures = std::mem::take(&mut self.failures);
            self.tell(Record::Stable { after: up, failures });
        }
    }

    /// Decides what follows a fault, or a clean end (`failed` is false), given whether the restart rule allows a
    /// restart. Every automatic restart counts in the give-up window, after a clean end too: a program that ends at
    /// once with success under `always` would otherwise run for ever.
    fn judge(&mut self, fault: Fault, failed: bool, allowed: bool) -> (Next, Then) {
        match (allowed, failed) {
            (false, true) => return (Next::Fail, Then::Fail { why: FailReason::NoRestart { fault } }),
            (false, false) => return (Next::Finish, Then::Stop { why: StopReason::Finished }),
            (true, true) => self.failures = self.failures.saturating_add(1),
            (true, false) => {}
        }
        let delay = spread_delay(
            &self.policy.restart.delay,
            if failed { self.failures } else { 1 },
            &mut self.random,
        );
        let Some(rule) = &self.policy.restart.give_up else {
            let count = if failed { self.failures } else { self.attempt };
            return (Next::Restart { delay, failure: failed, count, limit: None }, Then::BackOff { delay });
        };
        let (limit, within) = (rule.after.max(1), rule.within.get());
        let count = self.window.add(self.now, rule);
        if count >= limit {
            return (
                Next::GiveUp { count, within },
                Then::Fail { why: FailReason::GaveUp { count, within, fault } },
            );
        }
        (Next::Restart { delay, failure: failed, count, limit: Some(limit) }, Then::BackOff { delay })
    }

    /// Does what was to follow the stop that just ended.
    fn follow(&mut self, then: Then) {
        match then {
            Then::Stop { why } => {
                self.state = State::Stopped { why, exit: self.exit };
                self.tell(Record::Stopped { why });
            }
            Then::Start => {
                self.wipe_slate();
                self.spawn();
            }
            Then::BackOff { delay } => {
                let until = self.ended_at + delay;
                if until <= self.now {
                    self.spawn_by_itself();
                } else {
                    let attempt = self.attempt.saturating_add(1);
                    self.state = State::BackingOff { since: self.now, until, attempt };
                }
            }
            Then::Fail { why } => {
                self.state = State::Failed { why: why.clone(), exit: self.exit };
                self.tell(Record::Failed { reason: why });
            }
        }
    }
}

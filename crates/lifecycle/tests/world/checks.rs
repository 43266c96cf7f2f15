//! What must always hold, as an observer keeps it who sees only events and actions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use abide_lifecycle::{Action, Event, Machine, Moment, Next, Phase, Policy, Record, State};
use abide_spec::StopAction;

use crate::world::programs::Programs;

#[derive(Clone, Default)]
pub struct Checks {
    /// Whether the last thing that was asked for is that the service runs.
    wanted: bool,
    shut_down: bool,
    probing: bool,
    suspended: bool,
    /// Failures as the delay has to see them.
    failures: u32,
    /// Ends and failures as the give-up window has to see them.
    counted: Vec<Moment>,
    restarts: u32,
    /// No automatic spawn before this.
    not_before: Moment,
    delay: Duration,
    /// Dues taken since the stop began, and where it began.
    stop_dues: u32,
    pub seen: BTreeSet<&'static str>,
    pub kinds: BTreeMap<&'static str, u32>,
    pub spawns: u32,
}

impl Checks {
    #[allow(clippy::too_many_arguments, reason = "one observer sees everything")]
    pub fn after_step(
        &mut self,
        policy: &Policy,
        before: &State,
        event: &Event,
        actions: &[Action],
        machine: &Machine,
        now: Moment,
        programs: &Programs,
    ) {
        self.wishes(event);
        let ignored = actions.iter().any(|a| matches!(a, Action::Record(Record::Ignored { .. })));
        if matches!(event, Event::Exited { .. } | Event::SpawnFailed { .. }) && !ignored {
            self.not_before = now;
        }
        if matches!((before, event), (State::Paused { pid, .. }, Event::Exited { pid: ended, .. }) if pid == ended)
        {
            // A suspension ends with the program.
            self.suspended = false;
        }
        for action in actions {
            match action {
                Action::Spawn { attempt } => self.spawn(*attempt, now, programs),
                Action::ProbeReadiness | Action::ProbeHealth => {
                    assert!(!self.probing, "probes begun twice");
                    self.probing = true;
                }
                Action::CancelProbes => {
                    assert!(self.probing, "probes cancelled that were not begun");
                    self.probing = false;
                }
                Action::Suspend => {
                    assert!(!self.suspended);
                    self.suspended = true;
                }
                Action::Resume => {
                    assert!(self.suspended);
                    self.suspended = false;
                }
                Action::StopStep { .. } => assert!(!self.suspended, "a suspended program is asked to end"),
                Action::KillTree | Action::RunReload => {}
                Action::Record(record) => self.record(record, policy, now),
            }
        }
        self.state(before, event, actions, machine);
    }

    fn wishes(&mut self, event: &Event) {
        match event {
            Event::Stop => self.wanted = false,
            Event::Shutdown => {
                self.wanted = false;
                self.shut_down = true;
            }
            Event::Start | Event::Restart(_) => self.wanted = !self.shut_down,
            _ => {}
        }
    }

    fn spawn(&mut self, attempt: u32, now: Moment, programs: &Programs) {
        assert!(programs.alive().is_empty(), "a second copy of {:?}", programs.alive());
        assert!(!programs.spawning, "a spawn while one is under way");
        assert!(self.wanted, "a start nobody wants");
        self.spawns += 1;
        self.suspended = false;
        if attempt == 1 {
            self.failures = 0;
            self.counted.clear();
        } else {
            self.restarts += 1;
            assert!(now >= self.not_before + self.delay, "restarted before its delay was over");
        }
    }

    fn record(&mut self, record: &Record, policy: &Policy, now: Moment) {
        assert!(!record.sentence().is_empty());
        let json = serde_json::to_value(record).unwrap();
        let kind = json["kind"].as_str().unwrap().to_owned();
        *self.kinds.entry(Box::leak(kind.into_boxed_str())).or_default() += 1;
        match record {
            Record::Stable { failures, .. } => {
                assert_eq!(*failures, self.failures);
                self.failures = 0;
            }
            Record::Exited { next, .. }
            | Record::SpawnFailed { next, .. }
            | Record::NotReady { next, .. }
            | Record::Unhealthy { next, .. } => self.judgement(next, policy, now),
            _ => {}
        }
    }

    /// Give-up is exact, and the delay within its bounds.
    fn judgement(&mut self, next: &Next, policy: &Policy, now: Moment) {
        let counts = matches!(next, Next::Restart { .. } | Next::GiveUp { .. });
        if !counts {
            return;
        }
        self.counted.push(now);
        let must_give_up = policy.restart.give_up.is_some_and(|rule| {
            let within = self.counted.iter().filter(|at| now.since(**at) <= rule.within.get()).count();
            within >= rule.after as usize
        });
        match next {
            Next::GiveUp { .. } => assert!(must_give_up, "gave up too early"),
            Next::Restart { delay, failure, .. } => {
                assert!(!must_give_up, "gave up too late");
                self.failures += u32::from(*failure);
                let rule = &policy.restart.delay;
                let exponent = if *failure { self.failures - 1 } else { 0 };
                let base = (rule.initial.get().as_secs_f64() * rule.factor.powi(exponent as i32))
                    .min(rule.max.get().as_secs_f64());
                let seconds = delay.as_secs_f64();
                assert!(seconds >= base * (1.0 - rule.jitter) - 1e-6, "{seconds} below {base}");
                assert!(seconds <= base * (1.0 + rule.jitter) + 1e-6, "{seconds} above {base}");
                self.delay = *delay;
            }
            _ => {}
        }
    }

    fn state(&mut self, before: &State, event: &Event, actions: &[Action], machine: &Machine) {
        let state = machine.state();
        self.seen.insert(state.name());
        if let State::Stopping { phase, .. } = state {
            self.seen.insert(match phase {
                Phase::Spawning => "phase spawning",
                Phase::Step { .. } => "phase step",
                Phase::Killing { .. } => "phase killing",
                Phase::Clearing { .. } => "phase clearing",
            });
        }
        let waits = match state {
            State::BackingOff { .. } => true,
            State::Stopping { phase, .. } => *phase != Phase::Spawning,
            State::Starting { pid, .. } => pid.is_some(),
            _ => false,
        };
        assert!(!waits || machine.due().is_some(), "{state:?} waits for nothing");
        assert!(
            matches!(state, State::Starting { .. } | State::Running { .. }) || !self.probing,
            "probing {state:?}"
        );
        assert_eq!(matches!(state, State::Paused { .. }), self.suspended, "{state:?}");
        assert_eq!(machine.restarts(), self.restarts);

        // The ladder ends: each due of a stop takes it one rung further, and there are only so many.
        let policy = machine.policy();
        assert!(matches!(policy.steps.last().unwrap().action, StopAction::Kill(_)));
        match (before, state) {
            (State::Stopping { since: a, .. }, State::Stopping { since: b, .. }) if a == b => {
                self.stop_dues += u32::from(*event == Event::Due && !actions.is_empty());
                let most = policy.steps.len() as u32 + 5 + 2;
                assert!(self.stop_dues <= most, "the ladder does not end");
            }
            _ => self.stop_dues = 0,
        }
        // What changes nothing is said to have changed nothing.
        let ignored = actions.iter().any(|a| matches!(a, Action::Record(Record::Ignored { .. })));
        if ignored {
            assert_eq!(before, state, "{event:?} was ignored and changed the state");
        }
        if actions.is_empty() && before == state && *event != Event::Due {
            panic!("{event:?} in {before:?} left no trace");
        }
    }
}

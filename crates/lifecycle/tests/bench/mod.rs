//! A machine at hand: events by the line, actions and sentences back.

#![allow(clippy::unwrap_used, missing_docs, dead_code, reason = "test code")]

use std::time::Duration;

use abide_lifecycle::{Action, Event, Machine, Moment, Policy};
use abide_spec::{Exit, Family, Health, Name, Probe, Ready, Spec, Then};

/// A machine and its clock, with every answer of a prompt driver at hand.
pub struct Bench {
    pub machine: Machine,
    pub now: Moment,
    pub said: Vec<String>,
    pub pid: u32,
}

pub fn spec() -> Spec {
    Spec::minimal("orders".parse::<Name>().unwrap(), vec!["/srv/orders".into()])
}

/// Delays without jitter, so that they can be told exactly.
pub fn steady(mut spec: Spec) -> Spec {
    spec.restart.delay.jitter = 0.0;
    spec
}

pub fn ready_by_notify(mut spec: Spec) -> Spec {
    spec.start.ready = Some(Ready::new(Probe::Notify));
    spec
}

pub fn watched(mut spec: Spec, then: Then) -> Spec {
    spec.health.push(Health { then, ..Health::new(Probe::Notify) });
    spec
}

impl Bench {
    pub fn new(spec: Spec) -> Self {
        let machine = Machine::new(Policy::from_spec(&spec, Family::Unix), 1);
        Bench { machine, now: Moment::ORIGIN, said: Vec::new(), pid: 0 }
    }

    /// A bench whose program was started, and is running or waited for to become ready.
    pub fn started(spec: Spec) -> Self {
        let mut bench = Bench::new(spec);
        bench.feed(Event::Start);
        bench.spawned();
        bench.said.clear();
        bench
    }

    pub fn spawned(&mut self) -> Vec<Action> {
        self.pid += 1;
        self.feed(Event::Spawned { pid: self.pid })
    }

    pub fn pass(&mut self, ms: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(ms);
        self
    }

    /// The actions of one event without its records, which are kept as sentences.
    pub fn feed(&mut self, event: Event) -> Vec<Action> {
        let mut acts = Vec::new();
        for action in self.machine.step(event, self.now) {
            match action {
                Action::Record(record) => self.said.push(record.sentence()),
                act => acts.push(act),
            }
        }
        acts
    }

    pub fn exit(&mut self, exit: Exit) -> Vec<Action> {
        self.feed(Event::Exited { pid: self.pid, exit })
    }

    pub fn gone(&mut self) -> Vec<Action> {
        self.feed(Event::TreeGone { pid: self.pid })
    }

    pub fn name(&self) -> &'static str {
        self.machine.state().name()
    }

    pub fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }
}

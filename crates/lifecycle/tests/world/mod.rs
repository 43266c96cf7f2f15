//! A simulated world around the machine: programs that start late, die, hang, leave processes behind; a driver that
//! is slow; a clock that jumps; a user without manners. Every step is checked against what must always hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    dead_code,
    reason = "test code"
)]

pub mod checks;
pub mod programs;

use std::time::Duration;

use abide_lifecycle::{Action, Event, Machine, Moment, Policy, State};

use checks::Checks;
use programs::{Dice, Nature, Programs};

/// Something the user, the service manager or bad luck does.
#[derive(Clone, Debug)]
pub enum Deed {
    Ask(Event),
    /// An event that no longer means anything, of the kind the number picks.
    Stale(u8),
    /// The running program is killed by somebody else.
    Murder,
    /// The clock jumps forward: a suspended machine, a starved driver.
    Jump(Duration),
}

#[derive(Clone)]
pub struct World {
    pub machine: Machine,
    pub now: Moment,
    pub programs: Programs,
    pub checks: Checks,
    pub dice: Dice,
    /// Events on their way, by the moment they arrive and the order they were sent.
    queue: Vec<(Moment, u64, Event)>,
    sent: u64,
    /// Everything the machine took in and gave back.
    pub history: Vec<(Event, Moment, Vec<Action>)>,
    policy: Policy,
    seed: u64,
}

impl World {
    pub fn new(policy: Policy, nature: Nature, seed: u64) -> Self {
        World {
            machine: Machine::new(policy.clone(), seed),
            now: Moment::ORIGIN,
            programs: Programs::new(nature),
            checks: Checks::default(),
            dice: Dice::new(seed ^ 0x5eed),
            queue: Vec::new(),
            sent: 0,
            history: Vec::new(),
            policy,
            seed,
        }
    }

    pub fn do_deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Ask(event) => self.deliver(event.clone()),
            Deed::Murder => {
                if let Some(pid) = self.programs.running() {
                    let exit = self.programs.murder(pid);
                    self.deliver(Event::Exited { pid, exit });
                }
            }
            Deed::Jump(span) => self.now = self.now + *span,
            Deed::Stale(kind) => {
                let event = self.programs.stale(*kind, &mut self.dice, self.machine.state());
                if let Some(event) = event {
                    self.deliver(event);
                }
            }
        }
    }

    /// Lets time pass, delivering what becomes due and what arrives.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.next_moment().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.deliver_next();
        }
        self.now = self.now.max(end);
    }

    /// Lets time pass until the service is at rest; false when nothing more would happen, or not within `span`.
    pub fn pass_until_rest(&mut self, span: Duration) -> bool {
        let end = self.now + span;
        while !self.machine.state().is_at_rest() {
            let Some(at) = self.next_moment().filter(|at| *at <= end) else { return false };
            self.now = self.now.max(at);
            self.deliver_next();
        }
        true
    }

    fn next_moment(&self) -> Option<Moment> {
        let arrives = self.queue.iter().map(|(at, sent, _)| (*at, *sent)).min().map(|(at, _)| at);
        match (arrives, self.machine.due()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn deliver_next(&mut self) {
        let first =
            self.queue.iter().enumerate().min_by_key(|(_, (at, sent, _))| (*at, *sent)).map(|(i, _)| i);
        let due = self.machine.due().filter(|due| *due <= self.now);
        match first {
            // What arrived before the deadline is seen before it, as in a driver that drains its queue first.
            Some(i) if self.queue[i].0 <= self.now && due.is_none_or(|due| self.queue[i].0 <= due) => {
                let (_, _, event) = self.queue.remove(i);
                self.programs.happened(&event);
                self.deliver(event);
            }
            _ => self.deliver(Event::Due),
        }
    }

    /// Hands one event to the machine, checks the outcome and carries out the actions.
    fn deliver(&mut self, event: Event) {
        let before = self.machine.state().clone();
        let actions = self.machine.step(event.clone(), self.now);
        self.history.push((event.clone(), self.now, actions.clone()));
        self.checks.after_step(
            &self.policy,
            &before,
            &event,
            &actions,
            &self.machine,
            self.now,
            &self.programs,
        );
        for action in &actions {
            for (delay, answer) in self.programs.carry_out(action, &mut self.dice, self.machine.policy()) {
                self.sent += 1;
                self.queue.push((self.now + delay, self.sent, answer));
            }
        }
        if let State::Stopped { .. } = self.machine.state() {
            assert!(self.programs.alive().is_empty(), "stopped, and a program is alive");
        }
    }

    /// The same seed and the same events give the same actions.
    pub fn check_determinism(&self) {
        let mut again = Machine::new(self.policy.clone(), self.seed);
        for (event, at, actions) in &self.history {
            assert_eq!(&again.step(event.clone(), *at), actions);
        }
        assert_eq!(again.state(), self.machine.state());
    }
}

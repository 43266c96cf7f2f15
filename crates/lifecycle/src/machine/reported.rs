//! Events that report something: of the program's processes and of its probes.

use abide_spec::{self as spec, Exit};

use crate::machine::{KILL_WAIT, Machine};
use crate::{Action, Fault, Moment, Next, Phase, Record, State, Then};

impl Machine {
    pub(super) fn spawned(&mut self, new: u32) {
        match &mut self.state {
            State::Starting { pid: pid @ None, .. } => {
                *pid = Some(new);
                self.spawned_at = self.now;
                if self.policy.ready_timeout.is_some() {
                    self.probing = true;
                    self.act(Action::ProbeReadiness);
                    self.tell(Record::Started { pid: new });
                } else {
                    self.tell(Record::Started { pid: new });
                    self.run(new);
                }
            }
            State::Stopping { pid: pid @ None, phase: Phase::Spawning, .. } => {
                *pid = Some(new);
                self.spawned_at = self.now;
                self.tell(Record::Started { pid: new });
                self.run_stop_step(0);
            }
            _ => self.ignore("spawned", "nothing was being started"),
        }
    }

    pub(super) fn spawn_failed(&mut self, message: String) {
        match &mut self.state {
            State::Starting { pid: None, .. } => {
                self.ended_at = self.now;
                self.exit = None;
                let allowed = self.policy.restarts_after_fault();
                let (next, then) = self.judge(Fault::SpawnFailed { message: message.clone() }, true, allowed);
                self.tell(Record::SpawnFailed { message, next });
                self.follow(then);
            }
            State::Stopping { phase: Phase::Spawning, then, .. } => {
                let then = then.clone();
                self.ended_at = self.now;
                self.exit = None;
                self.tell(Record::SpawnFailed { message, next: Next::AsAsked });
                self.follow(then);
            }
            _ => self.ignore("spawn-failed", "nothing was being started"),
        }
    }

    pub(super) fn exited(&mut self, ended: u32, exit: Exit) {
        if self.state.pid() != Some(ended) {
            return self.ignore("exited", "not the process that is supervised");
        }
        match &self.state {
            State::Starting { .. } | State::Running { .. } | State::Paused { .. } => self.died(ended, exit),
            State::Stopping { since, phase, then, .. } => {
                let (Phase::Step { index, .. } | Phase::Killing { index, .. }) = *phase else {
                    return self.ignore("exited", "its end is known already");
                };
                let (after, then) = (self.now.since(*since), then.clone());
                let step = self.step_label(index);
                self.clear(ended, exit, *since, then);
                self.tell(Record::StoppedBy { pid: ended, index, step, exit, after });
            }
            State::Failed { .. } => {
                // Only a program that did not die when killed has a process id in this state.
                let Some(then) = self.stuck.take() else {
                    return self.ignore("exited", "its end is known already");
                };
                self.clear(ended, exit, self.now, then);
                self.tell(Record::DiedLate { pid: ended, exit });
            }
            State::Stopped { .. } | State::BackingOff { .. } => {
                self.ignore("exited", "not the process that is supervised");
            }
        }
    }

    /// The program ended by itself.
    fn died(&mut self, pid: u32, exit: Exit) {
        self.settle();
        let ready = !matches!(self.state, State::Starting { .. });
        let after = self.now.since(self.spawned_at);
        let failed = !ready || !self.policy.is_success(&exit);
        let allowed = self.policy.restarts_after(&exit, failed);
        let (next, then) = self.judge(Fault::Exited { exit }, failed, allowed);
        self.clear(pid, exit, self.now, then);
        self.tell(Record::Exited { pid, exit, after, ready, next });
    }

    /// The program is gone; kills what it left behind, and waits for that to be gone too.
    fn clear(&mut self, pid: u32, exit: Exit, since: Moment, then: Then) {
        self.cancel_probes();
        self.exit = Some(exit);
        self.ended_at = self.now;
        let phase = Phase::Clearing { tries: 1, until: self.now + KILL_WAIT };
        self.state = State::Stopping { since, pid: Some(pid), phase, then };
        self.act(Action::KillTree);
    }

    pub(super) fn tree_gone(&mut self, gone: u32) {
        match &self.state {
            State::Stopping { pid: Some(pid), phase: Phase::Clearing { .. }, then, .. } if *pid == gone => {
                let then = then.clone();
                self.follow(then);
            }
            _ => self.ignore("tree-gone", "not waited for"),
        }
    }

    pub(super) fn ready(&mut self) {
        match &mut self.state {
            State::Starting { pid: Some(pid), .. } => {
                let pid = *pid;
                self.cancel_probes();
                self.tell(Record::Ready { after: self.now.since(self.spawned_at) });
                self.run(pid);
            }
            State::Running { ready: ready @ false, .. } => {
                *ready = true;
                self.tell(Record::ReadyAgain);
            }
            State::Running { .. } => self.ignore("ready", "already ready"),
            _ => self.ignore("ready", "not waited for"),
        }
    }

    pub(super) fn unready(&mut self, detail: String) {
        match &mut self.state {
            State::Running { ready: ready @ true, .. } => {
                *ready = false;
                self.tell(Record::Unready { detail });
            }
            _ => self.ignore("unready", "not ready anyway"),
        }
    }

    /// The program counts as running from now on.
    fn run(&mut self, pid: u32) {
        self.up_since = self.now;
        self.ready_at = self.now;
        self.state = State::Running { since: self.now, pid, ready: true, healthy: true };
        self.probe_health();
    }

    pub(super) fn unhealthy(&mut self, probe: usize, detail: String) {
        let State::Running { healthy, .. } = &mut self.state else {
            return self.ignore("unhealthy", "not running");
        };
        let Some(rule) = self.policy.health.get(probe) else {
            return self.ignore("unhealthy", "no such health probe");
        };
        if self.unhealthy.contains(&probe) {
            return self.ignore("unhealthy", "known already");
        }
        let label = rule.label.clone();
        // `never` allows no restart by itself; a stop without one would only take the program away.
        if rule.then == spec::Then::Report || !self.policy.restarts_after_fault() {
            *healthy = false;
            self.unhealthy.push(probe);
            return self.tell(Record::Unhealthy { probe: label, detail, next: Next::Report });
        }
        self.settle();
        let fault = Fault::Unhealthy { probe: label.clone(), detail: detail.clone() };
        let (next, then) = self.judge(fault, true, true);
        self.tell(Record::Unhealthy { probe: label, detail, next });
        self.begin_stop(then);
    }

    pub(super) fn healthy(&mut self, probe: usize) {
        let State::Running { healthy, .. } = &mut self.state else {
            return self.ignore("healthy", "not running");
        };
        let Some(at) = self.unhealthy.iter().position(|known| *known == probe) else {
            return self.ignore("healthy", "not known to be unhealthy");
        };
        self.unhealthy.swap_remove(at);
        *healthy = self.unhealthy.is_empty();
        let probe = self.policy.health.get(probe).map(|rule| rule.label.clone()).unwrap_or_default();
        self.tell(Record::Healthy { probe });
    }
}

//! Events that ask for something: by the user, the service manager, the machine going down.

use crate::machine::{KILL_WAIT, Machine};
use crate::{Action, Cause, Phase, Record, State, StopReason, Then};

impl Machine {
    pub(super) fn start(&mut self) {
        if self.closing {
            return self.ignore("start", "shutting down");
        }
        match &mut self.state {
            State::Starting { .. } => self.ignore("start", "already starting"),
            State::Running { .. } => self.ignore("start", "already running"),
            State::Paused { .. } => self.ignore("start", "it is paused, and can be continued"),
            State::Stopping { then, .. } => {
                if *then == Then::Start {
                    return self.ignore("start", "a start follows already");
                }
                *then = Then::Start;
                self.tell(Record::StartQueued);
            }
            State::Failed { .. } if self.stuck.is_some() => {
                if self.stuck == Some(Then::Start) {
                    return self.ignore("start", "a start follows already, once the old process has ended");
                }
                self.stuck = Some(Then::Start);
                self.tell(Record::StartQueued);
            }
            State::Stopped { .. } | State::BackingOff { .. } | State::Failed { .. } => {
                self.wipe_slate();
                self.spawn();
            }
        }
    }

    pub(super) fn restart(&mut self, cause: Cause) {
        if self.closing {
            return self.ignore("restart", "shutting down");
        }
        match self.state {
            State::Starting { .. } | State::Running { .. } | State::Paused { .. } => {
                self.tell(Record::Restarting { cause });
                self.begin_stop(Then::Start);
            }
            State::Stopped { .. }
            | State::Stopping { .. }
            | State::BackingOff { .. }
            | State::Failed { .. } => {
                self.tell(Record::Restarting { cause });
                self.start();
            }
        }
    }

    pub(super) fn stop(&mut self) {
        self.stop_because("stop", StopReason::Asked);
    }

    pub(super) fn shutdown(&mut self) {
        if self.closing {
            return self.ignore("shutdown", "already shutting down");
        }
        self.closing = true;
        self.stop_because("shutdown", StopReason::Shutdown);
    }

    fn stop_because(&mut self, event: &'static str, why: StopReason) {
        match &mut self.state {
            State::Stopped { .. } if why == StopReason::Asked => self.ignore(event, "already stopped"),
            State::Failed { .. } if self.stuck.is_some() => self.kill_stuck(why),
            State::Stopped { .. } | State::BackingOff { .. } | State::Failed { .. } => {
                self.follow(Then::Stop { why });
            }
            State::Stopping {
                then: Then::Stop { why: StopReason::Asked | StopReason::Shutdown }, ..
            } if why == StopReason::Asked => {
                self.ignore(event, "already stopping");
            }
            State::Stopping { then, .. } => {
                *then = Then::Stop { why };
                self.tell(Record::Stopping { why });
            }
            State::Starting { .. } | State::Running { .. } | State::Paused { .. } => {
                self.tell(Record::Stopping { why });
                self.begin_stop(Then::Stop { why });
            }
        }
    }

    /// One more round of kills for a program that did not die in an earlier one.
    fn kill_stuck(&mut self, why: StopReason) {
        let pid = self.state.pid();
        let index = self.policy.steps.len().saturating_sub(1);
        self.stuck = None;
        self.state = State::Stopping {
            since: self.now,
            pid,
            phase: Phase::Killing { index, tries: 1, until: self.now + KILL_WAIT },
            then: Then::Stop { why },
        };
        self.act(Action::KillTree);
        self.tell(Record::Stopping { why });
    }

    pub(super) fn pause(&mut self) {
        match self.state {
            State::Running { pid, ready, .. } => {
                // Up long enough before the pause is up long enough.
                self.settle();
                self.cancel_probes();
                self.state = State::Paused { since: self.now, pid, ready };
                self.act(Action::Suspend);
                self.tell(Record::Paused);
            }
            State::Starting { .. } => self.ignore("pause", "not ready yet"),
            State::Paused { .. } => self.ignore("pause", "already paused"),
            State::Stopped { .. }
            | State::Stopping { .. }
            | State::BackingOff { .. }
            | State::Failed { .. } => self.ignore("pause", "not running"),
        }
    }

    pub(super) fn resume(&mut self) {
        let State::Paused { pid, ready, .. } = self.state else {
            return self.ignore("continue", "not paused");
        };
        self.up_since = self.now;
        self.state = State::Running { since: self.ready_at, pid, ready, healthy: true };
        self.act(Action::Resume);
        self.probe_health();
        self.tell(Record::Continued);
    }

    pub(super) fn reload(&mut self) {
        match self.state {
            State::Running { .. } if !self.policy.reloads => {
                self.ignore("reload", "the spec has no reload");
            }
            State::Running { .. } => {
                self.act(Action::RunReload);
                self.tell(Record::Reloading);
            }
            State::Starting { .. } => self.ignore("reload", "not ready yet"),
            State::Paused { .. } => self.ignore("reload", "it is paused"),
            State::Stopped { .. }
            | State::Stopping { .. }
            | State::BackingOff { .. }
            | State::Failed { .. } => self.ignore("reload", "not running"),
        }
    }
}

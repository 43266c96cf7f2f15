//! Taking what happens: deaths, orders, signals, notifications.

use std::time::Instant;

use abide_lifecycle::{Event, State};
use abide_os::events::{NotifyId, OsSignal};
use abide_os::link::{ManagerKind, Order};
use abide_os::process::Tree;
use abide_spec::Exit;

use super::{DRAIN, Driver, Message, Task};
use crate::checks::Report;
use crate::service::{Kept, Service};

impl Driver {
    pub(super) fn exited(&mut self, pid: u32, exit: Exit) {
        if let Some(mut helper) = self.helpers.remove(&pid) {
            // What a helper leaves behind goes with it.
            let _ = helper.tree.kill();
            return self.helper_ended(helper.service, helper.task, exit);
        }
        let Some(index) = self.services.iter().position(|service| service.pid() == Some(pid)) else { return };
        let service = &mut self.services[index];
        service.last_exit = Some(exit);
        let (streams, deadline) = (service.take_streams(), Instant::now() + DRAIN);
        // The next program first: what the last one left behind loses nothing by waiting for that.
        self.deliver(index, Event::Exited { pid, exit });
        streams.into_iter().for_each(|id| self.outputs.drain(id, deadline));
    }

    pub(super) fn helper_ended(&mut self, index: usize, task: Task, exit: Exit) {
        let failure = (exit != Exit::Code(0)).then(|| format!("it ended with {exit}"));
        match task {
            Task::Check { id, run } => {
                let result = failure.map_or(Ok(()), Err);
                self.probed(Report { service: index, run, id, result });
            }
            Task::StopStep { index: step } => {
                if let Some(message) = failure {
                    self.deliver(
                        index,
                        Event::StepFailed {
                            index: step,
                            message: format!("the stop command failed: {message}"),
                        },
                    );
                }
            }
            Task::Reload => {
                let text = failure.map_or("the reload command succeeded".into(), |why| {
                    format!("the reload command failed: {why}")
                });
                self.services[index].keep(Kept::Note(text));
            }
            Task::Debug { on } => {
                let done = failure.map_or(Ok(()), |why| Err(format!("the debug command failed: {why}")));
                self.switched(index, on, done);
            }
        }
    }

    pub(super) fn trees_changed(&mut self) {
        for index in 0..self.services.len() {
            if let Some(pid) = self.services[index].take_gone_tree() {
                self.deliver(index, Event::TreeGone { pid });
            }
        }
    }

    pub(super) fn message(&mut self, message: Message) {
        match message {
            Message::Order(order) => self.order(order),
            Message::Request { service, verb, reply } => self.request(service, verb, reply),
            Message::Probed(report) => self.probed(report),
            Message::OutputChanged { service } => self.services[service].output_changed(Instant::now()),
            Message::Switched { service, on, result } => self.switched(service, on, result),
            Message::LogMatched { service, run } => {
                if self.services[service].run == run {
                    self.services[service].checks.end_readiness();
                    self.deliver(service, Event::Ready);
                }
            }
        }
    }

    pub(super) fn order(&mut self, order: Order) {
        match order {
            Order::Stop => self.end(&Event::Stop),
            Order::Shutdown => self.end(&Event::Shutdown),
            Order::Pause => self.deliver_to_all(&Event::Pause),
            Order::Continue => self.deliver_to_all(&Event::Continue),
            Order::Reload => self.deliver_to_all(&Event::Reload),
            Order::Rotate => self.services.iter_mut().for_each(Service::rotate),
            Order::Debug(on) => (0..self.services.len()).for_each(|index| self.debug(index, on, None)),
        }
    }

    pub(super) fn signal(&mut self, signal: OsSignal) {
        match signal {
            OsSignal::Terminate | OsSignal::Interrupt | OsSignal::Quit if self.ending.is_some() => {
                self.hurry()
            }
            // Service managers stop a service by a signal; a terminal means the end by all of these.
            OsSignal::Terminate if self.manager != ManagerKind::Foreground => self.end(&Event::Stop),
            OsSignal::Hangup if self.manager != ManagerKind::Foreground => self.order(Order::Reload),
            OsSignal::Terminate | OsSignal::Interrupt | OsSignal::Quit | OsSignal::Hangup => {
                self.end(&Event::Shutdown);
            }
            OsSignal::User1 => self.order(Order::Rotate),
            OsSignal::User2 => {
                let on = !self.services.iter().all(|service| service.debug);
                self.order(Order::Debug(on));
            }
        }
    }

    /// Asked a second time: kills at once.
    pub(super) fn hurry(&mut self) {
        for service in &mut self.services {
            if service.tree.is_some() {
                service.keep(Kept::Note("asked a second time: killing at once".into()));
                service.tree_act("killed", Tree::kill);
            }
        }
    }

    pub(super) fn deliver_to_all(&mut self, event: &Event) {
        for index in 0..self.services.len() {
            self.deliver(index, event.clone());
        }
    }

    /// Ends everything, last started first: a service stops once those that started after it are gone.
    pub(super) fn end(&mut self, event: &Event) {
        if self.ending.is_none() {
            self.ending = Some(event.clone());
            self.stop_those_in_turn();
        }
    }

    pub(super) fn stop_those_in_turn(&mut self) {
        let Some(event) = self.ending.clone() else { return };
        for index in 0..self.services.len() {
            let needed = self.services.iter().enumerate().any(|(other, service)| {
                other != index && service.waits_for.contains(&index) && !service.is_at_rest()
            });
            let service = &mut self.services[index];
            if !service.told_to_end && !needed {
                service.told_to_end = true;
                service.waiting = false;
                self.deliver(index, event.clone());
            }
        }
    }

    pub(super) fn notified(&mut self, socket: NotifyId, pid: Option<u32>, text: &str) {
        let Some(&index) = self.notifies.get(&socket) else { return };
        let service = &mut self.services[index];
        // Only the service's own processes may speak for it.
        if !pid.is_none_or(|pid| service.tree.as_mut().is_some_and(|tree| tree.contains(pid))) {
            return;
        }
        for line in text.lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => {
                    let service = &self.services[index];
                    let reloaded = matches!(service.machine.state(), State::Running { ready: false, .. });
                    if service.ready_by_notify() || reloaded {
                        self.services[index].checks.end_readiness();
                        self.deliver(index, Event::Ready);
                    }
                }
                Some(("RELOADING", "1")) => {
                    self.deliver(index, Event::Unready { detail: "reloading".into() })
                }
                Some(("STATUS", words)) => {
                    self.services[index].text = Some(words.to_owned());
                    self.services[index].dirty = true;
                }
                Some(("WATCHDOG", "1")) => self.services[index].checks.heard(Instant::now()),
                _ => {}
            }
        }
    }
}

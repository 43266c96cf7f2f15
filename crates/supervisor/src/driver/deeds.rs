//! Doing what the state machines say.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use abide_lifecycle::{Action, Event};
use abide_os::process::{ActError, Spawned, Tree};
use abide_spec::{Reload, StopAction};

use super::{Driver, Helper, Message, RELOAD_PATIENCE, Task};
use crate::service::Kept;

impl Driver {
    pub(super) fn deliver(&mut self, index: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now();
            for action in self.services[index].machine.step(event, now) {
                self.perform(index, action, &mut events);
            }
        }
        self.services[index].leave_behind();
        self.services[index].dirty = true;
    }

    pub(super) fn perform(&mut self, index: usize, action: Action, events: &mut VecDeque<Event>) {
        let service = &mut self.services[index];
        match action {
            Action::Spawn { .. } => events.push_back(self.spawn(index)),
            Action::StopStep { index: step } => {
                if let Err(message) = self.stop_step(index, step) {
                    events.push_back(Event::StepFailed { index: step, message });
                }
            }
            Action::KillTree => {
                service.tree_act("killed as a whole", Tree::kill);
                events.extend(service.take_gone_tree().map(|pid| Event::TreeGone { pid }));
            }
            Action::ProbeReadiness => service.checks.begin_readiness(Instant::now()),
            Action::ProbeHealth => service.checks.begin_health(Instant::now()),
            Action::CancelProbes => {
                service.checks.cancel();
                service.output.unwatch();
            }
            Action::Suspend => service.tree_act("suspended", Tree::suspend),
            Action::Resume => service.tree_act("resumed", Tree::resume),
            Action::RunReload => self.reload(index),
            Action::Record(record) => service.keep(Kept::Record(record)),
        }
    }

    pub(super) fn spawn(&mut self, index: usize) -> Event {
        let remote = self.events.remote();
        let service = &mut self.services[index];
        service.run += 1;
        let run = service.run;
        let launch = match service.plan().program() {
            Ok(launch) => launch,
            Err(error) => return Event::SpawnFailed { message: error.to_string() },
        };
        if let Some(text) = service.ready_text() {
            service.output.watch(&text, move || remote.send(Message::LogMatched { service: index, run }));
        }
        match Tree::spawn(&launch, &mut self.events) {
            Ok(Spawned { tree, output }) => {
                let pid = tree.pid();
                service.started = Some(SystemTime::now());
                service.tree = Some(tree);
                if let Some((stdout, stderr)) = output {
                    service.connect(&mut self.outputs, stdout, stderr);
                }
                Event::Spawned { pid }
            }
            Err(error) => Event::SpawnFailed { message: error.to_string() },
        }
    }

    pub(super) fn stop_step(&mut self, index: usize, step: usize) -> Result<(), String> {
        let service = &mut self.services[index];
        let Some(step_of_spec) = service.ladder.get(step).cloned() else {
            return Err(format!("the stop ladder has no step {step}"));
        };
        match &step_of_spec.action {
            StopAction::Command(command) => {
                let patience = step_of_spec.wait.into();
                self.help(index, command, Task::StopStep { index: step }, patience)
            }
            action => match service.tree.as_mut() {
                Some(tree) => match tree.act(action) {
                    Ok(()) | Err(ActError::Ended) => Ok(()),
                    Err(error) => Err(error.to_string()),
                },
                None => Ok(()),
            },
        }
    }

    pub(super) fn reload(&mut self, index: usize) {
        let service = &mut self.services[index];
        let done = match service.spec.reload.clone() {
            Some(Reload::Signal(signal)) => service.signal(&signal),
            Some(Reload::Command(command)) => self.help(index, &command, Task::Reload, RELOAD_PATIENCE),
            None => Ok(()),
        };
        if let Err(message) = done {
            self.services[index].keep(Kept::Note(format!("the reload failed: {message}")));
        }
    }

    /// Runs a helper program beside the service's program, with the same account and environment.
    pub(super) fn help(
        &mut self,
        index: usize,
        command: &[String],
        task: Task,
        patience: Duration,
    ) -> Result<(), String> {
        let service = &self.services[index];
        let launch = service.plan().helper(command, service.pid()).map_err(|error| error.to_string())?;
        let Spawned { tree, .. } =
            Tree::spawn(&launch, &mut self.events).map_err(|error| error.to_string())?;
        self.helpers
            .insert(tree.pid(), Helper { service: index, tree, task, until: Instant::now() + patience });
        Ok(())
    }
}

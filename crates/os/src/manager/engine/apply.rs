//! Making a plan so.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use abide_spec::{Name, RunAs};

use super::Engine;
use super::machine::{Work, account};
use crate::account::is_privileged;
use crate::fs::{hand_over, sweep_beside};
use crate::manager::apply::{Act, MakeDir, PutFile, Step, StepError, run};
use crate::manager::native::Native;
use crate::manager::shared;
use crate::manager::turns::Turn;
use crate::manager::{
    Applied, Level, ManagerError, Plan, Progress, ServiceManager as _, Watcher, accounts, start_budget,
    stop_budget,
};
use crate::process::Identity;

impl<N: Native> Engine<N> {
    pub(super) fn make_so(&self, plan: &Plan, watcher: &mut Watcher<'_>) -> Result<Applied, ManagerError> {
        if plan.blocked() {
            let findings = plan.findings(Level::Error).cloned().collect();
            return Err(ManagerError::Blocked { name: plan.service.clone(), findings });
        }
        if plan.is_empty() {
            return Ok(Applied::default());
        }
        self.may_change()?;
        let lock = shared::lock(&self.layout, &plan.service)?;
        let turn = Turn::to_use(&self.layout);
        let work = self.work(&plan.desired)?;
        if work.plan.blocked() || work.plan.changes != plan.changes {
            return Err(ManagerError::Changed { name: plan.service.clone() });
        }
        for (path, ..) in &work.write {
            sweep_beside(path);
        }
        let mut steps = self.steps(&work);
        let outcome = run(&mut steps, watcher);
        drop(steps);
        drop(turn);
        // The file would only be in the way of a later look at what is left.
        let _ = lock.remove();
        outcome?;
        let _turn = (!work.drop.is_empty()).then(|| Turn::to_remove(&self.layout));
        for path in work.drop.iter().filter(|path| !self.others_use(path, &plan.service)) {
            let _ = crate::fs::remove_file(path);
        }
        Ok(Applied { changed: true, restarted: work.restart })
    }

    /// Whether another service runs this copy of the supervisor, or is being changed and may have found it there.
    fn others_use(&self, copy: &Path, name: &Name) -> bool {
        let own = self.native.definition(name);
        let named = |(_, path, text): &(Name, PathBuf, String)| *path != own && shared::names(text, copy);
        shared::others_are_changed(&self.layout, name)
            || self.our_definitions().map_or(true, |ours| ours.iter().any(named))
    }

    fn steps<'a>(&'a self, work: &'a Work) -> Vec<Box<dyn Step + 'a>> {
        let name = &work.plan.service;
        let restarted = Rc::new(Cell::new(false));
        let mut steps: Vec<Box<dyn Step + 'a>> = Vec::new();
        // Taken back last of all: when the files are what they were, the manager is told again, and a service that was
        // stopped on the way runs as it did.
        steps.push(self.stock_step(work, &restarted));
        if let Some(account) = &work.account {
            steps.push(accounts::make_step(name, account));
        }
        if !work.write.is_empty() {
            steps.push(Box::new(MakeDir::new(&self.layout.specs, true)));
            let mut folders: Vec<_> = work.write.iter().filter_map(|(path, ..)| path.parent()).collect();
            folders.dedup();
            for folder in folders.into_iter().filter(|folder| *folder != self.layout.specs) {
                steps.push(Box::new(MakeDir::new(folder, false)));
            }
        }
        for (path, bytes, access) in &work.write {
            let step = PutFile::write(path, bytes.clone(), *access);
            let is_copy = work.copy.as_ref().is_some_and(|copy| copy.path == *path);
            steps.push(Box::new(if is_copy {
                // Another service that is installed meanwhile may have found it there.
                step.shared(|| self.others_use(path, name))
            } else {
                step
            }));
        }
        for path in &work.surplus {
            steps.push(Box::new(PutFile::remove(path)));
        }
        self.own_folders(work, &mut steps);
        if let Some(register) = work.register {
            steps.push(Box::new(Act::new(
                format!("make {} know {name}", self.native.kind()),
                move |_| self.native.register(name, register.after),
                move || match register.before {
                    // Done again by the first step, when its files are back.
                    Some(_) => Ok(()),
                    None => self.native.forget(name).map_err(|error| error.why),
                },
            )));
        }
        if work.restart {
            steps.push(self.restart_step(work, restarted));
        }
        steps
    }

    /// The folders of the service, before anything that is to write there is started.
    fn own_folders<'a>(&'a self, work: &'a Work, steps: &mut Vec<Box<dyn Step + 'a>>) {
        let spec = &work.plan.desired.spec;
        if work.register.is_none_or(|register| register.before.is_some()) {
            return;
        }
        let data = self.layout.state_of(&spec.name).join("data");
        steps.push(Box::new(MakeDir::new(&data, true)));
        steps.push(Box::new(MakeDir::new(&self.layout.logs_of(&spec.name), true)));
        let user = match &spec.account.run_as {
            RunAs::User(name) => Some(name.clone()),
            _ => account(self.native.kind(), spec, &self.layout),
        };
        // A supervisor does it itself.
        let Some(name) = user.filter(|_| !spec.program.supervised && is_privileged()) else { return };
        let identity = Identity::User { name, groups: spec.account.groups.clone() };
        steps.push(Box::new(Act::new(
            format!("give folder {} to the program", data.display()),
            move |_| hand_over(&data, &identity).map_err(|error| StepError::io(&data, &error)),
            || Ok(()),
        )));
    }

    fn stock_step<'a>(&'a self, work: &'a Work, restarted: &Rc<Cell<bool>>) -> Box<dyn Step + 'a> {
        let name = &work.plan.service;
        let restarted = Rc::clone(restarted);
        let before = work.register.and_then(|register| register.before);
        Box::new(Act::new(
            format!("take stock of {name}"),
            |_| Ok(()),
            move || {
                if let Some(mode) = before {
                    self.native.register(name, mode).map_err(|error| error.why)?;
                }
                if restarted.get() {
                    let wait = work.found.own_stop_budget(self.family());
                    self.run_restart(name, wait, &mut |_| {}).map_err(|error| error.to_string())?;
                }
                Ok(())
            },
        ))
    }

    fn restart_step<'a>(&'a self, work: &'a Work, restarted: Rc<Cell<bool>>) -> Box<dyn Step + 'a> {
        let name = &work.plan.service;
        let spec = &work.plan.desired.spec;
        let wait =
            start_budget(spec) + stop_budget(spec, self.family()) + work.found.own_stop_budget(self.family());
        Box::new(Act::new(
            format!("restart {name}"),
            move |say| {
                restarted.set(true);
                let mut tell = |progress: Progress<'_>| {
                    if let Progress::Status(text) = progress {
                        say(text);
                    }
                };
                self.run_restart(name, wait, &mut tell)
                    .map_err(|error| StepError { why: error.to_string(), hint: error.hint() })
            },
            || Ok(()),
        ))
    }
}

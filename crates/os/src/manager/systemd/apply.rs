//! Making a plan so.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::machine::Work;
use super::unit::variables_file;
use super::{Systemd, unit_of};
use crate::fs::{Access, Lock, sweep_beside};
use crate::manager::apply::{Act, MakeDir, PutFile, Step, StepError, run};
use crate::manager::shared;
use crate::manager::turns::Turn;
use crate::manager::{
    Applied, Level, ManagerError, Plan, ServiceManager as _, Watcher, start_budget, stop_budget,
};

impl Systemd {
    pub(super) fn make_so(&self, plan: &Plan, watcher: &mut Watcher<'_>) -> Result<Applied, ManagerError> {
        if plan.blocked() {
            let findings = plan.findings(Level::Error).cloned().collect();
            return Err(ManagerError::Blocked { name: plan.service.clone(), findings });
        }
        if plan.is_empty() {
            return Ok(Applied::default());
        }
        self.may_change()?;
        let lock = self.lock(&plan.service)?;
        let turn = Turn::to_use(&self.layout);
        let work = self.work(&plan.desired)?;
        if work.plan.blocked() || work.plan.changes != plan.changes {
            return Err(ManagerError::Changed { name: plan.service.clone() });
        }
        let variables = variables_file(&self.layout, &plan.service);
        for path in [self.unit_path(&plan.service), self.layout.spec(&plan.service), variables] {
            sweep_beside(&path);
        }
        if let Some(copy) = &work.copy {
            sweep_beside(&copy.path);
        }
        let mut steps = self.steps(&work);
        #[cfg(test)]
        if let Some(fault) = self.fault {
            crate::manager::apply::break_step(&mut steps, fault.step, fault.after);
        }
        let outcome = run(&mut steps, watcher);
        drop(steps);
        drop(turn);
        // The file would only be in the way of a later look at what is left.
        let _ = lock.remove();
        outcome?;
        if let Some(path) = &work.stale {
            let _ = crate::fs::remove_file(path);
        }
        let _turn = (!work.drop.is_empty()).then(|| Turn::to_remove(&self.layout));
        for path in work.drop.iter().filter(|path| !self.others_use(path, &plan.service)) {
            let _ = crate::fs::remove_file(path);
        }
        Ok(Applied { changed: true, restarted: work.restart })
    }

    /// Whether another service runs this copy of the supervisor, or is being changed and may have found it there.
    fn others_use(&self, copy: &Path, name: &abide_spec::Name) -> bool {
        let own = self.unit_path(name);
        let named = |(path, text): &(PathBuf, String)| *path != own && shared::names(text, copy);
        self.others_are_changed(name) || self.our_units().iter().any(named)
    }

    /// Keeps every other Abide from changing the same service meanwhile.
    pub(super) fn lock(&self, name: &abide_spec::Name) -> Result<Lock, ManagerError> {
        shared::lock(&self.layout, name)
    }

    /// Whether another service is being changed right now, which may count on what no unit names yet.
    pub(super) fn others_are_changed(&self, name: &abide_spec::Name) -> bool {
        shared::others_are_changed(&self.layout, name)
    }

    fn steps<'a>(&'a self, work: &'a Work) -> Vec<Box<dyn Step + 'a>> {
        let name = &work.plan.service;
        let unit = unit_of(name);
        let restarted = Rc::new(Cell::new(false));
        let mut steps: Vec<Box<dyn Step + 'a>> = Vec::new();
        if work.linger {
            steps.push(self.linger_step());
        }
        // Taken back last of all: when the files are what they were, systemd reads them again, and a service that was
        // stopped on the way runs as it did.
        steps.push(Box::new({
            let (restarted, unit) = (Rc::clone(&restarted), unit.clone());
            Act::new(
                format!("take stock of {unit}"),
                |_| Ok(()),
                move || {
                    if work.reload {
                        self.systemctl.call(&["daemon-reload"]).map_err(|error| error.to_string())?;
                    }
                    if restarted.get() {
                        let _ = self.systemctl.call(&["reset-failed", "--", &unit]);
                        self.systemctl.call(&["restart", "--", &unit]).map_err(|error| error.to_string())?;
                    }
                    Ok(())
                },
            )
        }));
        if !work.write.is_empty() {
            for (folder, private) in
                [(&self.layout.specs, true), (&self.layout.lib, false), (&self.layout.units, false)]
            {
                steps.push(Box::new(MakeDir::new(folder, private)));
            }
        }
        for folder in &work.folders {
            steps.push(Box::new(MakeDir::new(folder, true)));
        }
        for (path, bytes, access) in &work.write {
            let step = PutFile::write(path, bytes.clone(), *access);
            steps.push(Box::new(match access {
                // The supervisor's copy: another service that is installed meanwhile may have found it there.
                Access::Executable => step.shared(|| self.others_use(path, name)),
                _ => step,
            }));
        }
        if let Some(wanted) = work.enable {
            steps.push(self.enable_step(&unit, wanted));
        }
        if work.reload {
            steps.push(Box::new(Act::new(
                "make systemd read its units",
                |_| {
                    self.systemctl
                        .call(&["daemon-reload"])
                        .map(drop)
                        .map_err(|error| StepError::new(error.to_string()))
                },
                || Ok(()),
            )));
        }
        if work.restart {
            let wait = start_budget(&work.plan.desired.spec)
                + stop_budget(&work.plan.desired.spec, abide_spec::Family::Unix);
            steps.push(Box::new(Act::new(
                format!("restart {name}"),
                move |say| {
                    restarted.set(true);
                    let mut tell = |progress: crate::manager::Progress<'_>| {
                        if let crate::manager::Progress::Status(text) = progress {
                            say(text);
                        }
                    };
                    self.run_job("restart", name, wait, &mut tell)
                        .map_err(|error| StepError { why: error.to_string(), hint: error.hint() })
                },
                || Ok(()),
            )));
        }
        steps
    }

    fn enable_step<'a>(&'a self, unit: &str, wanted: bool) -> Box<dyn Step + 'a> {
        let verb = |on: bool| if on { "enable" } else { "disable" };
        let (forth, back) = (unit.to_owned(), unit.to_owned());
        Box::new(Act::new(
            format!("{} {unit} at boot", verb(wanted)),
            move |_| {
                self.systemctl
                    .call(&[verb(wanted), "--no-reload", "--quiet", "--", &forth])
                    .map(drop)
                    .map_err(|error| StepError::new(error.to_string()))
            },
            move || {
                self.systemctl
                    .call(&[verb(!wanted), "--no-reload", "--quiet", "--", &back])
                    .map(drop)
                    .map_err(|error| error.to_string())
            },
        ))
    }
}

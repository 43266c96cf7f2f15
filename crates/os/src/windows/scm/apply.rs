//! Making a plan so.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use abide_spec::{Family, Name, RunAs};

use super::machine::{APPLIED, Work};
use super::steps::{Configure, OpenUp, OwnFolder, PutCopy, folder_list, spec_list, step_error};
use super::{Scm, logon_right, registry};
use crate::manager::apply::{Act, MakeDir, PutFile, Step, StepError, run};
use crate::manager::shared::{lock, others_are_changed};
use crate::manager::{
    Applied, Level, ManagerError, Plan, Progress, ServiceManager as _, Watcher, start_budget, stop_budget,
};
use crate::windows::security::Sid;

impl Scm {
    pub(super) fn make_so(&self, plan: &Plan, watcher: &mut Watcher<'_>) -> Result<Applied, ManagerError> {
        if plan.blocked() {
            let findings = plan.findings(Level::Error).cloned().collect();
            return Err(ManagerError::Blocked { name: plan.service.clone(), findings });
        }
        if plan.is_empty() {
            return Ok(Applied::default());
        }
        self.may_change()?;
        let held = lock(&self.layout, &plan.service)?;
        drop(self.turn());
        let work = self.work(&plan.desired)?;
        if work.plan.blocked() || !self.says_the_same(&work.plan, plan) {
            return Err(ManagerError::Changed { name: plan.service.clone() });
        }
        let mut steps = self.steps(&work);
        let outcome = run(&mut steps, watcher);
        drop(steps);
        let _ = held.remove();
        outcome?;
        let applied = self.layout.state_of(&plan.service).join(APPLIED);
        // Only a later apply uses it, which does without where it can't be written.
        let _ = crate::fs::atomic_write(&applied, plan.desired.text.as_bytes(), crate::fs::Access::Private);
        for path in work.drop.iter().filter(|path| !self.others_use(path, &plan.service)) {
            let _ = crate::fs::remove_file(path);
        }
        Ok(Applied { changed: true, restarted: work.restart })
    }

    /// Whether two plans change the same, apart from the copies of the supervisor: those are shared, and another service
    /// that is changed at the same time may have brought or taken one.
    fn says_the_same(&self, one: &Plan, other: &Plan) -> bool {
        let shared = format!("file {}", self.layout.lib.display());
        let own = |plan: &Plan| {
            let changes = plan.changes.iter().filter(|change| !change.target.starts_with(&shared));
            changes.cloned().collect::<Vec<_>>()
        };
        own(one) == own(other)
    }

    /// Whether another service runs this copy of the supervisor, or is being installed and may have found it there.
    pub(super) fn others_use(&self, copy: &Path, name: &Name) -> bool {
        let file = copy.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        others_are_changed(&self.layout, name)
            || self
                .our_services()
                .is_ok_and(|ours| ours.iter().any(|(_, image_path)| image_path.contains(&file)))
    }

    fn steps<'a>(&'a self, work: &'a Work) -> Vec<Box<dyn Step + 'a>> {
        let spec = &work.plan.desired.spec;
        let name = &work.plan.service;
        let spec_file = self.layout.spec(name);
        let restarted = Rc::new(Cell::new(false));
        let mut steps: Vec<Box<dyn Step + 'a>> = Vec::new();
        // Taken back last of all: when everything is what it was, a service that was stopped on the way runs as it did.
        steps.push(Box::new({
            let restarted = Rc::clone(&restarted);
            let wait = start_budget(spec) + stop_budget(spec, Family::Windows);
            Act::new(
                format!("look at service {name}"),
                |_| Ok(()),
                move || {
                    if restarted.get() {
                        self.stop_then_start(name, wait, &mut |_| {}).map_err(|error| error.to_string())?;
                    }
                    Ok(())
                },
            )
        }));
        let layout = &self.layout;
        for (folder, private) in [
            (&layout.specs, true),
            (&layout.lib, false),
            (&layout.state, false),
            (&layout.logs, false),
            (&layout.run, false),
        ] {
            // Those that this service puts something into: a program without a supervisor needs fewer.
            let is_used = *folder == layout.specs
                || work.copy.as_ref().is_some_and(|copy| copy.path.starts_with(folder))
                || work.folders.iter().any(|own| own.starts_with(folder));
            if is_used && !folder.exists() {
                steps.push(Box::new(MakeDir::new(folder, private)));
            }
        }
        for folder in work.folders.iter().filter(|folder| work.open_up || !folder.exists()) {
            let list = folder_list(work.sid.as_deref());
            steps.push(Box::new(OwnFolder { path: folder.clone(), list, made: false }));
        }
        let put_copy = || {
            let copy = work.copy.as_ref()?;
            Some(Box::new(PutCopy::new(&copy.path, &copy.bytes, || self.others_use(&copy.path, name))))
        };
        steps.extend(put_copy().map(|step| step as Box<dyn Step + 'a>));
        for (path, bytes, access) in &work.files {
            steps.push(Box::new(PutFile::write(path, bytes.clone(), *access)));
        }
        if work.open_up || work.files.iter().any(|(path, ..)| *path == spec_file) {
            let list = spec_list(work.sid.as_deref());
            steps.push(Box::new(OpenUp { path: spec_file, list }));
        }
        if work.register_source {
            steps.push(source_step(name.as_str()));
        }
        if matches!(spec.account.run_as, RunAs::User(_)) && work.open_up {
            steps.push(logon_step(work));
        }
        if work.before.is_none() || !work.settings.is_empty() {
            steps.push(Box::new(Configure {
                name: name.as_str(),
                entry: &work.entry,
                before: work.before.as_ref(),
                settings: &work.settings,
                password_file: spec.account.password_file.as_deref(),
                made: false,
                done: Vec::new(),
            }));
        }
        // Before the service named it, another that was being removed may have taken it for nobody's.
        steps.extend(put_copy().map(|step| step as Box<dyn Step + 'a>));
        if work.restart {
            let wait = start_budget(spec) + stop_budget(spec, Family::Windows);
            steps.push(Box::new(Act::new(
                format!("restart {name}"),
                move |say| {
                    restarted.set(true);
                    let mut tell = |progress: Progress<'_>| {
                        if let Progress::Status(text) = progress {
                            say(text);
                        }
                    };
                    self.stop_then_start(name, wait, &mut tell)
                        .map_err(|error| StepError { why: error.to_string(), hint: error.hint() })
                },
                || Ok(()),
            )));
        }
        steps
    }
}

fn source_step<'a>(name: &'a str) -> Box<dyn Step + 'a> {
    let there_before = Cell::new(true);
    let there = Rc::new(there_before);
    let seen = Rc::clone(&there);
    Box::new(Act::new(
        format!("register {name} as a source of the Event Log"),
        move |_| {
            seen.set(
                registry::source(name).map_err(|error| step_error(&error))? != registry::Source::Missing,
            );
            registry::register_source(name).map_err(|error| step_error(&error))
        },
        move || {
            if there.get() {
                return Ok(());
            }
            registry::remove_source(name).map(drop).map_err(|error| error.to_string())
        },
    ))
}

fn logon_step(work: &Work) -> Box<dyn Step + '_> {
    let granted = Rc::new(Cell::new(false));
    let undo = Rc::clone(&granted);
    let sid = work.sid.as_deref().unwrap_or_default();
    Box::new(Act::new(
        format!("let {} log on as a service", work.entry.account),
        move |_| {
            let sid = Sid::parse(sid).map_err(|error| step_error(&error))?;
            granted.set(logon_right::grant(&sid).map_err(|error| step_error(&error))?);
            Ok(())
        },
        move || {
            if undo.replace(false) {
                Sid::parse(sid)
                    .and_then(|sid| logon_right::revoke(&sid))
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        },
    ))
}

//! Starting and stopping, each until it is so.

use std::time::{Duration, Instant};

use abide_spec::Name;

use super::status::{PROPERTIES, why};
use super::systemctl::Job;
use super::{Systemd, unit_of};
use crate::manager::{ManagerError, ManagerState, Progress, ServiceManager as _, Watcher};

/// How many lines of what the supervisor said go into an error.
const LAST_LINES: usize = 5;

impl Systemd {
    pub(super) fn run_start(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(self.not_ours(name, found.foreign_unit()));
        }
        if found.properties.text("RefuseManualStart") == "yes" {
            return Err(ManagerError::Disabled { name: name.clone() });
        }
        if found.state() == ManagerState::Running {
            return Ok(());
        }
        self.may_change()?;
        self.run_job("start", name, wait, watcher)
    }

    pub(super) fn run_restart(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(self.not_ours(name, found.foreign_unit()));
        }
        if found.properties.text("RefuseManualStart") == "yes" {
            return Err(ManagerError::Disabled { name: name.clone() });
        }
        self.may_change()?;
        self.run_job("restart", name, wait, watcher)
    }

    pub(super) fn run_stop(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(self.not_ours(name, found.foreign_unit()));
        }
        if matches!(found.state(), ManagerState::Stopped | ManagerState::Failed) {
            return Ok(());
        }
        self.may_change()?;
        self.run_job("stop", name, wait, watcher)
    }

    pub(super) fn run_reload(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(self.not_ours(name, found.foreign_unit()));
        }
        self.may_change()?;
        self.run_job("reload", name, wait, watcher)
    }

    /// Why nothing is done to a name that has no unit of ours.
    pub(super) fn not_ours(&self, name: &Name, foreign: Option<String>) -> ManagerError {
        match foreign {
            Some(what) => ManagerError::Foreign { name: name.clone(), what },
            None => ManagerError::NotInstalled { name: name.clone() },
        }
    }

    /// Runs a job to its end, telling meanwhile what the service says about itself.
    pub(super) fn run_job(
        &self,
        verb: &'static str,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let unit = unit_of(name);
        if let Some(absent) = self.linger_findings(false) {
            let hint = absent.hint.map(|hint| format!(": {hint}")).unwrap_or_default();
            let why = format!("{}{hint}", absent.text);
            return Err(ManagerError::Failed { name: name.clone(), verb, why, said: Vec::new() });
        }
        if matches!(verb, "start" | "restart") {
            // Starts by hand don't count against `restart.give-up`.
            let _ = self.systemctl.call(&["reset-failed", "--", &unit]);
        }
        let begun = Instant::now();
        let mut told = String::new();
        let mut tick = || {
            let Ok(properties) = self.systemctl.show(&unit, &["StatusText"]) else { return };
            let text = properties.text("StatusText");
            if !text.is_empty() && text != told {
                text.clone_into(&mut told);
                watcher(Progress::Status(text));
            }
        };
        let job = self.systemctl.job(verb, &unit, wait, &mut tick)?;
        let properties = self.systemctl.show(&unit, PROPERTIES)?;
        let state = super::status::state(&properties);
        let as_wanted = match verb {
            "stop" => matches!(state, ManagerState::Stopped | ManagerState::Failed),
            _ => state == ManagerState::Running,
        };
        match job {
            Job::Done if verb == "reload" => Ok(()),
            _ if as_wanted && verb != "reload" => Ok(()),
            Job::TimedOut => {
                let text = properties.text("StatusText");
                let state = if text.is_empty() {
                    state.as_str().to_owned()
                } else {
                    format!("{}: {text}", state.as_str())
                };
                Err(ManagerError::TimedOut {
                    name: name.clone(),
                    verb,
                    after: begun.elapsed().max(wait),
                    state,
                })
            }
            Job::Done | Job::Failed(_) => {
                let said =
                    self.systemctl.last_lines(&unit, Some(properties.text("InvocationID")), LAST_LINES);
                // The supervisor's own last words say more than the code it ended with.
                let told = Some(properties.text("StatusText")).filter(|text| !text.is_empty());
                let told = told.filter(|_| properties.text("Result") == "exit-code").map(str::to_owned);
                let why = told
                    .or_else(|| why(&properties, self.look(name).map_or("it", |found| found.who())))
                    .unwrap_or_else(|| match job {
                        Job::Failed(why) => why,
                        _ => format!("it is {}", state.as_str()),
                    });
                Err(ManagerError::Failed { name: name.clone(), verb, why, said })
            }
        }
    }
}

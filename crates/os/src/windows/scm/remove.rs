//! Taking a service off the machine, whole or what is left of it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use abide_spec::Name;
use windows_sys::Win32::Foundation::{ERROR_SERVICE_MARKED_FOR_DELETE, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{MOVEFILE_DELAY_UNTIL_REBOOT, MoveFileExW};
use windows_sys::Win32::System::Services::{SC_MANAGER_CONNECT, SERVICE_ALL_ACCESS, SERVICE_QUERY_STATUS};

use super::calls::Manager;
use super::machine::Found;
use super::registry::{self, Source};
use super::{Scm, failed, holders};
use crate::fs::remove_file;
use crate::manager::shared::{
    drop_file, drop_folder, drop_if_empty, drop_shared_folders, lock, others_are_changed,
};
use crate::manager::supervisor::unused;
use crate::manager::{
    ManagerError, ManagerState, Progress, Removed, ServiceManager as _, Uninstall, Watcher,
};
use crate::windows::sys::{is, wide};

/// How long a deleted service may stay before somebody is taken to hold it.
const UNTIL_HELD: Duration = Duration::from_secs(5);

/// How many steps there are, for those who watch.
const STEPS: usize = 5;

impl Scm {
    pub(super) fn take_away(
        &self,
        name: &Name,
        how: Uninstall,
        watcher: &mut Watcher<'_>,
    ) -> Result<Removed, ManagerError> {
        let found = self.look(name)?;
        if let Some(what) = found.foreign() {
            return Err(ManagerError::Foreign { name: name.clone(), what });
        }
        if found.observed.is_none() && !found.spec.is_there() && !self.has_remains(name, &found, how) {
            return Err(ManagerError::NotInstalled { name: name.clone() });
        }
        self.may_change()?;
        let held = lock(&self.layout, name)?;
        let mut work = Removal { scm: self, name, removed: Removed::default(), number: 0, watcher };
        let outcome = work.run(&found, how);
        let removed = work.removed;
        let _ = held.remove();
        outcome?;
        let _turn = self.turn();
        for folder in [self.layout.run.join(".locks"), self.layout.run.clone()] {
            drop_if_empty(&folder);
        }
        if let Some(folder) = self.layout.specs.parent() {
            drop_if_empty(folder);
        }
        Ok(removed)
    }

    /// Whether an uninstall that was cut short left something.
    fn has_remains(&self, name: &Name, found: &Found, how: Uninstall) -> bool {
        let folders = [self.layout.state_of(name), self.layout.run_of(name)];
        let logs = (!how.keep_logs).then(|| self.layout.logs_of(name));
        folders.iter().chain(&logs).any(|folder| folder.symlink_metadata().is_ok())
            || matches!(found.source, Source::Ours { .. })
    }
}

struct Removal<'a, 'w> {
    scm: &'a Scm,
    name: &'a Name,
    removed: Removed,
    number: usize,
    watcher: &'a mut Watcher<'w>,
}

impl Removal<'_, '_> {
    /// In an order that leaves something to find for the next attempt whenever it is cut short: the spec goes last.
    fn run(&mut self, found: &Found, how: Uninstall) -> Result<(), ManagerError> {
        let layout = &self.scm.layout;
        self.step("stop the service");
        if found.observed.is_some() && !matches!(found.state(), ManagerState::Stopped | ManagerState::Failed)
        {
            self.scm.stop_and_wait(self.name, "stop", how.wait, self.watcher)?;
        }
        self.step("delete the service");
        if found.observed.is_some() {
            self.delete(how.wait)?;
            self.removed.removed.push(format!("service {}", self.name));
        }
        self.step("remove its event source");
        if matches!(found.source, Source::Ours { .. }) {
            let gone = registry::remove_source(self.name.as_str());
            if gone.map_err(|error| failed("removing the event source", &error))? {
                self.removed.removed.push(format!("event source {}", self.name));
            }
        }
        self.step("remove its folders");
        self.folder(&layout.run_of(self.name))?;
        self.folder(&layout.state_of(self.name))?;
        let logs = layout.logs_of(self.name);
        if !how.keep_logs {
            self.folder(&logs)?;
        } else if logs.symlink_metadata().is_ok() {
            self.removed.kept.push(format!("logs {}", logs.display()));
        }
        self.step("remove its spec");
        self.file(&layout.spec(self.name))?;
        let _turn = self.scm.turn();
        let ours = self.scm.our_services().map_err(|error| failed("listing services", &error))?;
        let unused = unused(layout, ours.iter().map(|(_, image_path)| image_path.as_str()));
        for copy in unused {
            self.executable(&copy)?;
        }
        // Folders that services share go with the last of them: one that is being installed is about to use them.
        if ours.is_empty() && !others_are_changed(layout, self.name) {
            drop_shared_folders(layout);
        }
        Ok(())
    }

    /// Deletes the service and waits until it is gone: that is when the last handle to it is closed.
    fn delete(&mut self, wait: Duration) -> Result<(), ManagerError> {
        let fail = |error: io::Error| failed("deleting the service", &error);
        let manager = Manager::open(SC_MANAGER_CONNECT).map_err(fail)?;
        if let Some(service) = manager.service(self.name.as_str(), SERVICE_ALL_ACCESS).map_err(fail)? {
            match service.delete() {
                Err(error) if !is(&error, ERROR_SERVICE_MARKED_FOR_DELETE) => return Err(fail(error)),
                _ => {}
            }
        }
        let patience = wait.clamp(Duration::from_secs(1), UNTIL_HELD);
        let begun = Instant::now();
        while manager.service(self.name.as_str(), SERVICE_QUERY_STATUS).map_err(fail)?.is_some() {
            if begun.elapsed() >= patience {
                let suspects = holders::suspects();
                let who = if suspects.is_empty() {
                    "some program has it open; the system does not tell which".to_owned()
                } else {
                    format!("it may be held open by {}", suspects.join(" and "))
                };
                return Err(ManagerError::Failed {
                    name: self.name.clone(),
                    verb: "disappear",
                    why: format!(
                        "it is marked for deletion (error {ERROR_SERVICE_MARKED_FOR_DELETE}), and {who}; {}, then \
                         repeat",
                        if suspects.is_empty() { "close services.msc and the like" } else { "close that" },
                    ),
                    said: Vec::new(),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn step(&mut self, text: &str) {
        self.number += 1;
        (self.watcher)(Progress::Step { number: self.number, of: STEPS, text });
    }

    fn file(&mut self, path: &Path) -> Result<(), ManagerError> {
        if drop_file(path)? {
            self.removed.removed.push(format!("file {}", path.display()));
        }
        Ok(())
    }

    /// Removes a copy of the supervisor. One that still runs (its end takes a moment, or a virus scanner looks at it)
    /// makes way under another name, and goes for good when the machine starts next. One that another service counts on
    /// by now stays.
    fn executable(&mut self, path: &Path) -> Result<(), ManagerError> {
        let begun = Instant::now();
        loop {
            if self.scm.others_use(path, self.name) {
                return Ok(());
            }
            let error = match remove_file(path) {
                Ok(_) => {
                    self.removed.removed.push(format!("file {}", path.display()));
                    return Ok(());
                }
                Err(error) => error,
            };
            let locked =
                is(&error, ERROR_SHARING_VIOLATION) || error.kind() == io::ErrorKind::PermissionDenied;
            if locked && begun.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let aside = path.with_extension(format!("old-{}", std::process::id()));
            if !locked || fs::rename(path, &aside).is_err() {
                return Err(ManagerError::File { what: "remove", path: path.to_path_buf(), source: error });
            }
            if let Ok(name) = wide(&aside) {
                // SAFETY: the path ends with a NUL; without a new one it is removed.
                unsafe { MoveFileExW(name.as_ptr(), std::ptr::null(), MOVEFILE_DELAY_UNTIL_REBOOT) };
            }
            self.removed.kept.push(format!(
                "file {}, which is still in use and goes when the machine starts next",
                aside.display()
            ));
            return Ok(());
        }
    }

    fn folder(&mut self, path: &Path) -> Result<(), ManagerError> {
        if drop_folder(path)? {
            self.removed.removed.push(format!("folder {}", path.display()));
        }
        Ok(())
    }
}

//! Taking a service off the machine, whole or what is left of it.

use std::path::{Path, PathBuf};

use abide_spec::Name;

use super::machine::Found;
use super::unit::{boot_target, variables_file};
use super::{Systemd, unit_of};
use crate::fs::sweep_beside;
use crate::manager::shared::{
    drop_file, drop_folder, drop_if_empty, drop_shared_folders, drop_unused_supervisors,
};
use crate::manager::turns::Turn;
use crate::manager::{
    ManagerError, ManagerState, Progress, Removed, Scope, ServiceManager as _, Uninstall, Watcher,
};
use crate::paths::Layout;

impl Systemd {
    pub(super) fn take_away(
        &self,
        name: &Name,
        how: Uninstall,
        watcher: &mut Watcher<'_>,
    ) -> Result<Removed, ManagerError> {
        let found = self.look(name)?;
        if let Some(what) = found.foreign_unit() {
            return Err(ManagerError::Foreign { name: name.clone(), what });
        }
        if found.unit.is_none() && !found.spec.is_there() && !self.has_remains(name, &found, how) {
            return Err(ManagerError::NotInstalled { name: name.clone() });
        }
        self.may_change()?;
        let lock = self.lock(name)?;
        let mut work = Removal { systemd: self, name, removed: Removed::default(), number: 0, watcher };
        work.run(&found, how)?;
        let removed = work.removed;
        let _ = lock.remove();
        // The folder of locks, the one it is in, and for a user's services the one around that.
        let levels = if self.layout.scope == Scope::User { 3 } else { 2 };
        self.layout.change_lock(name).ancestors().skip(1).take(levels).for_each(drop_if_empty);
        drop_if_empty(&self.layout.run);
        Ok(removed)
    }

    /// The link by which a unit is started at boot.
    pub(super) fn boot_link(&self, name: &Name) -> PathBuf {
        self.wants().join(unit_of(name))
    }

    /// The folder of links to what starts at boot.
    fn wants(&self) -> PathBuf {
        self.layout.units.join(format!("{}.wants", boot_target(self.layout.scope)))
    }

    /// The link by which the unit was started at boot, where the unit itself is not there any more.
    fn dangling_link(&self, name: &Name) -> Option<PathBuf> {
        let link = self.boot_link(name);
        (link.is_symlink() && !link.exists()).then_some(link)
    }

    /// Whether an uninstall that was cut short left something.
    fn has_remains(&self, name: &Name, found: &Found, how: Uninstall) -> bool {
        let mut folders = vec![self.layout.state_of(name)];
        if !how.keep_logs {
            folders.push(self.layout.logs_of(name));
        }
        self.dangling_link(name).is_some()
            || folders.iter().any(|folder| folder.symlink_metadata().is_ok())
            || matches!(
                found.state(),
                ManagerState::Running | ManagerState::Starting | ManagerState::Stopping
            )
    }
}

struct Removal<'a, 'w> {
    systemd: &'a Systemd,
    name: &'a Name,
    removed: Removed,
    number: usize,
    watcher: &'a mut Watcher<'w>,
}

/// How many steps there are, for those who watch.
const STEPS: usize = 5;

impl Removal<'_, '_> {
    /// In an order that leaves something to find for the next attempt whenever it is cut short: the spec goes last.
    fn run(&mut self, found: &Found, how: Uninstall) -> Result<(), ManagerError> {
        let unit = unit_of(self.name);
        let layout = &self.systemd.layout;
        self.step("stop the service");
        if !matches!(found.state(), ManagerState::Stopped | ManagerState::Failed) {
            self.systemd.run_job("stop", self.name, how.wait + found.own_stop_budget(), self.watcher)?;
        }
        self.step("disable it and remove its unit");
        // Where no systemd of the user runs, there is nobody to tell, and nothing of it runs.
        let there = self.systemd.systemctl.is_there();
        if found.unit.is_some() {
            // Otherwise the link goes by itself, below.
            if there && found.properties.text("UnitFileState") == "enabled" {
                self.systemd.systemctl.call(&["disable", "--no-reload", "--quiet", "--", &unit])?;
            }
            self.file(&self.systemd.unit_path(self.name))?;
        }
        // `systemctl disable` does not see a link whose unit has gone.
        if let Some(link) = self.systemd.dangling_link(self.name) {
            self.file(&link)?;
        }
        self.step("make systemd forget it");
        if there {
            self.systemd.systemctl.call(&["daemon-reload"])?;
            // Nothing to forget is no failure.
            let _ = self.systemd.systemctl.call(&["reset-failed", "--", &unit]);
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
        let variables = variables_file(layout, self.name);
        self.file(&variables)?;
        self.file(&layout.spec(self.name))?;
        for path in [self.systemd.unit_path(self.name), layout.spec(self.name), variables] {
            sweep_beside(&path);
        }
        self.unused_supervisors()?;
        match self.systemd.stop_lingering(self.name) {
            Some(Ok(what)) => self.removed.removed.push(what),
            Some(Err(why)) => self.removed.kept.push(why),
            None => {}
        }
        // Folders that services share go with the last of them: one that starts right now is about to use them.
        if self.systemd.others_are_changed(self.name) {
            return Ok(());
        }
        let _turn = Turn::to_remove(layout);
        if self.systemd.our_units().is_empty() {
            for folder in [&layout.specs, &layout.lib, &layout.state, &layout.logs] {
                drop_if_empty(&private_twin(layout, folder));
            }
            drop_shared_folders(layout);
            if layout.scope == Scope::User {
                layout.state.parent().into_iter().for_each(drop_if_empty);
                drop_if_empty(&self.systemd.wants());
            }
        }
        Ok(())
    }

    fn unused_supervisors(&mut self) -> Result<(), ManagerError> {
        if self.systemd.others_are_changed(self.name) {
            return Ok(());
        }
        let _turn = Turn::to_remove(&self.systemd.layout);
        let units: Vec<_> = self.systemd.our_units().into_iter().map(|(_, text)| text).collect();
        for copy in drop_unused_supervisors(&self.systemd.layout, units.iter().map(String::as_str))? {
            self.removed.removed.push(format!("file {}", copy.display()));
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

    /// Removes a folder of the service. For an account of its own, systemd keeps the folder itself in a `private`
    /// folder beside ours, and leaves a link in its place.
    fn folder(&mut self, path: &Path) -> Result<(), ManagerError> {
        let twin = drop_folder(&private_twin(&self.systemd.layout, path))?;
        if drop_folder(path)? || twin {
            self.removed.removed.push(format!("folder {}", path.display()));
        }
        Ok(())
    }
}

/// `/var/lib/abide/NAME` as systemd keeps it for an account of the service's own: `/var/lib/private/abide/NAME`.
fn private_twin(layout: &Layout, path: &Path) -> PathBuf {
    if layout.scope == Scope::User {
        return path.to_path_buf();
    }
    for base in [&layout.state, &layout.logs, &layout.run] {
        if let (Ok(rest), Some(parent), Some(own)) =
            (path.strip_prefix(base), base.parent(), base.file_name())
        {
            return parent.join("private").join(own).join(rest);
        }
    }
    path.to_path_buf()
}

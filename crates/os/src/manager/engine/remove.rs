//! Taking a service off the machine, whole or what is left of it.

use std::path::Path;

use abide_spec::Name;

use super::Engine;
use super::machine::Found;
use crate::fs::sweep_beside;
use crate::manager::native::Native;
use crate::manager::shared;
use crate::manager::turns::Turn;
use crate::manager::{
    ManagerError, Progress, Removed, Scope, ServiceManager as _, Uninstall, Watcher, accounts,
};

/// How many steps there are, for those who watch.
pub(super) const STEPS: usize = 5;

impl<N: Native> Engine<N> {
    pub(super) fn take_away(
        &self,
        name: &Name,
        how: Uninstall,
        watcher: &mut Watcher<'_>,
    ) -> Result<Removed, ManagerError> {
        let found = self.look(name)?;
        if let Some(what) = found.foreign {
            return Err(ManagerError::Foreign { name: name.clone(), what });
        }
        if !found.definition.is_there() && !found.spec.is_there() && !self.has_remains(name, how) {
            return Err(ManagerError::NotInstalled { name: name.clone() });
        }
        self.may_change()?;
        let lock = shared::lock(&self.layout, name)?;
        let mut work = Removal { engine: self, name, removed: Removed::default(), number: 0, watcher };
        work.run(&found, how)?;
        let removed = work.removed;
        let _ = lock.remove();
        self.drop_empty_folders(name)?;
        Ok(removed)
    }

    /// Removes the folders that services share where nothing is in them any more.
    fn drop_empty_folders(&self, name: &Name) -> Result<(), ManagerError> {
        // Whoever changes something now may be about to use them, and does this in the end.
        if shared::others_are_changed(&self.layout, name) {
            return Ok(());
        }
        let _turn = Turn::to_remove(&self.layout);
        if let Some(locks) = self.layout.change_lock(name).parent() {
            shared::drop_if_empty(locks);
        }
        for folder in [&self.layout.run, &self.layout.state] {
            shared::drop_if_empty(folder);
        }
        if self.our_definitions()?.is_empty() {
            self.native.shared_folders().iter().for_each(|folder| shared::drop_if_empty(folder));
        }
        Ok(())
    }

    /// Whether an uninstall that was cut short left something.
    fn has_remains(&self, name: &Name, how: Uninstall) -> bool {
        let mut left = self.native.belongings(name);
        left.push(self.layout.state_of(name));
        if !how.keep_logs {
            left.push(self.layout.logs_of(name));
        }
        left.iter().any(|path| path.symlink_metadata().is_ok())
    }
}

struct Removal<'a, 'w, N> {
    engine: &'a Engine<N>,
    name: &'a Name,
    removed: Removed,
    number: usize,
    watcher: &'a mut Watcher<'w>,
}

impl<N: Native> Removal<'_, '_, N> {
    /// In an order that leaves something to find for the next attempt whenever it is cut short: the spec goes last.
    fn run(&mut self, found: &Found, how: Uninstall) -> Result<(), ManagerError> {
        let engine = self.engine;
        let layout = &engine.layout;
        self.step("stop the service");
        if found.is_ours() {
            engine.stop_all(self.name, how.wait + found.own_stop_budget(engine.family()), self.watcher)?;
        }
        self.step("make the service manager forget it");
        engine.native.forget(self.name).map_err(|error| ManagerError::Call {
            call: format!("making {} forget {}", engine.native.kind(), self.name),
            why: error.why,
        })?;
        for path in engine.native.belongings(self.name) {
            sweep_beside(&path);
            self.path(&path)?;
        }
        self.step("remove its folders");
        self.path(&layout.run_of(self.name))?;
        self.path(&layout.state_of(self.name))?;
        let logs = layout.logs_of(self.name);
        if !how.keep_logs {
            self.path(&logs)?;
        } else if logs.symlink_metadata().is_ok() {
            self.removed.kept.push(format!("logs {}", logs.display()));
        }
        self.step("remove its account");
        if layout.scope == Scope::System && engine.native.kind().is_plain() {
            let account = accounts::name_of(self.name);
            let gone = accounts::remove(self.name).map_err(|why| ManagerError::Call {
                call: format!("removing {}", accounts::target(&account)),
                why,
            })?;
            if gone {
                self.removed.removed.push(accounts::target(&account));
            }
        }
        self.step("remove its spec");
        let spec = layout.spec(self.name);
        self.path(&spec)?;
        sweep_beside(&spec);
        self.shared_things()
    }

    /// What services share goes with the last of them: one that is changed right now may be about to use it.
    fn shared_things(&mut self) -> Result<(), ManagerError> {
        let engine = self.engine;
        if shared::others_are_changed(&engine.layout, self.name) {
            return Ok(());
        }
        let _turn = Turn::to_remove(&engine.layout);
        let ours = engine.our_definitions()?;
        let texts = ours.iter().map(|(_, _, text)| text.as_str());
        for copy in shared::drop_unused_supervisors(&engine.layout, texts)? {
            self.removed.removed.push(format!("file {}", copy.display()));
        }
        if ours.is_empty() {
            shared::drop_shared_folders(&engine.layout);
        }
        Ok(())
    }

    fn step(&mut self, text: &str) {
        self.number += 1;
        (self.watcher)(Progress::Step { number: self.number, of: STEPS, text });
    }

    /// Removes a file, a link, or a folder with all that is in it.
    fn path(&mut self, path: &Path) -> Result<(), ManagerError> {
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if shared::drop_folder(path)? {
            let what = if is_folder { "folder" } else { "file" };
            self.removed.removed.push(format!("{what} {}", path.display()));
        }
        Ok(())
    }
}

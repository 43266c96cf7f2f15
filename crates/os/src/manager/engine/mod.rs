//! One way of planning, applying, removing, starting and stopping for every service manager that is made of files and
//! commands: what is particular to each is behind [`Native`].

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use abide_spec::{Name, Spec, StartMode};

mod apply;
mod machine;
mod remove;
mod state;
#[cfg(test)]
mod tests;
mod verbs;

pub(super) use machine::whole;
pub use verbs::{Awaited, await_end, await_supervisor};

use self::state::State;
use super::native::Native;
use super::shared::{self, Text};
use super::{
    Applied, Desired, Enabled, Kind, ManagerError, ManagerState, ManagerStatus, Plan, Removed, Scope,
    ServiceManager, Uninstall, Watcher,
};
use crate::account::is_privileged;
use crate::paths::Layout;

/// A service manager made of files and commands.
#[derive(Debug)]
pub(crate) struct Engine<N> {
    native: N,
    layout: Layout,
    /// Whether rights are checked before anything is changed; not so in tests against a stand-in.
    ask_rights: bool,
}

impl<N: Native> Engine<N> {
    pub(crate) fn new(native: N, layout: Layout) -> Self {
        Self { native, layout, ask_rights: true }
    }

    /// Whose stop steps count.
    fn family(&self) -> abide_spec::Family {
        self.native.kind().family()
    }

    /// The definitions of ours, with their texts.
    fn our_definitions(&self) -> Result<Vec<(Name, PathBuf, String)>, ManagerError> {
        let there = self.native.definitions()?;
        let read = there.into_iter().filter_map(|(name, path)| {
            let text = fs::read_to_string(&path).ok().filter(|text| shared::is_ours(text))?;
            Some((name, path, text))
        });
        Ok(read.collect())
    }

    /// How the installed service is to be started, as far as its spec can be read.
    fn installed_spec(&self, name: &Name) -> Option<Spec> {
        shared::installed_spec(&self.layout, name)
    }
}

impl<N: Native> ServiceManager for Engine<N> {
    fn kind(&self) -> Kind {
        self.native.kind()
    }

    fn plan(&self, desired: &Desired) -> Result<Plan, ManagerError> {
        Ok(self.work(desired)?.plan)
    }

    fn apply(&self, plan: &Plan, watcher: &mut Watcher<'_>) -> Result<Applied, ManagerError> {
        self.make_so(plan, watcher)
    }

    fn uninstall(
        &self,
        name: &Name,
        how: Uninstall,
        watcher: &mut Watcher<'_>,
    ) -> Result<Removed, ManagerError> {
        self.take_away(name, how, watcher)
    }

    fn start(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError> {
        self.run_start(name, wait, watcher)
    }

    fn stop(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError> {
        self.run_stop(name, wait, watcher)
    }

    fn restart(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError> {
        self.run_restart(name, wait, watcher)
    }

    fn reload(&self, name: &Name, _: Duration, _: &mut Watcher<'_>) -> Result<(), ManagerError> {
        self.run_reload(name)
    }

    fn status(&self, name: &Name) -> Result<ManagerStatus, ManagerError> {
        let found = self.look(name)?;
        let spec = self.layout.spec(name);
        let definition = self.native.definition(name);
        let mut halves = Vec::new();
        if found.definition == Text::Missing && found.spec.text().is_some() {
            halves.push(format!(
                "the spec {} is there, its definition {} is not",
                spec.display(),
                definition.display()
            ));
        }
        if found.is_ours() && !found.spec.is_there() {
            halves.push(format!(
                "the definition {} is there, its spec {} is not",
                definition.display(),
                spec.display()
            ));
        }
        if !found.is_ours() && found.foreign.is_none() {
            return Ok(ManagerStatus {
                halves,
                managed_by_abide: found.spec.text().is_some(),
                ..ManagerStatus::absent()
            });
        }
        let mode = found.spec.spec().map(|spec| spec.start.mode);
        let enabled = match (mode, found.seen.at_boot) {
            (Some(StartMode::Disabled), _) => Enabled::Disabled,
            (_, true) => Enabled::Auto,
            (_, false) => Enabled::Manual,
        };
        let state = found.state();
        let told = found.state.as_ref().filter(|told| told.is_alive());
        Ok(ManagerStatus {
            installed: true,
            managed_by_abide: found.is_ours(),
            enabled,
            state,
            main_pid: found.seen.pid.or(told.map(|told| told.supervisor.pid)),
            since: found.seen.since,
            exit: found.seen.exit.filter(|_| found.seen.pid.is_none()),
            text: told.and_then(State::told).map(str::to_owned),
            result: found.seen.result.clone().filter(|_| state == ManagerState::Failed),
            halves,
        })
    }

    fn installed(&self) -> Result<Vec<Name>, ManagerError> {
        let mut names: BTreeSet<Name> = self.our_definitions()?.into_iter().map(|(name, ..)| name).collect();
        names.extend(shared::with_specs(&self.layout)?);
        Ok(names.into_iter().collect())
    }

    fn may_change(&self) -> Result<(), ManagerError> {
        if !self.ask_rights || self.layout.scope == Scope::User || is_privileged() {
            return Ok(());
        }
        Err(ManagerError::NoPrivilege { what: "changing services".into(), needs: "root" })
    }
}

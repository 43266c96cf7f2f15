//! systemd, version 247 or later.
//!
//! A service is one unit file in `/etc/systemd/system` and one spec file that only root reads; systemd hands the spec
//! to the supervisor as a credential, so that it can run as an account that systemd makes up for it. A program that is a
//! service itself is started by systemd directly. The user's own services (`--user`) are units of the user's own systemd,
//! in `~/.config/systemd/user`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use abide_spec::Name;

mod apply;
mod direct;
mod env_file;
mod escape;
mod findings;
mod ground;
mod hardening;
mod linger;
mod machine;
mod remove;
mod status;
mod supervised;
mod systemctl;
#[cfg(test)]
mod tests;
mod unit;
mod user;
mod verbs;

pub use findings::findings;
pub(crate) use hardening::below_homes;
pub use unit::{dynamic_user, render};

use self::linger::Linger;
use self::systemctl::{Systemctl, version_of};
use super::shared::{list, stem, with_specs};
use super::{
    Applied, Desired, Kind, MARKER, ManagerError, ManagerStatus, Plan, Removed, Scope, ServiceManager,
    Uninstall, Watcher,
};
use crate::account::is_privileged;
use crate::paths::Layout;

/// The systemd of this machine.
#[derive(Clone, Debug)]
pub struct Systemd {
    layout: Layout,
    systemctl: Systemctl,
    version: Option<u32>,
    linger: Linger,
    /// Where commands are searched.
    path: Option<OsString>,
    /// Whether rights are checked before anything is changed; not so in tests against a stand-in.
    ask_rights: bool,
    /// The step of an apply that fails, in tests of its undoing.
    #[cfg(test)]
    fault: Option<Fault>,
}

/// A step that is made to fail, before or after it has done its work.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) step: usize,
    pub(crate) after: bool,
}

impl Systemd {
    /// The systemd of this machine, with its files where the layout says.
    ///
    /// With a layout of the user's own services, it is the user's own systemd.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        let own = layout.run.parent().filter(|_| layout.scope == Scope::User);
        let systemctl = Systemctl { runtime_dir: own.map(Path::to_path_buf), ..Systemctl::default() };
        let version = systemctl.call(&["--version"]).ok().and_then(|text| version_of(&text));
        let path = std::env::var_os("PATH");
        Self {
            layout,
            systemctl,
            version,
            linger: Linger::of_this_machine(),
            path,
            ask_rights: true,
            #[cfg(test)]
            fault: None,
        }
    }

    /// Whether systemd is this machine's service manager and runs.
    #[must_use]
    pub fn is_running() -> bool {
        Path::new("/run/systemd/system").is_dir()
            && fs::read_to_string("/proc/1/comm").is_ok_and(|name| name.trim_end() == "systemd")
    }

    fn unit_path(&self, name: &Name) -> PathBuf {
        self.layout.units.join(unit_of(name))
    }
}

/// The unit of a service.
fn unit_of(name: &Name) -> String {
    format!("{name}.service")
}

/// Whether the text of a unit is one of ours.
fn is_ours(text: &str) -> bool {
    text.lines().next() == Some(MARKER)
}

impl ServiceManager for Systemd {
    fn kind(&self) -> Kind {
        Kind::Systemd
    }

    fn plan(&self, desired: &Desired) -> Result<Plan, ManagerError> {
        self.make_plan(desired)
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

    fn reload(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError> {
        self.run_reload(name, wait, watcher)
    }

    fn status(&self, name: &Name) -> Result<ManagerStatus, ManagerError> {
        let found = self.look(name)?;
        let properties = &found.properties;
        let mut halves = Vec::new();
        // What this user may not see may not be there at all.
        let spec_alone = found.unit.is_none() && found.spec.text().is_some();
        if spec_alone {
            halves.push(format!("the spec {} is there, its unit is not", self.layout.spec(name).display()));
        }
        if found.is_ours() && !found.spec.is_there() {
            halves.push(format!("the unit is there, its spec {} is not", self.layout.spec(name).display()));
        }
        if !found.installed() {
            return Ok(ManagerStatus { halves, managed_by_abide: spec_alone, ..ManagerStatus::absent() });
        }
        Ok(ManagerStatus {
            installed: true,
            managed_by_abide: found.is_ours(),
            enabled: status::enabled(properties),
            state: status::state(properties),
            main_pid: properties
                .number("MainPID")
                .and_then(|pid| u32::try_from(pid).ok())
                .filter(|pid| *pid != 0),
            since: status::since(properties, monotonic(), SystemTime::now()),
            exit: status::exit(properties),
            text: properties.some("StatusText"),
            result: status::why(properties, found.who()),
            halves,
        })
    }

    fn installed(&self) -> Result<Vec<Name>, ManagerError> {
        let mut names = BTreeSet::new();
        for path in list(&self.layout.units)? {
            if path.extension().is_some_and(|extension| extension == "service")
                && fs::read_to_string(&path).is_ok_and(|text| is_ours(&text))
            {
                names.extend(stem(&path));
            }
        }
        names.extend(with_specs(&self.layout)?);
        Ok(names.into_iter().collect())
    }

    fn may_change(&self) -> Result<(), ManagerError> {
        if !self.ask_rights || self.layout.scope == Scope::User || is_privileged() {
            return Ok(());
        }
        Err(ManagerError::NoPrivilege { what: "changing services".into(), needs: "root" })
    }
}

/// The clock that systemd counts state changes by.
fn monotonic() -> Option<Duration> {
    #[cfg(unix)]
    return Some(crate::unix::account::monotonic());
    #[cfg(not(unix))]
    None
}

//! The service control manager of this machine: comparing it with what shall be, and making it so. What shall be is
//! worked out in [`crate::manager::scm`].

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::time::{Duration, SystemTime};

use abide_spec::{Name, RunAs, Spec};
use windows_sys::Win32::System::Services::{
    SC_MANAGER_CONNECT, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_CONTINUE_PENDING, SERVICE_PAUSE_PENDING,
    SERVICE_PAUSED, SERVICE_QUERY_CONFIG, SERVICE_RUNNING, SERVICE_START_PENDING, SERVICE_STOP_PENDING,
    SERVICE_STOPPED,
};

mod apply;
mod calls;
mod holders;
mod logon_right;
mod machine;
#[cfg(test)]
mod quoting;
pub(super) mod registry;
mod remove;
mod steps;
mod verbs;
mod words;

use self::calls::{Exit, Manager, Status};
use crate::account::is_privileged;
use crate::manager::scm::{StartType, of_service};
use crate::manager::shared::with_specs;
use crate::manager::{
    Applied, Desired, Enabled, Kind, ManagerError, ManagerExit, ManagerState, ManagerStatus, Plan, Removed,
    ServiceManager, Uninstall, Watcher,
};
use crate::paths::Layout;
use crate::windows::security::Sid;
use crate::windows::turn::Turn;

/// How long taking things away that services share may take.
const TURN: Duration = Duration::from_secs(10);

/// The service control manager of this machine.
#[derive(Clone, Debug)]
pub struct Scm {
    layout: Layout,
    /// Where commands are searched.
    path: Option<OsString>,
}

impl Scm {
    /// The service control manager of this machine, with files where the layout says.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout, path: std::env::var_os("PATH") }
    }

    /// Keeps others from taking away what services share while somebody counts on it: whoever installs a service waits
    /// until nobody is taking such things away, with its lock in hand by which it is seen from then on. Where it can't be
    /// had (somebody hangs, or bars the way), things go on without.
    fn turn(&self) -> Option<Turn> {
        Turn::take(&self.layout.run, TURN).ok()
    }

    /// The services of ours that the SCM knows, with their image paths.
    fn our_services(&self) -> io::Result<Vec<(String, String)>> {
        let manager = Manager::open(SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE)?;
        let mut ours = Vec::new();
        for name in manager.names()? {
            // One that nobody may look at, or that has gone meanwhile, is none of ours.
            let Ok(Some(service)) = manager.service(&name, SERVICE_QUERY_CONFIG) else { continue };
            let Ok(observed) = service.observe() else { continue };
            if observed.entry.is_ours(&name) {
                ours.push((name, observed.entry.image_path));
            }
        }
        Ok(ours)
    }
}

/// The SID of the account that a service runs as; `None` where it needs no rights of its own.
fn account_sid(spec: &Spec) -> io::Result<Option<String>> {
    Ok(match &spec.account.run_as {
        RunAs::LeastPrivilege => Some(of_service(spec.name.as_str())),
        RunAs::System => None,
        RunAs::LocalService => Some("S-1-5-19".to_owned()),
        RunAs::NetworkService => Some("S-1-5-20".to_owned()),
        RunAs::User(name) => {
            let sid = Sid::of_account(name.strip_prefix(r".\").unwrap_or(name))?;
            let told = || io::Error::new(io::ErrorKind::NotFound, format!("there is no account `{name}`"));
            Some(sid.ok_or_else(told)?.text()?)
        }
    })
}

/// A failed call of the SCM, in words.
fn failed(call: &str, error: &io::Error) -> ManagerError {
    ManagerError::Call { call: call.to_owned(), why: words::why(error) }
}

fn state_of(status: &Status) -> ManagerState {
    match status.state {
        SERVICE_STOPPED => match status.exit {
            Exit::Never | Exit::Windows(0) => ManagerState::Stopped,
            Exit::Own(_) | Exit::Windows(_) => ManagerState::Failed,
        },
        SERVICE_START_PENDING => ManagerState::Starting,
        SERVICE_RUNNING | SERVICE_CONTINUE_PENDING | SERVICE_PAUSE_PENDING => ManagerState::Running,
        SERVICE_PAUSED => ManagerState::Paused,
        SERVICE_STOP_PENDING => ManagerState::Stopping,
        _ => ManagerState::Unknown,
    }
}

fn exit_of(status: &Status) -> Option<ManagerExit> {
    if status.state != SERVICE_STOPPED {
        return None;
    }
    match status.exit {
        Exit::Never => None,
        Exit::Windows(code) | Exit::Own(code) => Some(ManagerExit::Code(code.cast_signed())),
    }
}

impl ServiceManager for Scm {
    fn kind(&self) -> Kind {
        Kind::Scm
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
        self.tell_to_reload(name)
    }

    fn status(&self, name: &Name) -> Result<ManagerStatus, ManagerError> {
        let found = self.look(name)?;
        let spec = self.layout.spec(name);
        let mut halves = Vec::new();
        let Some(observed) = &found.observed else {
            if found.spec.is_there() {
                halves.push(format!("the spec {} is there, its service is not", spec.display()));
            }
            return Ok(ManagerStatus {
                halves,
                managed_by_abide: found.spec.is_there(),
                ..ManagerStatus::absent()
            });
        };
        if found.is_ours() && !found.spec.is_there() {
            halves.push(format!("the service is there, its spec {} is not", spec.display()));
        }
        let status = &found.status;
        let pid = status.as_ref().map(|status| status.pid).filter(|pid| *pid != 0);
        Ok(ManagerStatus {
            installed: true,
            managed_by_abide: found.is_ours(),
            enabled: match (observed.entry.start, observed.entry.delayed) {
                (StartType::Auto, true) => Enabled::Delayed,
                (StartType::Auto | StartType::Other, _) => Enabled::Auto,
                (StartType::Manual, _) => Enabled::Manual,
                (StartType::Disabled, _) => Enabled::Disabled,
            },
            state: status.as_ref().map_or(ManagerState::Unknown, state_of),
            main_pid: pid,
            since: pid.and_then(started),
            exit: status.as_ref().and_then(exit_of),
            text: None,
            result: status
                .as_ref()
                .filter(|status| state_of(status) == ManagerState::Failed)
                .map(|status| words::ended(status.exit)),
            halves,
        })
    }

    fn installed(&self) -> Result<Vec<Name>, ManagerError> {
        let ours = self.our_services().map_err(|error| failed("listing services", &error))?;
        let mut names: BTreeSet<Name> = ours.iter().filter_map(|(name, _)| Name::new(name).ok()).collect();
        names.extend(with_specs(&self.layout)?);
        Ok(names.into_iter().collect())
    }

    fn may_change(&self) -> Result<(), ManagerError> {
        if is_privileged() {
            return Ok(());
        }
        Err(ManagerError::NoPrivilege { what: "changing services".into(), needs: "an elevated prompt" })
    }
}

/// When a process started.
fn started(pid: u32) -> Option<SystemTime> {
    // Windows counts in units of 100 ns from 1601.
    const EPOCH: u64 = 116_444_736_000_000_000;
    let ticks: u64 = crate::process::start_token(pid)?.0.parse().ok()?;
    let since = ticks.checked_sub(EPOCH)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(since.checked_mul(100)?))
}

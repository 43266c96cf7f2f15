//! No service manager: services run as long as `abide up` does, and nothing is registered anywhere.

use std::time::Duration;

use abide_spec::{Name, RunAs, Spec};

use super::preflight::{self, Ground};
use super::{
    Applied, Desired, Finding, Kind, ManagerError, ManagerStatus, Plan, Removed, ServiceManager, Uninstall,
    Watcher, capability,
};
use crate::account::is_privileged;

/// The foreground. As a service manager it can plan, and say why it can do nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Foreground;

/// What `abide up` cannot make of a spec, or what speaks against running it here.
#[must_use]
pub fn findings(spec: &Spec) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Foreground, spec);
    match &spec.account.run_as {
        RunAs::User(name) if !is_privileged() && crate::account::current().ok().as_ref() != Some(name) => {
            found.push(capability::lost(
                spec,
                "account.run-as",
                Kind::Foreground,
                "needs root to run programs as another user",
                "`sudo abide up`",
            ))
        }
        RunAs::System if !is_privileged() => found.push(capability::lost(
            spec,
            "account.run-as",
            Kind::Foreground,
            "runs programs as you, and you are not the system's administrator",
            "`sudo abide up`",
        )),
        _ => {}
    }
    let path = std::env::var_os("PATH");
    found.extend(preflight::findings(&Ground {
        kind: Kind::Foreground,
        spec,
        hardening: None,
        running_unit: None,
        path: path.as_deref(),
    }));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    found
}

fn nothing_here() -> ManagerError {
    let why = if cfg!(target_os = "linux") {
        "none of systemd, OpenRC, runit, s6 and SysV init runs this machine"
    } else {
        "it has none that Abide knows"
    };
    ManagerError::NoServiceManager { why: why.into() }
}

impl ServiceManager for Foreground {
    fn kind(&self) -> Kind {
        Kind::Foreground
    }

    fn plan(&self, desired: &Desired) -> Result<Plan, ManagerError> {
        Ok(Plan {
            service: desired.spec.name.clone(),
            backend: Kind::Foreground,
            changes: Vec::new(),
            findings: findings(&desired.spec),
            artifacts: Vec::new(),
            desired: desired.clone(),
        })
    }

    fn apply(&self, _: &Plan, _: &mut Watcher<'_>) -> Result<Applied, ManagerError> {
        Err(nothing_here())
    }

    fn uninstall(&self, _: &Name, _: Uninstall, _: &mut Watcher<'_>) -> Result<Removed, ManagerError> {
        Err(nothing_here())
    }

    fn start(&self, _: &Name, _: Duration, _: &mut Watcher<'_>) -> Result<(), ManagerError> {
        Err(nothing_here())
    }

    fn stop(&self, _: &Name, _: Duration, _: &mut Watcher<'_>) -> Result<(), ManagerError> {
        Err(nothing_here())
    }

    fn restart(&self, _: &Name, _: Duration, _: &mut Watcher<'_>) -> Result<(), ManagerError> {
        Err(nothing_here())
    }

    fn status(&self, _: &Name) -> Result<ManagerStatus, ManagerError> {
        Ok(ManagerStatus::absent())
    }

    fn installed(&self) -> Result<Vec<Name>, ManagerError> {
        Ok(Vec::new())
    }

    fn may_change(&self) -> Result<(), ManagerError> {
        Err(nothing_here())
    }
}

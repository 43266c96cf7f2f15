//! The user's own services (`--user`): what the user's service manager can and cannot do.

use abide_spec::{Home, Network, RunAs, Spec};

use crate::manager::capability::lost;
use crate::manager::{Finding, Kind};

/// What the user's systemd cannot make of a spec, beyond what the machine's cannot.
pub(super) fn findings(spec: &Spec) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut lose = |field: &str, why: &str, nearest: &str| {
        found.push(lost(spec, field, Kind::Systemd, why, nearest));
    };
    const OF_THE_MACHINE: &str = "a service of the machine (without `--user`)";
    if matches!(spec.account.run_as, RunAs::System) {
        lose("account.run-as", "runs a user's own services as that user", OF_THE_MACHINE);
    }
    if !spec.account.groups.is_empty() {
        lose("account.groups", "gives a user's own services no groups that the user has not", OF_THE_MACHINE);
    }
    let security = &spec.security;
    if !security.capabilities.is_empty() {
        lose("security.capabilities", "gives a user's own services no capabilities", OF_THE_MACHINE);
    }
    if security.home == Some(Home::Hidden) {
        let why = "cannot hide the user's home from the user's own services";
        lose("security.home", why, "`security.home = \"read-only\"`");
    }
    if security.network == Some(Network::Local) {
        let why = "cannot bound the addresses that a user's own services reach";
        lose(
            "security.network",
            why,
            "`security.network = \"none\"`, or a service of the machine (without `--user`)",
        );
    }
    if !security.effective().unrestricted && security.home.is_none() {
        found.push(Finding::note(
            "security",
            "the user's own services may read and write what the user may; system calls, address families and \
             privileges are restricted as for others",
        ));
    }
    found
}

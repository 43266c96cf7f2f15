//! Who started this process. It is found out, not told: a program that is a service itself behaves as whoever started
//! it expects.

use std::ffi::OsString;
use std::io::IsTerminal;

use crate::manager::{self, Kind};
use crate::process::INSTANCE_VARIABLE;

#[cfg(unix)]
use crate::unix::origin as imp;
#[cfg(windows)]
use crate::windows::origin as imp;

/// Who started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Somebody at a terminal.
    Terminal,
    /// A service manager.
    Manager(Kind),
    /// A supervisor of Abide: `abide-supervisor`, or `abide up`.
    Supervisor,
    /// Something else, without a terminal: a container, a script, a scheduled task.
    Unknown,
}

/// What tells who started a process.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Those variables of [`VARIABLES`] that are set and not empty.
    pub(crate) variables: Vec<(&'static str, OsString)>,
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// The file name of the parent's executable, where it can be told.
    pub(crate) parent_name: String,
    /// Whether one of the standard streams is a terminal.
    pub(crate) terminal: bool,
    /// The service manager that runs this machine.
    pub(crate) here: Option<Kind>,
}

/// Set for programs that a service manager starts without a supervisor, to the name of the service.
const SERVICE: &str = "ABIDE_SERVICE";

const VARIABLES: [&str; 5] = [INSTANCE_VARIABLE, SERVICE, "INVOCATION_ID", "SYSTEMD_EXEC_PID", "RC_SVCNAME"];

/// Who started this process.
#[must_use]
pub fn origin() -> Origin {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| (name, value));
    let (parent, parent_name) = imp::parent();
    judge(&Facts {
        variables: VARIABLES.into_iter().filter_map(variable).collect(),
        pid: std::process::id(),
        parent,
        parent_name,
        terminal: is_at_terminal(),
        here: Some(manager::detect()),
    })
}

/// Whether one of the standard streams is a terminal.
#[must_use]
pub fn is_at_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

/// Variables are inherited by children of children, so most of them count together with the parent only.
fn judge(facts: &Facts) -> Origin {
    let value = |name| facts.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    let by_init = facts.parent == 1 && facts.pid != 1;
    match facts.parent_name.as_str() {
        "services.exe" => return Origin::Manager(Kind::Scm),
        "runsv" => return Origin::Manager(Kind::Runit),
        "s6-supervise" => return Origin::Manager(Kind::S6),
        "supervise-daemon" => return Origin::Manager(Kind::OpenRc),
        "launchd" => return Origin::Manager(Kind::Launchd),
        _ => {}
    }
    let own = |pid: &OsString| pid.to_str().and_then(|pid| pid.parse().ok()) == Some(facts.pid);
    let systemd = match value("SYSTEMD_EXEC_PID") {
        Some(pid) => own(pid),
        None => by_init || facts.parent_name == "systemd",
    };
    if systemd && value("INVOCATION_ID").is_some() {
        return Origin::Manager(Kind::Systemd);
    }
    if facts.terminal {
        return Origin::Terminal;
    }
    if value(INSTANCE_VARIABLE).is_some() {
        return Origin::Supervisor;
    }
    if value("RC_SVCNAME").is_some() {
        return Origin::Manager(Kind::OpenRc);
    }
    // Between it and the service manager may stand a script.
    if let Some(kind) = facts.here.filter(|kind| *kind != Kind::Foreground)
        && value(SERVICE).is_some()
    {
        return Origin::Manager(kind);
    }
    // rc.d's own daemon(8), and programs that were put into the background by a script that has ended.
    match facts.here {
        Some(kind @ Kind::Rcd) if by_init || facts.parent_name == "daemon" => Origin::Manager(kind),
        Some(kind @ (Kind::Sysv | Kind::OpenRc | Kind::Launchd)) if by_init => Origin::Manager(kind),
        _ => Origin::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(variables: &[(&'static str, &str)], parent: u32, parent_name: &str, terminal: bool) -> Facts {
        Facts {
            variables: variables.iter().map(|(name, value)| (*name, value.into())).collect(),
            pid: 77,
            parent,
            parent_name: parent_name.to_owned(),
            terminal,
            here: None,
        }
    }

    #[test]
    fn each_starter_is_told_from_the_others() {
        let systemd = [("INVOCATION_ID", "ab"), ("SYSTEMD_EXEC_PID", "77")];
        let inherited = [("INVOCATION_ID", "ab"), ("SYSTEMD_EXEC_PID", "12")];
        let old = [("INVOCATION_ID", "ab")];
        let abide = [(INSTANCE_VARIABLE, "orders.1f")];
        let openrc = [("RC_SVCNAME", "orders")];
        for (variables, parent, name, terminal, expected) in [
            (&[][..], 70, "bash", true, Origin::Terminal),
            (&[][..], 70, "bash", false, Origin::Unknown),
            (&systemd, 1, "systemd", false, Origin::Manager(Kind::Systemd)),
            (&systemd, 400, "systemd", false, Origin::Manager(Kind::Systemd)),
            (&old, 1, "systemd", false, Origin::Manager(Kind::Systemd)),
            (&inherited, 70, "bash", true, Origin::Terminal),
            (&inherited, 70, "bash", false, Origin::Unknown),
            (&inherited, 1, "systemd", false, Origin::Unknown),
            (&abide, 70, "abide-supervisor", false, Origin::Supervisor),
            (&abide, 70, "bash", true, Origin::Terminal),
            (&openrc, 1, "init", false, Origin::Manager(Kind::OpenRc)),
            (&openrc, 70, "supervise-daemon", false, Origin::Manager(Kind::OpenRc)),
            (&[], 70, "runsv", false, Origin::Manager(Kind::Runit)),
            (&[], 70, "s6-supervise", false, Origin::Manager(Kind::S6)),
            (&[], 70, "services.exe", false, Origin::Manager(Kind::Scm)),
        ] {
            let facts = facts(variables, parent, name, terminal);
            assert_eq!(judge(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn what_init_adopted_is_a_service_of_the_init_that_has_no_other_sign() {
        let of =
            |here, pid, parent| judge(&Facts { pid, here: Some(here), ..facts(&[], parent, "init", false) });
        assert_eq!(of(Kind::Sysv, 77, 1), Origin::Manager(Kind::Sysv));
        assert_eq!(of(Kind::Sysv, 77, 2), Origin::Unknown);
        assert_eq!(of(Kind::Foreground, 77, 1), Origin::Unknown);
        assert_eq!(of(Kind::Sysv, 1, 0), Origin::Unknown);
    }

    #[test]
    fn a_script_may_stand_between() {
        let by_script = facts(&[(SERVICE, "orders")], 70, "sh", false);
        let of = |here| judge(&Facts { here: Some(here), ..facts(&[(SERVICE, "orders")], 70, "sh", false) });
        assert_eq!(of(Kind::Sysv), Origin::Manager(Kind::Sysv));
        assert_eq!(of(Kind::Foreground), Origin::Unknown);
        assert_eq!(judge(&Facts { terminal: true, ..by_script }), Origin::Terminal);
    }

    #[test]
    fn a_test_was_started_by_no_service_manager_of_its_own() {
        assert_ne!(origin(), Origin::Manager(Kind::Scm));
    }
}

//! What each service manager makes of the settings of a spec, as data.
//!
//! A setting that isn't listed is honoured everywhere (most are the supervisor's own work). One that is listed and
//! used is found at plan: as an error that names the nearest alternative, or, when the spec accepts its loss, as a
//! warning.

use abide_spec::{Home, Network, Probe, Profile, Reload, RunAs, Spec, StartMode};
use serde::Serialize;

use super::{Finding, Kind, Level};

/// What a service manager makes of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capability {
    /// The setting, as in the spec: "limits.cpu".
    pub field: &'static str,
    /// Which of its values are meant, where not all are: "delayed". Else empty.
    pub values: &'static str,
    /// What becomes of it.
    pub support: Support,
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// It is honoured.
    Full,
    /// It is honoured in another way than its words say, told as a note.
    Differs(&'static str),
    /// It can't be honoured.
    Missing {
        /// Why, as the rest of a sentence that begins with the name of the service manager.
        why: &'static str,
        /// The nearest thing that can be had.
        nearest: &'static str,
    },
}

/// One setting and what each kind makes of it.
struct Row {
    field: &'static str,
    used: fn(&Spec) -> bool,
    by: fn(Kind) -> Support,
}

use Support::{Differs, Full};

const fn missing(why: &'static str, nearest: &'static str) -> Support {
    Support::Missing { why, nearest }
}

/// What is possible in the foreground depends on the operating system underneath.
const fn on_windows(windows: Support, unix: Support) -> Support {
    if cfg!(windows) { windows } else { unix }
}

const NO_SIGNALS: Support = missing("has no signals", "a command");
const NO_SANDBOX: Support = missing(
    "has no such restriction",
    "an account of its own (`account.run-as = \"least-privilege\"`) and a firewall rule",
);
const NO_GROUP: Support = missing(
    "has no control group of its own to bound",
    "a service under systemd (`abide apply`), or a container",
);
const NO_GROUP_HERE: Support = missing(
    "gives a service no control group to bound",
    "`limits.open-files` and `limits.processes`, or a container",
);
const NOT_IN_FOREGROUND: Support =
    missing("does not restrict programs", "a service under systemd (`abide apply`), or a container");
const OF_WINDOWS: Support = missing("has no such account", "`account.run-as = \"least-privilege\"`");
const OF_UNIX: Support = missing("has no such setting", "a user who is in those groups (`account.run-as`)");
const NO_PASSWORDS: Support =
    missing("needs no passwords to start services", "leaving `account.password-file` out");
const NO_DELAY: Support = missing(
    "has no delayed start",
    "`start.mode = \"auto\"` with `start.after` naming what it should wait for, which is also what an accepted \
     `delayed` becomes (without the waiting)",
);

/// Signals are everywhere but on Windows.
fn signals(kind: Kind) -> Support {
    match kind {
        Kind::Scm | Kind::Task => NO_SIGNALS,
        Kind::Foreground => on_windows(NO_SIGNALS, Full),
        _ => Full,
    }
}

/// What has a control group (or a job object) to be bounded with.
fn group(kind: Kind) -> Support {
    match kind {
        Kind::Systemd | Kind::Scm | Kind::Task => Full,
        Kind::Foreground => on_windows(Full, NO_GROUP),
        _ => NO_GROUP_HERE,
    }
}

/// What only a sandbox can do.
fn sandbox(kind: Kind) -> Support {
    match kind {
        Kind::Systemd => Full,
        Kind::Foreground => NOT_IN_FOREGROUND,
        _ => NO_SANDBOX,
    }
}

/// Accounts that only Windows has.
fn windows_account(kind: Kind) -> Support {
    if kind == Kind::Scm { Full } else { OF_WINDOWS }
}

static ROWS: &[Row] = &[
    Row {
        field: "start.mode",
        used: |spec| spec.start.mode == StartMode::Delayed,
        by: |kind| match kind {
            Kind::Scm | Kind::Task => Full,
            Kind::Foreground => Differs(
                "everything starts at once in the foreground; `delayed` only matters to a service manager",
            ),
            _ => NO_DELAY,
        },
    },
    Row {
        field: "start.after",
        used: |spec| !spec.start.after.is_empty(),
        by: |kind| match kind {
            Kind::Runit => Differs(
                "runit knows no order: it is started with the others and waits until those that runit runs are up and \
                 ready, up to 30 s each",
            ),
            Kind::S6 => Differs(
                "s6 knows no order: it is started with the others and waits until those that s6 runs are up and ready, \
                 up to 30 s each",
            ),
            Kind::Launchd => missing(
                "starts everything at once and knows no order",
                "a program that tries again until what it needs is there (`restart.when = \"on-failure\"`)",
            ),
            _ => Full,
        },
    },
    Row {
        field: "account.run-as",
        used: |spec| matches!(spec.account.run_as, RunAs::LocalService | RunAs::NetworkService),
        by: windows_account,
    },
    Row {
        field: "account.password-file",
        used: |spec| spec.account.password_file.is_some(),
        by: |kind| match kind {
            Kind::Scm => Full,
            Kind::Foreground => {
                missing("runs programs without logging on", "leaving `account.password-file` out")
            }
            _ => NO_PASSWORDS,
        },
    },
    Row {
        field: "account.groups",
        used: |spec| !spec.account.groups.is_empty(),
        by: |kind| match kind {
            Kind::Scm | Kind::Task => OF_UNIX,
            Kind::Foreground => on_windows(OF_UNIX, Full),
            _ => Full,
        },
    },
    Row { field: "reload.signal", used: |spec| matches!(spec.reload, Some(Reload::Signal(_))), by: signals },
    Row {
        field: "debug.on.signal",
        used: |spec| spec.debug.as_ref().is_some_and(|debug| matches!(debug.on, abide_spec::Act::Signal(_))),
        by: signals,
    },
    Row {
        field: "debug.off.signal",
        used: |spec| spec.debug.as_ref().is_some_and(|debug| matches!(debug.off, abide_spec::Act::Signal(_))),
        by: signals,
    },
    Row {
        field: "limits.open-files",
        used: |spec| spec.limits.open_files.is_some(),
        by: |kind| match kind {
            Kind::Scm | Kind::Task => {
                missing("sets no bound to open files", "`limits.memory`, which bounds them in the end")
            }
            Kind::Foreground => on_windows(
                missing(
                    "cannot bound open files on Windows",
                    "`limits.memory`, which bounds them in the end",
                ),
                Full,
            ),
            _ => Full,
        },
    },
    Row { field: "limits.memory", used: |spec| spec.limits.memory.is_some(), by: group },
    Row { field: "limits.cpu", used: |spec| spec.limits.cpu.is_some(), by: group },
    Row {
        field: "limits.processes",
        used: |spec| spec.limits.processes.is_some(),
        by: |kind| match kind {
            Kind::Systemd | Kind::Scm | Kind::Task => Full,
            Kind::Foreground => on_windows(
                Full,
                Differs("in the foreground it counts all processes of the user, and is not kept to for root"),
            ),
            _ => Differs("it counts all processes of the account, and is not kept to for root"),
        },
    },
    Row {
        field: "security.network",
        used: |spec| spec.security.network.is_some_and(|network| network != Network::All),
        by: sandbox,
    },
    Row {
        field: "security.home",
        used: |spec| spec.security.home.is_some_and(|home| home != Home::Full),
        by: sandbox,
    },
    Row {
        field: "security.new-privileges",
        used: |spec| spec.security.new_privileges == Some(true) && sandboxed(spec),
        by: |kind| match kind {
            Kind::Systemd => missing(
                "takes new privileges from every program that it restricts otherwise",
                "`security.profile = \"none\"` with `account.run-as` naming a user",
            ),
            _ => Full,
        },
    },
    Row {
        field: "security.shared-temp",
        used: |spec| spec.security.shared_temp == Some(true) && spec.account.run_as == RunAs::LeastPrivilege,
        by: |kind| match kind {
            Kind::Systemd => missing(
                "always gives an account of the service's own a /tmp of its own",
                "`account.run-as` naming a user, or exchanging files in a folder listed in `security.write`",
            ),
            _ => Full,
        },
    },
    Row {
        field: "security.capabilities",
        used: |spec| !spec.security.capabilities.is_empty(),
        by: |kind| match kind {
            Kind::Systemd => Full,
            Kind::Scm | Kind::Task => missing(
                "knows no Linux capabilities",
                "`account.run-as` naming an account with the right needed",
            ),
            Kind::Foreground => {
                Differs("a program in the foreground has the capabilities of whoever runs `abide up`")
            }
            _ => missing(
                "starts programs without capabilities of their own",
                "`account.run-as = \"system\"`, or `setcap` on the program",
            ),
        },
    },
];

/// Why a setting of the supervisor is lost on a program that is a service itself.
const fn unsupervised(nearest: &'static str) -> Support {
    missing(
        "starts the program directly (`program.supervised = false`), and this is a supervisor's work",
        nearest,
    )
}

const SUPERVISE: &str = "leaving `program.supervised` out";

/// What is lost besides when no supervisor stands between the service manager and the program.
static UNSUPERVISED: &[Row] = &[
    Row {
        field: "start.ready",
        used: |spec| spec.start.ready.as_ref().is_some_and(|ready| ready.probe != Probe::Notify),
        by: |_| unsupervised("`start.ready = { notify = true }`, which the program tells itself"),
    },
    Row {
        field: "health",
        used: |spec| spec.health.iter().any(|health| health.probe != Probe::Notify),
        by: |kind| match kind {
            Kind::Systemd => unsupervised("`health.notify`, a watchdog in the program"),
            _ => unsupervised(SUPERVISE),
        },
    },
    Row {
        field: "health.notify",
        used: |spec| spec.health.iter().any(|health| health.probe == Probe::Notify),
        by: |kind| if kind == Kind::Systemd { Full } else { unsupervised(SUPERVISE) },
    },
    Row {
        field: "logs",
        used: |spec| spec.logs != abide_spec::Logs::default(),
        by: |_| unsupervised("the service manager's own log, or leaving `program.supervised` out"),
    },
    Row { field: "debug", used: |spec| spec.debug.is_some(), by: |_| unsupervised(SUPERVISE) },
    Row {
        field: "reload.command",
        used: |spec| matches!(spec.reload, Some(Reload::Command(_))),
        by: |kind| if kind == Kind::Systemd { Full } else { unsupervised("`reload.signal`") },
    },
    Row {
        field: "program.inherit-env",
        used: |spec| spec.program.inherit_env != abide_spec::InheritEnv::All,
        by: |kind| {
            if kind == Kind::Systemd {
                Full
            } else {
                unsupervised("`program.env`, which is set on top of what the service manager gives")
            }
        },
    },
];

/// A restricted program of another account than root can't gain privileges under systemd: its system call filters
/// imply that.
fn sandboxed(spec: &Spec) -> bool {
    spec.account.run_as == RunAs::LeastPrivilege || spec.security.profile != Profile::None
}

/// What a kind of service manager makes of every setting that not all of them honour.
#[must_use]
pub fn table(kind: Kind) -> Vec<Capability> {
    ROWS.iter()
        .map(|row| Capability { field: row.field, values: values(row.field), support: (row.by)(kind) })
        .collect()
}

/// Which values of a setting a row is about.
fn values(field: &str) -> &'static str {
    match field {
        "start.mode" => "delayed",
        "account.run-as" => "local-service, network-service",
        "security.network" => "less than all",
        "security.home" => "less than full",
        "security.new-privileges" | "security.shared-temp" => "true",
        _ => "",
    }
}

/// What a kind of service manager can't make of this spec: errors, or warnings where the spec accepts the loss.
#[must_use]
pub fn findings(kind: Kind, spec: &Spec) -> Vec<Finding> {
    let direct: &[Row] = if spec.program.supervised { &[] } else { UNSUPERVISED };
    let mut findings = Vec::new();
    for row in ROWS.iter().chain(direct).filter(|row| (row.used)(spec)) {
        match (row.by)(kind) {
            Support::Full => {}
            Support::Differs(how) => findings.push(Finding::note(row.field, how)),
            Support::Missing { why, nearest } => findings.push(lost(spec, row.field, kind, why, nearest)),
        }
    }
    findings
}

/// A setting that is lost: an error, or a warning when the spec accepts it.
pub(crate) fn lost(spec: &Spec, field: &str, kind: Kind, why: &str, nearest: &str) -> Finding {
    let text = format!("{kind} {why}");
    if is_accepted(spec, field) {
        return Finding::new(Level::Warning, Some(field.to_owned()), format!("{text}; its loss is accepted"));
    }
    Finding::new(Level::Error, Some(field.to_owned()), text)
        .with_hint(format!("nearest: {nearest}; or accept the loss with `accept = [\"{field}\"]`"))
}

/// Whether the spec accepts the loss of a setting, named itself or by the section it is in.
pub(crate) fn is_accepted(spec: &Spec, field: &str) -> bool {
    spec.accept.iter().any(|accepted| {
        field.strip_prefix(accepted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(more: &str) -> Spec {
        Spec::parse(&format!("name = \"a\"\n{more}\n[program]\ncommand = [\"/bin/true\"]\n")).unwrap()
    }

    #[test]
    fn a_plain_spec_loses_nothing_anywhere() {
        for kind in Kind::ALL {
            assert_eq!(findings(kind, &spec("")), []);
        }
    }

    #[test]
    fn a_lost_setting_is_an_error_with_field_backend_and_alternative() {
        let found = findings(Kind::Systemd, &spec("start.mode = \"delayed\""));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].level, Level::Error);
        let text = found[0].to_string();
        for part in ["start.mode", "systemd", "nearest", "accept = [\"start.mode\"]"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(findings(Kind::Scm, &spec("start.mode = \"delayed\"")), []);
    }

    #[test]
    fn an_accepted_loss_is_a_warning() {
        for accept in ["start.mode", "start"] {
            let found =
                findings(Kind::Systemd, &spec(&format!("accept = [\"{accept}\"]\nstart.mode = \"delayed\"")));
            assert_eq!((found.len(), found[0].level), (1, Level::Warning));
        }
        let found = findings(Kind::Systemd, &spec("accept = [\"limits.cpu\"]\nstart.mode = \"delayed\""));
        assert_eq!(found[0].level, Level::Error);
    }

    #[test]
    fn every_loss_can_be_accepted() {
        for Capability { field, .. } in table(Kind::Systemd) {
            spec(&format!("accept = [\"{field}\"]"));
        }
    }

    #[test]
    fn every_alternative_is_said() {
        for kind in Kind::ALL {
            for Capability { field, support, .. } in table(kind) {
                if let Support::Missing { why, nearest } = support {
                    assert!(!why.is_empty() && !nearest.is_empty(), "{field}");
                }
            }
        }
    }
}

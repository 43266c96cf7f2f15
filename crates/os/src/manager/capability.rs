//! What each service manager makes of the settings of a spec, as data.
//!
//! A setting that isn't listed is honoured everywhere (most are the supervisor's own work). One that is listed and
//! used is found at plan: as an error that names the nearest alternative, or, when the spec accepts its loss, as a
//! warning.

use abide_spec::{Home, Network, Profile, Reload, RunAs, Spec, StartMode};
use serde::Serialize;

use super::{Finding, Kind, Level};

/// What a service manager makes of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capability {
    /// The setting, as in the spec: "limits.cpu".
    pub field: &'static str,
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

/// One setting and what the three kinds make of it.
struct Row {
    field: &'static str,
    used: fn(&Spec) -> bool,
    systemd: Support,
    scm: Support,
    foreground: Support,
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
const NOT_IN_FOREGROUND: Support =
    missing("does not restrict programs", "a service under systemd (`abide apply`), or a container");
const OF_WINDOWS: Support = missing("has no such account", "`account.run-as = \"least-privilege\"`");
const OF_UNIX: Support = missing("has no such setting", "a user who is in those groups (`account.run-as`)");

static ROWS: &[Row] = &[
    Row {
        field: "start.mode",
        used: |spec| spec.start.mode == StartMode::Delayed,
        systemd: missing(
            "has no delayed start",
            "`start.mode = \"auto\"` with `start.after` naming what it should wait for, which is also what an accepted \
             `delayed` becomes (without the waiting)",
        ),
        scm: Full,
        foreground: Differs(
            "everything starts at once in the foreground; `delayed` only matters to a service manager",
        ),
    },
    Row {
        field: "account.run-as",
        used: |spec| matches!(spec.account.run_as, RunAs::LocalService | RunAs::NetworkService),
        systemd: OF_WINDOWS,
        scm: Full,
        foreground: OF_WINDOWS,
    },
    Row {
        field: "account.password-file",
        used: |spec| spec.account.password_file.is_some(),
        systemd: missing("needs no passwords to start services", "leaving `account.password-file` out"),
        scm: Full,
        foreground: missing("runs programs without logging on", "leaving `account.password-file` out"),
    },
    Row {
        field: "account.groups",
        used: |spec| !spec.account.groups.is_empty(),
        systemd: Full,
        scm: OF_UNIX,
        foreground: on_windows(OF_UNIX, Full),
    },
    Row {
        field: "reload.signal",
        used: |spec| matches!(spec.reload, Some(Reload::Signal(_))),
        systemd: Full,
        scm: NO_SIGNALS,
        foreground: on_windows(NO_SIGNALS, Full),
    },
    Row {
        field: "debug.on.signal",
        used: |spec| spec.debug.as_ref().is_some_and(|debug| matches!(debug.on, abide_spec::Act::Signal(_))),
        systemd: Full,
        scm: NO_SIGNALS,
        foreground: on_windows(NO_SIGNALS, Full),
    },
    Row {
        field: "debug.off.signal",
        used: |spec| spec.debug.as_ref().is_some_and(|debug| matches!(debug.off, abide_spec::Act::Signal(_))),
        systemd: Full,
        scm: NO_SIGNALS,
        foreground: on_windows(NO_SIGNALS, Full),
    },
    Row {
        field: "limits.open-files",
        used: |spec| spec.limits.open_files.is_some(),
        systemd: Full,
        scm: missing("sets no bound to open files", "`limits.memory`, which bounds them in the end"),
        foreground: on_windows(
            missing("cannot bound open files on Windows", "`limits.memory`, which bounds them in the end"),
            Full,
        ),
    },
    Row {
        field: "limits.memory",
        used: |spec| spec.limits.memory.is_some(),
        systemd: Full,
        scm: Full,
        foreground: on_windows(Full, NO_GROUP),
    },
    Row {
        field: "limits.cpu",
        used: |spec| spec.limits.cpu.is_some(),
        systemd: Full,
        scm: Full,
        foreground: on_windows(Full, NO_GROUP),
    },
    Row {
        field: "limits.processes",
        used: |spec| spec.limits.processes.is_some(),
        systemd: Full,
        scm: Full,
        foreground: on_windows(
            Full,
            Differs("in the foreground it counts all processes of the user, and is not kept to for root"),
        ),
    },
    Row {
        field: "security.network",
        used: |spec| spec.security.network.is_some_and(|network| network != Network::All),
        systemd: Full,
        scm: NO_SANDBOX,
        foreground: NOT_IN_FOREGROUND,
    },
    Row {
        field: "security.home",
        used: |spec| spec.security.home.is_some_and(|home| home != Home::Full),
        systemd: Full,
        scm: NO_SANDBOX,
        foreground: NOT_IN_FOREGROUND,
    },
    Row {
        field: "security.new-privileges",
        used: |spec| spec.security.new_privileges == Some(true) && sandboxed(spec),
        systemd: missing(
            "takes new privileges from every program that it restricts otherwise",
            "`security.profile = \"none\"` with `account.run-as` naming a user",
        ),
        scm: Full,
        foreground: Full,
    },
    Row {
        field: "security.shared-temp",
        used: |spec| spec.security.shared_temp == Some(true) && spec.account.run_as == RunAs::LeastPrivilege,
        systemd: missing(
            "always gives an account of the service's own a /tmp of its own",
            "`account.run-as` naming a user, or exchanging files in a folder listed in `security.write`",
        ),
        scm: Full,
        foreground: Full,
    },
    Row {
        field: "security.capabilities",
        used: |spec| !spec.security.capabilities.is_empty(),
        systemd: Full,
        scm: missing(
            "knows no Linux capabilities",
            "`account.run-as` naming an account with the right needed",
        ),
        foreground: Differs("a program in the foreground has the capabilities of whoever runs `abide up`"),
    },
];

/// A restricted program of another account than root can't gain privileges under systemd: its system call filters
/// imply that.
fn sandboxed(spec: &Spec) -> bool {
    spec.account.run_as == RunAs::LeastPrivilege || spec.security.profile != Profile::None
}

impl Row {
    fn support(&self, kind: Kind) -> Support {
        match kind {
            Kind::Systemd => self.systemd,
            Kind::Scm => self.scm,
            Kind::Foreground => self.foreground,
        }
    }
}

/// What a kind of service manager makes of every setting that not all of them honour.
#[must_use]
pub fn table(kind: Kind) -> Vec<Capability> {
    ROWS.iter().map(|row| Capability { field: row.field, support: row.support(kind) }).collect()
}

/// What a kind of service manager can't make of this spec: errors, or warnings where the spec accepts the loss.
#[must_use]
pub fn findings(kind: Kind, spec: &Spec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in ROWS.iter().filter(|row| (row.used)(spec)) {
        match row.support(kind) {
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
            for Capability { field, support } in table(kind) {
                if let Support::Missing { why, nearest } = support {
                    assert!(!why.is_empty() && !nearest.is_empty(), "{field}");
                }
            }
        }
    }
}

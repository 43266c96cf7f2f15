//! What systemd cannot make of a spec, told apart from what is on the machine.

use std::path::Path;

use abide_spec::{Probe, Profile, RunAs, Spec};

use super::unit::{OLDEST, is_unit_name};
use super::{direct, escape, hardening, user};
use crate::manager::{Context, Finding, Kind, Scope, capability};

/// What systemd cannot make of this spec, told apart from what is on the machine.
#[must_use]
pub fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Systemd, spec);
    if spec.health.iter().all(|health| health.probe == Probe::Notify) {
        // systemd's own watchdog is just that.
        found.retain(|finding| finding.field.as_deref() != Some("health"));
    }
    if let Some(version) = context.version.filter(|version| *version < OLDEST) {
        found.push(
            Finding::error(
                None,
                format!("systemd {version} is too old; {OLDEST} is needed for `LoadCredential=`"),
            )
            .with_hint("run the service in the foreground with `abide up`, or upgrade the system"),
        );
    }
    for name in spec.start.after.iter().filter(|name| !is_unit_name(name)) {
        found.push(Finding::error("start.after", format!("`{name}` cannot be the name of a systemd unit")));
    }
    if spec.program.supervised && !escape::can_execute(&context.supervisor) {
        found.push(Finding::error(
            None,
            format!(
                "systemd executes no path with quotes or backslashes, and the supervisor's would be {}",
                context.supervisor.display()
            ),
        ));
    }
    let spoken = [("program.env-file", spec.program.env_file.as_deref())];
    for (field, path) in spoken.into_iter().filter_map(|(field, path)| Some((field, path?))) {
        if escape::rest_path(path).is_none() {
            found.push(unspeakable(field, path));
        }
    }
    found.extend(hardening::unspeakable(spec).map(|path| unspeakable("security", path)));
    if !spec.program.supervised {
        found.extend(direct::findings(spec, context));
    }
    notes(spec, context, &mut found);
    match context.layout.scope {
        Scope::System => notes_on_accounts(spec, &mut found),
        Scope::User => found.extend(user::findings(spec)),
    }
    found
}

/// A path that no unit can name.
pub(super) fn unspeakable(field: &'static str, path: &Path) -> Finding {
    Finding::error(field, format!("no systemd unit can name the path {path:?}")).with_hint(
        "give it a path without control characters, and without white space or a backslash at its end",
    )
}

fn notes(spec: &Spec, context: &Context, found: &mut Vec<Finding>) {
    if context.jit && spec.security.profile == Profile::Strict && spec.security.write_execute != Some(true) {
        found.push(match spec.security.write_execute {
            Some(_) => Finding::error(
                "security.write-execute",
                format!("{} compiles while it runs and cannot start under this", spec.program.command[0]),
            )
            .with_hint("leave `security.write-execute` out or set it to true"),
            None => Finding::note(
                "security.profile",
                format!(
                    "`jit` is used: {} compiles while it runs, which `strict` forbids",
                    spec.program.command[0]
                ),
            )
            .with_hint("write `security.profile = \"jit\"` to say so yourself"),
        });
    }
}

fn notes_on_accounts(spec: &Spec, found: &mut Vec<Finding>) {
    if spec.account.run_as == RunAs::System && spec.security.profile != Profile::None {
        found.push(
            Finding::note(
                "security",
                "root keeps its rights over files, accounts and ports, but may write only its own folders and \
                 `security.write`",
            )
            .with_hint("`security.profile = \"none\"` lifts this"),
        );
    }
    if spec.account.run_as == RunAs::LeastPrivilege && spec.security.profile == Profile::None {
        found.push(Finding::note(
            "security.profile",
            "an account of the service's own still has a /tmp of its own and can write nothing but its own folders \
             and `security.write`: systemd ties that to such accounts",
        ));
    }
}

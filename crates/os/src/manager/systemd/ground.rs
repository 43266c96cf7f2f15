//! What on this very machine is in the way of a service under systemd, beside what is in the way everywhere.

use std::fs;

use abide_spec::{RunAs, Spec};

use super::{Systemd, env_file, unit};
use crate::manager::capability::lost;
use crate::manager::shared::open_folder;
use crate::manager::{Finding, Kind, Level, Scope};

impl Systemd {
    /// The spec as far as the program's rights go: in the user's own service manager they are the user's.
    pub(super) fn as_it_runs(&self, spec: &Spec) -> Spec {
        let mut spec = spec.clone();
        if self.layout.scope == Scope::User {
            spec.account.run_as = RunAs::User(self.linger.user.clone());
            spec.account.groups.clear();
        }
        spec
    }

    /// Nothing is put where others could replace it.
    pub(super) fn folder_findings(&self) -> Vec<Finding> {
        let folders = [&self.layout.specs, &self.layout.lib, &self.layout.units];
        let mut found: Vec<_> =
            folders.into_iter().filter_map(|folder| open_folder(&self.layout, folder, "systemd")).collect();
        if self.layout.scope == Scope::User {
            for finding in &mut found {
                // On many systems every user has a group of their own, which may write.
                finding.level = Level::Warning;
                finding.hint = None;
            }
        }
        found
    }

    /// What the user's own service manager cannot do on this very machine.
    pub(super) fn user_findings(&self, spec: &Spec, namespaces: bool) -> Vec<Finding> {
        let mut found = Vec::new();
        if let RunAs::User(name) = &spec.account.run_as
            && *name != self.linger.user
        {
            let why = format!("of {} runs services as {0} alone", self.linger.user);
            found.push(lost(spec, "account.run-as", Kind::Systemd, &why, "leaving `account.run-as` out"));
        }
        if namespaces && let Some(setting) = no_namespaces() {
            let text = format!(
                "this machine lets no user make namespaces ({setting}), without which the user's systemd hides and \
                 protects nothing"
            );
            found.push(
                Finding::error("security", text)
                    .with_hint("take `home`, `devices`, `processes` and `shared-temp` out of `security`"),
            );
        }
        if self.systemctl.is_there() {
            for name in spec.start.after.iter().filter(|name| unit::is_unit_name(name)) {
                let unit = unit::unit_name(name);
                let known = self.systemctl.show(&unit, &["LoadState"]);
                if known.is_ok_and(|known| known.text("LoadState") == "not-found") {
                    let text = format!(
                        "the user's own systemd knows no {unit}: those of the machine cannot be waited for"
                    );
                    found.push(Finding::warning("start.after", text));
                }
            }
        }
        found
    }
}

/// The setting of the kernel that keeps users from making namespaces, if one does.
fn no_namespaces() -> Option<&'static str> {
    [
        ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=0"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=1",
        ),
    ]
    .into_iter()
    .find(|(path, value, _)| fs::read_to_string(path).is_ok_and(|text| text.trim() == *value))
    .map(|(_, _, setting)| setting)
}

/// A line of the environment file, as it is now, that systemd would read otherwise than it is meant.
pub(super) fn env_file_finding(spec: &Spec) -> Option<Finding> {
    let path = spec.program.env_file.as_ref()?;
    let line = env_file::first_difference(&fs::read_to_string(path).ok()?)?;
    Some(lost(
        spec,
        "program.env-file",
        Kind::Systemd,
        &format!("would not read line {line} of {} as it is meant", path.display()),
        "NAME=value without quotes, backslashes and dollar signs in the value, or `program.env`",
    ))
}

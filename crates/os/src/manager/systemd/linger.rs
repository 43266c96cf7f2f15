//! Lingering: whether the user's own service manager runs from boot on, without a login.
//!
//! logind keeps that for a user as a whole. Abide switches it on when a service that starts at boot needs it, remembers
//! that it did, and switches it off again with the last of the services that do.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::Name;

use super::{Systemd, unit};
use crate::manager::apply::{Act, Step, StepError};
use crate::manager::{Finding, ManagerError, Scope};

/// Where logind remembers who lingers.
const LINGERING: &str = "/var/lib/systemd/linger";

/// What lets a user who is not root change it.
const POLKIT: &str = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service";

/// How long logind and the user's systemd may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lingering on this machine.
#[derive(Clone, Debug)]
pub(super) struct Linger {
    /// Where logind remembers who lingers.
    pub(super) lingering: PathBuf,
    /// Whether logind lets this user switch it for itself.
    pub(super) allowed: bool,
    /// The user's name.
    pub(super) user: String,
}

impl Linger {
    pub(super) fn of_this_machine() -> Self {
        Self {
            lingering: LINGERING.into(),
            allowed: crate::account::is_privileged() || Path::new(POLKIT).exists(),
            user: crate::account::current().unwrap_or_default(),
        }
    }

    fn is_on(&self) -> bool {
        self.lingering.join(&self.user).exists()
    }

    fn by_hand(&self, verb: &str) -> String {
        format!("`sudo loginctl {verb} {}`", self.user)
    }
}

impl Systemd {
    /// Whether lingering has to be switched on for a service that starts at boot.
    pub(super) fn needs_linger(&self, at_boot: bool) -> bool {
        self.layout.scope == Scope::User && at_boot && !self.linger.is_on()
    }

    /// What is in the way of that.
    pub(super) fn linger_findings(&self, needed: bool) -> Option<Finding> {
        if needed && !self.linger.allowed {
            let text = format!(
                "to start at boot without a login, {} has to linger, and logind lets root alone change that here",
                self.linger.user
            );
            let hint = format!("{}, or `start.mode = \"manual\"`", self.linger.by_hand("enable-linger"));
            return Some(Finding::error("start.mode", text).with_hint(hint));
        }
        // The machine's own is always there.
        if !needed && !self.systemctl.is_there() {
            let text = format!("no service manager of {} runs", self.linger.user);
            let hint = format!("log in as {}, or {}", self.linger.user, self.linger.by_hand("enable-linger"));
            return Some(Finding::error(None, text).with_hint(hint));
        }
        None
    }

    /// The text of the change in a plan.
    pub(super) fn linger_text(&self) -> String {
        format!(
            "loginctl enable-linger {0} (services of {0} start at boot, without a login)",
            self.linger.user
        )
    }

    /// Where Abide remembers that it was the one who switched it on.
    fn linger_mark(&self) -> PathBuf {
        self.layout.state.with_file_name("linger-enabled-by-abide")
    }

    pub(super) fn linger_step(&self) -> Box<dyn Step + '_> {
        Box::new(Act::new(
            format!("let {} linger", self.linger.user),
            |_| {
                let by_hand =
                    || Some(format!("{}, then the same again", self.linger.by_hand("enable-linger")));
                let fail = |why: String| StepError { why, hint: by_hand() };
                // The mark first: what is not remembered would never be taken back.
                let mark = self.linger_mark();
                if let Some(folder) = mark.parent() {
                    crate::fs::private_dir(folder).map_err(|error| StepError::io(folder, &error))?;
                }
                crate::fs::atomic_write(&mark, b"", crate::fs::Access::Private)
                    .map_err(|error| StepError::io(&mark, &error))?;
                self.systemctl.linger(true, &self.linger.user).map_err(|error| fail(error.to_string()))?;
                if self.systemctl.wait_until_there(PATIENCE) {
                    Ok(())
                } else {
                    Err(fail(format!("the service manager of {} did not come up", self.linger.user)))
                }
            },
            || {
                let undone = if self.linger.is_on() {
                    self.systemctl.linger(false, &self.linger.user).map_err(|error| error.to_string())
                } else {
                    Ok(())
                };
                let _ = crate::fs::remove_file(&self.linger_mark());
                undone
            },
        ))
    }

    /// Switches it off again when Abide switched it on and no other service of Abide's needs it. Answers what was done, or
    /// what could not be done and why.
    pub(super) fn stop_lingering(&self, without: &Name) -> Option<Result<String, String>> {
        let mark = self.linger_mark();
        if self.layout.scope != Scope::User || !mark.exists() || self.others_are_changed(without) {
            return None;
        }
        let wants = self.layout.units.join(format!("{}.wants", unit::boot_target(Scope::User)));
        let own = super::unit_of(without);
        let needed = self.our_units().iter().any(|(path, _)| {
            path.file_name().is_some_and(|name| name != own.as_str() && wants.join(name).is_symlink())
        });
        if needed {
            return None;
        }
        if self.linger.is_on()
            && let Err(error) = self.systemctl.linger(false, &self.linger.user)
        {
            let by_hand = self.linger.by_hand("disable-linger");
            return Some(Err(format!("lingering of {} ({error}; {by_hand} ends it)", self.linger.user)));
        }
        match fs::remove_file(&mark) {
            Ok(()) => Some(Ok(format!("lingering of {}", self.linger.user))),
            Err(error) => {
                let error = ManagerError::File { what: "remove", path: mark, source: error };
                Some(Err(error.to_string()))
            }
        }
    }
}

//! The operating system's service managers behind one face: what they can do, what they are given, what would change
//! on the machine (a [`Plan`]), making it so as a whole, and running it.
//!
//! Rendering is pure and available everywhere, so a plan for Windows can be made on Linux ([`preview`]). Comparing
//! with the machine and changing it is done by the [`ServiceManager`] that [`detect`] finds.

use std::path::PathBuf;
use std::time::Duration;

use abide_spec::{Name, Spec};

pub(crate) mod accounts;
pub(crate) mod apply;
mod capability;
mod connect;
mod detect;
pub(crate) mod direct;
mod engine;
mod error;
#[cfg(test)]
#[cfg(unix)]
pub(crate) mod executable;
pub mod foreground;
mod launchd;
pub(crate) mod native;
mod offers;
mod openrc;
pub(crate) mod plan;
mod ports;
pub(crate) mod preflight;
mod rcd;
mod runit;
mod s6;
pub mod scm;
pub(crate) mod shared;
mod status;
pub(crate) mod supervisor;
pub mod systemd;
mod sysv;
pub(crate) mod task;
pub(crate) mod tool;
pub(crate) mod turns;

pub use accounts::own as own_account;
pub use capability::{Capability, Support, findings, table};
pub use connect::{connect, preview};
pub use detect::{available, detect};
pub use engine::{Awaited, await_end, await_supervisor};
pub use error::{ErrorKind, ManagerError};
pub use offers::{Has, Offer, offers};
pub use plan::{Access, Artifact, Change, ChangeKind, Finding, Level, Plan, Target};
pub(crate) use ports::listener;
pub use status::{Enabled, ManagerExit, ManagerState, ManagerStatus};
pub use supervisor::content_hash;

/// The first line of every text file that Abide gives to a service manager; a unit without it belongs to someone else.
pub const MARKER: &str =
    "# Managed by abide; change the spec and run `abide apply`, changes made here are lost.";

/// A kind of service manager, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// systemd, version 247 or later.
    Systemd,
    /// OpenRC.
    OpenRc,
    /// runit.
    Runit,
    /// s6.
    S6,
    /// SysV init.
    Sysv,
    /// launchd of macOS.
    Launchd,
    /// rc.d of FreeBSD.
    Rcd,
    /// The Windows Service Control Manager.
    Scm,
    /// The Windows Task Scheduler: the user's own services, from logon on.
    Task,
    /// No service manager: `abide up` in the foreground.
    Foreground,
}

impl Kind {
    /// Every kind, in the order in which they are listed to users.
    pub const ALL: [Self; 10] = [
        Self::Systemd,
        Self::OpenRc,
        Self::Runit,
        Self::S6,
        Self::Sysv,
        Self::Launchd,
        Self::Rcd,
        Self::Scm,
        Self::Task,
        Self::Foreground,
    ];

    /// The name as written on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::OpenRc => "openrc",
            Self::Runit => "runit",
            Self::S6 => "s6",
            Self::Sysv => "sysv",
            Self::Launchd => "launchd",
            Self::Rcd => "rc.d",
            Self::Scm => "scm",
            Self::Task => "task",
            Self::Foreground => "foreground",
        }
    }

    /// What the service manager does with the settings of a spec.
    #[must_use]
    pub fn capabilities(self) -> Vec<Capability> {
        table(self)
    }

    /// The stop steps and defaults of which family of operating systems it uses.
    #[must_use]
    pub const fn family(self) -> abide_spec::Family {
        match self {
            Self::Scm | Self::Task => abide_spec::Family::Windows,
            Self::Foreground if cfg!(windows) => abide_spec::Family::Windows,
            _ => abide_spec::Family::Unix,
        }
    }

    /// Whether its tools start services as children of whoever calls them, so that these belong to the caller's process
    /// tree. The others are asked, and start services themselves.
    #[must_use]
    pub const fn starts_children(self) -> bool {
        matches!(self, Self::OpenRc | Self::Sysv)
    }

    /// Whether it starts supervisors as root and leaves it to them to change to the program's account and to apply its
    /// limits.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::OpenRc | Self::Runit | Self::S6 | Self::Sysv | Self::Launchd | Self::Rcd)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("`{text}` is no service manager that Abide knows; known are {}", names.join(", "))
        })
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What shall be on the machine: a checked spec, its text, and the supervisor that shall run it.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The spec, with an absolute command and absolute paths (see [`crate::resolve::spec`]).
    pub spec: Spec,
    /// The text for the spec file. Kept as the user wrote it, comments included, where that says the same as `spec`.
    pub text: String,
    /// The `abide-supervisor` executable to copy to where service accounts can reach it. `None` will only do for
    /// programs without a supervisor (`program.supervised = false`).
    pub supervisor: Option<PathBuf>,
}

impl Desired {
    /// Takes the user's own text for the spec file when it parses to exactly `spec`, else writes a new one (a bare
    /// command was resolved to its path, say).
    #[must_use]
    pub fn new(spec: Spec, text: Option<&str>, supervisor: impl Into<Option<PathBuf>>) -> Self {
        let own = text.filter(|text| Spec::parse(text).is_ok_and(|parsed| parsed == spec));
        let text = own.map_or_else(|| spec.to_toml(), str::to_owned);
        Self { spec, text, supervisor: supervisor.into() }
    }

    /// The supervisor to install, with where it shall stand.
    pub(crate) fn supervisor_copy(&self, layout: &crate::paths::Layout) -> Result<supervisor::Copy, Finding> {
        const TOGETHER: &str = "`abide-supervisor` belongs beside `abide`; install both again";
        let Some(path) = &self.supervisor else {
            return Err(Finding::error("program.supervised", "there is no supervisor to install")
                .with_hint("install the service with `abide apply`, or set `program.supervised = false`"));
        };
        supervisor::Copy::of(path, layout).map_err(|error| {
            Finding::error(None, format!("cannot read {}: {error}", path.display())).with_hint(TOGETHER)
        })
    }

    /// The supervisor to install: none for a program that is started directly.
    pub(crate) fn own_supervisor(&self) -> Option<&std::path::Path> {
        self.supervisor.as_deref().filter(|_| self.spec.program.supervised)
    }
}

/// What rendering needs to know besides the spec. Nothing here is read from the machine while rendering.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where files go.
    pub layout: crate::paths::Layout,
    /// Where the supervisor will stand, absolute, named by its content.
    pub supervisor: PathBuf,
    /// The content of the spec file.
    pub spec_text: String,
    /// The version of the service manager, where known: what a newer one alone offers is left out for an older one.
    pub version: Option<u32>,
    /// Whether the program is (or its script runs in) a runtime that writes code while it runs: node, java, dotnet…
    pub jit: bool,
}

/// What happens while something is made so. For a terminal; nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A step of an apply or uninstall begins.
    Step {
        /// Counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it does: "write file /etc/systemd/system/orders.service".
        text: &'a str,
    },
    /// What the service says about itself while it is waited for ("waiting until ready: connection refused").
    Status(&'a str),
}

/// Who is told of progress.
pub type Watcher<'a> = dyn FnMut(Progress<'_>) + 'a;

/// What an apply did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Whether anything was changed at all.
    pub changed: bool,
    /// Whether the service was running and now runs under the new settings.
    pub restarted: bool,
}

/// How to uninstall.
#[derive(Clone, Copy, Debug)]
pub struct Uninstall {
    /// Leave the folder with the program's output.
    pub keep_logs: bool,
    /// How long to wait for the service to stop and be gone, beyond its own stop budget.
    pub wait: Duration,
}

/// What an uninstall did: each removed file, folder, unit or entry, and what was left on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// What is gone now ("file /etc/systemd/system/orders.service"), in order.
    pub removed: Vec<String>,
    /// What was kept, with the reason.
    pub kept: Vec<String>,
}

/// One operating system's service manager.
///
/// Every verb returns when it is so, or says why not. `wait` bounds how long it may take; each service's own
/// time-outs (ready, stop ladder) come first, so callers normally pass [`start_budget`] or [`stop_budget`].
pub trait ServiceManager: Send + Sync {
    /// Which one this is.
    fn kind(&self) -> Kind;

    /// Compares what shall be with what is. Changes nothing and needs no privilege beyond reading what it compares.
    /// What stands in the way is in the plan's findings; [`Plan::blocked`] tells whether it can be applied.
    fn plan(&self, desired: &Desired) -> Result<Plan, ManagerError>;

    /// Makes the plan so, as a whole or not at all. A service that was running is restarted once when something it
    /// depends on changed; one that was not running is not started. An empty plan changes nothing.
    fn apply(&self, plan: &Plan, watcher: &mut Watcher<'_>) -> Result<Applied, ManagerError>;

    /// Stops and removes a service and everything Abide made for it; finishes off a half-removed one.
    fn uninstall(
        &self,
        name: &Name,
        how: Uninstall,
        watcher: &mut Watcher<'_>,
    ) -> Result<Removed, ManagerError>;

    /// Starts the service and waits until it is ready. One that runs already is left alone.
    fn start(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError>;

    /// Stops the service and waits until its whole process tree is gone. One that is stopped is left alone.
    fn stop(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError>;

    /// Stops, then starts; waits until it is ready.
    fn restart(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError>;

    /// Has a running service read its settings again, where the service manager passes that on to a program without a
    /// supervisor. Supervised ones are asked over their control endpoint.
    fn reload(&self, name: &Name, wait: Duration, watcher: &mut Watcher<'_>) -> Result<(), ManagerError> {
        let _ = (wait, watcher);
        Err(ManagerError::Failed {
            name: name.clone(),
            verb: "reload",
            why: format!("{} cannot pass that on to a program without a supervisor", self.kind()),
            said: Vec::new(),
        })
    }

    /// What the service manager knows about a service. Also answers for names it has never heard of.
    fn status(&self, name: &Name) -> Result<ManagerStatus, ManagerError>;

    /// The services that Abide installed, by name, half-removed ones included.
    fn installed(&self) -> Result<Vec<Name>, ManagerError>;

    /// Whether this process may change services here; the error says what is missing.
    fn may_change(&self) -> Result<(), ManagerError>;
}

/// How long a start may take: every attempt may use the whole ready time-out until the supervisor gives up or the
/// service manager's own limit is reached. Each backend registers the same span as its start time-out.
#[must_use]
pub fn start_budget(spec: &Spec) -> Duration {
    plan::start_budget(spec)
}

/// How long a stop may take: the waits of the stop ladder and a margin for the supervisor's own work.
#[must_use]
pub fn stop_budget(spec: &Spec, family: abide_spec::Family) -> Duration {
    plan::stop_budget(spec, family)
}

/// Whose services are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The machine's: they start with it, and changing them needs root or an administrator.
    #[default]
    System,
    /// The user's own (`--user`).
    User,
}

/// What a supervisor that has ended on purpose does last, and the code for it to exit with: some service managers would
/// otherwise start it again, or take its code for a death by signal.
#[must_use]
pub fn last_act(kind: Kind, scope: Scope, name: &Name, code: i32) -> i32 {
    match kind {
        Kind::OpenRc | Kind::Sysv => {
            if let Ok(layout) = crate::paths::Layout::of(scope) {
                let act = if kind == Kind::OpenRc { openrc::last_act } else { sysv::last_act };
                act(&layout, name, code);
            }
            code
        }
        // It tells success alone from all else, and brings back all else.
        Kind::Launchd => 0,
        // To the shell that looks at it, a code above 128 is a death by signal.
        Kind::Rcd if code > 128 => 1,
        _ => code,
    }
}

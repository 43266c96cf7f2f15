//! What the engine has to know of a service manager that is made of files and commands: OpenRC, runit, s6, SysV init,
//! launchd, rc.d.
//!
//! Rendering is pure. Everything else is asked of the machine, or done to it, by the manager's own tools.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use abide_spec::{Name, Spec, StartMode};

use super::apply::StepError;
use super::{Artifact, Context, Finding, Kind, ManagerError, ManagerExit, ManagerState};

/// What a service manager itself sees of a service. Whether the *program* is ready is the supervisor's to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether the service manager knows the service and starts it with the machine.
    pub(crate) at_boot: bool,
    /// The process it started: [`ManagerState::Running`] when it is there, [`ManagerState::Starting`] while the manager is about
    /// to start it (again), [`ManagerState::Failed`] when the manager counts it as failed or crashed.
    pub(crate) state: ManagerState,
    /// That process: the supervisor, or a program that is a service itself.
    pub(crate) pid: Option<u32>,
    /// Since when it is in this state, where the manager tells.
    pub(crate) since: Option<SystemTime>,
    /// How that process ended last, where the manager tells.
    pub(crate) exit: Option<ManagerExit>,
    /// Why it failed, in the manager's own words.
    pub(crate) result: Option<String>,
}

impl Seen {
    /// Nothing of that name.
    pub(crate) const NOTHING: Self = Self {
        at_boot: false,
        state: ManagerState::Stopped,
        pid: None,
        since: None,
        exit: None,
        result: None,
    };
}

/// A service manager made of files and commands.
///
/// A service is *known* by its definition: one text file with [`super::MARKER`] in one of its first lines. Names are
/// compared as they are; what the manager can't have as a name is a finding.
pub(crate) trait Native: Send + Sync {
    /// Which one this is.
    fn kind(&self) -> Kind;

    /// The files for this service manager, the definition first. The spec file and accounts are the engine's.
    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact>;

    /// What it can't make of this spec, [`super::capability::findings`] included. Looks at nothing of the machine.
    fn findings(&self, spec: &Spec, context: &Context) -> Vec<Finding>;

    /// The file by which a service is known, whether it is there or not.
    fn definition(&self, name: &Name) -> PathBuf;

    /// The definitions that are there, ours and others'.
    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError>;

    /// Files and folders that belong to the service and to nothing else, made by rendering or by the manager while it
    /// ran, in the order in which an uninstall removes them, the definition last. A folder goes with all that is in it.
    fn belongings(&self, name: &Name) -> Vec<PathBuf>;

    /// Those of the belongings that a spec may or may not call for: what of them is there and not rendered is removed by an
    /// apply.
    fn optional(&self, name: &Name) -> Vec<PathBuf> {
        let _ = name;
        Vec::new()
    }

    /// Folders of Abide's own that all services of this manager share, removed with the last of them.
    fn shared_folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Something of that name that the manager knows from elsewhere than [`Native::definition`], in words.
    fn elsewhere(&self, name: &Name) -> Option<String>;

    /// What the manager sees of the service; [`Seen::NOTHING`] where it knows none.
    fn look(&self, name: &Name) -> Result<Seen, ManagerError>;

    /// Makes the manager know the service as its files now are and start it with the machine, or not, as `mode` says
    /// (`Auto` and `Delayed` do). Does not start or stop it now. Doing it twice changes nothing.
    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError>;

    /// Makes the manager forget a stopped service, before its files go. Nothing to forget is no error.
    fn forget(&self, name: &Name) -> Result<(), StepError>;

    /// Starts it. Returns when the manager has started its process, or said why not; whether the program gets ready is
    /// waited for by the engine. Also brings back what failed before.
    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError>;

    /// Stops it. Returns when the process that the manager started is gone, an error when it is not within `wait`.
    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError>;
}

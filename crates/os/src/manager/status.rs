//! What a service manager knows about a service.

use std::time::SystemTime;

use serde::Serialize;

/// What a service manager knows about a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManagerStatus {
    /// Whether the service manager knows the service.
    pub installed: bool,
    /// Whether it was Abide that installed it. False when nothing is installed.
    pub managed_by_abide: bool,
    /// Whether it starts with the machine.
    pub enabled: Enabled,
    /// What it does now.
    pub state: ManagerState,
    /// The process that the service manager started: the supervisor.
    pub main_pid: Option<u32>,
    /// Since when it is in this state.
    #[serde(skip)]
    pub since: Option<SystemTime>,
    /// How the supervisor ended, when it did.
    pub exit: Option<ManagerExit>,
    /// What the service says about itself (systemd's `STATUS=`).
    pub text: Option<String>,
    /// Why it failed, in the service manager's own word ("exit-code", "timeout", "start-limit-hit").
    pub result: Option<String>,
    /// What is only half there, in words, when an install or uninstall was cut short. Empty when all is well.
    pub halves: Vec<String>,
}

impl ManagerStatus {
    /// The status of a service that nobody has heard of.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            installed: false,
            managed_by_abide: false,
            enabled: Enabled::No,
            state: ManagerState::Stopped,
            main_pid: None,
            since: None,
            exit: None,
            text: None,
            result: None,
            halves: Vec::new(),
        }
    }
}

/// Whether a service starts with the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enabled {
    /// With the machine.
    Auto,
    /// With the machine, after what starts at once.
    Delayed,
    /// On demand only.
    Manual,
    /// Not even on demand.
    Disabled,
    /// It is not installed.
    No,
}

/// What a service does now, as its service manager sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagerState {
    /// Not running, and not because it failed.
    Stopped,
    /// On its way to be ready, or waiting to be started again.
    Starting,
    /// Running and ready.
    Running,
    /// Suspended.
    Paused,
    /// On its way to be stopped.
    Stopping,
    /// Not running because it failed.
    Failed,
    /// The service manager used a word that Abide doesn't know.
    Unknown,
}

impl ManagerState {
    /// The word for people and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// How a supervisor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagerExit {
    /// With an exit code (Windows codes are the bits of the `u32`).
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl std::fmt::Display for ManagerExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

//! What the supervisor of a service says about it: its status file, as far as the engine needs it.

use std::path::Path;

use serde::Deserialize;

use crate::manager::ManagerState;
use crate::process::{StartToken, is_alive};

/// The part of `status.json` (`abide.status/1`) that tells whether a service is as it shall be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct State {
    state: String,
    ready: bool,
    #[serde(default)]
    was_ready: bool,
    pub(super) why: Option<String>,
    pub(super) text: Option<String>,
    pub(super) supervisor: Supervisor,
}

/// Who wrote it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Supervisor {
    pub(super) pid: u32,
    start_token: Option<StartToken>,
}

impl State {
    /// What the last supervisor left in a service's state folder; `None` where there is nothing to be read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join("status.json")).ok()?).ok()
    }

    /// Whether the supervisor that wrote this still runs.
    pub(super) fn is_alive(&self) -> bool {
        let supervisor = &self.supervisor;
        supervisor.start_token.as_ref().is_some_and(|token| is_alive(supervisor.pid, token))
    }

    /// Whether another supervisor wrote this than that.
    pub(super) fn is_of_another(&self, than: Option<&Self>) -> bool {
        than.is_none_or(|than| than.supervisor != self.supervisor)
    }

    /// What the service does. That of a dead supervisor is what is left: it stopped or failed.
    pub(super) fn now(&self) -> ManagerState {
        match self.state.as_str() {
            "failed" => ManagerState::Failed,
            "stopped" => ManagerState::Stopped,
            _ if !self.is_alive() => ManagerState::Stopped,
            "running" if self.ready => ManagerState::Running,
            "running" | "starting" | "backing-off" | "waiting" => ManagerState::Starting,
            "paused" => ManagerState::Paused,
            "stopping" => ManagerState::Stopping,
            _ => ManagerState::Unknown,
        }
    }

    /// Whether the start has succeeded, whatever became of the program since: restarts are its supervisor's matter.
    pub(super) fn has_started(&self) -> bool {
        self.is_alive()
            && (self.now() == ManagerState::Running
                || self.was_ready && matches!(self.now(), ManagerState::Starting | ManagerState::Paused))
    }

    /// The newest thing to tell about it.
    pub(super) fn told(&self) -> Option<&str> {
        self.text.as_deref().or(self.why.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(state: &str, ready: bool, alive: bool) -> State {
        let pid = std::process::id();
        let start_token = crate::process::start_token(pid).filter(|_| alive);
        State {
            state: state.into(),
            ready,
            was_ready: false,
            why: None,
            text: None,
            supervisor: Supervisor { pid, start_token },
        }
    }

    #[test]
    fn running_is_running_when_it_is_ready() {
        assert_eq!(state("running", true, true).now(), ManagerState::Running);
        assert_eq!(state("running", false, true).now(), ManagerState::Starting);
        assert_eq!(state("backing-off", false, true).now(), ManagerState::Starting);
        assert_eq!(state("stopping", false, true).now(), ManagerState::Stopping);
    }

    #[test]
    fn a_start_that_succeeded_stays_so_while_the_program_is_started_again() {
        let state = |name: &str, was_ready| State { was_ready, ..state(name, false, true) };
        assert!(state("backing-off", true).has_started());
        assert!(!state("backing-off", false).has_started());
        assert!(!state("failed", true).has_started());
        assert!(!State { was_ready: true, ..super::tests::state("backing-off", false, false) }.has_started());
    }

    #[test]
    fn nothing_runs_without_its_supervisor() {
        assert_eq!(state("running", true, false).now(), ManagerState::Stopped);
        assert_eq!(state("failed", false, false).now(), ManagerState::Failed);
    }

    #[test]
    fn a_torn_or_foreign_file_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::read(folder.path()), None);
        for text in ["", "{", "[]", "{\"state\":1}", "\u{0}"] {
            std::fs::write(folder.path().join("status.json"), text).unwrap();
            assert_eq!(State::read(folder.path()), None);
        }
    }
}

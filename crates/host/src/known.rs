//! What is known of a service: what its supervisor left on disk, and what the service manager says.

use std::path::{Path, PathBuf};

use abide_os::manager::{Enabled, ManagerExit, ManagerState, ManagerStatus, Scope};
use abide_spec::{Exit, Name};
use abide_supervisor::status::{self, Status};
use serde::Serialize;

use crate::error::HostError;
use crate::home::{Home, manager};

/// What is known of a service from both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Known {
    /// What the supervisor knows.
    #[serde(flatten)]
    pub status: Status,
    /// Whose service it is: `system` or `user`; nothing in an `abide up`.
    pub scope: Option<&'static str>,
    /// The folder of the `abide up` that runs or ran it; nothing for what is installed.
    pub project: Option<PathBuf>,
    /// When it starts by itself; nothing in an `abide up`.
    pub enabled: Option<Enabled>,
    /// What the service manager says, where there is one.
    pub manager: Option<ManagerStatus>,
}

impl Known {
    /// Looks at a service.
    pub fn of(name: &Name, home: &Home) -> Result<Self, HostError> {
        let manager = match home {
            Home::Installed(layout) => Some(manager(layout.scope)?.status(name)?),
            Home::Project(_) => None,
        };
        let state = home.place(name).state;
        let left = match (status::read(&state), &manager) {
            (Ok(Some(left)), Some(manager)) if manager.main_pid == Some(left.supervisor.pid) => {
                as_written(&state).or(Some(left))
            }
            (Ok(left), _) => left,
            // Not everybody may look into the folders of a service; the service manager tells everybody.
            (Err(_), Some(_)) => None,
            (Err(error), None) => return Err(error.into()),
        };
        let mut status = match left {
            Some(left) if !home.is_direct(name) => left,
            _ => unseen(name, home, manager.as_ref()),
        };
        if let Some(manager) = &manager {
            reconcile(&mut status, manager);
        }
        let enabled = manager.as_ref().map(|manager| manager.enabled);
        Ok(Self { status, scope: scope(home), project: home.project(), enabled, manager })
    }

    /// The same service after its state has changed: what its supervisor says now, and where only the service manager can
    /// tell more, that as well. Cheap while the service is up: the service manager is not asked then.
    #[must_use]
    pub fn renewed(&self, name: &Name, home: &Home) -> Self {
        match status::read(&home.place(name).state) {
            Ok(Some(status)) if !matches!(status.state.as_str(), "stopped" | "failed") => Self {
                status,
                scope: self.scope,
                project: self.project.clone(),
                enabled: self.enabled,
                // It was true of an earlier moment.
                manager: None,
            },
            _ => Self::of(name, home).unwrap_or_else(|error| Self::nothing(name, home, error.error)),
        }
    }

    /// A service of which nothing can be known, and why.
    pub fn nothing(name: &Name, home: &Home, why: String) -> Self {
        let status = Status { why: Some(why), ..Status::never_ran(name, "unknown") };
        Self { status, scope: scope(home), project: home.project(), enabled: None, manager: None }
    }
}

fn scope(home: &Home) -> Option<&'static str> {
    home.scope().map(|scope| match scope {
        Scope::System => "system",
        Scope::User => "user",
    })
}

/// The status as it stands in its file. The service manager says that the supervisor lives; to a look from
/// outside it may seem gone, as from another container.
fn as_written(state: &Path) -> Option<Status> {
    let text = std::fs::read(status::path(state)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The status of a service whose supervisor left none that we may read, or that has none, from what the service manager
/// says.
fn unseen(name: &Name, home: &Home, manager: Option<&ManagerStatus>) -> Status {
    let state = manager.map_or(ManagerState::Stopped, |manager| manager.state);
    let since = manager.and_then(|manager| manager.since).map(abide_supervisor::timestamp::rfc3339);
    let text = manager.and_then(|manager| manager.text.clone());
    let status = Status {
        since: since.clone().unwrap_or_default(),
        ready: state == ManagerState::Running,
        ..Status::never_ran(name, state.as_str())
    };
    let direct = home.read_spec(name).filter(|spec| !spec.program.supervised);
    let Some(spec) = direct else { return Status { why: text, ..status } };
    let runs = matches!(state, ManagerState::Running | ManagerState::Stopping | ManagerState::Paused);
    // What the service manager started is the program itself.
    Status {
        description: spec.description,
        pid: manager.and_then(|manager| manager.main_pid),
        started: since.filter(|_| runs),
        last_exit: manager.and_then(|manager| manager.exit).filter(|_| !runs).map(|exit| match exit {
            ManagerExit::Code(code) => Exit::Code(code),
            ManagerExit::Signal(signal) => Exit::Signal(signal),
        }),
        why: manager.and_then(|manager| manager.result.clone()),
        text: text.filter(|_| runs),
        ..status
    }
}

/// Where the two disagree, the one who knows better is believed: a supervisor that is dead cannot know
/// that the service manager gave up on it, or starts it again.
fn reconcile(status: &mut Status, manager: &ManagerStatus) {
    if !matches!(status.state.as_str(), "stopped" | "failed") {
        return;
    }
    match manager.state {
        // A program without a supervisor: nobody but the service manager has said anything.
        _ if status.supervisor.pid == 0 && status.state == manager.state.as_str() => {}
        ManagerState::Failed if status.state != "failed" => {
            status.state = "failed".into();
            status.why = Some(match (&manager.result, &manager.exit) {
                (Some(result), Some(exit)) => format!("the service manager says {result} ({exit})"),
                (Some(result), None) => format!("the service manager says {result}"),
                _ => "the service manager says that it failed".into(),
            });
        }
        // Whatever it was before, another supervisor is there and has not said anything yet.
        ManagerState::Starting | ManagerState::Running
            if manager.main_pid.is_some() && !status::supervisor_lives(status) =>
        {
            status.state = "starting".into();
        }
        // One that ended its service stays down, though its manager may not have come to that yet.
        ManagerState::Starting | ManagerState::Running if status.orphaned => status.state = "starting".into(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str) -> Status {
        Status::never_ran(&"web".parse().unwrap(), state)
    }

    #[test]
    fn a_service_manager_that_gave_up_is_believed() {
        let mut left = status("stopped");
        let manager = ManagerStatus {
            installed: true,
            state: ManagerState::Failed,
            result: Some("start-limit-hit".into()),
            ..ManagerStatus::absent()
        };
        reconcile(&mut left, &manager);
        assert_eq!(left.state, "failed");
        assert!(left.why.unwrap().contains("start-limit-hit"));
    }

    #[test]
    fn a_supervisor_that_is_started_again_is_starting() {
        let said = |orphaned, state, main_pid| {
            let mut left = Status { orphaned, ..status("stopped") };
            let manager = ManagerStatus { installed: true, state, main_pid, ..ManagerStatus::absent() };
            reconcile(&mut left, &manager);
            left.state
        };
        for state in [ManagerState::Starting, ManagerState::Running] {
            assert_eq!(said(false, state, Some(4)), "starting", "the next one is there");
            assert_eq!(said(true, state, None), "starting", "the last one was killed");
            assert_eq!(said(false, state, None), "stopped", "the last one ended the service");
        }
        assert_eq!(said(true, ManagerState::Stopped, None), "stopped");
    }

    #[test]
    fn what_runs_is_left_alone() {
        let mut left = status("running");
        reconcile(&mut left, &ManagerStatus { state: ManagerState::Starting, ..ManagerStatus::absent() });
        assert_eq!(left.state, "running");
    }
}

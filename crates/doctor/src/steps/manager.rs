//! What the service manager and the supervisor say, and whether they say the same.

use abide_os::manager::{Enabled, ManagerExit, ManagerState, ManagerStatus};
use abide_spec::StartMode;

use super::exits;
use crate::finding::{Finding, Step};
use crate::scene::{Scene, SpecSeen};

const STEP: Step = Step::Manager;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    if let Some(why) = &scene.status_trouble {
        found.push(
            Finding::error("status-unreadable", STEP, 60, "its status cannot be read")
                .seen(why)
                .next(scene.abide("restart"))
                .next("a supervisor that starts writes it anew"),
        );
    }
    supervisor(scene, found);
    let Some(manager) = &scene.known.manager else { return };
    if !manager.halves.is_empty() {
        let mut finding = Finding::error("half-installed", STEP, 80, "it is only half installed")
            .next(format!("abide apply {}", spec_file(scene)))
            .next(scene.abide("uninstall"));
        finding.evidence.extend(manager.halves.iter().cloned());
        found.push(finding);
    }
    if !manager.installed {
        let has_spec = !matches!(scene.spec, SpecSeen::Absent);
        if has_spec {
            found.push(
                Finding::error("not-installed", STEP, 95, "the service manager does not know it")
                    .seen(format!("there is a spec: {}", spec_file(scene)))
                    .next(format!("abide apply {}", spec_file(scene))),
            );
        }
        return;
    }
    enabled(scene, manager, found);
    gave_up(scene, manager, found);
    agree(scene, manager, found);
}

pub(super) fn seen(scene: &Scene) -> String {
    let supervisor = scene.known.status.supervisor.pid;
    let under = if supervisor == 0 { String::new() } else { format!(", supervisor {supervisor}") };
    match (&scene.known.manager, &scene.known.project) {
        (Some(manager), _) => {
            let start = match manager.enabled {
                Enabled::Auto => "starts with the machine",
                Enabled::Delayed => "starts with the machine, after what starts at once",
                Enabled::Manual => "starts on demand",
                Enabled::Disabled => "does not start",
                Enabled::No => "not installed",
            };
            format!("{}, {start}{under}", manager.state.as_str())
        }
        (None, Some(folder)) => format!("run by `abide up` in {}{under}", folder.display()),
        _ => String::new(),
    }
}

/// The file of its spec, as it is named in commands.
pub(super) fn spec_file(scene: &Scene) -> String {
    match &scene.spec {
        SpecSeen::Absent => "SPEC".into(),
        SpecSeen::Valid { file, .. } | SpecSeen::Invalid { file, .. } | SpecSeen::Unreadable { file, .. } => {
            file.display().to_string()
        }
    }
}

fn supervisor(scene: &Scene, found: &mut Vec<Finding>) {
    let status = &scene.known.status;
    if status.orphaned {
        let told = format!("supervisor {} is gone, and did not end the service", status.supervisor.pid);
        found.push(
            Finding::error("supervisor-gone", STEP, 85, "the supervisor died, and its program with it")
                .seen(told)
                .maybe_seen(status.why.clone())
                .next(start(scene))
                .next(scene.abide("events")),
        );
    } else if scene.supervisor_lives == Some(true) && scene.supervisor_answers == Some(false) {
        found.push(
            Finding::error("supervisor-silent", STEP, 55, "the supervisor lives and does not answer")
                .seen(format!("process {} takes no connection", status.supervisor.pid))
                .next(scene.abide("restart")),
        );
    }
}

/// How it is started again.
pub(super) fn start(scene: &Scene) -> String {
    match &scene.known.project {
        Some(folder) if scene.supervisor_lives != Some(true) => {
            format!("abide up   (in {})", folder.display())
        }
        _ => scene.abide("start"),
    }
}

fn enabled(scene: &Scene, manager: &ManagerStatus, found: &mut Vec<Finding>) {
    let Some(spec) = scene.valid_spec() else { return };
    let with_machine = matches!(manager.enabled, Enabled::Auto | Enabled::Delayed);
    match spec.start.mode {
        StartMode::Auto | StartMode::Delayed if !with_machine => found.push(
            Finding::warning("not-enabled", STEP, 30, "it does not start with the machine")
                .seen("`start.mode` of its spec says that it does")
                .next(format!("abide apply {}", spec_file(scene))),
        ),
        StartMode::Disabled if !scene.runs() => found.push(
            Finding::warning("disabled", STEP, 70, "its spec forbids it to start")
                .seen("start.mode = \"disabled\"")
                .next(format!("change `start.mode` in {0}, then `abide apply {0}`", spec_file(scene))),
        ),
        _ => {}
    }
}

fn gave_up(scene: &Scene, manager: &ManagerStatus, found: &mut Vec<Finding>) {
    let result = manager.result.as_deref().unwrap_or_default();
    let is_over = manager.state == ManagerState::Failed;
    if is_over && result.contains("start-limit") {
        found.push(
            Finding::error("manager-gave-up", STEP, 75, "the service manager starts it no more")
                .seen(format!("it says {result}: too many starts in too short a time"))
                .next(scene.abide("start")),
        );
    }
    let explained = match manager.exit {
        Some(ManagerExit::Code(code)) if is_over || code != 0 => {
            exits::of_manager(code).map(|why| (code, why))
        }
        _ => None,
    };
    if let Some((code, why)) = explained.filter(|_| !scene.runs()) {
        found.push(
            Finding::error("manager-exit", STEP, 90, format!("the service manager could not run it: {why}"))
                .seen(format!("exit code {code}"))
                .maybe_seen(
                    manager.result.as_ref().map(|result| format!("the service manager says {result}")),
                )
                .next(format!("abide plan {}", spec_file(scene))),
        );
    }
}

fn agree(scene: &Scene, manager: &ManagerStatus, found: &mut Vec<Finding>) {
    let status = &scene.known.status;
    let disagrees = Finding::error("manager-disagrees", STEP, 50, "service manager and supervisor disagree");
    let next = |finding: Finding| finding.next(scene.abide("restart"));
    match (manager.state, manager.main_pid) {
        (ManagerState::Running, Some(main)) if status.supervisor.pid != 0 => {
            if main != status.supervisor.pid && scene.supervisor_lives == Some(true) {
                found.push(next(
                    disagrees
                        .seen(format!("the service manager runs process {main}"))
                        .seen(format!("the status is that of supervisor {}", status.supervisor.pid)),
                ));
            } else if matches!(status.state.as_str(), "stopped" | "failed") && !status.orphaned {
                found.push(next(
                    disagrees
                        .seen(format!("the service manager says running, process {main}"))
                        .seen(format!("the supervisor says {}", status.state)),
                ));
            }
        }
        (ManagerState::Stopped | ManagerState::Failed, _) if scene.supervisor_lives == Some(true) => {
            found.push(next(
                disagrees
                    .seen(format!("the service manager says {}", manager.state.as_str()))
                    .seen(format!("supervisor {} lives", status.supervisor.pid)),
            ));
        }
        _ => {}
    }
}

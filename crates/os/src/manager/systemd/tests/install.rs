//! Plan, apply and uninstall, and what happens when something is in the way.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::stand_in::{Machine, name, silent};
use crate::manager::systemd::Fault;
use crate::manager::{
    ChangeKind, ErrorKind, Level, MARKER, ManagerError, ManagerState, ServiceManager, Uninstall,
};

const WAIT: Duration = Duration::from_secs(20);

fn apply(machine: &Machine, more: &str) -> crate::manager::Applied {
    let plan = machine.systemd.plan(&machine.desired(more)).unwrap();
    machine.systemd.apply(&plan, &mut silent).unwrap()
}

fn uninstall(machine: &Machine, keep_logs: bool) -> Result<crate::manager::Removed, ManagerError> {
    machine.systemd.uninstall(&name(), Uninstall { keep_logs, wait: WAIT }, &mut silent)
}

#[test]
fn applying_makes_it_so_and_the_next_plan_is_empty() {
    let machine = Machine::new();
    let desired = machine.desired("description = \"Orders\" # by hand");
    let plan = machine.systemd.plan(&desired).unwrap();
    let targets: Vec<_> = plan.changes.iter().map(|change| (change.kind, change.target.clone())).collect();
    assert!(
        targets
            .iter()
            .any(|(kind, target)| *kind == ChangeKind::Create && target.ends_with("orders.service"))
    );
    assert!(targets.iter().any(|(_, target)| target == "start at boot"));
    assert!(machine.systemd.apply(&plan, &mut silent).unwrap().changed);

    let layout = &machine.systemd.layout;
    let spec = layout.spec(&name());
    assert_eq!(fs::read_to_string(&spec).unwrap(), desired.text, "comments are kept");
    assert_eq!(fs::metadata(&spec).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&layout.specs).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(machine.state("enabled/orders.service").exists());
    assert_eq!(machine.calls("daemon-reload"), 1);
    assert_eq!(machine.calls("restart") + machine.calls("start"), 0, "apply does not start what did not run");

    assert_eq!(machine.systemd.plan(&desired).unwrap().changes, []);
    let before = machine.everything();
    assert!(!machine.systemd.apply(&machine.systemd.plan(&desired).unwrap(), &mut silent).unwrap().changed);
    assert_eq!(machine.everything(), before);
}

#[test]
fn only_what_differs_is_changed_and_a_running_service_restarts_once() {
    let machine = Machine::new();
    apply(&machine, "");
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();

    let plan = machine.systemd.plan(&machine.desired("limits.memory = \"1GiB\"")).unwrap();
    let unit = plan.changes.iter().find(|change| change.target.ends_with("orders.service")).unwrap();
    assert_eq!(unit.kind, ChangeKind::Update);
    assert!(
        !unit.before.as_ref().unwrap().contains("MemoryMax")
            && unit.after.as_ref().unwrap().contains("MemoryMax")
    );
    assert!(machine.systemd.apply(&plan, &mut silent).unwrap().restarted);
    assert_eq!(machine.calls("restart"), 1);
    assert!(machine.running().unwrap().contains("MemoryMax=1073741824"));

    // A description is shown by systemd, and of no concern to the program.
    let applied = apply(&machine, "description = \"Orders\"\nlimits.memory = \"1GiB\"");
    assert!(applied.changed && !applied.restarted);
    assert_eq!(machine.calls("restart"), 1);
}

#[test]
fn an_installed_spec_that_was_edited_in_place_is_applied() {
    let machine = Machine::new();
    apply(&machine, "");
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    let edited = machine.desired("restart.when = \"always\"");
    fs::write(machine.systemd.layout.spec(&name()), &edited.text).unwrap();
    let plan = machine.systemd.plan(&edited).unwrap();
    assert_eq!(plan.changes.len(), 1, "only the restart is left to do: {:?}", plan.changes);
    assert!(machine.systemd.apply(&plan, &mut silent).unwrap().restarted);
    assert!(machine.systemd.plan(&edited).unwrap().changes.is_empty());
}

#[test]
fn a_changed_environment_file_is_a_reason_to_restart() {
    let machine = Machine::new();
    let file = machine.root.path().join("env");
    fs::write(&file, "A=1\n").unwrap();
    let text = format!(
        "name = \"orders\"\n[program]\ncommand = [\"/bin/sleep\"]\nenv-file = \"{}\"\n",
        file.display()
    );
    let desired = crate::manager::Desired::new(
        abide_spec::Spec::parse(&text).unwrap(),
        Some(&text),
        machine.root.path().join("supervisor-1"),
    );
    let plan = machine.systemd.plan(&desired).unwrap();
    machine.systemd.apply(&plan, &mut silent).unwrap();
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    assert!(machine.systemd.plan(&desired).unwrap().changes.is_empty());
    fs::write(&file, "A=2\n").unwrap();
    let plan = machine.systemd.plan(&desired).unwrap();
    assert_eq!(plan.changes.len(), 1);
    assert!(machine.systemd.apply(&plan, &mut silent).unwrap().restarted);
    assert!(machine.systemd.plan(&desired).unwrap().changes.is_empty());
}

#[test]
fn start_modes_are_switched() {
    let machine = Machine::new();
    apply(&machine, "");
    apply(&machine, "start.mode = \"manual\"");
    assert!(!machine.state("enabled/orders.service").exists());
    assert_eq!(machine.systemd.plan(&machine.desired("start.mode = \"manual\"")).unwrap().changes, []);
    apply(&machine, "start.mode = \"disabled\"");
    let error = machine.systemd.start(&name(), WAIT, &mut silent).unwrap_err();
    assert!(matches!(error, ManagerError::Disabled { .. }) && error.hint().is_some(), "{error}");
}

#[test]
fn a_step_that_fails_takes_everything_back() {
    for running in [false, true] {
        for installed in [false, true] {
            if running && !installed {
                continue;
            }
            let mut failed = 0;
            for step in 0.. {
                let mut last = false;
                for after in [false, true] {
                    let mut machine = Machine::new();
                    if installed {
                        apply(&machine, "start.mode = \"manual\"");
                    }
                    if running {
                        machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
                    }
                    let before = machine.everything();
                    let mut desired = machine.desired("limits.memory = \"1GiB\"");
                    desired.supervisor = Some(machine.root.path().join("supervisor-2"));
                    let plan = machine.systemd.plan(&desired).unwrap();
                    machine.systemd.fault = Some(Fault { step, after });
                    match machine.systemd.apply(&plan, &mut silent) {
                        Ok(_) => last = true,
                        Err(error) => {
                            failed += 1;
                            let text = error.to_string();
                            assert!(text.contains("everything was put back"), "{text}");
                            assert!(!text.contains("except"), "{text}");
                            // The folder of locks is the only thing that may be new.
                            let mut left = machine.everything();
                            let run = machine.systemd.layout.run.clone();
                            left.retain(|(path, ..)| {
                                before.iter().any(|(old, ..)| old == path)
                                    || !run.starts_with(path) && !path.starts_with(&run)
                            });
                            assert_eq!(left, before, "step {step}, after {after}: {text}");
                        }
                    }
                }
                if last {
                    break;
                }
            }
            assert!(failed >= 10, "only {failed} faults were tried");
        }
    }
}

#[test]
fn a_full_disk_is_told_as_such() {
    let mut machine = Machine::new();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    machine.systemd.fault = Some(Fault { step: 4, after: false });
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert!(error.to_string().contains("no space left") || error.to_string().contains("storage"), "{error}");
    assert!(error.hint().unwrap().contains("make room"));
}

#[test]
fn a_systemd_that_refuses_rolls_back() {
    let machine = Machine::new();
    fs::write(machine.state("refuse-reload"), "").unwrap();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert!(matches!(error, ManagerError::RolledBack { .. }), "{error}");
    assert!(!machine.systemd.layout.spec(&name()).exists() && !machine.systemd.unit_path(&name()).exists());
}

#[test]
fn an_update_that_does_not_come_up_brings_the_old_one_back() {
    let machine = Machine::new();
    apply(&machine, "");
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    let old = fs::read_to_string(machine.systemd.unit_path(&name())).unwrap();
    let plan = machine.systemd.plan(&machine.desired("limits.memory = \"1GiB\"")).unwrap();
    fs::write(machine.state("refuse"), "").unwrap();
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert!(error.to_string().contains("restart orders"), "{error}");
    assert_eq!(fs::read_to_string(machine.systemd.unit_path(&name())).unwrap(), old);
    // And with a systemd that starts it again, the old one runs.
    fs::remove_file(machine.state("refuse")).unwrap();
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    assert_eq!(machine.running().unwrap(), old);
}

#[test]
fn foreign_units_are_left_alone() {
    for vendor in [true, false] {
        let machine = Machine::new();
        let path =
            if vendor { machine.state("vendor/orders.service") } else { machine.systemd.unit_path(&name()) };
        fs::write(&path, "[Service]\nExecStart=/bin/true\n").unwrap();
        let before = machine.everything();
        let error = machine.systemd.plan(&machine.desired("")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("already installed by something else than Abide"), "{text}");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        for error in [
            uninstall(&machine, false).unwrap_err(),
            machine.systemd.start(&name(), WAIT, &mut silent).unwrap_err(),
            machine.systemd.stop(&name(), WAIT, &mut silent).unwrap_err(),
        ] {
            assert!(matches!(error, ManagerError::Foreign { .. }), "{error}");
        }
        assert_eq!(machine.everything(), before);
    }
}

#[test]
fn uninstalling_leaves_nothing_behind() {
    let machine = Machine::new();
    let before = machine.everything();
    apply(&machine, "");
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    let layout = machine.systemd.layout.clone();
    // As systemd makes them for an account of the service's own.
    for folder in [layout.state_of(&name()), layout.logs_of(&name())] {
        let twin = folder.parent().unwrap().parent().unwrap().join("private/abide/orders");
        fs::create_dir_all(&twin).unwrap();
        fs::write(twin.join("x"), "x").unwrap();
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&twin, &folder).unwrap();
    }
    let removed = uninstall(&machine, false).unwrap();
    assert_eq!(machine.calls("stop"), 1);
    assert!(removed.removed.iter().any(|line| line.ends_with("orders.service")), "{removed:?}");
    assert!(!machine.state("enabled/orders.service").exists());
    let left: Vec<_> =
        machine.everything().into_iter().filter(|(_, mode, _)| mode & 0o170000 != 0o040000).collect();
    let files: Vec<_> = before.into_iter().filter(|(_, mode, _)| mode & 0o170000 != 0o040000).collect();
    assert_eq!(left, files);
    assert_eq!(uninstall(&machine, false).unwrap_err().kind(), ErrorKind::NotInstalled);
}

#[test]
fn logs_are_kept_when_asked() {
    let machine = Machine::new();
    apply(&machine, "");
    let logs = machine.systemd.layout.logs_of(&name());
    fs::create_dir_all(&logs).unwrap();
    fs::write(logs.join("stdout.log"), "x").unwrap();
    let removed = uninstall(&machine, true).unwrap();
    assert_eq!(removed.kept.len(), 1);
    assert!(logs.join("stdout.log").exists());
    assert_eq!(uninstall(&machine, true).unwrap_err().kind(), ErrorKind::NotInstalled);
    uninstall(&machine, false).unwrap();
    assert!(!logs.exists());
}

#[test]
fn half_removed_services_are_told_and_finished_off() {
    for remove_unit in [true, false] {
        let machine = Machine::new();
        apply(&machine, "");
        let layout = &machine.systemd.layout;
        let victim = if remove_unit { machine.systemd.unit_path(&name()) } else { layout.spec(&name()) };
        fs::remove_file(victim).unwrap();
        assert_eq!(machine.systemd.installed().unwrap(), [name()]);
        let status = machine.systemd.status(&name()).unwrap();
        assert_eq!(status.halves.len(), 1, "{status:?}");
        uninstall(&machine, false).unwrap();
        assert!(!layout.spec(&name()).exists() && !machine.systemd.unit_path(&name()).exists());
        assert!(machine.systemd.installed().unwrap().is_empty());
    }
}

#[test]
fn applying_completes_a_half_removed_service() {
    let machine = Machine::new();
    apply(&machine, "");
    fs::remove_file(machine.systemd.unit_path(&name())).unwrap();
    assert!(apply(&machine, "").changed);
    assert!(machine.systemd.status(&name()).unwrap().halves.is_empty());
}

#[test]
fn two_at_once_end_well() {
    let machine = Machine::new();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    let held = machine.systemd.lock(&name()).unwrap();
    let before = machine.everything();
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert!(matches!(error, ManagerError::Busy { .. }), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    assert_eq!(machine.everything(), before);
    drop(held);
    // A child that another test starts at this very moment keeps a copy of the lock until it executes its program.
    let deadline = std::time::Instant::now() + WAIT;
    while let Err(error) = machine.systemd.apply(&plan, &mut silent) {
        assert!(matches!(error, ManagerError::Busy { .. }), "{error}");
        assert!(std::time::Instant::now() < deadline, "{error}");
        std::thread::yield_now();
    }
    // The same plan once more: it is no longer what would be done.
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert!(matches!(error, ManagerError::Changed { .. }), "{error}");
}

#[test]
fn the_supervisor_is_shared_and_dropped_with_its_last_user() {
    let machine = Machine::new();
    apply(&machine, "");
    let copies = || fs::read_dir(&machine.systemd.layout.lib).map_or(0, Iterator::count);
    assert_eq!(copies(), 1);
    let mut newer = machine.desired("");
    newer.supervisor = Some(machine.root.path().join("supervisor-2"));
    let plan = machine.systemd.plan(&newer).unwrap();
    assert!(plan.changes.iter().any(|change| change.kind == ChangeKind::Remove), "{:?}", plan.changes);
    machine.systemd.apply(&plan, &mut silent).unwrap();
    assert_eq!(copies(), 1, "the copy that nothing uses any more is gone");
    assert_eq!(machine.systemd.plan(&newer).unwrap().changes, []);
    uninstall(&machine, false).unwrap();
    assert_eq!(copies(), 0);
}

#[test]
fn a_failed_start_says_why() {
    let machine = Machine::new();
    apply(&machine, "");
    fs::write(machine.state("refuse"), "").unwrap();
    let error = machine.systemd.start(&name(), WAIT, &mut silent).unwrap_err();
    assert!(matches!(error, ManagerError::Failed { verb: "start", .. }), "{error}");
    assert_eq!(machine.systemd.status(&name()).unwrap().state, ManagerState::Failed);
}

#[test]
fn verbs_are_idempotent_and_know_what_is_not_there() {
    let machine = Machine::new();
    for error in [
        machine.systemd.start(&name(), WAIT, &mut silent).unwrap_err(),
        machine.systemd.stop(&name(), WAIT, &mut silent).unwrap_err(),
        machine.systemd.restart(&name(), WAIT, &mut silent).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotInstalled);
    }
    assert!(!machine.systemd.status(&name()).unwrap().installed);
    apply(&machine, "");
    machine.systemd.stop(&name(), WAIT, &mut silent).unwrap();
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    machine.systemd.start(&name(), WAIT, &mut silent).unwrap();
    assert_eq!((machine.calls("start"), machine.calls("stop")), (1, 0));
    let status = machine.systemd.status(&name()).unwrap();
    assert!(status.installed && status.managed_by_abide && status.state == ManagerState::Running);
    assert_eq!(status.text.as_deref(), Some("well"));
}

#[test]
fn a_plan_with_errors_is_shown_but_not_applied() {
    let machine = Machine::new();
    let before = machine.everything();
    let plan = machine.systemd.plan(&machine.desired("start.mode = \"delayed\"")).unwrap();
    assert!(plan.blocked() && !plan.changes.is_empty());
    assert_eq!(plan.findings(Level::Error).count(), 1);
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Spec);
    assert_eq!(machine.everything(), before);
}

#[test]
fn without_rights_nothing_is_touched() {
    if crate::account::is_privileged() {
        return;
    }
    let mut machine = Machine::new();
    machine.systemd.ask_rights = true;
    let before = machine.everything();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Privilege);
    assert_eq!(machine.everything(), before);
}

#[test]
fn the_marker_is_what_makes_a_unit_ours() {
    let machine = Machine::new();
    apply(&machine, "");
    let unit = fs::read_to_string(machine.systemd.unit_path(&name())).unwrap();
    assert!(unit.starts_with(MARKER));
}

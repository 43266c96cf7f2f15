//! The user's own services (`--user`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::grammar::only;
use super::stand_in::{Machine, name, silent};
use super::{context, spec};
use crate::manager::systemd::{findings, render};
use crate::manager::{Enabled, Level, ManagerState, ServiceManager, Uninstall};
use crate::paths::Layout;

const HOW: Uninstall = Uninstall { keep_logs: false, wait: Duration::from_secs(20) };

/// The unit of a user's own service.
fn unit(more: &str) -> String {
    let spec = spec(more);
    let mut context = context(&spec);
    context.layout = Layout::user_of_linux(Path::new("/home/a"), Path::new("/run/user/7"));
    render(&spec, &context).pop().unwrap().content
}

fn lost(more: &str) -> Vec<String> {
    let spec = spec(more);
    let mut context = context(&spec);
    context.layout = Layout::user_of_linux(Path::new("/home/a"), Path::new("/run/user/7"));
    let found = findings(&spec, &context).into_iter().filter(|finding| finding.level == Level::Error);
    found.filter_map(|finding| finding.field).collect()
}

#[test]
fn a_users_unit_has_nothing_that_needs_rights() {
    let unit = unit("");
    for word in
        ["User=", "DynamicUser", "Private", "ProtectSystem", "ProtectHome", "Capability", "StateDirectory"]
    {
        assert!(!unit.lines().any(|line| line.starts_with(word)), "{word}: {unit}");
    }
    assert_eq!(only(&unit, "Install", "WantedBy").as_deref(), Some("default.target"));
    assert_eq!(only(&unit, "Unit", "After"), None);
    assert!(only(&unit, "Service", "ExecStart").unwrap().ends_with(" run --manager systemd --user orders"));
    let credential = only(&unit, "Service", "LoadCredential").unwrap();
    assert_eq!(credential, "spec:/home/a/.config/abide/services/orders.toml");
    assert_eq!(only(&unit, "Service", "NoNewPrivileges").as_deref(), Some("yes"));
}

#[test]
fn what_hides_files_is_made_when_it_is_asked_for() {
    let unit = unit(
        "security.home = \"read-only\"\nsecurity.write = [\"/home/a/out put\"]\nsecurity.shared-temp = false",
    );
    let service = |key: &str| only(&unit, "Service", key).unwrap();
    assert_eq!((service("PrivateUsers"), service("PrivateTmp")), ("yes".into(), "yes".into()));
    assert_eq!(service("ProtectHome"), "read-only");
    assert_eq!(
        service("ReadWritePaths"),
        "\"/home/a/.local/state/abide/state/orders\" \"/home/a/.local/state/abide/logs/orders\" \"/home/a/out put\""
    );
}

#[test]
fn what_a_users_systemd_cannot_do_is_refused() {
    assert_eq!(lost(""), Vec::<String>::new());
    for (more, field) in [
        ("account.run-as = \"system\"", "account.run-as"),
        ("account.groups = [\"adm\"]", "account.groups"),
        ("security.capabilities = [\"CAP_KILL\"]", "security.capabilities"),
        ("security.home = \"hidden\"", "security.home"),
        ("security.network = \"local\"", "security.network"),
    ] {
        assert_eq!(lost(more), [field]);
        assert_eq!(lost(&format!("{more}\naccept = [\"{field}\"]")), Vec::<String>::new());
    }
}

#[test]
fn another_user_is_refused_and_oneself_is_not() {
    let machine = Machine::of_user();
    let own = machine.systemd.linger.user.clone();
    let errors = |more: &str| {
        let plan = machine.systemd.plan(&machine.desired(more)).unwrap();
        plan.findings(Level::Error).filter_map(|finding| finding.field.clone()).collect::<Vec<_>>()
    };
    assert_eq!(errors(&format!("account.run-as = \"{own}\"")), Vec::<String>::new());
    assert!(errors("account.run-as = \"daemon\"").contains(&"account.run-as".to_owned()));
}

#[test]
fn lingering_is_planned_switched_on_and_taken_back_with_the_last_service() {
    let machine = Machine::of_user();
    let user = machine.systemd.linger.user.clone();
    let before = machine.everything();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    assert!(plan.changes[0].target.starts_with("loginctl enable-linger "), "{:?}", plan.changes);
    machine.systemd.apply(&plan, &mut silent).unwrap();
    let lingers = || machine.state("lingering").join(&user).exists();
    assert!(lingers());
    assert_eq!(machine.systemd.plan(&machine.desired("")).unwrap().changes, []);

    let second = crate::manager::Desired::new(
        abide_spec::Spec::parse("name = \"second\"\n[program]\ncommand = [\"/bin/sleep\"]\n").unwrap(),
        None,
        machine.root.path().join("supervisor-1"),
    );
    let plan = machine.systemd.plan(&second).unwrap();
    assert!(!plan.changes.iter().any(|change| change.target.contains("linger")));
    machine.systemd.apply(&plan, &mut silent).unwrap();

    machine.systemd.uninstall(&name(), HOW, &mut silent).unwrap();
    assert!(lingers(), "the other one needs it");
    // As the user's systemd leaves it, which removes the folder of a service alone.
    fs::create_dir_all(&machine.systemd.layout.run).unwrap();
    let removed = machine.systemd.uninstall(&second.spec.name, HOW, &mut silent).unwrap();
    assert!(!machine.systemd.layout.run.exists());
    assert!(!lingers());
    assert!(removed.removed.iter().any(|what| what.starts_with("lingering of ")), "{removed:?}");
    let files = |all: Vec<(std::path::PathBuf, u32, String)>| {
        all.into_iter().filter(|(_, mode, _)| mode & 0o170000 != 0o040000).collect::<Vec<_>>()
    };
    assert_eq!(files(machine.everything()), files(before));
}

#[test]
fn lingering_that_was_there_stays() {
    let machine = Machine::of_user();
    let mark = machine.state("lingering").join(&machine.systemd.linger.user);
    fs::write(&mark, "").unwrap();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    machine.systemd.apply(&plan, &mut silent).unwrap();
    machine.systemd.uninstall(&name(), HOW, &mut silent).unwrap();
    assert!(mark.exists());
    assert_eq!(machine.calls("enable-linger") + machine.calls("disable-linger"), 0);
}

#[test]
fn a_logind_that_refuses_is_told_with_the_command() {
    let mut machine = Machine::of_user();
    let before = machine.everything();
    fs::write(machine.state("refuse-linger"), "").unwrap();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    let error = machine.systemd.apply(&plan, &mut silent).unwrap_err();
    assert!(error.to_string().contains("Access denied"), "{error}");
    assert!(error.hint().unwrap().contains("sudo loginctl enable-linger"), "{error:?}");
    fs::remove_file(machine.state("refuse-linger")).unwrap();
    let mut left = machine.everything();
    let run = machine.systemd.layout.run.clone();
    left.retain(|(path, ..)| before.iter().any(|(old, ..)| old == path) || !path.starts_with(&run));
    left.retain(|(path, mode, _)| mode & 0o170000 != 0o040000 || before.iter().any(|(old, ..)| old == path));
    assert_eq!(left, before);

    machine.systemd.linger.allowed = false;
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    assert!(plan.findings(Level::Error).any(|it| it.hint.as_deref().unwrap_or("").contains("loginctl")));
    let plan = machine.systemd.plan(&machine.desired("start.mode = \"manual\"")).unwrap();
    assert!(!plan.blocked(), "{:?}", plan.findings);
}

#[test]
fn without_a_systemd_of_the_user_plans_are_made_and_removals_finished() {
    let machine = Machine::of_user();
    let plan = machine.systemd.plan(&machine.desired("")).unwrap();
    machine.systemd.apply(&plan, &mut silent).unwrap();
    let runtime = machine.systemd.systemctl.runtime_dir.clone().unwrap();
    fs::remove_dir_all(runtime.join("systemd")).unwrap();
    assert!(!machine.systemd.plan(&machine.desired("start.mode = \"manual\"")).unwrap().findings.is_empty());
    let status = machine.systemd.status(&name()).unwrap();
    assert_eq!((status.state, status.enabled), (ManagerState::Stopped, Enabled::Auto));
    assert_eq!(machine.systemd.plan(&machine.desired("")).unwrap().changes, []);
    let error = machine.systemd.start(&name(), HOW.wait, &mut silent).unwrap_err().to_string();
    assert!(error.contains("loginctl enable-linger"), "{error}");
    machine.systemd.uninstall(&name(), HOW, &mut silent).unwrap();
    assert!(machine.systemd.installed().unwrap().is_empty());
}

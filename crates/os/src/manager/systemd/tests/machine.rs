//! What is found on the machine before anything is touched: each of these must leave it as it was.
#![cfg(unix)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use abide_spec::{Account, RunAs, Spec};

use super::stand_in::{Machine, silent};
use crate::manager::{Desired, ErrorKind, Finding, Level, ServiceManager};

/// A folder that everyone can enter.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A spec for programs in such a folder, which is shown to the service although it is in /tmp.
fn spec_in(folder: &tempfile::TempDir, more: &str) -> Spec {
    let folder = folder.path().display();
    Spec::parse(&format!("name = \"orders\"\nsecurity.read = [\"{folder}\"]\n[program]\n{more}\n")).unwrap()
}

/// The findings of a plan, after an apply that has to fail without a trace if one of them is an error.
fn found(machine: &Machine, spec: Spec) -> Vec<Finding> {
    let desired = Desired::new(spec, None, machine.root.path().join("supervisor-1"));
    let before = machine.everything();
    let plan = machine.systemd.plan(&desired).unwrap();
    if plan.blocked() {
        assert_eq!(machine.systemd.apply(&plan, &mut silent).unwrap_err().kind(), ErrorKind::Spec);
        assert_eq!(machine.everything(), before);
    }
    plan.findings
}

fn spec(more: &str) -> Spec {
    Spec::parse(&format!("name = \"orders\"\n[program]\n{more}\n")).unwrap()
}

/// The one error about a field.
fn error(findings: &[Finding], field: &str) -> Finding {
    let mut errors = findings
        .iter()
        .filter(|finding| finding.level == Level::Error && finding.field.as_deref() == Some(field));
    let first = errors.next().unwrap_or_else(|| panic!("no error about {field} in {findings:?}")).clone();
    assert_eq!(errors.next(), None);
    first
}

fn program(path: PathBuf, mode: u32, text: &str) -> String {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_good_program_has_no_findings() {
    let machine = Machine::new();
    assert_eq!(found(&machine, spec("command = [\"/bin/sleep\", \"1\"]")), []);
}

#[test]
fn a_program_that_is_missing_not_executable_or_a_folder() {
    let machine = Machine::new();
    let folder = open_folder();
    let plain = program(folder.path().join("plain"), 0o644, "");
    for (command, wanted) in [
        ("/nonexistent/server", "does not exist"),
        (plain.as_str(), "is not executable"),
        ("/usr", "is a folder"),
    ] {
        let findings = found(&machine, spec_in(&folder, &format!("command = [\"{command}\"]")));
        let finding = error(&findings, "program.command[0]");
        assert!(finding.text.contains(wanted) && finding.text.contains(command), "{finding}");
    }
}

#[test]
fn a_program_in_a_home_folder_is_out_of_reach_with_ways_out() {
    let machine = Machine::new();
    // What systemd hides is hidden whether or not the file is there with the right mode.
    if let Ok(home) = tempfile::tempdir_in("/root") {
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = program(home.path().join("server"), 0o755, "");
        let finding = error(&found(&machine, spec(&format!("command = [\"{path}\"]"))), "program.command[0]");
        assert!(finding.text.contains("home folder"), "{finding}");
        let hint = finding.hint.unwrap();
        for way in ["/opt", "/srv", "account.run-as", "security.home"] {
            assert!(hint.contains(way), "{hint}");
        }
    }
    let temporary = tempfile::tempdir_in("/tmp").unwrap();
    let path = program(temporary.path().join("server"), 0o755, "");
    let finding = error(&found(&machine, spec(&format!("command = [\"{path}\"]"))), "program.command[0]");
    assert!(finding.text.contains("/tmp of its own"), "{finding}");
}

#[test]
fn a_closed_folder_on_the_way_is_named() {
    let machine = Machine::new();
    let folder = open_folder();
    let path = program(folder.path().join("closed/server"), 0o755, "");
    let closed = folder.path().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let finding =
        error(&found(&machine, spec_in(&folder, &format!("command = [\"{path}\"]"))), "program.command[0]");
    assert!(finding.text.contains(closed.to_str().unwrap()) && finding.text.contains("0700"), "{finding}");
    assert!(finding.hint.unwrap().contains("chmod o+rX"));
}

#[test]
fn a_script_needs_its_interpreter() {
    let machine = Machine::new();
    let folder = open_folder();
    let script = program(folder.path().join("script"), 0o755, "#!/nonexistent/python\n");
    let finding =
        error(&found(&machine, spec_in(&folder, &format!("command = [\"{script}\"]"))), "program.command[0]");
    assert!(finding.text.contains("/nonexistent/python"), "{finding}");
    // Executable, but its interpreter could not read it.
    let script = program(folder.path().join("unread"), 0o711, "#!/bin/sh\n");
    let finding =
        error(&found(&machine, spec_in(&folder, &format!("command = [\"{script}\"]"))), "program.command[0]");
    assert!(finding.text.contains("may not read"), "{finding}");
    // Given to an interpreter, it is the program all the same.
    let hidden = program(folder.path().join("hidden.py"), 0o600, "");
    let finding = error(
        &found(&machine, spec_in(&folder, &format!("command = [\"/bin/sh\", \"{hidden}\"]"))),
        "program.command[1]",
    );
    assert!(finding.text.contains("may not read"), "{finding}");
    let more = format!("command = [\"/bin/sh\", \"-x\", \"{hidden}\"]");
    let findings = found(&machine, spec_in(&folder, &more));
    assert_eq!(findings.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Warning]);
}

#[test]
fn the_working_folder_has_to_be_there_and_open() {
    let machine = Machine::new();
    let folder = open_folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let file = program(folder.path().join("file"), 0o644, "");
    for (path, wanted) in [
        ("/nonexistent/x", "does not exist"),
        (file.as_str(), "is not a folder"),
        (closed.to_str().unwrap(), "may not enter"),
    ] {
        let findings = found(
            &machine,
            spec_in(&folder, &format!("command = [\"/bin/sleep\"]\nworking-dir = \"{path}\"")),
        );
        let finding = error(&findings, "program.working-dir");
        assert!(finding.text.contains(wanted), "{finding}");
    }
}

#[test]
fn an_environment_file_has_to_be_readable() {
    let machine = Machine::new();
    let findings = found(&machine, spec("command = [\"/bin/sleep\"]\nenv-file = \"/nonexistent/.env\""));
    assert!(error(&findings, "program.env-file").text.contains("/nonexistent/.env"));
    let findings = found(&machine, spec("command = [\"/bin/sleep\"]\nenv-file = \"/usr\""));
    assert!(error(&findings, "program.env-file").text.contains("folder"));
    // The account need not be able to read it: systemd hands it over.
    let folder = open_folder();
    let secret = program(folder.path().join("env"), 0o600, "A=1\n");
    assert_eq!(
        found(&machine, spec_in(&folder, &format!("command = [\"/bin/sleep\"]\nenv-file = \"{secret}\""))),
        []
    );
}

#[test]
fn a_port_that_another_program_has_is_found_with_its_holder() {
    let machine = Machine::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    for more in [
        format!("[register]\nport = {port}"),
        format!("[start]\nready = {{ tcp = \"127.0.0.1:{port}\" }}"),
        format!("[[health]]\nhttp = \"http://localhost:{port}/\""),
    ] {
        let told = || {
            let findings = found(&machine, spec(&format!("command = [\"/bin/sleep\"]\n{more}")));
            findings.into_iter().find(|finding| finding.level == Level::Error).unwrap()
        };
        assert!(told().text.contains(&format!("port {port} is in use by")), "{}", told());
        if cfg!(target_os = "linux") {
            // A child that another test has just forked has the socket too, until it executes its program.
            let own = std::process::id().to_string();
            assert!((0..100).any(|_| told().text.contains(&own)), "{}", told());
        }
    }
    // Not a port of this machine.
    let other = format!("command = [\"/bin/sleep\"]\n[[health]]\ntcp = \"192.0.2.1:{port}\"");
    assert_eq!(found(&machine, spec(&other)), []);
}

#[test]
fn accounts_and_groups_have_to_exist() {
    let machine = Machine::new();
    let mut unknown = spec("command = [\"/bin/sleep\"]");
    unknown.account = Account {
        run_as: RunAs::User("no-such-user-here".into()),
        groups: vec!["no-such-group-here".into()],
        password_file: None,
    };
    let findings = found(&machine, unknown);
    assert!(error(&findings, "account.run-as").text.contains("no-such-user-here"));
    assert!(error(&findings, "account.groups").text.contains("no-such-group-here"));
}

#[test]
fn folders_to_write_have_to_exist() {
    let machine = Machine::new();
    let findings =
        found(&machine, spec("command = [\"/bin/sleep\"]\n[security]\nwrite = [\"/nonexistent/data\"]"));
    assert!(error(&findings, "security.write").text.contains("/nonexistent/data"));
}

#[test]
fn a_jit_runtime_is_noticed_by_what_the_command_is() {
    let machine = Machine::new();
    let folder = open_folder();
    let node = program(folder.path().join("node"), 0o755, "");
    let findings =
        found(&machine, spec_in(&folder, &format!("command = [\"{node}\", \"/usr/share/app.js\"]")));
    assert!(
        findings.iter().any(|finding| finding.level == Level::Note && finding.text.contains("`jit`")),
        "{findings:?}"
    );
}

#[test]
fn a_missing_supervisor_is_told_in_the_plan() {
    let machine = Machine::new();
    let desired = Desired::new(
        spec("command = [\"/bin/sleep\"]"),
        None,
        std::path::PathBuf::from("/nonexistent/abide-supervisor"),
    );
    let plan = machine.systemd.plan(&desired).unwrap();
    assert!(plan.blocked());
    assert!(plan.findings[0].text.contains("/nonexistent/abide-supervisor"));
}

#[test]
fn folders_that_others_can_write_to_are_not_used() {
    for which in ["specs", "lib", "units"] {
        let machine = Machine::new();
        let layout = &machine.systemd.layout;
        let folder = match which {
            "specs" => &layout.specs,
            "lib" => &layout.lib,
            _ => &layout.units,
        };
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        let findings = found(&machine, spec("command = [\"/bin/sleep\"]"));
        let finding = findings.iter().find(|finding| finding.level == Level::Error).unwrap();
        assert!(finding.text.contains(folder.to_str().unwrap()), "{finding}");
        assert!(finding.hint.as_ref().unwrap().contains("chmod go-w"), "{finding}");
    }
}

#[test]
fn a_program_of_root_that_others_can_replace_is_warned_of() {
    let machine = Machine::new();
    let folder = open_folder();
    let path = program(folder.path().join("open/server"), 0o755, "");
    let open = folder.path().join("open");
    let of_root = |path: &str| {
        let mut spec = spec_in(&folder, &format!("command = [\"{path}\"]"));
        spec.account.run_as = RunAs::System;
        found(&machine, spec)
    };
    assert!(of_root(&path).iter().all(|finding| finding.level == Level::Note));
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let findings = of_root(&path);
    let finding = findings.iter().find(|finding| finding.level == Level::Warning).unwrap();
    assert!(
        finding.text.contains(open.to_str().unwrap()) && finding.text.contains("becomes root"),
        "{finding}"
    );
}

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use abide_spec::Spec;

use super::{Relative, Want, Who, interpreter, jit_runtime, program, reachable, spec};
use crate::account::User;

fn file(path: &Path, mode: u32, text: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_path_buf()
}

fn open(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

const STRANGER: Who = Who::Stranger { groups: Vec::new() };

#[test]
fn a_command_is_found_in_the_first_folder_that_has_it() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    file(&a.join("tool"), 0o644, "");
    let wanted = file(&b.join("tool"), 0o755, "");
    let path = std::env::join_paths([Path::new("relative"), &a, &b]).unwrap();
    assert_eq!(program("tool", Some(&path)).unwrap(), wanted);

    let missing = program("other", Some(&path)).unwrap_err();
    assert_eq!(missing.searched, [a.clone(), b]);
    assert!(missing.to_string().contains(&format!("searched: {}", a.display())), "{missing}");
    let only = std::env::join_paths([&a]).unwrap();
    assert!(program("tool", Some(&only)).unwrap_err().to_string().contains("not executable"));
    assert!(program("tool", None).unwrap_err().to_string().contains("PATH names no folder"));
}

#[test]
fn relative_paths_are_hung_up_or_refused_with_the_right_one() {
    let text = "name = \"a\"\nreload.command = [\"./reload\"]\n[program]\ncommand = [\"./bin/server\", \"./data\"]\n\
                working-dir = \"..\"\nenv-file = \".env\"\n[[health]]\nexec = [\"check/it\"]\n";
    let folder = Path::new("/srv/app/current");
    let mut hung = Spec::parse(text).unwrap();
    assert_eq!(spec(&mut hung, Relative::Against(folder), None), []);
    assert_eq!(hung.program.command, ["/srv/app/current/bin/server", "./data"]);
    assert_eq!(hung.program.working_dir.as_deref(), Some(Path::new("/srv/app")));
    assert_eq!(hung.program.env_file.as_deref(), Some(Path::new("/srv/app/current/.env")));

    let mut refused = Spec::parse(text).unwrap();
    let before = refused.clone();
    let found = spec(&mut refused, Relative::Refuse(folder), None);
    assert_eq!(refused, before);
    let fields: Vec<_> = found.iter().filter_map(|finding| finding.field.as_deref()).collect();
    assert_eq!(
        fields,
        [
            "program.command[0]",
            "program.working-dir",
            "program.env-file",
            "health[0].exec[0]",
            "reload.command[0]"
        ]
    );
    assert!(found[0].hint.as_ref().unwrap().contains("/srv/app/current/bin/server"));
}

#[test]
fn bare_commands_become_absolute_or_are_told() {
    let root = tempfile::tempdir().unwrap();
    let tool = file(&root.path().join("tool"), 0o755, "");
    let mut found = Spec::parse("name = \"a\"\n[program]\ncommand = [\"tool\"]\n").unwrap();
    assert_eq!(spec(&mut found, Relative::Refuse(Path::new("/")), Some(root.path().as_os_str())), []);
    assert_eq!(found.program.command[0], tool.to_str().unwrap());
    let mut missing = Spec::parse("name = \"a\"\n[program]\ncommand = [\"tool\"]\n").unwrap();
    let findings = spec(&mut missing, Relative::Refuse(Path::new("/")), Some("/nonexistent".as_ref()));
    assert!(findings[0].text.contains("searched: /nonexistent"), "{findings:?}");
}

#[test]
fn every_folder_on_the_way_has_to_let_the_account_through() {
    let root = tempfile::tempdir().unwrap();
    let program = file(&root.path().join("home/app/server"), 0o755, "");
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(reachable(&program, &STRANGER, Want::Execute).unwrap_err().path, root.path());
    open(root.path());
    assert_eq!(reachable(&program, &STRANGER, Want::Execute), Ok(()));

    let home = root.path().join("home");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let barrier = reachable(&program, &STRANGER, Want::Execute).unwrap_err();
    assert_eq!(barrier.path, home);
    assert!(barrier.to_string().contains("0700"), "{barrier}");
    assert_eq!(reachable(&program, &Who::Root, Want::Execute), Ok(()));

    // A link from an open place leads through the closed one all the same.
    let link = root.path().join("server");
    std::os::unix::fs::symlink("home/app/server", &link).unwrap();
    assert_eq!(reachable(&link, &STRANGER, Want::Execute).unwrap_err().path, home);
}

#[test]
fn owner_group_and_others_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    open(root.path());
    let program = file(&root.path().join("server"), 0o754, "");
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let user = |uid, gid| {
        Who::User(User {
            name: "someone".into(),
            uid,
            gid,
            groups: vec![gid],
            home: "/".into(),
            comment: String::new(),
        })
    };
    for (who, reads, executes) in [
        (user(uid, gid), true, true),
        (user(uid + 1, gid), true, true),
        (user(uid + 1, gid + 1), true, false),
        (STRANGER, true, false),
        (Who::Stranger { groups: vec![gid] }, true, true),
        (Who::Root, true, true),
    ] {
        assert_eq!(reachable(&program, &who, Want::Read).is_ok(), reads, "{who:?}");
        assert_eq!(reachable(&program, &who, Want::Execute).is_ok(), executes, "{who:?}");
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(reachable(&program, &Who::Root, Want::Execute).is_err());
}

#[test]
fn what_is_missing_is_named() {
    let root = tempfile::tempdir().unwrap();
    open(root.path());
    let barrier = reachable(&root.path().join("a/b"), &STRANGER, Want::Enter).unwrap_err();
    assert_eq!((barrier.path, barrier.why.as_str()), (root.path().join("a"), "does not exist"));
    let plain = file(&root.path().join("plain"), 0o755, "");
    assert!(reachable(&plain.join("x"), &STRANGER, Want::Read).is_err());
    assert!(reachable(&plain, &STRANGER, Want::Enter).is_err());
    std::os::unix::fs::symlink("loop", root.path().join("loop")).unwrap();
    assert!(reachable(&root.path().join("loop"), &STRANGER, Want::Read).is_err());
}

#[test]
fn scripts_name_their_interpreter() {
    let root = tempfile::tempdir().unwrap();
    let node = file(&root.path().join("bin/node"), 0o755, "");
    let bin = root.path().join("bin").into_os_string();
    for (text, wanted) in [
        ("#!/bin/sh\n", Some(PathBuf::from("/bin/sh"))),
        ("#! /opt/x/python3 -u\nimport this", Some("/opt/x/python3".into())),
        ("#!/usr/bin/env node\n", Some(node.clone())),
        ("#!/usr/bin/env -S A=1 node --x\n", Some(node.clone())),
        ("#!/usr/bin/env nothing-like-it\n", Some("/usr/bin/env".into())),
        ("\x7fELF", None),
        ("", None),
        ("#!", None),
    ] {
        let script = file(&root.path().join("script"), 0o755, text);
        assert_eq!(interpreter(&script, Some(&bin)), wanted, "{text:?}");
    }
}

#[test]
fn runtimes_that_compile_while_they_run_are_known() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| file(&root.path().join(name), 0o755, "").to_str().unwrap().to_owned();
    let runtime = |command: &[&str]| {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        jit_runtime(&command, Some(root.path().as_os_str()))
    };
    for name in ["node", "node20", "java", "dotnet", "pypy3.10", "luajit-2.1", "deno", "bun"] {
        assert_eq!(runtime(&[&path(name)]).as_deref(), Some(name));
    }
    assert_eq!(runtime(&[&path("python3.12"), "app.py"]), None);
    assert_eq!(runtime(&[&path("php8.2"), "x.php"]), None);
    assert!(runtime(&[&path("php8.2"), "-d", "opcache.jit=1255"]).is_some());

    let script = file(&root.path().join("app"), 0o755, "#!/usr/bin/env node\n");
    assert!(runtime(&[script.to_str().unwrap()]).is_some());
    std::os::unix::fs::symlink("java", root.path().join("linked")).unwrap();
    assert!(runtime(&[root.path().join("linked").to_str().unwrap()]).is_some());
    let own = path("Orders");
    assert_eq!(runtime(&[&own]), None);
    file(&root.path().join("Orders.runtimeconfig.json"), 0o644, "{}");
    assert_eq!(runtime(&[&own]).as_deref(), Some("dotnet"));
}

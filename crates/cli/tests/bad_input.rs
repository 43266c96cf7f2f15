//! Bad input: a message, a hint, the right exit code, and nothing changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use support::Folder;

/// A spec of a program that is there on every system: this one.
fn good(name: &str, more: &str) -> String {
    let program = std::env::current_exe().unwrap();
    format!("name = \"{name}\"\n{more}\n[program]\ncommand = ['{}']\n", program.display())
}

/// Nothing but what the test itself wrote is in the folder.
#[track_caller]
fn untouched(folder: &Folder, files: &[&str]) {
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, files);
}

#[test]
fn every_mistake_of_a_spec_is_shown_where_it_stands() {
    let folder = Folder::new();
    folder.write(
        "a.toml",
        "name = \"web\"\n[program]\ncomand = [\"/bin/sh\"]\n[restart]\ndelay = { initial = \"10 parsecs\" }\n",
    );
    let frame = " --> a.toml:3:1\n 3 | comand = [\"/bin/sh\"]\n   | ^^^^^^\n";
    for verb in ["check", "up"] {
        let said = folder.abide(&[verb, "a.toml"]).error(6, &["`comand`", frame, "a.toml:5:21", "`parsecs`"]);
        assert!(said.stderr.contains("hint: did you mean `command`?"), "{}", said.stderr);
        assert!(!said.stderr.contains('\x1b'), "{}", said.stderr);
    }
    untouched(&folder, &["a.toml"]);
}

#[test]
fn colours_come_when_wanted_and_only_then() {
    let folder = Folder::new();
    folder.write("a.toml", "nam = 1\n");
    let coloured = folder.abide(&["check", "a.toml", "--color", "always"]).ended(6);
    assert!(coloured.stderr.contains("\x1b[1;31merror:"), "{}", coloured.stderr);
    let mut command = folder.command(&["check", "a.toml"]);
    let plain: support::Said =
        command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").output().unwrap().into();
    assert!(!plain.stderr.contains('\x1b'), "{}", plain.stderr);
}

#[test]
fn every_bad_file_of_a_folder_is_told() {
    let folder = Folder::new();
    folder.write("big.toml", "# filler\n".repeat(10 * 1024 * 1024 / 9));
    folder.write("good.toml", good("web", ""));
    folder.write("latin.toml", b"name = \"caf\xe9\"\n");
    folder.write("table.toml", "name = \"x\"\n[program\n");
    let said = folder.abide(&["check", ".", "none.toml"]).ended(6);
    assert!(said.stdout.contains("ok web (good.toml)"), "{}", said.stdout);
    for told in ["10.0 MiB", "not UTF-8", "offset 11", "table.toml:2:9", "none.toml cannot be read"] {
        assert!(said.stderr.contains(told), "{told}: {}", said.stderr);
    }
    let json = folder.abide(&["check", ".", "--json"]).ended(6).json();
    assert_eq!(json.as_array().unwrap().len(), 4);
    assert!(json.as_array().unwrap().iter().all(|one| one["schema"] == "abide.check/1"));
}

#[test]
fn specs_against_each_other() {
    let folder = Folder::new();
    folder.write("a.toml", good("web", ""));
    folder.write("b.toml", good("web", ""));
    folder.abide(&["up"]).error(6, &["web", "a.toml", "b.toml", "hint: "]);
    folder.write("a.toml", good("one", "start.after = [\"two\"]"));
    folder.write("b.toml", good("two", "start.after = [\"one\"]"));
    folder.abide(&["up"]).error(6, &["one", "two", "hint: "]);
    untouched(&folder, &["a.toml", "b.toml"]);
}

#[test]
fn what_is_not_there_is_told_before_anything_starts() {
    let folder = Folder::new();
    let missing = folder.path().join("missing").display().to_string();
    let program = std::env::current_exe().unwrap();
    let here = |more: &str| format!("command = ['{}']\n{more}", program.display());
    for (text, words) in [
        ("command = [\"no-such-program-of-ours\"]", vec!["no-such-program-of-ours", "searched: "]),
        ("command = [\"./missing\"]", vec!["missing"]),
        (&here("working-dir = \"missing\""), vec!["program.working-dir", &missing]),
        (&here("env-file = \"missing\""), vec!["program.env-file", &missing]),
        ("command = []", vec!["command"]),
    ] {
        folder.write("a.toml", format!("name = \"web\"\n[program]\n{text}\n"));
        folder.abide(&["up"]).error(6, &[&["hint: "], words.as_slice()].concat());
        untouched(&folder, &["a.toml"]);
    }
}

#[test]
fn a_port_that_somebody_has_is_told() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    folder.write("a.toml", good("web", &format!("[register]\nport = {port}")));
    folder.abide(&["up"]).error(6, &["register.port", &format!("port {port} is in use"), "hint: "]);
    untouched(&folder, &["a.toml"]);
}

#[test]
fn an_empty_folder_says_how_to_begin() {
    let folder = Folder::new();
    folder.abide(&["up"]).error(6, &["no spec in", "hint: ", "install --print"]);
    untouched(&folder, &[]);
}

#[test]
fn command_lines_that_are_not_understood() {
    let folder = Folder::new();
    for (words, told) in [
        (&["stat"][..], "status"),
        (&["install", "web"], "COMMAND"),
        (&["install", "a/b", "--", "true"], "a/b"),
        (&["install", "web", "--env", "x", "--", "sh"], "NAME=VALUE"),
        (&["install", "web", "--ready", "gopher://x", "--", "sh"], "gopher"),
        (&["logs", "web", "--since", "some day"], "10m"),
        (&["logs", "web", "--grep", "("], "regular expression"),
        (&["logs", "web", "--until", "1m", "-f"], "cannot be used with"),
        (&["logs", "web", "--json", "-o", "cat"], "cannot be used with"),
        (&["logs", "web", "-i"], "--grep"),
        (&["logs", "we b"], "we b"),
        (&["start", "web", "--timeout", "5parsecs"], "parsecs"),
        (&["help", "nothing"], "exit-codes"),
        (&["plan", "a.toml", "--backend", "cron"], "systemd"),
    ] {
        let said = folder.abide(words).ended(2);
        assert!(said.stderr.contains(told), "{words:?}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
    untouched(&folder, &[]);
}

#[cfg(unix)]
#[test]
fn a_command_line_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let odd = std::ffi::OsStr::from_bytes(b"\xff.toml");
    let said: support::Said = folder.command(&["check"]).arg(odd).output().unwrap().into();
    said.error(6, &["cannot be read"]);
    let said: support::Said = folder.command(&["status"]).arg(odd).output().unwrap().into();
    assert!(said.code == Some(2) && !said.stderr.contains("panicked"), "{said:?}");
}

#[test]
fn an_endless_file_is_no_spec() {
    let folder = Folder::new();
    if std::path::Path::new("/dev/zero").exists() {
        folder.abide(&["check", "/dev/zero"]).error(6, &["at most 1 MiB"]);
    }
}

#[test]
fn a_machine_without_service_manager_says_what_to_do_instead() {
    let folder = Folder::new();
    if !std::path::Path::new("/run/systemd/system").exists() && !std::path::Path::new(r"C:\Windows").exists()
    {
        folder.write("web.toml", good("web", ""));
        folder.abide(&["install", "web", "--", "sh", "-c", "a b"]).error(
            1,
            &[
                "no service manager",
                "abide install --print web -- sh -c 'a b' > web.toml",
                "abide up web.toml",
            ],
        );
        folder.abide(&["apply", "web.toml"]).error(1, &["no service manager", "`abide up`"]);
        untouched(&folder, &["web.toml"]);
    }
}

#[test]
fn a_service_that_does_not_exist() {
    let folder = Folder::new();
    for verb in [
        &["start"][..],
        &["stop"],
        &["restart"],
        &["reload"],
        &["logs"],
        &["events"],
        &["pause"],
        &["rotate"],
        &["debug", "", "on"],
    ] {
        let words = [&[verb[0], "nobody"], verb.get(2..).unwrap_or_default()].concat();
        folder.abide(&words).error(5, &["nobody", "hint: "]);
    }
    folder.abide(&["status", "nobody"]).error(4, &["nobody", "hint: "]);
    untouched(&folder, &[]);
}

//! `abide logs` and `abide events`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::Read;
use std::process::Stdio;

use support::Folder;

fn printed(script: &str) -> Folder {
    let folder = Folder::new();
    folder.shell("web", script, "");
    folder.abide(&["up", "-q"]).ended(0);
    folder
}

#[test]
fn the_last_lines_and_those_that_match() {
    let folder = printed("seq 1 1000; echo oops >&2");
    let out = |words: &[&str]| folder.abide(&[&["logs", "web"], words].concat()).ended(0).stdout;
    assert_eq!(out(&[]).lines().count(), 100);
    assert_eq!(out(&["-n", "3", "--stream", "stdout"]), "998\n999\n1000\n");
    assert_eq!(out(&["--stream", "stderr"]), "oops\n");
    assert_eq!(out(&["--grep", "^[12]$"]), "1\n2\n");
    assert_eq!(out(&["--grep", "00$", "-n", "2"]), "900\n1000\n");
    assert_eq!(out(&["--since", "1h"]).lines().count(), 1001);
    assert_eq!(out(&["--since", "2001-01-01"]).lines().count(), 1001);
    assert_eq!(out(&["--since", "2999-01-01"]), "");
    assert_eq!(out(&["-n", "0"]), "");
    let stamped = out(&["-n", "1", "-t", "--stream", "stderr"]);
    assert!(stamped.starts_with("20") && stamped.ends_with(" stderr oops\n"), "{stamped}");
}

#[test]
fn lines_for_machines() {
    let folder = printed("printf 'a\\377b\\n'; printf part");
    let said = folder.abide(&["logs", "web", "--json"]).ended(0);
    let lines: Vec<serde_json::Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["schema"], "abide.log/1");
    assert_eq!(lines[0]["service"], "web");
    assert_eq!(lines[0]["text"], "a\u{fffd}b");
    assert_eq!(lines[1]["text"], "part");
    assert!(lines.iter().all(|line| line["time"].is_string() && line["stream"] == "stdout"));
}

#[test]
fn bytes_come_back_as_they_were() {
    let folder = printed("printf '\\000\\377\\033[2J\\r\\n'");
    let output = folder.command(&["logs", "web"]).output().unwrap();
    assert_eq!(output.stdout, b"\0\xff\x1b[2J\r\n");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = printed("seq 1 200000");
    let mut child = folder
        .command(&["logs", "web", "-n", "200000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn following_shows_what_comes_and_ends_with_its_reader() {
    let folder = Folder::new();
    folder.shell("web", "echo first; while [ ! -e go ]; do sleep 0.05; done; echo second; sleep 60", "");
    let up = folder.up(&["-q"]);
    up.line_with("first");
    let mut follow = folder.command(&["logs", "web", "-f"]);
    let follow = support::Running::of(follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    follow.line_with("first");
    folder.write("go", "");
    follow.line_with("second");

    // `| head -1`: it ends although nothing more is printed.
    let mut command = folder.command(&["logs", "web", "-f"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    drop(child.stdout.take());
    child.stdout = Some(open_pipe());
    support::Running::of(child).ended().ended(0);
}

/// A pipe that has ended.
fn open_pipe() -> std::process::ChildStdout {
    let child = std::process::Command::new("true").stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let pipe = child.stdout.take().unwrap();
    let _ = child.wait();
    pipe
}

#[test]
fn following_waits_for_the_first_line() {
    let folder = Folder::new();
    folder.shell("web", "while [ ! -e go ]; do sleep 0.05; done; echo at last; sleep 60", "");
    let _up = folder.up(&["-q"]);
    folder.wait_ready("web");
    assert_eq!(folder.abide(&["logs", "web"]).ended(0).stdout, "");
    let mut follow = folder.command(&["logs", "web", "-f"]);
    let follow = support::Running::of(follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    folder.write("go", "");
    follow.line_with("at last");
}

#[test]
fn a_service_without_logs_says_so() {
    let folder = printed("true");
    std::fs::remove_dir_all(folder.path().join(".abide/logs")).unwrap();
    let said = folder.abide(&["logs", "web"]).ended(0);
    assert!(said.stderr.contains("nothing yet"), "{}", said.stderr);
    std::fs::remove_file(folder.path().join(".abide/state/web/events.ndjson")).unwrap();
    let said = folder.abide(&["events", "web"]).ended(0);
    assert!(said.stderr.contains("nothing has happened"), "{}", said.stderr);
}

#[test]
fn events_are_told_and_followed() {
    let folder = printed("exit 0");
    let said = folder.abide(&["events", "web"]).ended(0);
    assert!(said.stdout.contains("started as process"), "{}", said.stdout);
    let last = folder.abide(&["events", "web", "-n", "1", "--json"]).ended(0);
    let event: serde_json::Value = serde_json::from_str(&last.stdout).unwrap();
    assert_eq!((event["schema"].as_str(), event["service"].as_str()), (Some("abide.event/1"), Some("web")));
    assert!(event["record"].is_object() && event["text"].is_string() && event["time"].is_string());

    let mut follow = folder.command(&["events", "web", "-n", "0", "-f"]);
    let follow = support::Running::of(follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    folder.abide(&["up", "-q"]).ended(0);
    follow.line_with("starting");
    follow.line_with("exited with code 0");
}

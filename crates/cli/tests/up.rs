//! `abide up`, and the verbs that speak to it from another terminal.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::process::Stdio;

use support::Folder;

const COUNT: &str = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done";

#[test]
fn output_and_events_go_to_standard_output_with_their_service() {
    let folder = Folder::new();
    folder.shell("web", "echo to out; echo to err >&2; printf part; exit 0", "");
    let said = folder.abide(&["up"]).ended(0);
    for line in ["web | to out\n", "web | to err\n", "web | part\n", "web * started as process "] {
        assert!(said.stdout.contains(line), "{line}: {}", said.stdout);
    }
    assert!(!said.stdout.contains('\x1b'), "{}", said.stdout);
    assert!(said.stderr.contains("abide status"), "{}", said.stderr);
    let quiet = folder.abide(&["up", "-q"]).ended(0);
    assert!(quiet.stdout.contains("web | to out") && !quiet.stdout.contains('*'), "{}", quiet.stdout);
    let events = folder.abide(&["up", "--no-output"]).ended(0);
    assert!(!events.stdout.contains("to out") && events.stdout.contains("web * "), "{}", events.stdout);
    assert_eq!(folder.abide(&["logs", "web"]).ended(0).stdout.matches("to out").count(), 3);
}

#[test]
fn what_a_program_prints_passes_through_a_pipe_as_it_is() {
    let folder = Folder::new();
    folder.shell("web", "printf '\\033[31mred\\033[2J 日本 \\377\\n'", "");
    let output = folder.command(&["up"]).output().unwrap();
    let line = b"web | \x1b[31mred\x1b[2J \xe6\x97\xa5\xe6\x9c\xac \xff\n";
    assert!(output.stdout.windows(line.len()).any(|window| window == line), "{output:?}");
}

#[test]
fn a_failed_service_is_a_failure() {
    let folder = Folder::new();
    folder.shell("web", "exit 3", "[restart]\nwhen = \"never\"");
    let said = folder.abide(&["up"]).ended(1);
    assert!(said.stderr.contains("error: web: ") && said.stderr.contains("code 3"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: "), "{}", said.stderr);
    folder.abide(&["status", "web"]).ended(3);
}

#[test]
fn verbs_from_another_terminal() {
    let folder = Folder::new();
    folder.shell("web", COUNT, "[start]\nready = { log = \"line\" }");
    let up = folder.up(&[]);
    let first = folder.wait_ready("web")["pid"].clone();
    folder.abide(&["status", "web"]).ended(0);

    let restarted = folder.abide(&["restart", "web"]).ended(0);
    assert_eq!(restarted.stdout, "web is running\n");
    assert_ne!(folder.wait_ready("web")["pid"], first);

    let said = folder.abide(&["reload", "web"]).error(1, &["[reload]"]);
    assert!(said.stderr.contains("hint: "), "{}", said.stderr);
    folder.abide(&["debug", "web", "on"]).ended(0);
    assert_eq!(folder.abide(&["status", "web", "--json"]).ended(0).json()["debug"], true);
    folder.abide(&["pause", "web"]).ended(0);
    assert_eq!(folder.abide(&["status", "web", "--json"]).ended(0).json()["state"], "paused");
    folder.abide(&["continue", "web"]).ended(0);
    folder.abide(&["rotate", "web"]).ended(0);

    assert_eq!(folder.abide(&["stop", "web"]).ended(0).stdout, "web is stopped\n");
    folder.abide(&["status", "web"]).ended(3);
    folder.abide(&["stop", "web"]).ended(0);
    folder.abide(&["start", "web", "-q"]).ended(0);

    // A typing mistake, and a mixture of good and bad.
    folder.abide(&["stop", "wbe"]).error(5, &["did you mean `web`?"]);
    folder.abide(&["stop", "web", "nobody"]).error(5, &["nobody"]);
    folder.abide(&["status", "web"]).ended(0);

    up.signal("INT");
    let said = up.ended().ended(0);
    assert!(said.stdout.contains("stopped"), "{}", said.stdout);
    folder.abide(&["start", "web"]).error(7, &["`abide up` in "]);
    folder.abide(&["stop", "web"]).ended(0);
}

#[test]
fn a_folder_elsewhere_is_named_with_dir() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    folder.shell("web", COUNT, "");
    let _up = folder.up(&[]);
    folder.wait_ready("web");
    let dir = folder.path().display().to_string();
    elsewhere.abide(&["status", "web"]).ended(4);
    let status = elsewhere.abide(&["status", "web", "--json", "--dir", &dir]).ended(0).json();
    assert_eq!(status["project"], dir.as_str());
    elsewhere.abide(&["--dir", &dir, "stop", "web"]).ended(0);
    elsewhere.abide(&["--dir", &dir, "stop", "other"]).error(5, &["other", &dir]);
    // A folder inside belongs to it.
    std::fs::create_dir(folder.path().join("src")).unwrap();
    let said = folder.command(&["status"]).current_dir(folder.path().join("src")).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("web"), "{said:?}");
}

#[test]
fn one_service_has_one_abide_up() {
    let folder = Folder::new();
    folder.shell("web", COUNT, "");
    let up = folder.up(&[]);
    let pid = folder.wait_ready("web")["pid"].clone();
    let said = folder.abide(&["up"]).error(1, &["web is already supervised", "hint: "]);
    assert!(said.stderr.contains(&format!("process {}", up.id())), "{}", said.stderr);
    assert_eq!(folder.wait_ready("web")["pid"], pid);
}

#[test]
fn a_second_signal_kills_what_is_deaf() {
    let folder = Folder::new();
    folder.shell(
        "deaf",
        "trap '' TERM INT; echo deaf now; while :; do sleep 0.1; done",
        "[stop]\nsteps = [{ signal = \"TERM\", wait = \"1h\" }]",
    );
    let up = folder.up(&[]);
    up.line_with("| deaf now");
    up.signal("INT");
    up.line_with("stop step 1");
    up.signal("INT");
    up.ended().ended(0);
}

#[test]
fn a_start_that_takes_too_long_is_told_with_75() {
    let folder = Folder::new();
    folder.shell("slow", "sleep 60", "[start]\nready = { log = \"never\", timeout = \"1h\" }");
    let _up = folder.up(&[]);
    folder.wait("slow", |status| status["state"] == "starting");
    folder
        .abide(&["start", "slow", "--timeout", "300ms"])
        .error(75, &["did not start within 300ms", "hint: "]);
}

#[test]
fn services_go_on_when_nobody_reads_what_is_shown() {
    let folder = Folder::new();
    folder.shell("chatty", "while :; do echo 0123456789012345678901234567890123456789; done", "");
    let mut command = folder.command(&["up", "-q"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let before = folder.wait_ready("chatty")["pid"].clone();
    folder.abide(&["restart", "chatty"]).ended(0);
    assert_ne!(folder.wait_ready("chatty")["pid"], before);
    folder.abide(&["stop", "chatty"]).ended(0);
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_dead_supervisor_is_told() {
    let folder = Folder::new();
    folder.shell("web", COUNT, "");
    let up = folder.up(&[]);
    folder.wait_ready("web");
    drop(up);
    let said = folder.abide(&["status", "web"]).ended(3);
    assert!(said.stdout.contains("is gone"), "{}", said.stdout);
    folder.abide(&["logs", "web"]).ended(0);
    folder.abide(&["events", "web"]).ended(0);
}

#[test]
fn a_status_that_is_garbled_hides_no_other() {
    let folder = Folder::new();
    folder.shell("one", "exit 0", "");
    folder.shell("two", "exit 0", "");
    folder.abide(&["up", "-q"]).ended(0);
    folder.write(".abide/state/one/status.json", "{ not json");
    let said = folder.abide(&["status"]).ended(0);
    assert!(said.stdout.contains("unknown") && said.stdout.contains("two"), "{}", said.stdout);
    folder.abide(&["status", "one"]).error(4, &["status.json"]);
    folder.abide(&["status", "two"]).ended(3);
}

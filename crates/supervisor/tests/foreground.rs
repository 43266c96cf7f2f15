//! The whole supervisor with real processes, as `abide up` and containers run it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use abide_spec::Exit;
use abide_supervisor::control::Verb;
use common::{Supervised, lives, poll, read_pid, send};

const AT_ONCE: &str = "[restart]\nwhen = \"always\"\ndelay = { initial = \"0s\" }\n";

#[test]
fn a_killed_program_is_started_again() {
    let it = Supervised::ready("exec sleep 1000", AT_ONCE);
    let first = it.until("pid", |status| status.pid.is_some()).pid.unwrap();
    send(first, "KILL");
    let again = it.until("restart", |status| status.restarts == 1 && status.ready);
    assert_ne!(again.pid, Some(first));
    assert_eq!(again.last_exit, Some(Exit::Signal(9)));
    assert!(it.events().iter().any(|event| event.contains("KILL")), "{:?}", it.events());
}

#[test]
fn it_gives_up_and_ends_with_the_programs_code() {
    let mut it = Supervised::script(
        "echo try; exit 7",
        "[restart]\ndelay = { initial = \"0s\" }\ngive-up = { after = 3, within = \"1m\" }\n",
    );
    assert_eq!(it.exit(), Some(7));
    assert_eq!(it.status().unwrap().state, "failed");
    assert_eq!(it.stdout(), "try\ntry\ntry\n");
}

#[test]
fn a_program_that_has_finished_is_left_alone() {
    let mut it = Supervised::script("echo done", "");
    assert_eq!(it.exit(), Some(0));
    let status = it.status().unwrap();
    assert_eq!((status.state.as_str(), status.restarts), ("stopped", 0));
    assert_eq!(it.stdout(), "done\n");
}

#[test]
fn a_line_of_output_makes_it_ready() {
    let it = Supervised::script(
        "echo loading; read x </dev/null; echo up and run''ning; exec sleep 1000",
        "[start]\nready = { log = \"up and running\" }\n",
    );
    it.until("ready", |status| status.ready);
}

#[test]
fn a_notification_makes_it_ready_and_tells_its_state() {
    let script = r#"python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a = os.environ["NOTIFY_SOCKET"]
s.connect(a.replace("@", "\0", 1) if a.startswith("@") else a)
s.send(b"STATUS=warming up\nREADY=1")
time.sleep(1000)'"#;
    let it = Supervised::script(script, "[start]\nready = { notify = true }\n");
    let status = it.until("ready", |status| status.ready);
    assert_eq!(status.text.as_deref(), Some("warming up"));
}

#[test]
fn one_that_never_gets_ready_fails() {
    let mut it = Supervised::script(
        "exec sleep 1000",
        "[start]\nready = { file = \"/nowhere\", timeout = \"200ms\" }\n[restart]\nwhen = \"never\"\n",
    );
    assert_eq!(it.exit().map(|code| code != 0), Some(true));
    assert!(it.status().unwrap().why.unwrap().contains("not ready"), "{:?}", it.events());
}

#[test]
fn a_failing_health_check_restarts() {
    let it = Supervised::ready(
        "touch \"$STATE_DIRECTORY/well\"; exec sleep 1000",
        &format!(
            "[[health]]\nexec = [\"/bin/sh\", \"-c\", \"test -e \\\"$STATE_DIRECTORY/well\\\"\"]\nevery = \"50ms\"\nunhealthy-after = 2\n{AT_ONCE}"
        ),
    );
    let well = it.place().data().join("well");
    poll(|| well.exists().then_some(())).unwrap();
    std::fs::remove_file(well).unwrap();
    it.until("restart", |status| status.restarts == 1 && status.ready);
    it.until_event("unhealthy");
}

#[test]
fn the_ladder_reaches_what_does_not_listen() {
    let mut it = Supervised::ready(
        "trap '' TERM; echo deaf; while :; do sleep 1000; done",
        "[start]\nready = { log = \"deaf\" }\n[stop]\nsteps = [{ signal = \"TERM\", wait = \"100ms\" }, { kill = \"tree\" }]\n",
    );
    let pid = it.status().unwrap().pid.unwrap();
    it.signal("TERM");
    assert_eq!(it.exit(), Some(0));
    assert!(!lives(pid));
    it.until_event("step 2");
}

#[test]
fn grandchildren_that_hold_the_pipes_hold_up_nothing() {
    let script =
        "setsid sh -c 'trap \"\" TERM; echo $$ > \"$STATE_DIRECTORY/grandchild\"; sleep 1000' & wait";
    let it = Supervised::ready(script, AT_ONCE);
    let grandchild = read_pid(&it.place().data().join("grandchild"));
    send(it.until("pid", |status| status.pid.is_some()).pid.unwrap(), "KILL");
    it.until("restart", |status| status.restarts == 1 && status.ready);
    assert!(poll(|| (!lives(grandchild)).then_some(())).is_some());
}

#[test]
fn verbs_return_when_it_is_so() {
    let it = Supervised::ready(
        "trap 'echo reloaded' HUP; while :; do sleep 0.02; done",
        &format!("[reload]\nsignal = \"HUP\"\n{AT_ONCE}"),
    );
    let first = it.status().unwrap().pid.unwrap();
    let paused = it.ask(Verb::Pause).unwrap().status;
    assert_eq!(paused.state, "paused");
    assert_eq!(it.ask(Verb::Continue).unwrap().status.state, "running");
    it.ask(Verb::Reload).unwrap();
    poll(|| it.stdout().contains("reloaded").then_some(())).unwrap();
    let restarted = it.ask(Verb::Restart).unwrap().status;
    assert!(restarted.ready && restarted.pid != Some(first) && !lives(first));
    assert_eq!(it.ask(Verb::Stop).unwrap().status.state, "stopped");
    assert!(!lives(restarted.pid.unwrap()));
    assert!(it.ask(Verb::Start).unwrap().status.ready);
}

#[test]
fn debug_changes_the_environment_by_a_restart() {
    let it = Supervised::ready(
        "echo level $LEVEL; exec sleep 1000",
        "[program.env]\nLEVEL = \"info\"\n[debug]\non = { env = { LEVEL = \"debug\" } }\noff = { env = {} }\n",
    );
    assert!(it.ask(Verb::Debug { on: true }).unwrap().status.debug);
    poll(|| it.stdout().contains("level debug").then_some(())).unwrap();
    it.ask(Verb::Debug { on: false }).unwrap();
    poll(|| (it.stdout().matches("level info").count() == 2).then_some(())).unwrap();
}

#[test]
fn a_second_supervisor_is_refused() {
    let it = Supervised::ready("exec sleep 1000", "");
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_abide-supervisor"))
        .args(["run", "--manager", "foreground", "--spec"])
        .arg(it.path("spec.toml"))
        .arg("--dir")
        .arg(it.path(""))
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success() && told.contains("already supervised by process"), "{told}");
    assert!(it.ask(Verb::Status).unwrap().status.ready);
}

#[test]
fn the_program_goes_with_its_supervisor_and_the_status_says_so() {
    let mut it = Supervised::ready("exec sleep 1000", "");
    let pid = it.status().unwrap().pid.unwrap();
    it.signal("KILL");
    it.exit();
    assert!(poll(|| (!lives(pid)).then_some(())).is_some());
    let status = it.status().unwrap();
    assert_eq!((status.state.as_str(), status.pid), ("stopped", None));
    assert!(status.why.unwrap().contains("is gone"));
}

#[test]
fn a_program_that_is_not_there_says_what_to_do() {
    let mut it =
        Supervised::script("true", "working-dir = \"/nowhere/at/all\"\n[restart]\nwhen = \"never\"\n");
    assert_eq!(it.exit().map(|code| code != 0), Some(true));
    let why = it.status().unwrap().why.unwrap();
    assert!(why.contains("/nowhere/at/all"), "{why}");
}

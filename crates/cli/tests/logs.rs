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

    let mut follow = folder.command(&["events", "web", "-n", "1", "-f"]);
    let follow = support::Running::of(follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    // What comes before it looks for the first time would be old to it.
    follow.line_with(event["text"].as_str().unwrap());
    folder.abide(&["up", "-q"]).ended(0);
    follow.line_with("starting");
    follow.line_with("exited with code 0");
}

/// Two services that print in turns; `all` is what they print together.
fn two_in_turns(folder: &Folder) -> Vec<String> {
    let turn = |mine: &str, other: &str, first: usize| {
        format!(
            "n={first}; while [ $n -lt 20 ]; do while [ ! -e turn-$n ]; do sleep 0.01; done; echo {mine} $n; \
             n=$((n+1)); sleep 0.05; touch turn-$n; n=$((n+1)); done; : {other}"
        )
    };
    folder.shell("ada", &turn("ada", "bob", 0), "");
    folder.shell("bob", &turn("bob", "ada", 1), "");
    folder.write("turn-0", "");
    folder.abide(&["up", "-q"]).ended(0);
    (0..20).map(|n| format!("{} {n}", ["ada", "bob"][n % 2])).collect()
}

#[test]
fn several_services_are_shown_in_the_order_of_time() {
    let folder = Folder::new();
    let all = two_in_turns(&folder);
    let named: String = all.iter().map(|line| format!("{} | {line}\n", &line[..3])).collect();
    for words in
        [&["logs"][..], &["logs", "ada", "bob"], &["logs", "bob", "a*"], &["logs", "?*", "-n", "all"]]
    {
        assert_eq!(folder.abide(words).ended(0).stdout, named, "{words:?}");
    }
    let last = folder.abide(&["logs", "-o", "cat", "-n", "3"]).ended(0).stdout;
    assert_eq!(last, "bob 17\nada 18\nbob 19\n");
    let found = folder.abide(&["logs", "-o", "cat", "--grep", "[ab] 1[0-4]", "--tail", "2"]).ended(0).stdout;
    assert_eq!(found, "bob 13\nada 14\n");
    let told = folder.abide(&["logs", "-o", "json", "-n", "1"]).ended(0).json();
    assert_eq!((told["service"].as_str(), told["text"].as_str()), (Some("bob"), Some("bob 19")));
    folder.abide(&["logs", "carl*"]).error(5, &["no service has a name like `carl*`"]);
    folder.abide(&["logs", "ada", "carl"]).error(5, &["carl"]);
    let coloured = folder.abide(&["logs", "--color", "always", "-n", "2"]).ended(0).stdout;
    assert!(coloured.contains("\x1b[36mada |\x1b[0m ada 18"), "{coloured:?}");
}

#[test]
fn following_all_services_shows_those_that_come_later() {
    let folder = Folder::new();
    folder.shell("ada", "echo early; sleep 60", "");
    let up = folder.up(&["-q", "ada.toml"]);
    up.line_with("early");
    let mut follow = folder.command(&["logs", "-f"]);
    let follow = support::Running::of(follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    follow.line_with("ada | early");
    folder.shell("bob", "echo late; sleep 60", "");
    let _other = folder.up(&["-q", "bob.toml"]);
    follow.line_with("bob | late");
}

#[test]
fn times_bound_what_is_shown() {
    let folder = printed("echo one; sleep 0.3; echo two");
    let lines = folder.abide(&["logs", "web", "--json"]).ended(0).stdout;
    let time = |n: usize| {
        let line: serde_json::Value = serde_json::from_str(lines.lines().nth(n).unwrap()).unwrap();
        line["time"].as_str().unwrap().to_owned()
    };
    let out = |words: &[&str]| folder.abide(&[&["logs", "web"], words].concat()).ended(0).stdout;
    assert_eq!(out(&["--until", &time(0)]), "one\n");
    assert_eq!(out(&["--since", &time(1)]), "two\n");
    assert_eq!(out(&["--since", &time(0), "--until", &time(1)]), "one\ntwo\n");
    assert_eq!(out(&["--since", "-1h", "-n", "1"]), "two\n");
    assert_eq!(out(&["--since", "1h ago", "--until", "now"]), "one\ntwo\n");
    assert_eq!(out(&["--until", "yesterday"]), "");
    let iso = out(&["-o", "iso", "-n", "1"]);
    assert!(iso.as_bytes()[10] == b'T' && iso.ends_with(" stdout two\n"), "{iso}");
    let usage = |words: &[&str], said: &str| {
        folder.abide(&[&["logs", "web"], words].concat()).error(2, &[said]);
    };
    usage(&["--since", "soon"], "`soon` is no time");
    usage(&["--since", "1h", "--until", "2h"], "later than");
    usage(&["--grep", "("], "--grep is no regular expression");
    usage(&["--level", "loud"], "loud");
    usage(&["--boot", "7"], "backwards");
}

#[test]
fn levels_take_the_lines_that_belong_to_them_along() {
    let script =
        "printf '%s\\n' 'INFO start' 'ERROR boom' '  at one()' '  at two()' 'plain' 'WARN slow' 'DEBUG x'";
    let folder = printed(script);
    let out = |words: &[&str]| folder.abide(&[&["logs", "web"], words].concat()).ended(0).stdout;
    assert_eq!(out(&["--level", "error"]), "ERROR boom\n  at one()\n  at two()\n");
    assert_eq!(out(&["-l", "warn", "-n", "1"]), "WARN slow\n");
    assert_eq!(out(&["-l", "warn", "-g", "O"]), "ERROR boom\n");
    assert_eq!(out(&["-l", "warn", "-g", "o", "-i", "-v"]), "");
    assert_eq!(out(&["-v", "-g", "[A-Z]"]), "  at one()\n  at two()\nplain\n");
    assert_eq!(out(&["-i", "-g", "PLAIN"]), "plain\n");
    let told = out(&["-l", "error", "--json"]);
    let levels: Vec<serde_json::Value> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].clone())
        .collect();
    assert_eq!(levels, ["error", "error", "error"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_boot_is_a_time_too() {
    let folder = printed("echo since the boot");
    let out = |words: &[&str]| folder.abide(&[&["logs"], words].concat()).ended(0).stdout;
    assert_eq!(out(&["web", "-b"]), "since the boot\n");
    assert_eq!(out(&["-b", "web"]), "since the boot\n");
    assert_eq!(out(&["web", "--boot", "0"]), "since the boot\n");
    // As far back as nobody keeps a record.
    folder.abide(&["logs", "web", "-b", "-100000"]).error(1, &["not known", "--since"]);
}

#[test]
fn following_through_rotation_and_compression_misses_nothing() {
    let folder = Folder::new();
    let script = "i=0; while [ $i -lt 30000 ]; do echo \"line $i\"; i=$((i+1)); done; echo done; sleep 60";
    folder.shell("web", script, "logs = { rotate = { size = \"20KiB\", keep = 1000, compress = \"zstd\" } }");
    let follow = |words: &[&str]| {
        let mut command = folder.command(&[&["logs", "web", "-f"], words].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let _up = folder.up(&["-q", "--no-output"]);
    folder.wait("web", |status| status["state"] == "running");
    for words in [&["-n", "all"][..], &["-n", "all", "-g", "line|done"]] {
        let mut child = follow(words);
        let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let mut count = 0;
        for line in lines {
            let line = line.unwrap();
            if line == "done" {
                break;
            }
            assert_eq!(line, format!("line {count}"));
            count += 1;
        }
        assert_eq!(count, 30_000);
        let _ = child.kill();
        let _ = child.wait();
    }
    // And read at once, when it is all there.
    assert_eq!(folder.abide(&["logs", "web", "-n", "all"]).ended(0).stdout.lines().count(), 30_001);
}

#[test]
fn a_log_that_is_not_ones_own_says_whose_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = printed("echo secret");
    let logs = folder.path().join(".abide/logs/web");
    std::fs::set_permissions(&logs, std::fs::Permissions::from_mode(0o000)).unwrap();
    let said = folder.abide(&["logs", "web"]);
    std::fs::set_permissions(&logs, std::fs::Permissions::from_mode(0o700)).unwrap();
    // Root may read everything.
    if said.code != Some(0) {
        said.error(4, &[".abide/logs/web", "not yours to read", "sudo"]);
    }
}

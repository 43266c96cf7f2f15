//! Trees of real processes, with control groups and without.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abide_os::events::{Happening, Loop};
use abide_os::process::{ActError, Identity, OutputMode, Spawned, Stage, Tree, is_alive, start_token};
use abide_spec::{Exit, KillScope, Signal, StopAction};
use support::*;

/// Runs the test with both ways of holding a tree together.
fn both(test: impl Fn(&mut Loop<u32>)) {
    let _alone = alone();
    test(&mut plain_loop());
    test(&mut new_loop());
    assert_eq!(left_groups(), Vec::<PathBuf>::new());
}

/// The groups made by this process that are still there.
fn left_groups() -> Vec<PathBuf> {
    groups_of(std::process::id())
}

/// The groups that a process made beside this process.
fn groups_of(pid: u32) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let Some(mount) = mounts.lines().find(|line| line.contains(" - cgroup2 ")) else { return Vec::new() };
    let mount = PathBuf::from(mount.split(' ').nth(4).unwrap());
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    let is_its = |name: &str| name.starts_with("abide-") && name.contains(&format!("-{pid}-"));
    let entries = fs::read_dir(mount.join(own)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().is_some_and(is_its)).collect()
}

#[test]
fn tells_how_programs_end() {
    both(|events| {
        for code in [0, 1, 42, 255] {
            let mut spawned = start(&sh(&format!("exit {code}")), events);
            assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(code));
            wait_gone(events, &mut spawned.tree);
            assert_eq!(spawned.tree.members(), []);
        }
        let mut spawned = start(&sh("kill -USR1 $$"), events);
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Signal(10));
        wait_gone(events, &mut spawned.tree);
    });
}

#[test]
fn signals_reach_the_program_only() {
    both(|events| {
        let script = "trap 'echo got; exit 3' TERM; sleep 1000 & echo $!; while :; do wait; done";
        let mut spawned = start(&sh(script), events);
        let mut lines = Lines::of(&mut spawned);
        let sleeper = lines.number();
        let mut members = spawned.tree.members();
        members.sort_unstable();
        assert_eq!(members, [spawned.tree.pid(), sleeper]);
        assert!(spawned.tree.contains(sleeper));
        assert!(!spawned.tree.contains(std::process::id()));
        spawned.tree.act(&StopAction::Signal(Signal::TERM)).unwrap();
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(3));
        assert_eq!(lines.next(), "got");
        assert!(is_running(sleeper));
        assert!(!spawned.tree.is_gone());
        assert!(matches!(spawned.tree.signal(&Signal::TERM), Err(ActError::Ended)));
        spawned.tree.kill_program().unwrap();
        spawned.tree.act(&StopAction::Kill(KillScope::Tree)).unwrap();
        wait_gone(events, &mut spawned.tree);
        until_dead(sleeper);
    });
}

#[test]
fn what_cannot_be_done_is_said() {
    let _alone = alone();
    let events = &mut new_loop();
    let mut spawned = start(&sh("sleep 1000"), events);
    let text = spawned.tree.act(&StopAction::Event(abide_spec::ConsoleEvent::CtrlC)).unwrap_err().to_string();
    assert_eq!(text, "ctrl-c is not possible: console events exist on Windows only; use a signal");
    assert!(spawned.tree.act(&StopAction::Command(vec!["x".into()])).is_err());
    assert!(!spawned.tree.members().is_empty());
}

/// Processes that did everything to get away: sessions of their own, parents that ended, no environment, ignoring TERM.
const ESCAPEES: &str = "
    trap '' TERM
    setsid sh -c 'trap \"\" TERM HUP INT; echo $$; sleep 1000 & sleep 1001' &
    (setsid sh -c '(setsid sh -c \"echo \\$\\$; exec sleep 1002\" &)' &)
    (env -i /usr/bin/setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1000; done' &)
    wait";

#[test]
fn nobody_escapes_a_kill() {
    both(|events| {
        for program_first in [false, true] {
            let mut spawned = start(&sh(ESCAPEES), events);
            let mut lines = Lines::of(&mut spawned);
            let escaped = [lines.number(), lines.number(), lines.number()];
            let pid = spawned.tree.pid();
            if program_first {
                spawned.tree.act(&StopAction::Kill(KillScope::Program)).unwrap();
                assert_eq!(wait_exit(events, pid), Exit::Signal(9));
                assert!(!spawned.tree.is_gone());
                assert!(escaped.iter().all(|pid| is_running(*pid)), "{escaped:?}");
                assert!(
                    escaped.iter().all(|pid| spawned.tree.contains(*pid)),
                    "{escaped:?} {:?}",
                    spawned.tree.members()
                );
            }
            spawned.tree.kill().unwrap();
            wait_gone(events, &mut spawned.tree);
            escaped.into_iter().for_each(until_dead);
            // End of file: nobody holds the pipe any more.
            lines.rest();
        }
    });
}

#[test]
fn a_tree_that_keeps_forking_is_killed() {
    both(|events| {
        let script = "f() { while :; do setsid sh -c 'sleep 1000 & sleep 0.01' & sleep 0.001; done; }; f & f & echo go; wait";
        let mut spawned = start(&sh(script), events);
        let mut lines = Lines::of(&mut spawned);
        assert_eq!(lines.next(), "go");
        until("some processes", || spawned.tree.members().len() > 30);
        spawned.tree.kill().unwrap();
        wait_gone(events, &mut spawned.tree);
        assert_eq!(spawned.tree.members(), []);
        lines.rest();
    });
}

#[test]
fn orphans_are_told_apart() {
    both(|events| {
        let orphan = "(setsid sh -c 'echo $$; exec sleep 1000' &); sleep 1000";
        let (mut one, mut two) = (start(&sh(orphan), events), start(&sh(orphan), events));
        let (first, second) = (Lines::of(&mut one).number(), Lines::of(&mut two).number());
        until("orphans", || one.tree.contains(first) && two.tree.contains(second));
        assert!(!one.tree.contains(second) && !two.tree.contains(first));
        let pid = one.tree.pid();
        one.tree.kill().unwrap();
        assert_eq!(wait_exit(events, pid), Exit::Signal(9));
        wait_gone(events, &mut one.tree);
        until_dead(first);
        assert!(is_running(second) && is_running(two.tree.pid()));
        assert!(!two.tree.is_gone());
        two.tree.kill().unwrap();
        wait_gone(events, &mut two.tree);
        until_dead(second);
    });
}

#[test]
fn leftovers_that_end_by_themselves_are_told() {
    both(|events| {
        let mut spawned = start(&sh("(setsid sh -c 'echo $$; read x < fifo' &); exit 7"), events);
        // The shell has no such pipe and ends by itself, after the program or before.
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(7));
        wait_gone(events, &mut spawned.tree);
    });
}

#[test]
fn dropping_a_tree_kills_it() {
    both(|events| {
        let mut spawned = start(&sh("setsid sleep 1000 & echo $!; wait"), events);
        let sleeper = Lines::of(&mut spawned).number();
        let pid = spawned.tree.pid();
        drop(spawned);
        until("death", || {
            let _ = events.wait(Some(Instant::now()));
            !is_running(sleeper) && !is_running(pid)
        });
    });
}

#[test]
fn a_suspended_tree_stands_still() {
    both(|events| {
        let script = "(setsid sh -c 'while :; do echo x >> log; done' &); echo on; while :; do :; done";
        let folder = tempfile::tempdir().unwrap();
        let mut launch = sh(script);
        launch.working_dir = Some(folder.path().to_owned());
        let mut spawned = start(&launch, events);
        assert_eq!(Lines::of(&mut spawned).next(), "on");
        let log = folder.path().join("log");
        let size = || fs::metadata(&log).map_or(0, |metadata| metadata.len());
        until("growth", || size() > 0);
        spawned.tree.suspend().unwrap();
        let ticks = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.split(' ').nth(11).unwrap().to_owned()
        };
        // Freezing takes effect at the next chance of each process; then neither moves any more.
        until("stillness", || {
            let before = (size(), ticks(spawned.tree.pid()));
            std::thread::sleep(Duration::from_millis(50));
            before == (size(), ticks(spawned.tree.pid()))
        });
        let still = size();
        spawned.tree.resume().unwrap();
        until("growth again", || size() > still);
        // A signal to a suspended program is not kept from it.
        spawned.tree.suspend().unwrap();
        spawned.tree.signal(&Signal::TERM).unwrap();
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Signal(15));
        spawned.tree.suspend().unwrap();
        spawned.tree.kill().unwrap();
        wait_gone(events, &mut spawned.tree);
    });
}

#[test]
fn a_program_starts_clean() {
    both(|events| {
        let script = "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\(.*\\)/\\1 \\2/p'; \
            grep -E 'Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f6 /proc/$$/stat";
        let _open = fs::File::open("/etc/passwd").unwrap();
        let mut spawned = start(&sh(script), events);
        let pid = spawned.tree.pid();
        let text = Lines::of(&mut spawned).rest();
        assert_eq!(wait_exit(events, pid), Exit::Code(0));
        let mut lines = text.lines();
        assert_eq!(lines.next().unwrap(), "0 /dev/null");
        assert!(lines.next().unwrap().starts_with("1 pipe:"), "{text}");
        assert!(lines.next().unwrap().starts_with("2 pipe:"), "{text}");
        assert!(lines.next().unwrap().starts_with("3 /proc/"), "{text}");
        for kind in ["SigBlk", "SigIgn"] {
            assert_eq!(lines.next().unwrap(), format!("{kind}:\t0000000000000000"));
        }
        assert_eq!(lines.next().unwrap(), pid.to_string(), "a session of its own");
        assert_eq!(lines.next(), None);
    });
}

#[test]
fn arguments_and_environment_pass_byte_for_byte() {
    let _alone = alone();
    let events = &mut new_loop();
    let odd = ["", " ", "a b", "\"'\\", "%PATH% $HOME", "line\nbreak", "tail\\", "ünï€𝄞"];
    let mut launch = launch("/usr/bin/env", &["sh", "-c", "printf '%s\\0' \"$@\"; printf %s \"$ODD\"", "x"]);
    launch.args.extend(odd.iter().map(Into::into));
    launch.args.push(std::ffi::OsString::from_vec(vec![0xff, 0xfe]));
    launch.env.push(("ODD".into(), std::ffi::OsString::from_vec(b"\xff=\n ".to_vec())));
    let mut spawned = start(&launch, events);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut spawned.output.take().unwrap().0, &mut bytes).unwrap();
    let mut expected = Vec::new();
    for arg in odd {
        expected.extend_from_slice(arg.as_bytes());
        expected.push(0);
    }
    expected.extend_from_slice(b"\xff\xfe\0\xff=\n ");
    assert_eq!(bytes, expected);
}

#[test]
fn the_environment_is_whole_and_marked() {
    let _alone = alone();
    let events = &mut new_loop();
    let mut launch = launch("/usr/bin/env", &[]);
    launch.env = vec![
        ("A".into(), "1".into()),
        ("NOTIFY_SOCKET".into(), "/theirs".into()),
        ("ABIDE_INSTANCE".into(), "x".into()),
    ];
    let mut spawned = start(&launch, events);
    assert_eq!(Lines::of(&mut spawned).rest(), format!("A=1\nABIDE_INSTANCE={}\n", launch.instance));
    launch.notify = Some("/ours".into());
    let mut spawned = start(&launch, events);
    let expected = format!("A=1\nABIDE_INSTANCE={}\nNOTIFY_SOCKET=/ours\n", launch.instance);
    assert_eq!(Lines::of(&mut spawned).rest(), expected);
}

#[test]
fn output_can_go_nowhere() {
    let _alone = alone();
    let events = &mut new_loop();
    let mut launch = sh("[ /dev/null -ef /proc/$$/fd/1 ] && [ /dev/null -ef /proc/$$/fd/2 ] && exit 5");
    launch.output = OutputMode::Null;
    let spawned = start(&launch, events);
    assert!(spawned.output.is_none());
    assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(5));
}

fn refused(launch: &abide_os::process::Launch, events: &mut Loop<u32>) -> (Stage, String) {
    match Tree::spawn(launch, events) {
        Err(error) => (error.stage, error.to_string()),
        Ok(spawned) => panic!("{spawned:?} runs"),
    }
}

#[test]
fn failures_to_start_say_what_to_do() {
    both(|events| {
        // Dead ones of earlier tests.
        let before = children();
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let file = |name: &str, content: &str, mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let mut check = |launch: &abide_os::process::Launch, stage: Stage, text: &str| {
            assert_eq!(
                refused(launch, events),
                (stage, format!("cannot start {}: {text}", launch.program.display()))
            );
        };
        let missing = format!("{at}/none");
        check(&launch(&missing, &[]), Stage::Exec, "there is no such file");
        let path = file("plain", "#!/bin/sh\n", 0o644);
        check(&launch(&path, &[]), Stage::Exec, &format!("the file is not executable; run: chmod +x {path}"));
        check(&launch(&at, &[]), Stage::Exec, "it is a directory");
        let path = file("script", "#!/opt/none/python3 -u\n", 0o755);
        let text = "the interpreter /opt/none/python3 in its first line does not exist; install it or correct the line";
        check(&launch(&path, &[]), Stage::Exec, text);
        let path = file("dos", "#!/bin/sh\r\necho\r\n", 0o755);
        let text = "its first line names the interpreter /bin/sh with a carriage return at the end; save the file with Unix line ends";
        check(&launch(&path, &[]), Stage::Exec, text);
        let path = file("bare", "echo hello\n", 0o755);
        let text = "the file is neither an executable of this machine nor a script that names its interpreter; begin a script with a line such as #!/bin/sh";
        check(&launch(&path, &[]), Stage::Exec, text);
        let path = file("empty", "", 0o755);
        check(&launch(&path, &[]), Stage::Exec, "the file is empty");
        let big = "x".repeat(200_000);
        check(
            &launch("/bin/true", &[&big]),
            Stage::Exec,
            "its arguments and environment are larger than the system allows",
        );

        let mut it = launch("/bin/true", &[]);
        it.working_dir = Some(missing.clone().into());
        let text =
            format!("its working directory {missing} does not exist; create it or correct working-dir");
        check(&it, Stage::WorkingDir, &text);
        it.working_dir = Some("/bin/true".into());
        check(
            &it,
            Stage::WorkingDir,
            "its working directory /bin/true is not a directory; correct working-dir",
        );
        it.working_dir = Some("here".into());
        check(&it, Stage::Arguments, "the working directory here is not absolute");
        check(&launch("true", &[]), Stage::Arguments, "the program true is not absolute");
        check(&launch("/bin/true", &["a", "b\0c"]), Stage::Arguments, "argument 2 contains a NUL byte");
        let mut it = launch("/bin/true", &[]);
        it.env.push(("SECRET".into(), "x\0y".into()));
        check(&it, Stage::Arguments, "environment variable SECRET contains a NUL byte");
        let mut it = launch("/bin/true", &[]);
        it.identity = Identity::User { name: "no-such-user".into(), groups: vec![] };
        check(
            &it,
            Stage::Identity,
            "changing to its account failed: there is no user \"no-such-user\" on this machine",
        );
        // No process of any of them is left, not even a dead one.
        assert_eq!(children(), before);
    });
}

fn children() -> Vec<u32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn another_user_can_be_had() {
    if !am_root() {
        return;
    }
    both(|events| {
        let mut launch = sh("id -u; id -g; id -G; grep NoNewPrivs /proc/self/status; pwd");
        launch.identity = Identity::User { name: "nobody".into(), groups: vec!["7".into()] };
        launch.working_dir = Some("/".into());
        let mut spawned = start(&launch, events);
        let text = Lines::of(&mut spawned).rest();
        assert_eq!(text, "65534\n65534\n65534 7\nNoNewPrivs:\t1\n/\n");

        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
        launch.working_dir = Some(private.path().to_owned());
        let (stage, text) = refused(&launch, events);
        assert_eq!(stage, Stage::WorkingDir);
        assert!(text.contains("user nobody may not enter its working directory"), "{text}");
        let program = private.path().join("x");
        fs::copy("/bin/true", &program).unwrap();
        launch.working_dir = None;
        launch.program = program;
        let (stage, text) = refused(&launch, events);
        assert_eq!(stage, Stage::Exec);
        assert!(text.contains("user nobody may not execute it"), "{text}");
    });
}

fn am_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn limits_hold() {
    both(|events| {
        let mut launch = sh("ulimit -n; ulimit -u 2>/dev/null || grep 'Max processes' /proc/self/limits");
        launch.limits.open_files = Some(77);
        let mut spawned = start(&launch, events);
        assert_eq!(Lines::of(&mut spawned).next(), "77");
        wait_exit(events, spawned.tree.pid());
    });
}

#[test]
fn a_held_pipe_holds_nothing_up() {
    both(|events| {
        let (sender, chunks) = std::sync::mpsc::channel();
        let collector = abide_os::pipes::Collector::start(Box::new(move |id, chunk| {
            let _ = sender.send((
                id,
                match chunk {
                    abide_os::pipes::Chunk::Data(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
                    abide_os::pipes::Chunk::End { complete } => Err(complete),
                },
            ));
        }))
        .unwrap();
        let mut spawned =
            start(&sh("(setsid sleep 1000 &); echo said; echo wrong >&2; exec 2>&-; exit 1"), events);
        let (out, err) = spawned.output.take().unwrap();
        let begun = Instant::now();
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(1));
        collector.add(1, out).unwrap();
        collector.add(2, err).unwrap();
        collector.drain(1, Instant::now() + Duration::from_millis(100));
        collector.drain(2, Instant::now() + Duration::from_millis(100));
        let mut seen: Vec<_> = (0..4).map(|_| chunks.recv_timeout(PATIENCE).unwrap()).collect();
        seen.sort();
        assert_eq!(
            seen,
            [(1, Ok("said\n".into())), (1, Err(false)), (2, Ok("wrong\n".into())), (2, Err(false))]
        );
        assert!(begun.elapsed() < PATIENCE / 2);

        // Also when the collector is stopped while somebody holds a pipe.
        let mut spawned = start(&sh("(setsid sleep 1000 &); echo last"), events);
        let (out, _) = spawned.output.take().unwrap();
        collector.add(3, out).unwrap();
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(0));
        collector.stop();
        assert_eq!(chunks.iter().collect::<Vec<_>>(), [(3, Ok("last\n".into())), (3, Err(false))]);

        // What a tree wrote until its end is whole.
        let (sender, chunks) = std::sync::mpsc::channel();
        let collector = abide_os::pipes::Collector::start(Box::new(move |_, chunk| {
            if let abide_os::pipes::Chunk::End { complete } = chunk {
                let _ = sender.send(complete);
            }
        }))
        .unwrap();
        let mut spawned = start(&sh("sleep 1000 & exit"), events);
        let (out, _) = spawned.output.take().unwrap();
        collector.add(4, out).unwrap();
        assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(0));
        collector.drain(4, Instant::now() + PATIENCE);
        spawned.tree.kill().unwrap();
        assert!(chunks.recv_timeout(PATIENCE).unwrap());
    });
}

#[test]
fn a_chatty_program_hides_no_other() {
    let _alone = alone();
    let events = &mut new_loop();
    let (sender, seen) = std::sync::mpsc::channel();
    let collector = abide_os::pipes::Collector::start(Box::new(move |id, chunk| {
        if id != 1 || !matches!(chunk, abide_os::pipes::Chunk::Data(_)) {
            let _ = sender.send(id);
        }
    }))
    .unwrap();
    let mut chatty = start(&sh("exec yes"), events);
    let (out, _) = chatty.output.take().unwrap();
    collector.add(1, out).unwrap();
    let mut quiet = start(&sh("echo hello"), events);
    let (out, _) = quiet.output.take().unwrap();
    collector.add(2, out).unwrap();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 2);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 2, "data and end");
    wait_exit(events, quiet.tree.pid());
    // A program that never stops writing does not outlast the deadline.
    collector.drain(1, Instant::now() + Duration::from_millis(20));
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 1);
    assert_eq!(wait_exit(events, chatty.tree.pid()), Exit::Signal(13));
}

#[test]
fn a_thousand_programs_leave_nothing() {
    both(|events| {
        let fds = || fs::read_dir("/proc/self/fd").unwrap().count();
        let spawn_one = |events: &mut Loop<u32>| {
            let mut spawned = start(&launch("/bin/true", &[]), events);
            assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(0));
            wait_gone(events, &mut spawned.tree);
        };
        spawn_one(events);
        let before = fds();
        for _ in 0..1000 {
            spawn_one(events);
        }
        assert_eq!(fds(), before);
        let left = children()
            .into_iter()
            .map(|pid| (pid, state(pid), fs::read_to_string(format!("/proc/{pid}/cmdline"))));
        assert_eq!(
            left.map(|it| format!("{it:?}")).collect::<Vec<_>>(),
            Vec::<String>::new(),
            "not even dead ones"
        );
    });
}

#[test]
fn a_later_process_is_not_the_former() {
    let _alone = alone();
    let events = &mut new_loop();
    let spawned = start(&sh("sleep 1000"), events);
    let (pid, token) = (spawned.tree.pid(), spawned.tree.started_at());
    assert!(is_alive(pid, &token));
    let me = start_token(std::process::id()).unwrap();
    assert!(!is_alive(pid, &me) || me == token);
    drop(spawned);
    until("death", || !is_alive(pid, &token));
}

/// Not a test by itself: what the next tests run as a supervisor of its own.
#[test]
#[ignore = "run by another test"]
fn supervisor() {
    let mut events = if std::env::var_os("PLAIN").is_some() { plain_loop() } else { new_loop() };
    let Spawned { tree, output } = start(&sh("setsid sleep 1000 & echo $!; wait"), &mut events);
    let (out, _err) = output.unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(out));
    println!("\n{}", tree.pid());
    println!("{}", lines.next().unwrap().unwrap());
    let _ = events.wait(None);
}

/// Starts a supervisor and tells its program and what that started.
fn start_supervisor(events: &mut Loop<u32>, plain: bool) -> (Tree, u32, u32) {
    let exe = std::env::current_exe().unwrap();
    let mut launch = launch(exe.to_str().unwrap(), &["--exact", "supervisor", "--ignored", "--nocapture"]);
    if plain {
        launch.env.push(("PLAIN".into(), "1".into()));
    }
    let mut spawned = start(&launch, events);
    let mut lines = Lines::of(&mut spawned);
    let mut numbers =
        std::iter::from_fn(|| Some(lines.next())).filter_map(|line| line.trim().parse::<u32>().ok());
    let (program, sleeper) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(is_running(program) && is_running(sleeper));
    (spawned.tree, program, sleeper)
}

#[test]
fn programs_end_with_their_supervisor() {
    let _alone = alone();
    for plain in [true, false] {
        let events = &mut new_loop();
        let (mut tree, program, sleeper) = start_supervisor(events, plain);
        tree.kill_program().unwrap();
        assert_eq!(wait_exit(events, tree.pid()), Exit::Signal(9));
        until("the program's death", || {
            let _ = events.wait(Some(Instant::now()));
            !is_running(program)
        });
        // What it had started is an orphan now, and this process's.
        assert!(!tree.is_gone());
        tree.kill().unwrap();
        wait_gone(events, &mut tree);
        until_dead(sleeper);
    }
}

#[test]
fn what_a_dead_supervisor_left_is_cleared_away_by_the_next() {
    let _alone = alone();
    let mut events = plain_loop();
    let (mut tree, program, sleeper) = start_supervisor(&mut events, false);
    if groups_of(tree.pid()).is_empty() {
        return; // No control groups here.
    }
    tree.kill_program().unwrap();
    assert_eq!(wait_exit(&mut events, tree.pid()), Exit::Signal(9));
    until("the program's death", || !is_running(program));
    assert!(is_running(sleeper));
    assert_eq!(groups_of(tree.pid()).len(), 1);
    // The loop of the other is held no longer than the tree; the next one is that of a new supervisor.
    let pid = tree.pid();
    std::mem::forget(tree);
    drop(events);
    drop(new_loop());
    until("the sleeper's death", || !is_running(sleeper));
    assert_eq!(groups_of(pid), Vec::<PathBuf>::new());
}

/// Not a test by itself: what the next test runs as process 1 of a namespace.
#[test]
#[ignore = "run by another test"]
fn first_process() {
    assert_eq!(std::process::id(), 1);
    let mut events = Loop::<u32>::new(abide_os::events::Signals::Handle).unwrap();
    let script = "(setsid sh -c 'sleep 0.01' &); (setsid sleep 1000 &); kill -TERM 1; exit 9";
    let mut spawned = start(&sh(script), &mut events);
    let (mut signalled, mut exit) = (false, None);
    while !(signalled && exit.is_some()) {
        match events.wait(Some(Instant::now() + PATIENCE)).unwrap() {
            Happening::Signal(signal) => signalled = signal == abide_os::events::OsSignal::Terminate,
            Happening::Exited { exit: it, .. } => exit = Some(it),
            Happening::Due => panic!("not in time"),
            _ => {}
        }
    }
    assert_eq!(exit, Some(Exit::Code(9)));
    assert!(!spawned.tree.is_gone());
    spawned.tree.kill().unwrap();
    wait_gone(&mut events, &mut spawned.tree);
    until("all being reaped", || {
        let _ = events.wait(Some(Instant::now()));
        children().is_empty()
    });
}

#[test]
fn works_as_process_one() {
    if !am_root() {
        return;
    }
    both(|events| {
        let exe = std::env::current_exe().unwrap();
        let exe = exe.to_str().unwrap();
        let args = ["--pid", "--fork", "--mount-proc", exe, "--exact", "first_process", "--ignored"];
        let mut spawned = start(&launch("/usr/bin/unshare", &args), events);
        let exit = wait_exit(events, spawned.tree.pid());
        assert_eq!(exit, Exit::Code(0), "{}", Lines::of(&mut spawned).rest());
    });
}

#[test]
fn happenings_come_in_time_and_alone() {
    let _alone = alone();
    let events = &mut new_loop();
    let remote = events.remote();
    let begun = Instant::now();
    let until = begun + Duration::from_millis(30);
    assert!(matches!(events.wait(Some(until)).unwrap(), Happening::Due));
    assert!(begun.elapsed() >= Duration::from_millis(30));
    std::thread::spawn(move || {
        for number in 0..1000 {
            remote.send(number);
        }
    });
    for number in 0..1000 {
        assert!(
            matches!(events.wait(Some(Instant::now() + PATIENCE)).unwrap(), Happening::Message(it) if it == number)
        );
    }
    assert!(matches!(events.wait(Some(Instant::now())).unwrap(), Happening::Due));
    assert!(Loop::<u32>::new(abide_os::events::Signals::Leave).is_err(), "one loop a process");
}

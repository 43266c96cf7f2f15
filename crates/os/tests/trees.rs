//! Trees of real processes, with control groups and without.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use abide_os::events::Loop;
use abide_os::process::ActError;
use abide_spec::{Exit, KillScope, Signal, StopAction};
use support::*;

#[test]
fn tells_how_programs_end() {
    both(|events| {
        for code in [0, 1, 42, 255] {
            let mut spawned = start(&sh(&format!("exit {code}")), events);
            assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(code));
            wait_gone(events, &mut spawned.tree);
            assert!(spawned.tree.members().is_empty());
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
        assert!(spawned.tree.members().is_empty());
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

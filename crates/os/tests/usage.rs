//! What trees of real processes use, with control groups and without.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::time::{Duration, Instant};

use abide_os::usage::{Meter, Processes, Usage};
use support::*;

/// Looks until it is so.
fn until(what: &str, program: u32, meter: &mut Meter, is_so: impl Fn(&Usage) -> bool) -> Usage {
    let end = Instant::now() + PATIENCE;
    loop {
        let usage = meter.read(&Processes::look().unwrap(), Some(program));
        if is_so(&usage) {
            return usage;
        }
        assert!(Instant::now() < end, "{what}: {usage:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn cpu(usage: &Usage) -> Duration {
    usage.cpu_user + usage.cpu_system
}

#[test]
fn finds_all_of_a_tree_and_nothing_else() {
    both(|events| {
        // In the session and out of it, with a parent and without.
        let script = "sleep 1000 & echo $!; (sh -c 'echo $$; exec sleep 1001' &); \
                      (setsid sh -c 'echo $$; exec sleep 1002' &); echo; wait";
        let mut spawned = start(&sh(script), events);
        let mut other = start(&sh("echo; sleep 1003"), events);
        let mut lines = Lines::of(&mut spawned);
        let mut of_tree = vec![spawned.tree.pid()];
        while of_tree.len() < 4 {
            if let Ok(pid) = lines.next().parse() {
                of_tree.push(pid);
            }
        }
        Lines::of(&mut other).next();
        of_tree.sort_unstable();
        let end = Instant::now() + PATIENCE;
        loop {
            let processes = Processes::look().unwrap();
            let mut found = processes.program(spawned.tree.pid());
            assert_eq!(found.first(), Some(&spawned.tree.pid()));
            found.sort_unstable();
            if found == of_tree {
                let all = processes.tree(std::process::id());
                assert!(of_tree.iter().all(|pid| all.contains(pid)));
                assert!(all.contains(&other.tree.pid()));
                let usage = processes.usage(&found);
                assert_eq!((usage.processes, usage.threads), (4, 4));
                break;
            }
            // The shells between are about to end.
            assert!(Instant::now() < end, "{found:?} instead of {of_tree:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        for spawned in [&mut spawned, &mut other] {
            spawned.tree.kill().unwrap();
            wait_gone(events, &mut spawned.tree);
        }
    });
}

#[test]
fn processor_time_does_not_go_backwards_as_children_end() {
    both(|events| {
        // One burns and is waited for, one burns and is adopted by us; then nothing burns any more.
        let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let script = format!("sh -c '{burn}'; sh -c '({burn}; echo adopted) & exit'; sleep 1000");
        let mut spawned = start(&sh(&script), events);
        let mut lines = Lines::of(&mut spawned);
        let mut meter = Meter::new();
        let program = spawned.tree.pid();
        let mut last = Duration::ZERO;
        let (heard, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || heard.send(lines.next()));
        let end = Instant::now() + PATIENCE;
        loop {
            let now = cpu(&meter.read(&Processes::look().unwrap(), Some(program)));
            assert!(now >= last, "{now:?} after {last:?}");
            last = now;
            if done.try_recv().is_ok() {
                break;
            }
            assert!(Instant::now() < end);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(last > Duration::from_millis(20), "{last:?}");
        // The program ends and another is started: its counter goes on.
        spawned.tree.kill().unwrap();
        wait_gone(events, &mut spawned.tree);
        let without = meter.read(&Processes::look().unwrap(), None);
        assert!(cpu(&without) >= last && without.processes == 0, "{without:?}");
        let mut next = start(&sh("exec sleep 1000"), events);
        let after = meter.read(&Processes::look().unwrap(), Some(next.tree.pid()));
        assert!(cpu(&after) >= cpu(&without) && after.processes == 1, "{after:?} after {without:?}");
        assert!(
            cpu(&after) < cpu(&without) + Duration::from_secs(2),
            "nothing of another's is counted: {after:?}"
        );
        next.tree.kill().unwrap();
        wait_gone(events, &mut next.tree);
    });
}

#[test]
fn memory_and_open_files_are_told() {
    both(|events| {
        let quiet = start(&sh("exec sleep 1000"), events);
        let mut meter = Meter::new();
        let small = until("it sleeps", quiet.tree.pid(), &mut meter, |usage| usage.resident > 0);
        // 32 MiB in a variable, and seven files.
        let files: String = (3..10).map(|fd| format!("exec {fd}</dev/null; ")).collect();
        let script =
            format!("ulimit -n 500; x=$(head -c 33554432 /dev/zero | tr '\\0' x); {files} echo; sleep 1000");
        let mut spawned = start(&sh(&script), events);
        Lines::of(&mut spawned).next();
        let mut meter = Meter::new();
        let usage = until("it holds", spawned.tree.pid(), &mut meter, |usage| {
            usage.resident > small.resident + (32 << 20) && usage.processes == 2
        });
        assert!(usage.resident < 1 << 30, "{usage:?}");
        // The sleep has inherited them.
        assert!(usage.open_files.is_some_and(|open| (20..60).contains(&open)), "{usage:?}");
        assert_eq!(usage.open_files_limit, Some(1000));
        assert!(usage.open_files_share.is_some_and(|share| (0.02..0.2).contains(&share)), "{usage:?}");
        let processes = Processes::look().unwrap();
        let share = processes.proportional(&processes.program(spawned.tree.pid())).unwrap();
        assert!(share > 32 << 20 && share <= usage.resident, "{share} of {usage:?}");
        for mut spawned in [quiet, spawned] {
            spawned.tree.kill().unwrap();
            wait_gone(events, &mut spawned.tree);
        }
    });
}

#[test]
fn what_is_written_is_counted_also_of_children_that_ended() {
    both(|events| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("written").display().to_string();
        let script = format!("head -c 4000000 /dev/zero >{file}; sync {file}; echo; sleep 1000");
        let mut spawned = start(&sh(&script), events);
        let mut meter = Meter::new();
        meter.read(&Processes::look().unwrap(), Some(spawned.tree.pid()));
        Lines::of(&mut spawned).next();
        let usage = meter.read(&Processes::look().unwrap(), Some(spawned.tree.pid()));
        // Nothing is written where the folder lies in memory.
        let in_memory = rustix::fs::statfs(folder.path()).is_ok_and(|fs| fs.f_type == 0x0102_1994);
        assert!(in_memory || usage.written_bytes >= Some(4_000_000), "{usage:?}");
        assert!(usage.read_bytes.is_some());
        spawned.tree.kill().unwrap();
        wait_gone(events, &mut spawned.tree);
    });
}

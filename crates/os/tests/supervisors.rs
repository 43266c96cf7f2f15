//! Supervisors as processes of their own: killed, followed by another, as process 1; and the loop they wait in.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::time::{Duration, Instant};

use abide_os::events::{Happening, Loop};
use abide_os::process::{Spawned, Tree, is_alive, start_token};
use abide_spec::Exit;
use support::*;

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
    // A group that is emptied this moment may be left to the next but one.
    until("the group's removal", || {
        drop(new_loop());
        groups_of(pid).is_empty()
    });
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
    // What earlier tests killed may still be coming in.
    while let Happening::TreeChanged = events.wait(Some(until)).unwrap() {}
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

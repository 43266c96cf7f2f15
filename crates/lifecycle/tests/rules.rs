//! What follows which end or fault, case by case, and how it is told.

mod bench;

use std::time::Duration;

use abide_lifecycle::{Action, Event, Machine, Moment, Policy, Record, State};
use abide_spec::{Exit, Family, Restart, Signal, Then, When};

use bench::{Bench, ready_by_notify, spec, steady, watched};

#[test]
fn exit_rules() {
    const TERM: Exit = Exit::Signal(15);
    let overridden = |when| {
        let mut restart = Restart { when, success_codes: vec![0, 2], ..Restart::default() };
        restart.codes.always = vec![2, 7];
        restart.codes.never = vec![7, 9];
        restart.signals.always = vec![Signal::HUP];
        restart.signals.never = vec![Signal::TERM];
        restart
    };
    let plain = |when| Restart { when, ..Restart::default() };
    let (r, s, f) = ("backing-off", "stopped", "failed");
    // Rule, end of the program, where it leads once running, where it leads before it was ready.
    let table = [
        (plain(When::Always), Exit::Code(0), r, r),
        (plain(When::Always), Exit::Code(1), r, r),
        (plain(When::Always), TERM, r, r),
        (plain(When::OnFailure), Exit::Code(0), s, r),
        (plain(When::OnFailure), Exit::Code(1), r, r),
        (plain(When::OnFailure), Exit::Code(-1), r, r),
        (plain(When::OnFailure), TERM, r, r),
        (plain(When::Never), Exit::Code(0), s, f),
        (plain(When::Never), Exit::Code(1), f, f),
        (plain(When::Never), TERM, f, f),
        // A success code that is always followed by a restart.
        (overridden(When::OnFailure), Exit::Code(2), r, r),
        (overridden(When::Never), Exit::Code(2), r, r),
        // In both lists: never is the stronger.
        (overridden(When::Always), Exit::Code(7), f, f),
        (overridden(When::Always), Exit::Code(9), f, f),
        (overridden(When::OnFailure), Exit::Code(9), f, f),
        (overridden(When::Never), Exit::Signal(1), r, r),
        (overridden(When::Always), TERM, f, f),
        (overridden(When::OnFailure), Exit::Signal(9), r, r),
        (overridden(When::OnFailure), Exit::Code(0), s, r),
    ];
    for (restart, exit, running, unready) in table {
        for (early, expected) in [(false, running), (true, unready)] {
            let mut spec = ready_by_notify(spec());
            spec.restart = restart.clone();
            let mut bench = Bench::started(spec);
            if !early {
                bench.feed(Event::Ready);
            }
            // Probing for readiness is over once ready; there is no other probe here.
            let ends =
                if early { vec![Action::CancelProbes, Action::KillTree] } else { vec![Action::KillTree] };
            assert_eq!(bench.pass(100).exit(exit), ends);
            bench.gone();
            assert_eq!(bench.name(), expected, "{exit:?} under {restart:?}, early: {early}");
        }
    }
}

#[test]
fn a_crash_is_told_counted_and_healed() {
    let mut bench = Bench::started(steady(spec()));
    bench.pass(3_249).exit(Exit::Code(1));
    assert_eq!(bench.said(), ["exited with code 1 after 3.2s; restarting in 200ms (failure 1 of 10)"]);
    assert_eq!(bench.name(), "stopping");
    assert_eq!(bench.gone(), []);
    assert_eq!((bench.name(), bench.machine.next_start()), ("backing-off", bench.machine.due()));
    // Too early by a millisecond: nothing.
    assert_eq!(bench.pass(199).feed(Event::Due), []);
    assert_eq!(bench.pass(1).feed(Event::Due), [Action::Spawn { attempt: 2 }]);
    bench.spawned();
    assert_eq!(bench.said(), ["starting again (attempt 2)", "started as process 2"]);
    assert_eq!((bench.name(), bench.machine.failures(), bench.machine.restarts()), ("running", 1, 1));
    bench.pass(10).exit(Exit::Signal(11));
    assert_eq!(bench.said(), ["was killed by signal SEGV after 10ms; restarting in 400ms (failure 2 of 10)"]);
}

#[test]
fn without_delay_the_next_copy_comes_with_the_end_of_the_tree() {
    let mut spec = spec();
    spec.restart.delay.initial = abide_spec::Duration::ZERO;
    let mut bench = Bench::started(spec);
    assert_eq!(bench.pass(1).exit(Exit::Signal(9)), [Action::KillTree]);
    assert_eq!(bench.said(), ["was killed by signal KILL after 1ms; restarting at once (failure 1 of 10)"]);
    assert_eq!(bench.gone(), [Action::Spawn { attempt: 2 }]);
}

#[test]
fn the_delay_counts_from_the_end_of_the_program() {
    let mut bench = Bench::started(steady(spec()));
    bench.exit(Exit::Code(1));
    // The leftovers needed longer than the delay.
    assert_eq!(bench.pass(500).gone(), [Action::Spawn { attempt: 2 }]);
}

#[test]
fn failures_are_forgotten_after_a_stable_time() {
    let mut bench = Bench::started(steady(spec()));
    bench.exit(Exit::Code(1));
    bench.gone();
    bench.pass(200).feed(Event::Due);
    bench.spawned();
    let stable = bench.machine.due().unwrap();
    assert_eq!(stable, bench.now + Duration::from_secs(60));
    bench.said();
    bench.pass(60_000).feed(Event::Due);
    assert_eq!(bench.said(), ["up for 1m; its failure is forgotten"]);
    assert_eq!((bench.machine.failures(), bench.machine.due()), (0, None));
    // The delay begins anew, the give-up window goes on.
    bench.exit(Exit::Code(1));
    assert_eq!(bench.said(), ["exited with code 1 after 1m; restarting in 200ms (failure 2 of 10)"]);
}

#[test]
fn a_late_driver_forgets_failures_all_the_same() {
    let mut bench = Bench::started(steady(spec()));
    bench.exit(Exit::Code(1));
    bench.gone();
    bench.pass(200).feed(Event::Due);
    bench.spawned();
    bench.said();
    bench.pass(90_000).exit(Exit::Code(1));
    assert_eq!(
        bench.said(),
        [
            "up for 1m30s; its failure is forgotten",
            "exited with code 1 after 1m30s; restarting in 200ms (failure 2 of 10)"
        ]
    );
}

#[test]
fn success_under_always_comes_back_and_is_caught_in_a_loop() {
    let mut spec = steady(spec());
    spec.restart.when = When::Always;
    let mut bench = Bench::started(spec);
    for count in 1..10 {
        bench.pass(5).exit(Exit::Code(0));
        assert_eq!(
            bench.said().pop().unwrap(),
            format!("exited with code 0 after 5ms; restarting in 200ms (restart {count} of 10)")
        );
        bench.gone();
        assert_eq!(bench.pass(200).feed(Event::Due), [Action::Spawn { attempt: count + 1 }]);
        bench.spawned();
    }
    assert_eq!(bench.machine.failures(), 0);
    bench.said();
    bench.pass(5).exit(Exit::Code(0));
    bench.gone();
    assert_eq!(
        bench.said(),
        [
            "exited with code 0 after 5ms; giving up (10 within 10m)",
            "failed: gave up after it ended 10 times within 10m; last: exited with code 0"
        ]
    );
    // A start that is asked for begins with a clean slate.
    assert_eq!(bench.feed(Event::Start), [Action::Spawn { attempt: 1 }]);
    bench.spawned();
    bench.pass(5).exit(Exit::Code(0));
    assert!(bench.said().pop().unwrap().ends_with("(restart 1 of 10)"));
}

#[test]
fn give_up_false_never_gives_up() {
    let mut spec = steady(spec());
    spec.restart.give_up = None;
    let mut bench = Bench::started(spec);
    for _ in 0..1_000 {
        bench.exit(Exit::Code(1));
        bench.gone();
        bench.pass(60_000).feed(Event::Due);
        bench.spawned();
    }
    bench.said();
    bench.exit(Exit::Code(1));
    assert_eq!(bench.said(), ["exited with code 1 after 0ms; restarting in 1m (failure 1001)"]);
}

#[test]
fn what_cannot_be_executed_is_a_failure() {
    let mut bench = Bench::new(steady(spec()));
    bench.feed(Event::Start);
    bench.feed(Event::SpawnFailed { message: "/srv/orders: not found".into() });
    assert_eq!(
        bench.said(),
        ["starting", "could not be started: /srv/orders: not found; restarting in 200ms (failure 1 of 10)"]
    );
    assert_eq!(bench.name(), "backing-off");

    let mut spec = spec();
    spec.restart.when = When::Never;
    let mut bench = Bench::new(spec);
    bench.feed(Event::Start);
    bench.feed(Event::SpawnFailed { message: "/srv/orders: not found".into() });
    assert_eq!(bench.name(), "failed");
    assert_eq!(
        bench.said().pop().unwrap(),
        "failed: could not be started: /srv/orders: not found, and the restart rule allows no restart"
    );
}

#[test]
fn readiness_in_time_and_out_of_it() {
    let mut bench = Bench::new(steady(watched(ready_by_notify(spec()), Then::Restart)));
    bench.feed(Event::Start);
    assert_eq!(bench.spawned(), [Action::ProbeReadiness]);
    assert_eq!(bench.name(), "starting");
    assert_eq!(bench.pass(1_200).feed(Event::Ready), [Action::CancelProbes, Action::ProbeHealth]);
    assert_eq!(bench.name(), "running");
    assert_eq!(bench.said(), ["starting", "started as process 1", "ready after 1.2s"]);

    let mut bench = Bench::started(steady(ready_by_notify(spec())));
    assert_eq!(bench.machine.due(), Some(bench.now + Duration::from_secs(30)));
    assert_eq!(
        bench.pass(30_000).feed(Event::Due),
        [Action::CancelProbes, Action::StopStep { index: 0 }],
        "the ladder runs"
    );
    bench.pass(50).exit(Exit::Code(0));
    bench.gone();
    assert_eq!(
        bench.said(),
        [
            "not ready within 30s; stopping it, restarting in 200ms (failure 1 of 10)",
            "stop step 1: signal TERM, waiting up to 10s",
            "stopped by step 1, signal TERM, after 50ms (exited with code 0)",
        ]
    );
    assert_eq!(bench.name(), "backing-off");

    let mut bench = Bench::started(steady(ready_by_notify(spec())));
    bench.pass(700).exit(Exit::Code(0));
    assert_eq!(
        bench.said(),
        ["exited with code 0 after 700ms, before it was ready; restarting in 200ms (failure 1 of 10)"]
    );
}

#[test]
fn readiness_comes_and_goes_while_it_runs() {
    let mut bench = Bench::started(spec());
    bench.feed(Event::Unready { detail: "RELOADING=1".into() });
    assert!(matches!(bench.machine.state(), State::Running { ready: false, .. }));
    bench.feed(Event::Ready);
    assert!(matches!(bench.machine.state(), State::Running { ready: true, .. }));
    bench.feed(Event::Ready);
    assert_eq!(
        bench.said(),
        ["not ready for now: RELOADING=1", "ready again", "ready ignored while running: already ready"]
    );
}

#[test]
fn unhealthy_restarts_or_is_reported() {
    let mut bench = Bench::started(steady(watched(spec(), Then::Restart)));
    let verdict = Event::Unhealthy { probe: 0, detail: "silent for 10s".into() };
    assert_eq!(bench.feed(verdict.clone()), [Action::CancelProbes, Action::StopStep { index: 0 }]);
    assert_eq!(bench.machine.failures(), 1);
    bench.exit(Exit::Signal(15));
    bench.gone();
    assert_eq!(
        bench.said(),
        [
            "unhealthy by notify: silent for 10s; stopping it, restarting in 200ms (failure 1 of 10)",
            "stop step 1: signal TERM, waiting up to 10s",
            "stopped by step 1, signal TERM, after 0ms (was killed by signal TERM)",
        ]
    );
    assert_eq!(bench.name(), "backing-off");

    // Reported only; and under `never` nothing else is allowed.
    let mut never = watched(spec(), Then::Restart);
    never.restart.when = When::Never;
    for spec in [watched(spec(), Then::Report), never] {
        let mut bench = Bench::started(spec);
        assert_eq!(bench.feed(verdict.clone()), []);
        assert!(matches!(bench.machine.state(), State::Running { healthy: false, ready: true, .. }));
        bench.feed(Event::Healthy { probe: 0 });
        assert!(matches!(bench.machine.state(), State::Running { healthy: true, .. }));
        assert_eq!(bench.said(), ["unhealthy by notify: silent for 10s", "healthy again by notify"]);
    }
}

#[test]
fn a_clock_that_runs_backwards_stands_still() {
    let mut bench = Bench::started(steady(spec()));
    bench.pass(10_000).feed(Event::Reload);
    bench.now = Moment::ORIGIN;
    bench.exit(Exit::Code(1));
    bench.gone();
    assert_eq!(
        bench.said().pop().unwrap(),
        "exited with code 1 after 10s; restarting in 200ms (failure 1 of 10)"
    );
    assert_eq!(bench.machine.due(), Some(Moment::after_origin(Duration::from_millis(10_200))));
}

#[test]
fn a_pause_interrupts_the_stable_time_and_does_not_undo_it() {
    let failed_once = || {
        let mut bench = Bench::started(steady(spec()));
        bench.exit(Exit::Code(1));
        bench.gone();
        bench.pass(200).feed(Event::Due);
        bench.spawned();
        bench
    };
    // Not long enough before the pause: counted anew after it.
    let mut bench = failed_once();
    bench.pass(59_000).feed(Event::Pause);
    assert_eq!((bench.machine.failures(), bench.machine.due()), (1, None));
    bench.pass(59_000).feed(Event::Continue);
    assert_eq!(bench.machine.due(), Some(bench.now + Duration::from_secs(60)));
    // Long enough before it, by a driver that was late to say so.
    let mut bench = failed_once();
    bench.pass(61_000).feed(Event::Pause);
    assert_eq!(bench.machine.failures(), 0);
}

#[test]
fn unreachable_give_up_is_found() {
    let policy = |change: fn(&mut Restart)| {
        let mut spec = spec();
        change(&mut spec.restart);
        Policy::from_spec(&spec, Family::Unix)
    };
    // 200 ms doubling nine times, the last one capped at a minute: 102.2 s.
    let default = policy(|_| {}).gives_up_after();
    assert_eq!(default, Some(Duration::from_millis(102_200)));
    assert_eq!(policy(|r| r.give_up = None).gives_up_after(), None);
    assert_eq!(policy(|r| r.when = When::Never).gives_up_after(), None);
    const MINUTE: abide_spec::Duration = abide_spec::Duration::from_secs(60);
    assert_eq!(policy(|r| r.give_up.as_mut().unwrap().within = MINUTE).gives_up_after(), None);
    assert_eq!(policy(|r| r.give_up.as_mut().unwrap().after = u32::MAX).gives_up_after(), None);
}

#[test]
fn records_and_states_are_json_with_stable_names() {
    let mut bench = Bench::new(steady(ready_by_notify(spec())));
    let mut records = Vec::new();
    let mut all = |actions: Vec<Action>| {
        records.extend(actions.into_iter().filter_map(|action| match action {
            Action::Record(record) => Some(record),
            _ => None,
        }));
    };
    all(bench.machine.step(Event::Start, bench.now));
    all(bench.machine.step(Event::Spawned { pid: 7 }, bench.now));
    bench.pass(1_500);
    all(bench.machine.step(Event::Exited { pid: 7, exit: Exit::Code(1) }, bench.now));
    let json = serde_json::to_value(&records[2]).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "kind": "exited", "pid": 7, "exit": {"code": 1}, "after_ms": 1500, "ready": false,
            "next": {"then": "restart", "delay_ms": 200, "failure": true, "count": 1, "limit": 10},
        })
    );
    for record in &records {
        let text = serde_json::to_string(record).unwrap();
        assert_eq!(&serde_json::from_str::<Record>(&text).unwrap(), record);
    }
    let state = serde_json::to_value(bench.machine.state()).unwrap();
    assert_eq!(
        (state["state"].as_str(), state["phase"]["phase"].as_str()),
        (Some("stopping"), Some("clearing"))
    );
    let text = serde_json::to_string(bench.machine.state()).unwrap();
    assert_eq!(&serde_json::from_str::<State>(&text).unwrap(), bench.machine.state());
}

#[test]
fn the_machine_stays_small() {
    assert!(size_of::<Machine>() <= 1_024, "{} bytes", size_of::<Machine>());
}

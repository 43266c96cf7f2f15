//! The stop ladder and the verbs, case by case, and how they are told.

mod bench;

use abide_lifecycle::{Action, Cause, Event, State, StopReason};
use abide_spec::{Exit, Signal, Then};

use bench::{Bench, spec, watched};

#[test]
fn a_stubborn_program_is_taken_down_the_ladder() {
    let mut bench = Bench::started(spec());
    assert_eq!(bench.feed(Event::Stop), [Action::StopStep { index: 0 }]);
    assert_eq!(bench.pass(9_999).feed(Event::Due), []);
    assert_eq!(bench.pass(1).feed(Event::Due), [Action::StopStep { index: 1 }]);
    assert_eq!(bench.pass(2_000).feed(Event::Due), [Action::KillTree]);
    assert_eq!(bench.pass(100).exit(Exit::Signal(9)), [Action::KillTree]);
    assert_eq!(bench.gone(), []);
    assert_eq!(
        bench.said(),
        [
            "stopping: asked to stop",
            "stop step 1: signal TERM, waiting up to 10s",
            "stop step 2: kill tree",
            "process 1 is still there after it was killed; killed again (try 2)",
            "stopped by step 2, kill tree, after 12.1s (was killed by signal KILL)",
            "stopped: asked to stop",
        ]
    );
    let stopped = State::Stopped { why: StopReason::Asked, exit: Some(Exit::Signal(9)) };
    assert_eq!(bench.machine.state(), &stopped);
}

#[test]
fn a_step_that_cannot_be_run_gives_way_to_the_next() {
    let mut bench = Bench::started(spec());
    bench.feed(Event::Stop);
    let failed = Event::StepFailed { index: 0, message: "not permitted".into() };
    assert_eq!(bench.feed(failed.clone()), [Action::StopStep { index: 1 }]);
    // The same again is about a step that is over.
    assert_eq!(bench.feed(failed), []);
    assert_eq!(bench.said()[2], "stop step 1 (signal TERM) could not be run: not permitted");
}

#[test]
fn leftovers_hold_up_neither_stop_nor_restart_for_long() {
    let mut bench = Bench::started(spec());
    bench.feed(Event::Stop);
    bench.exit(Exit::Code(0));
    bench.said();
    assert_eq!(bench.pass(2_000).feed(Event::Due), [Action::KillTree]);
    assert_eq!(bench.pass(2_000).feed(Event::Due), []);
    assert_eq!(
        bench.said(),
        [
            "processes it left behind are still there 2s after its end; killed again",
            "processes it left behind cannot be killed and are still there 4s after its end; going on",
            "stopped: asked to stop",
        ]
    );
}

#[test]
fn a_program_that_does_not_die_has_no_second_copy_beside_it() {
    let mut bench = Bench::started(spec());
    bench.feed(Event::Restart(Cause::User));
    while let Some(due) = bench.machine.due() {
        bench.now = due;
        bench.feed(Event::Due);
    }
    assert_eq!(bench.name(), "failed");
    // Ten seconds to end when asked, and two after each of five kills.
    assert_eq!(bench.now.since_origin().as_secs(), 20);
    assert_eq!(bench.said().pop().unwrap(), "failed: process 1 does not end, even when killed");
    assert_eq!(bench.feed(Event::Restart(Cause::User)), [], "the start waits for the old process");
    // It ends at last: what was planned goes on.
    assert_eq!(bench.exit(Exit::Signal(9)), [Action::KillTree]);
    assert_eq!(bench.gone(), [Action::Spawn { attempt: 1 }]);
}

#[test]
fn verbs_while_stopping_decide_what_follows() {
    let mut bench = Bench::started(spec());
    bench.feed(Event::Stop);
    bench.feed(Event::Start);
    assert_eq!(bench.said().pop().unwrap(), "starts again once it is stopped");
    bench.exit(Exit::Code(0));
    assert_eq!(bench.gone(), [Action::Spawn { attempt: 1 }]);

    let mut bench = Bench::started(spec());
    bench.feed(Event::Restart(Cause::SpecChanged));
    assert_eq!(bench.said()[0], "restarting: the spec changed");
    bench.feed(Event::Stop);
    bench.exit(Exit::Code(0));
    assert_eq!(bench.gone(), []);
    assert_eq!(bench.name(), "stopped");

    // A stop takes back the restart of a crash.
    let mut bench = Bench::started(spec());
    bench.exit(Exit::Code(1));
    bench.feed(Event::Stop);
    assert_eq!(bench.gone(), []);
    assert_eq!(bench.name(), "stopped");
}

#[test]
fn a_stop_during_the_spawn_waits_for_its_answer() {
    let mut bench = Bench::new(spec());
    bench.feed(Event::Start);
    assert_eq!(bench.feed(Event::Stop), []);
    assert_eq!(bench.machine.due(), None);
    assert_eq!(bench.spawned(), [Action::StopStep { index: 0 }]);

    let mut bench = Bench::new(spec());
    bench.feed(Event::Start);
    bench.feed(Event::Stop);
    bench.feed(Event::SpawnFailed { message: "not found".into() });
    assert_eq!(bench.name(), "stopped");
    assert!(bench.said().contains(&"could not be started: not found; going on as asked".to_owned()));
}

#[test]
fn back_off_and_failure_end_with_a_verb() {
    for event in [Event::Start, Event::Restart(Cause::User)] {
        let mut bench = Bench::started(spec());
        bench.exit(Exit::Code(1));
        bench.gone();
        assert_eq!(bench.name(), "backing-off");
        assert_eq!(bench.feed(event), [Action::Spawn { attempt: 1 }]);
        assert_eq!(bench.machine.failures(), 0);
    }
    let mut bench = Bench::started(spec());
    bench.exit(Exit::Code(1));
    bench.gone();
    bench.feed(Event::Stop);
    assert_eq!((bench.name(), bench.machine.due()), ("stopped", None));
}

#[test]
fn pause_suspends_probes_and_continue_begins_them_anew() {
    let mut bench = Bench::started(watched(spec(), Then::Restart));
    assert_eq!(bench.feed(Event::Pause), [Action::CancelProbes, Action::Suspend]);
    assert_eq!(bench.name(), "paused");
    assert_eq!(bench.feed(Event::Unhealthy { probe: 0, detail: "silent".into() }), [], "of before the pause");
    assert_eq!(bench.feed(Event::Reload), []);
    assert_eq!(bench.feed(Event::Continue), [Action::Resume, Action::ProbeHealth]);
    assert_eq!(bench.name(), "running");
    bench.feed(Event::Pause);
    assert_eq!(bench.feed(Event::Stop), [Action::Resume, Action::StopStep { index: 0 }]);
}

#[test]
fn reload_needs_a_running_program_and_a_way() {
    let mut bench = Bench::started(spec());
    assert_eq!(bench.feed(Event::Reload), []);
    let mut with_reload = spec();
    with_reload.reload = Some(abide_spec::Reload::Signal(Signal::HUP));
    let mut with_reload = Bench::started(with_reload);
    assert_eq!(with_reload.feed(Event::Reload), [Action::RunReload]);
    assert_eq!(with_reload.said(), ["reloading"]);
    assert_eq!(bench.said(), ["reload ignored while running: the spec has no reload"]);
}

#[test]
fn shutdown_is_final() {
    let mut bench = Bench::started(spec());
    bench.feed(Event::Shutdown);
    bench.feed(Event::Start);
    bench.exit(Exit::Code(0));
    assert!(!bench.machine.is_over());
    assert_eq!(bench.gone(), []);
    assert!(bench.machine.is_over());
    assert_eq!(bench.feed(Event::Start), []);
    assert_eq!(bench.feed(Event::Restart(Cause::ServiceManager)), []);
    assert_eq!(bench.said().pop().unwrap(), "restart ignored while stopped: shutting down");
}

#[test]
fn late_news_of_an_earlier_process_means_nothing() {
    let mut bench = Bench::started(spec());
    bench.exit(Exit::Code(1));
    // A tree of long ago is not the one that is waited for.
    bench.feed(Event::TreeGone { pid: 77 });
    assert_eq!(bench.name(), "stopping");
    bench.gone();
    bench.pass(1_000).feed(Event::Due);
    bench.spawned();
    bench.said();
    bench.feed(Event::Exited { pid: 1, exit: Exit::Code(1) });
    bench.feed(Event::TreeGone { pid: 1 });
    assert_eq!(bench.name(), "running");
    assert_eq!(
        bench.said(),
        [
            "exited ignored while running: not the process that is supervised",
            "tree-gone ignored while running: not waited for"
        ]
    );
}

//! What is proven of the machine in a simulated world.

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use abide_lifecycle::{Cause, Event, HealthRule, Policy, State};
use abide_spec::{
    Delay, Exit, Family, GiveUp, Name, Restart, Signal, Spec, StopAction, StopStep, Then, When,
};
use proptest::collection::vec;
use proptest::prelude::*;

use world::programs::Nature;
use world::{Deed, World};

fn span(most_ms: u64) -> impl Strategy<Value = Duration> {
    (0..=most_ms).prop_map(Duration::from_millis)
}

fn restart() -> impl Strategy<Value = Restart> {
    let when = prop_oneof![3 => Just(When::Always), 3 => Just(When::OnFailure), 1 => Just(When::Never)];
    let delay = (
        prop_oneof![1 => Just(0), 4 => 1u64..3_000],
        1.0f64..4.0,
        1u64..60_000,
        prop_oneof![Just(0.0), 0.0f64..=1.0],
    );
    let give_up = proptest::option::weighted(0.8, (1u32..12, 1u64..600_000));
    let codes = (vec(0i32..4, 0..2), vec(0i32..4, 0..2));
    (when, delay, give_up, 0u64..30_000, codes).prop_map(|(when, delay, give_up, reset_ms, codes)| {
        let ms = abide_spec::Duration::from_millis;
        let mut restart = Restart { when, reset_after: ms(reset_ms), ..Restart::default() };
        restart.delay = Delay { initial: ms(delay.0), factor: delay.1, max: ms(delay.2), jitter: delay.3 };
        restart.give_up = give_up.map(|(after, within)| GiveUp { after, within: ms(within) });
        (restart.codes.always, restart.codes.never) = codes;
        restart
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let step = prop_oneof![
        4 => (0u64..5_000).prop_map(|ms| {
            StopStep::new(StopAction::Signal(Signal::TERM), abide_spec::Duration::from_millis(ms))
        }),
        1 => Just(StopStep::new(
            StopAction::Kill(abide_spec::KillScope::Program),
            abide_spec::Duration::ZERO
        )),
        1 => Just(StopStep::KILL_TREE),
    ];
    let health = vec(prop_oneof![Just(Then::Restart), Just(Then::Report)], 0..3);
    (restart(), vec(step, 0..4), proptest::option::of(span(8_000)), health, any::<bool>()).prop_map(
        |(restart, steps, ready_timeout, health, reloads)| Policy {
            restart,
            steps,
            ready_timeout,
            health: health
                .into_iter()
                .map(|then| HealthRule { label: "tcp 127.0.0.1:1".into(), then })
                .collect(),
            reloads,
        },
    )
}

fn nature() -> impl Strategy<Value = Nature> {
    let chances = (0u8..40, 0u8..=100, 0u8..=100, 0u8..=100, 0u8..50, 0u8..=100, 0u8..=100);
    let spans = (span(2_000), span(10_000), span(40_000), span(12_000), span(12_000), span(500));
    // Most programs die of a kill at once; some take longer than the machine waits for.
    let kill = prop_oneof![4 => span(100), 1 => span(30_000)];
    let exits = vec(prop_oneof![(0i32..4).prop_map(Exit::Code), Just(Exit::Signal(11))], 1..4);
    (chances, spans, kill, exits).prop_map(|(chances, spans, kill_takes, exits)| Nature {
        spawn_fails: chances.0,
        gets_ready: chances.1,
        dies_by_itself: chances.2,
        obeys_stop: chances.3,
        step_fails: chances.4,
        turns_unhealthy: chances.5,
        leaves_processes: chances.6,
        spawn_takes: spans.0,
        ready_within: spans.1,
        lives_up_to: spans.2,
        stop_takes: spans.3,
        leftovers_stay: spans.4,
        lag: spans.5,
        kill_takes,
        exits,
    })
}

fn deed() -> impl Strategy<Value = Deed> {
    let asked = prop_oneof![
        6 => Just(Event::Start),
        3 => Just(Event::Stop),
        3 => Just(Event::Restart(Cause::User)),
        2 => Just(Event::Pause),
        2 => Just(Event::Continue),
        1 => Just(Event::Reload),
        1 => Just(Event::Unready { detail: "reloading".into() }),
        1 => Just(Event::Ready),
        1 => Just(Event::Due),
        1 => (0usize..4).prop_map(|probe| Event::Unhealthy { probe, detail: "no answer".into() }),
        1 => (0usize..4).prop_map(|probe| Event::Healthy { probe }),
    ];
    prop_oneof![
        16 => asked.prop_map(Deed::Ask),
        4 => any::<u8>().prop_map(Deed::Stale),
        3 => Just(Deed::Murder),
        1 => span(3_600_000).prop_map(Deed::Jump),
    ]
}

fn deeds() -> impl Strategy<Value = Vec<(Duration, Deed)>> {
    let gap = prop_oneof![1 => Just(Duration::ZERO), 3 => span(500), 3 => span(20_000)];
    vec((gap, deed()), 0..40)
}

/// A start, then whatever the user does; time passes in between.
fn live(world: &mut World, deeds: &[(Duration, Deed)]) {
    world.do_deed(&Deed::Ask(Event::Start));
    for (gap, deed) in deeds {
        world.pass(*gap);
        world.do_deed(deed);
    }
}

/// Longer than any ladder, kill, leftover and lag of these worlds together.
const LONG: Duration = Duration::from_secs(120);

fn stops_and_stays_stopped(mut world: World, how: Event) {
    world.do_deed(&Deed::Ask(how.clone()));
    assert!(world.pass_until_rest(LONG), "not at rest after {how:?}: {:?}", world.machine.state());
    // A program that hung in the kernel ends some day, and only then the service is stopped.
    world.pass(LONG);
    assert!(matches!(world.machine.state(), State::Stopped { .. }), "{:?}", world.machine.state());
    assert_eq!(world.machine.is_over(), how == Event::Shutdown);
    if how == Event::Shutdown {
        for event in [Event::Start, Event::Restart(Cause::User)] {
            world.do_deed(&Deed::Ask(event));
            world.pass(LONG);
            assert!(world.machine.is_over());
        }
    }
    let spawns = world.checks.spawns;
    world.pass(Duration::from_secs(86_400));
    assert_eq!(world.checks.spawns, spawns);
    world.check_determinism();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// All checks of the world hold on every way; wherever it leads, a stop and a shutdown end it.
    #[test]
    fn holds_in_every_world(policy in policy(), nature in nature(), seed: u64, deeds in deeds()) {
        let mut world = World::new(policy, nature, seed);
        live(&mut world, &deeds);
        stops_and_stays_stopped(world.clone(), Event::Stop);
        stops_and_stays_stopped(world, Event::Shutdown);
    }

    /// Left alone, every world comes to rest or to a running program; and nothing is ever left hanging.
    #[test]
    fn is_never_left_hanging(policy in policy(), nature in nature(), seed: u64, deeds in deeds()) {
        let mut world = World::new(policy, nature, seed);
        live(&mut world, &deeds);
        // All dying ends, so that what remains is the machine's own doing.
        world.programs.nature.dies_by_itself = 0;
        world.programs.nature.spawn_fails = 0;
        world.programs.nature.turns_unhealthy = 0;
        world.programs.nature.gets_ready = 100;
        world.programs.nature.ready_within = Duration::ZERO;
        world.programs.nature.lag = Duration::ZERO;
        world.pass(Duration::from_secs(3_600));
        let rests = matches!(
            world.machine.state(),
            State::Stopped { .. } | State::Failed { .. } | State::Running { .. } | State::Paused { .. }
        );
        // A ready time-out of zero is never met.
        prop_assert!(rests || world.machine.policy().ready_timeout.is_some_and(|t| t.is_zero()), "{:?}", world.machine.state());
    }
}

/// The worlds above are no use if they never go where it hurts.
#[test]
fn the_worlds_go_everywhere() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeSet<&'static str> = BTreeSet::new();
    let mut kinds: BTreeSet<&'static str> = BTreeSet::new();
    for seed in 0..1_500 {
        let (policy, nature, deeds) = (policy(), nature(), deeds())
            .new_tree(&mut runner)
            .expect("a strategy without filters")
            .current();
        let mut world = World::new(policy, nature, seed);
        live(&mut world, &deeds);
        world.pass(LONG);
        seen.extend(&world.checks.seen);
        kinds.extend(world.checks.kinds.keys());
    }
    let states = ["stopped", "starting", "running", "paused", "stopping", "backing-off", "failed"];
    let phases = ["phase spawning", "phase step", "phase killing", "phase clearing"];
    for name in states.iter().chain(&phases) {
        assert!(seen.contains(name), "no world got to {name}");
    }
    for kind in [
        "starting",
        "started",
        "ready",
        "ready-again",
        "unready",
        "spawn-failed",
        "exited",
        "not-ready",
        "unhealthy",
        "healthy",
        "stable",
        "paused",
        "continued",
        "reloading",
        "start-queued",
        "restarting",
        "stopping",
        "stop-step",
        "step-failed",
        "stopped-by",
        "killed-again",
        "died-late",
        "leftovers-stay",
        "left-behind",
        "stopped",
        "failed",
        "ignored",
    ] {
        assert!(kinds.contains(kind), "no world recorded {kind}");
    }
}

/// The two that supervisors miss: a program that dies at once, and one that dies every 1.5 s.
#[test]
fn default_policy_catches_instant_and_slow_crashers() {
    for lifetime_ms in [0, 1, 1_500, 20_000] {
        for exit in [Exit::Code(1), Exit::Signal(11)] {
            let spec = Spec::minimal("crasher".parse::<Name>().unwrap(), vec!["/bin/false".into()]);
            let mut world = World::new(Policy::from_spec(&spec, Family::Unix), immortal(), lifetime_ms);
            world.do_deed(&Deed::Ask(Event::Start));
            for _ in 0..10 {
                while world.programs.running().is_none() {
                    let due = world.machine.due().map_or(Duration::ZERO, |due| due.since(world.now));
                    world.pass(due);
                }
                world.pass(Duration::from_millis(lifetime_ms));
                let pid = world.programs.running().unwrap();
                world.programs.murder(pid);
                world.do_deed(&Deed::Ask(Event::Exited { pid, exit }));
                world.pass(Duration::ZERO);
            }
            assert!(
                matches!(world.machine.state(), State::Failed { .. }),
                "{lifetime_ms}: {:?}",
                world.machine.state()
            );
            assert_eq!(world.checks.spawns, 10);
            assert_eq!(world.machine.restarts(), 9);
        }
    }
}

/// Programs that do nothing by themselves, under a driver that answers at once.
fn immortal() -> Nature {
    Nature {
        spawn_fails: 0,
        spawn_takes: Duration::ZERO,
        gets_ready: 100,
        ready_within: Duration::ZERO,
        dies_by_itself: 0,
        lives_up_to: Duration::ZERO,
        exits: vec![Exit::Code(1)],
        obeys_stop: 100,
        stop_takes: Duration::ZERO,
        step_fails: 0,
        turns_unhealthy: 0,
        leaves_processes: 0,
        leftovers_stay: Duration::ZERO,
        kill_takes: Duration::ZERO,
        lag: Duration::ZERO,
    }
}

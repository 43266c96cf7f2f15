//! The machine in simulated time, and the driver with real threads.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::machine::{Action, Call, Event, Machine, Settings, Tell};
use crate::{Abilities, StopReason};

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    Settings {
        abilities: Abilities::NONE.pausing().reloading(),
        ready_by_start: true,
        start_timeout: START,
        stop_timeout: STOP,
        own_end: 0,
    }
}

fn begun(settings: Settings) -> (Machine, Instant) {
    let now = Instant::now();
    let (machine, actions) = Machine::begin(settings, now);
    assert_eq!(actions, [Action::Tell(Tell::Starting(START)), Action::Call(Call::Start)]);
    (machine, now)
}

fn running() -> (Machine, Instant) {
    let (mut machine, now) = begun(settings());
    assert_eq!(machine.on(Event::Called(Ok(())), now), [Action::Tell(Tell::Ready)]);
    (machine, now)
}

fn end(actions: &[Action]) -> Option<u8> {
    actions.iter().find_map(|action| match action {
        Action::End(code) => Some(*code),
        _ => None,
    })
}

fn calls(actions: &[Action]) -> Vec<Call> {
    let call = |action: &Action| match action {
        Action::Call(call) => Some(*call),
        _ => None,
    };
    actions.iter().filter_map(call).collect()
}

#[test]
fn a_program_is_ready_when_its_start_has_returned() {
    let (mut machine, now) = running();
    assert_eq!(machine.next_due(), None);
    let actions = machine.on(Event::Stop(StopReason::Requested), now);
    let [Action::Token(stop), Action::Tell(Tell::Stopping(STOP)), Action::Call(Call::Stop(called))] =
        actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!((stop, stop.deadline), (called, now + STOP));
    assert_eq!(machine.on(Event::Called(Ok(())), now), [Action::End(0)]);
}

#[test]
fn a_function_is_ready_when_it_says_so() {
    let (mut machine, now) = begun(Settings { ready_by_start: false, ..settings() });
    assert_eq!(machine.on(Event::Called(Ok(())), now), []);
    assert_eq!(machine.on(Event::Ready, now), [Action::Tell(Tell::Ready)]);
    assert_eq!(machine.on(Event::Ready, now), [], "told once");
    assert_eq!(end(&machine.on(Event::Finished(Ok(())), now)), Some(0));
}

#[test]
fn a_start_that_blocks_ends_at_its_deadline_and_not_before() {
    let (mut machine, now) = begun(settings());
    assert_eq!(machine.next_due(), Some(now + START));
    assert_eq!(machine.due(now + START - Duration::from_nanos(1)), []);
    let actions = machine.due(now + START);
    assert_eq!(end(&actions), Some(1));
    assert!(matches!(&actions[0], Action::Log(_, text) if text.contains("must begin the work and return")));
}

#[test]
fn a_function_that_never_says_ready_ends_with_the_reason() {
    let (mut machine, now) = begun(Settings { ready_by_start: false, ..settings() });
    machine.on(Event::Called(Ok(())), now);
    let actions = machine.due(now + START);
    assert!(matches!(&actions[0], Action::Log(_, text) if text.contains("`ready` was not called")));
    assert_eq!(end(&actions), Some(1));
}

#[test]
fn a_stop_that_hangs_ends_at_its_deadline() {
    let (mut machine, now) = running();
    let asked = now + Duration::from_secs(500);
    machine.on(Event::Stop(StopReason::Requested), asked);
    assert_eq!(machine.next_due(), Some(asked + STOP));
    assert_eq!(machine.due(asked + STOP - Duration::from_millis(1)), []);
    assert_eq!(end(&machine.due(asked + STOP)), Some(1));
}

#[test]
fn a_stop_during_the_start_waits_for_it_but_not_beyond_its_own_deadline() {
    let (mut machine, now) = begun(settings());
    let asked = now + Duration::from_secs(5);
    assert_eq!(calls(&machine.on(Event::Stop(StopReason::Requested), asked)), []);
    assert_eq!(machine.next_due(), Some(asked + STOP));
    let later = asked + Duration::from_secs(3);
    let actions = machine.on(Event::Called(Ok(())), later);
    assert!(
        matches!(actions[..], [Action::Call(Call::Stop(stop))] if stop.deadline == asked + STOP),
        "{actions:?}"
    );
    assert_eq!(end(&machine.due(asked + STOP)), Some(1));
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let (mut machine, now) = running();
    machine.on(Event::Stop(StopReason::Interrupted), now);
    assert_eq!(end(&machine.on(Event::Stop(StopReason::Requested), now)), None);
    assert_eq!(end(&machine.on(Event::Stop(StopReason::Interrupted), now)), Some(130));
}

#[test]
fn failures_end_with_code_1() {
    let (mut machine, now) = begun(settings());
    assert_eq!(end(&machine.on(Event::Called(Err("no port".into())), now)), Some(1));

    let (mut machine, now) = running();
    machine.on(Event::Stop(StopReason::Requested), now);
    assert_eq!(end(&machine.on(Event::Called(Err("disk full".into())), now)), Some(1));

    let (mut machine, now) = running();
    let actions = machine.on(Event::Failed("the worker died".into()), now);
    assert!(matches!(calls(&actions)[..], [Call::Stop(stop)] if stop.reason == StopReason::Program));
    assert_eq!(end(&machine.on(Event::Called(Ok(())), now)), Some(1));

    let (mut machine, now) = begun(Settings { ready_by_start: false, ..settings() });
    assert_eq!(end(&machine.on(Event::Finished(Err("no".into())), now)), Some(1));
}

#[test]
fn it_pauses_and_goes_on() {
    let (mut machine, now) = running();
    assert_eq!(machine.on(Event::Pause(true), now), [Action::Call(Call::Pause)]);
    assert_eq!(machine.on(Event::Continue, now), [], "after the pause");
    let actions = machine.on(Event::Called(Ok(())), now);
    assert_eq!(actions, [Action::Tell(Tell::Paused), Action::Suspend, Action::Call(Call::Resume)]);
    assert_eq!(machine.on(Event::Called(Ok(())), now), [Action::Tell(Tell::Continued)]);
    assert_eq!(machine.on(Event::Continue, now), [Action::Tell(Tell::Continued)], "goes on already");
    assert_eq!(machine.on(Event::Pause(false), now), [Action::Call(Call::Pause)]);
    let actions = machine.on(Event::Called(Err("no".into())), now);
    assert!(actions.ends_with(&[Action::Tell(Tell::Continued)]), "{actions:?}");
}

#[test]
fn it_reloads_while_running_and_paused() {
    let (mut machine, now) = running();
    let reloading = [Action::Tell(Tell::Reloading), Action::Call(Call::Reload)];
    assert_eq!(machine.on(Event::Reload, now), reloading);
    assert_eq!(machine.busy(now + STOP), STOP);
    assert_eq!(machine.on(Event::Called(Ok(())), now), [Action::Tell(Tell::Ready)]);
    machine.on(Event::Pause(false), now);
    machine.on(Event::Called(Ok(())), now);
    assert_eq!(machine.on(Event::Reload, now), reloading);
    assert_eq!(machine.on(Event::Called(Ok(())), now), [Action::Tell(Tell::Paused)]);
}

#[test]
fn what_a_program_cannot_do_is_never_called() {
    let (mut machine, now) = begun(Settings { abilities: Abilities::NONE, ..settings() });
    machine.on(Event::Called(Ok(())), now);
    assert_eq!(machine.on(Event::Pause(false), now), [Action::Tell(Tell::Continued)]);
    assert_eq!(calls(&machine.on(Event::Reload, now)), []);
}

fn any_event() -> impl Strategy<Value = Event> {
    let result = prop_oneof![Just(Ok(())), Just(Err("no".to_owned()))];
    prop_oneof![
        4 => result.clone().prop_map(Event::Called),
        1 => Just(Event::Ready),
        1 => result.prop_map(Event::Finished),
        1 => Just(Event::StopItself),
        1 => Just(Event::Failed("no".into())),
        1 => prop_oneof![Just(StopReason::Requested), Just(StopReason::Shutdown), Just(StopReason::Interrupted)]
            .prop_map(Event::Stop),
        2 => any::<bool>().prop_map(Event::Pause),
        2 => Just(Event::Continue),
        2 => Just(Event::Reload),
    ]
}

proptest! {
    /// Whatever happens: one call at a time, one token, and an end at most a stop's time after the stop began, after
    /// which nothing is done any more.
    #[test]
    fn every_life_is_in_order(
        ready_by_start: bool,
        can: (bool, bool),
        lives in proptest::collection::vec((any_event(), 0_u64..4_000), 1..60),
    ) {
        let mut abilities = Abilities::NONE;
        if can.0 { abilities = abilities.pausing(); }
        if can.1 { abilities = abilities.reloading(); }
        let mut now = Instant::now();
        let (mut machine, _) = Machine::begin(Settings { abilities, ready_by_start, ..settings() }, now);
        let (mut in_call, mut tokens, mut ended, mut stop_at) = (true, 0, false, None);
        for (event, pause) in lives {
            now += Duration::from_millis(pause);
            let mut actions = machine.due(now);
            if !ended && let Some(at) = stop_at {
                prop_assert!(now < at || end(&actions).is_some(), "alive after its deadline");
            }
            prop_assert!(!ended || actions.is_empty());
            ended |= end(&actions).is_some();
            // Only a call that is under way comes back.
            let comes_back = matches!(event, Event::Called(_));
            if comes_back && !in_call {
                continue;
            }
            if comes_back {
                in_call = false;
            }
            actions.extend(machine.on(event, now));
            for action in &actions {
                match action {
                    Action::Call(call) => {
                        prop_assert!(!in_call, "two calls at once");
                        in_call = true;
                        prop_assert!(*call != Call::Pause || can.0);
                        prop_assert!(*call != Call::Reload || can.1);
                    }
                    Action::Token(stop) => {
                        tokens += 1;
                        stop_at = Some(stop.deadline);
                    }
                    Action::End(_) => ended = true,
                    _ => {}
                }
            }
            prop_assert!(tokens <= 1);
            if ended {
                prop_assert_eq!(machine.next_due(), None);
                prop_assert_eq!(machine.on(Event::Stop(StopReason::Requested), now), []);
            }
        }
    }
}

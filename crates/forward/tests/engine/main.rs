//! The engine with real files, real processes and a sink that can be made to fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod rig;
mod taker;

use std::collections::BTreeSet;
use std::time::Duration;

use abide_forward::engine::StartError;
use abide_logs::{Settings, Stream};

use rig::{Rig, stop, wait};
use taker::RECORDS;

#[test]
#[ignore = "what tests start and kill"]
fn forwarder_process() {
    rig::be_the_process();
}

fn small() -> Settings {
    Settings { size: 64 << 10, keep: 10_000, ..Settings::default() }
}

#[test]
fn what_is_printed_after_it_began_arrives_once_and_in_order() {
    let rig = Rig::new("");
    let old = rig.program("old", &small());
    old.lines(0..10);
    let forwarder = rig.start().unwrap();
    old.lines(10..500);
    // A service that comes later is sent from its first line on.
    let new = rig.program("new", &small());
    new.lines(1_000..3_000);
    rig.wait_for_lines(2_490);
    stop(forwarder);
    let wanted: Vec<u64> = (10..500).chain(1_000..3_000).collect();
    assert_eq!(rig.numbers(), wanted);
    let of = |service: &str| -> Vec<String> {
        rig.taker.arrived().into_iter().filter(|it| it.service == service).map(|it| it.body).collect()
    };
    assert!(of("new").is_sorted_by_key(|body| rig::number(body)));
    // What comes while none runs is sent by the next one.
    old.lines(500..600);
    let forwarder = rig.start().unwrap();
    rig.wait_for_lines(2_590);
    stop(forwarder);
    assert_eq!(rig.taker.count(), 2_590);
    let status = rig.status().unwrap();
    assert_eq!((status.counts.sent, status.counts.dropped, status.counts.lost_files), (2_590, 0, 0));
}

#[test]
fn the_oldest_is_sent_where_that_is_wanted() {
    let rig = Rig::new("from = \"oldest\"\nservices = [\"w*\"]");
    rig.program("web", &small()).lines(0..2_000);
    rig.program("other", &small()).lines(5_000..5_010);
    let forwarder = rig.start().unwrap();
    rig.wait_for_lines(2_000);
    stop(forwarder);
    assert_eq!(rig.numbers(), (0..2_000).collect::<Vec<_>>());
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_repeats_one_batch_at_most() {
    let rig = Rig::new("from = \"oldest\"");
    let program = rig.program("web", &small());
    let (mut printed, mut kills) = (0, 0);
    while kills < 12 {
        let process = rig.process();
        // Killed when so much more has arrived: at another place each time.
        let enough = rig.taker.count() + 137 * (kills + 1);
        program.lines(printed..printed + 4_000);
        printed += 4_000;
        wait("records of a process that will be killed", || rig.taker.count() >= enough);
        process.kill();
        kills += 1;
    }
    let process = rig.process();
    wait("all lines", || BTreeSet::from_iter(rig.numbers()).len() as u64 == printed);
    process.kill();
    let arrived = rig.numbers();
    let each: BTreeSet<u64> = arrived.iter().copied().collect();
    assert!(each.iter().copied().eq(0..printed));
    let repeated = arrived.len() - each.len();
    assert!(repeated <= (kills + 1) * RECORDS, "{repeated} repeated by {kills} kills");
    // Whoever goes by the uid sees each line once.
    let uids: BTreeSet<String> = rig.taker.arrived().into_iter().map(|it| it.uid).collect();
    assert_eq!(uids.len() as u64, printed);
}

#[test]
fn an_outage_of_the_sink_is_waited_for() {
    let rig = Rig::new("from = \"oldest\"");
    let program = rig.program("web", &small());
    rig.taker.is_out(true);
    let forwarder = rig.start().unwrap();
    program.lines(0..5_000);
    wait("tries", || rig.taker.offered() >= 5);
    wait("a status that says so", || {
        rig.status().is_some_and(|status| status.state.name() == "retrying" && status.last_error.is_some())
    });
    assert_eq!(rig.taker.count(), 0);
    rig.taker.is_out(false);
    rig.wait_for_lines(5_000);
    stop(forwarder);
    assert_eq!(rig.numbers(), (0..5_000).collect::<Vec<_>>());
}

/// Prints and rotates, each file held before the next comes: with one file kept, nothing but the queue has them.
fn overrun(rig: &Rig, program: &rig::Program, files: u64) -> u64 {
    for file in 0..files {
        program.lines(file * 100..(file + 1) * 100);
        program.rotate();
        let queue = rig.queue("web");
        wait("a file that is held or was dropped", || {
            let newest = std::fs::read_dir(&queue).into_iter().flatten().flatten();
            newest
                .filter_map(|entry| entry.file_name().into_string().ok())
                .any(|name| name.ends_with(".log") && name.contains(&format!("{:06}", file + 1)))
        });
    }
    files * 100
}

#[test]
fn what_waits_beyond_the_bound_is_dropped_oldest_first_and_counted_exactly() {
    let rig = Rig::new("from = \"oldest\"\nqueue = \"40KiB\"");
    let program = rig.program("web", &Settings { keep: 1, ..Settings::default() });
    rig.taker.is_out(true);
    let forwarder = rig.start().unwrap();
    wait("the queue's folder", || rig.status().is_some());
    let printed = overrun(&rig, &program, 20);
    // 20 files of 9 KiB, of which the service keeps one: four fit.
    wait("drops", || rig.status().is_some_and(|status| status.counts.dropped >= 1_400));
    rig.taker.is_out(false);
    wait("the rest", || {
        rig.status().is_some_and(|status| status.counts.dropped + status.counts.sent == printed)
    });
    stop(forwarder);
    let status = rig.status().unwrap();
    let arrived = rig.numbers();
    assert_eq!(arrived.len() as u64 + status.counts.dropped, printed);
    assert!(arrived.iter().copied().eq(status.counts.dropped..printed), "the newest are there");
    assert_eq!(status.counts.lost_files, 0);
}

#[test]
fn drops_are_counted_exactly_though_it_is_killed() {
    let rig = Rig::new("from = \"oldest\"\nqueue = \"40KiB\"");
    let program = rig.program("web", &Settings { keep: 1, ..Settings::default() });
    rig.taker.is_out(true);
    let mut printed = 0;
    for round in 0..4 {
        let process = rig.process();
        for _ in 0..6 {
            program.lines(printed..printed + 100);
            printed += 100;
            program.rotate();
            let file = printed / 100;
            wait("a file that is held", || rig.queue("web").join(format!("stdout.{file:06}.log")).exists());
        }
        let least = 100 * (printed / 100).saturating_sub(8);
        wait("drops", || {
            rig.status().is_some_and(|status| status.counts.dropped >= least.saturating_sub(200))
        });
        if round < 3 {
            process.kill();
        } else {
            rig.taker.is_out(false);
            wait("the rest", || {
                rig.status().is_some_and(|status| status.counts.dropped + status.counts.sent >= printed)
            });
        }
    }
    let status = rig.status().unwrap();
    let each: BTreeSet<u64> = rig.numbers().into_iter().collect();
    assert_eq!(each.len() as u64 + status.counts.dropped, printed, "{status:?}");
}

#[test]
fn services_that_are_removed_are_read_to_the_end_and_may_come_again() {
    let rig = Rig::new("");
    let forwarder = rig.start().unwrap();
    rig.taker.is_out(true);
    let program = rig.program("web", &Settings { keep: 1, ..Settings::default() });
    let printed = overrun(&rig, &program, 5);
    let logs = program.logs.clone();
    drop(program);
    std::fs::remove_dir_all(&logs).unwrap();
    rig.taker.is_out(false);
    rig.wait_for_lines(500);
    wait("an empty queue", || !rig.queue("web").exists());
    let program = rig.program("web", &small());
    program.lines(printed..printed + 50);
    rig.wait_for_lines(550);
    stop(forwarder);
    assert_eq!(rig.numbers(), (0..550).collect::<Vec<_>>());
}

#[test]
fn a_log_that_was_begun_anew_while_none_ran_loses_nothing_of_either() {
    let rig = Rig::new("");
    rig.taker.is_out(true);
    let forwarder = rig.start().unwrap();
    let program = rig.program("web", &Settings { keep: 1, ..Settings::default() });
    overrun(&rig, &program, 5);
    stop(forwarder);
    let logs = program.logs.clone();
    drop(program);
    std::fs::remove_dir_all(&logs).unwrap();
    let program = rig.program("web", &small());
    program.lines(500..520);
    rig.taker.is_out(false);
    let forwarder = rig.start().unwrap();
    rig.wait_for_lines(520);
    stop(forwarder);
    assert_eq!(rig.numbers(), (0..520).collect::<Vec<_>>());
}

#[test]
fn a_record_that_is_refused_for_good_costs_no_other() {
    let rig = Rig::new("from = \"oldest\"\nmultiline = false");
    let program = rig.program("web", &small());
    program.lines(0..777);
    program.print(Stream::Stdout, "poison\n");
    program.lines(777..1_500);
    let forwarder = rig.start().unwrap();
    rig.wait_for_lines(1_500);
    stop(forwarder);
    assert_eq!(rig.numbers(), (0..1_500).collect::<Vec<_>>());
    let status = rig.status().unwrap();
    assert_eq!((status.counts.sent, status.counts.rejected), (1_500, 1));
    assert!(status.last_error.unwrap().text.contains("poison"));
}

#[test]
fn stack_traces_are_one_record_and_levels_choose() {
    let rig = Rig::new("level = \"warn\"");
    let forwarder = rig.start().unwrap();
    let program = rig.program("web", &small());
    program.print(Stream::Stdout, "INFO nothing of note\n");
    program.print(
        Stream::Stderr,
        "ERROR it broke\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nValueError: no\n",
    );
    program.print(Stream::Stdout, "no level at all\nWARN hot\n");
    rig.wait_for_lines(3);
    stop(forwarder);
    let mut bodies: Vec<String> = rig.taker.arrived().into_iter().map(|it| it.body).collect();
    bodies.sort();
    assert!(bodies[0].starts_with("ERROR it broke\nTraceback") && bodies[0].ends_with("ValueError: no"));
    assert_eq!(bodies[1..], ["WARN hot", "no level at all"]);
}

#[test]
fn lifecycle_events_go_where_they_are_wanted() {
    let rig = Rig::new("events = true\nstreams = []");
    let forwarder = rig.start().unwrap();
    let program = rig.program("web", &small());
    program.lines(0..5);
    let state = rig.places.state.join("web");
    std::fs::create_dir_all(&state).unwrap();
    let event = |pid: u32| {
        format!(
            r#"{{"schema":"abide.event/1","time":"2026-11-22T13:02:11.204Z","service":"web","text":"started as process {pid}","record":{{"kind":"started","pid":{pid}}}}}"#
        ) + "\n"
    };
    std::fs::write(state.join("events.ndjson"), event(1) + &event(2)).unwrap();
    // The folder of a service's state is looked for when its log changes: a start makes both.
    program.rotate();
    rig.wait_for_lines(2);
    std::fs::write(state.join("events.ndjson"), event(1) + &event(2) + &event(3)).unwrap();
    rig.wait_for_lines(3);
    stop(forwarder);
    let arrived = rig.taker.arrived();
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|it| it.origin == "started"));
    assert_eq!(arrived[2].body, "started as process 3");
}

#[test]
fn a_second_forwarder_is_refused() {
    let rig = Rig::new("");
    let forwarder = rig.start().unwrap();
    assert!(matches!(rig.start(), Err(StartError::Busy(_))));
    stop(forwarder);
    let forwarder = rig.start().unwrap();
    assert!(forwarder.stop(Duration::from_secs(60)));
}

#[test]
fn more_services_than_stay_open_are_read_all_the_same() {
    let rig = Rig::new("from = \"oldest\"");
    let programs: Vec<_> = (0..70).map(|n| rig.program(&format!("web-{n}"), &small())).collect();
    let forwarder = rig.start().unwrap();
    for round in 0..3_u64 {
        for (at, program) in programs.iter().enumerate() {
            let first = (round * 70 + at as u64) * 10;
            program.lines(first..first + 10);
        }
        rig.wait_for_lines((round as usize + 1) * 700);
        wait("a rest", || rig.status().is_some_and(|status| status.state.name() == "idle"));
    }
    stop(forwarder);
    assert_eq!(rig.numbers(), (0..2_100).collect::<Vec<_>>());
}

#[test]
fn a_damaged_file_costs_what_is_in_it_and_no_more() {
    let rig = Rig::new("from = \"oldest\"");
    let program = rig.program("web", &small());
    program.lines(0..100);
    program.rotate();
    program.lines(100..200);
    std::fs::remove_file(program.logs.join("stdout.000001.log")).unwrap();
    std::fs::write(program.logs.join("stdout.000001.log.zst"), b"no zstd at all").unwrap();
    let forwarder = rig.start().unwrap();
    rig.wait_for_lines(100);
    wait("the count", || rig.status().is_some_and(|status| status.counts.lost_files == 1));
    stop(forwarder);
    assert_eq!(rig.numbers(), (100..200).collect::<Vec<_>>());
}

#[test]
fn what_fails_for_too_long_is_given_up_where_that_is_wanted() {
    let rig = Rig::new("from = \"oldest\"\nretry = { initial = \"1ms\", max = \"5ms\", give-up = \"20ms\" }");
    let program = rig.program("web", &small());
    program.lines(0..100);
    rig.taker.is_out(true);
    let forwarder = rig.start().unwrap();
    wait("giving up", || rig.status().is_some_and(|status| status.counts.given_up == 100));
    rig.taker.is_out(false);
    program.lines(100..110);
    rig.wait_for_lines(10);
    stop(forwarder);
    assert_eq!(rig.numbers(), (100..110).collect::<Vec<_>>());
}

//! How the output of programs is collected.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::time::{Duration, Instant};

use abide_spec::Exit;
use support::*;

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
fn what_was_written_into_one_pipe_first_comes_before_what_was_written_into_the_other() {
    let _alone = alone();
    let events = &mut new_loop();
    let (sender, chunks) = std::sync::mpsc::channel();
    let collector = abide_os::pipes::Collector::start(Box::new(move |id, chunk| {
        if let abide_os::pipes::Chunk::Data(bytes) = chunk {
            let _ = sender.send((id, bytes.len()));
        }
    }))
    .unwrap();
    // Line by line and for long enough that the first pipe is let fill.
    let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678; i=$((i+1)); done; echo >&2";
    for pair in 0..3 {
        let mut spawned = start(&sh(script), events);
        let (out, err) = spawned.output.take().unwrap();
        collector.add(2 * pair, out).unwrap();
        collector.add(2 * pair + 1, err).unwrap();
        let mut before = 0;
        while let (0, length) = chunks.recv_timeout(PATIENCE).map(|(id, length)| (id % 2, length)).unwrap() {
            before += length;
        }
        assert_eq!(before, 20 * 20_000);
        wait_exit(events, spawned.tree.pid());
    }
    collector.stop();
}

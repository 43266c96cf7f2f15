//! What was captured is read back: in order, from any place, while it is written, whatever became of the index.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abide_logs::{Capture, Compression, Line, Reader, Settings, Start, Stream, Streams};
use proptest::prelude::*;

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

fn settings(size: u64) -> Settings {
    Settings { size, keep: 100_000, ..Settings::default() }
}

fn read(dir: &Path, start: Start, streams: Streams) -> Vec<Line> {
    Reader::open(dir).unwrap().lines(start, streams).unwrap().map(Result::unwrap).collect()
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8(line.bytes.clone()).unwrap()).collect()
}

/// Puts pieces together to lines.
fn joined(pieces: &[Line]) -> Vec<(Stream, Vec<u8>)> {
    let mut lines = Vec::new();
    let mut open: [Vec<u8>; 2] = Default::default();
    for piece in pieces {
        let line = &mut open[usize::from(piece.stream == Stream::Stderr)];
        line.extend_from_slice(&piece.bytes);
        if piece.complete {
            lines.push((piece.stream, std::mem::take(line)));
        }
    }
    for (stream, rest) in Stream::BOTH.into_iter().zip(open) {
        if !rest.is_empty() {
            lines.push((stream, rest));
        }
    }
    lines
}

/// A program's output: which stream, what, and how long after what came before.
fn output() -> impl Strategy<Value = Vec<(Stream, Vec<u8>, u64)>> {
    let stream = prop_oneof![3 => Just(Stream::Stdout), 2 => Just(Stream::Stderr)];
    let bytes = prop_oneof![
        4 => "([a-z]{0,9}\n){1,3}".prop_map(String::into_bytes),
        1 => "[a-z]{1,9}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 1..20),
    ];
    let pause = prop_oneof![Just(0), Just(3), Just(25)];
    proptest::collection::vec((stream, bytes, pause), 0..40)
}

/// The lines in the order in which they were whole; what was never whole comes last.
fn expected(output: &[(Stream, Vec<u8>, u64)]) -> Vec<(Stream, Vec<u8>)> {
    let mut lines = Vec::new();
    let mut open: [Vec<u8>; 2] = Default::default();
    for (stream, bytes, _) in output {
        let line = &mut open[usize::from(*stream == Stream::Stderr)];
        for byte in bytes {
            if *byte == b'\n' {
                lines.push((*stream, std::mem::take(line)));
            } else {
                line.push(*byte);
            }
        }
    }
    for (stream, rest) in Stream::BOTH.into_iter().zip(open) {
        if !rest.is_empty() {
            lines.push((stream, rest));
        }
    }
    lines
}

fn capture(dir: &Path, settings: &Settings, output: &[(Stream, Vec<u8>, u64)]) {
    let capture = Capture::open(dir, settings).unwrap();
    let mut time = 0;
    for (stream, bytes, pause) in output {
        time += pause;
        capture.write(*stream, bytes, at(time));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_come_back_in_the_order_of_arrival(output in output(), limit in prop_oneof![Just(0), 8..80_u64]) {
        let dir = tempfile::tempdir().unwrap();
        capture(dir.path(), &settings(limit), &output);
        let lines = read(dir.path(), Start::Oldest, Streams::Both);
        prop_assert_eq!(joined(&lines), expected(&output));
        prop_assert!(lines.iter().all(|line| line.time.is_some()));
    }

    #[test]
    fn the_tail_is_the_end_of_the_whole(output in output(), limit in 12..80_u64, n in 0..50_usize) {
        let dir = tempfile::tempdir().unwrap();
        capture(dir.path(), &settings(limit), &output);
        for streams in [Streams::Both, Streams::Only(Stream::Stdout), Streams::Only(Stream::Stderr)] {
            let all: Vec<_> =
                expected(&output).into_iter().filter(|(stream, _)| streams.contains(*stream)).collect();
            let tail = joined(&read(dir.path(), Start::Tail(n), streams));
            prop_assert_eq!(&tail[..], &all[all.len() - n.min(all.len())..]);
        }
    }

    #[test]
    fn since_gives_what_came_then_or_later(output in output(), limit in 12..80_u64, since in 0..500_u64) {
        let dir = tempfile::tempdir().unwrap();
        capture(dir.path(), &settings(limit), &output);
        let all = read(dir.path(), Start::Oldest, Streams::Both);
        let late = read(dir.path(), Start::Since(at(since)), Streams::Both);
        // The last line of a stream may be a rest that came earlier.
        let whole = |lines: &[Line], since| -> Vec<Line> {
            lines.iter().filter(|line| line.complete && line.time.unwrap() >= at(since)).cloned().collect()
        };
        prop_assert_eq!(whole(&late, 0).len(), whole(&late, since).len());
        prop_assert_eq!(joined(&whole(&late, since)), joined(&whole(&all, since)));
    }

    #[test]
    fn an_index_torn_or_damaged_anywhere_loses_no_line(
        output in output(), limit in prop_oneof![Just(0), 20..80_u64], cut in any::<prop::sample::Index>(),
        damage in any::<bool>(), n in 1..10_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        capture(dir.path(), &settings(limit), &output);
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "idx") {
                let mut bytes = fs::read(&path).unwrap();
                let place = cut.index(bytes.len());
                if damage { bytes[place] ^= 0x41 } else { bytes.truncate(place) }
                fs::write(path, bytes).unwrap();
            }
        }
        for stream in Stream::BOTH {
            let of = |lines: Vec<(Stream, Vec<u8>)>| -> Vec<_> {
                lines.into_iter().filter(|line| line.0 == stream).collect()
            };
            let expected = of(expected(&output));
            let lines = joined(&read(dir.path(), Start::Oldest, Streams::Both));
            prop_assert_eq!(of(lines), &expected[..]);
            let tail = joined(&read(dir.path(), Start::Tail(n), Streams::Only(stream)));
            prop_assert_eq!(&tail[..], &expected[expected.len() - n.min(expected.len())..]);
        }
        // A writer that opens it goes on in order.
        let capture = Capture::open(dir.path(), &settings(0)).unwrap();
        capture.write(Stream::Stdout, b"then this\n", at(3_600_000));
        capture.write(Stream::Stderr, b"and that\n", at(3_600_000));
        let last = read(dir.path(), Start::Tail(2), Streams::Both);
        prop_assert_eq!(texts(&last), ["then this", "and that"]);
        prop_assert_eq!(last[1].time, Some(at(3_600_000)));
    }

    #[test]
    fn following_sees_each_line_once_through_every_rotation(
        output in output(), limit in 12..80_u64, steps in proptest::collection::vec(1..5_usize, 1..4),
        keep in prop_oneof![Just(1000_usize), Just(200)],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &Settings { keep, ..settings(limit) }).unwrap();
        let mut left = output.iter();
        let mut time = 0;
        let mut steps = steps.iter().cycle();
        let mut ended = false;
        let wait = || {
            if ended {
                return false;
            }
            for _ in 0..*steps.next().unwrap() {
                let Some((stream, bytes, pause)) = left.next() else {
                    for stream in Stream::BOTH {
                        capture.end(stream, at(time + 1));
                    }
                    ended = true;
                    break;
                };
                time += pause;
                capture.write(*stream, bytes, at(time));
            }
            true
        };
        let reader = Reader::open(dir.path()).unwrap();
        let lines: Vec<Line> =
            reader.follow(Start::Tail(0), Streams::Both, wait).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(joined(&lines), expected(&output));
        prop_assert!(lines.iter().all(|line| line.complete));
    }
}

#[test]
fn an_empty_log_has_no_lines_and_a_missing_one_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read(dir.path(), Start::Oldest, Streams::Both).is_empty());
    let error = Reader::open(&dir.path().join("missing")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    let _capture = Capture::open(dir.path(), &settings(0)).unwrap();
    for start in [Start::Oldest, Start::Tail(5), Start::Since(at(0))] {
        assert!(read(dir.path(), start, Streams::Both).is_empty());
    }
}

#[test]
fn the_last_line_of_a_run_is_shown_once_even_without_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let sees = AtomicBool::new(true);
    let wait = || sees.swap(false, SeqCst);
    let mut follow = reader.follow(Start::Oldest, Streams::Both, wait).unwrap();
    let mut next = || {
        sees.store(true, SeqCst);
        follow.next().map(|line| String::from_utf8(line.unwrap().bytes).unwrap())
    };
    capture.write(Stream::Stdout, b"one\ntw", at(0));
    assert_eq!(next().as_deref(), Some("one"));
    assert_eq!(next(), None, "the line is not whole");
    let partial = reader.tail(1, Streams::Both).unwrap().next().unwrap().unwrap();
    assert_eq!((&partial.bytes[..], partial.complete), (&b"tw"[..], false));
    capture.end(Stream::Stdout, at(10));
    assert_eq!(next().as_deref(), Some("tw"), "now it is");
    assert_eq!(next(), None);
    capture.write(Stream::Stdout, b"three\n", at(1000));
    assert_eq!(next().as_deref(), Some("three"));
    let all = reader.lines(Start::Oldest, Streams::Both).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(texts(&all), ["one", "tw", "three"]);
    assert_eq!(all[1].time, Some(at(10)), "the line was whole when the stream ended");
    assert_eq!(all[2].time, Some(at(1000)));
}

#[test]
fn compressed_history_reads_like_any_other() {
    for compress in [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported()) {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &Settings { compress, ..settings(700_000) }).unwrap();
        let mut expected = Vec::new();
        for line in 0..60_000_u64 {
            let text = format!("{line} of many lines that are much alike");
            let stream = if line % 1000 == 0 { Stream::Stderr } else { Stream::Stdout };
            capture.write(stream, format!("{text}\n").as_bytes(), at(line));
            expected.push(text);
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let plain = || {
            let entries = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
            entries.filter(|name| name.to_str().unwrap().ends_with("0.log")).count()
        };
        // Reads before, while and after the files are replaced.
        loop {
            let done = plain() == 0;
            assert_eq!(texts(&read(dir.path(), Start::Oldest, Streams::Both)), expected);
            assert_eq!(texts(&read(dir.path(), Start::Tail(45_000), Streams::Both)), expected[15_000..]);
            let since = read(dir.path(), Start::Since(at(20_000)), Streams::Both);
            assert_eq!(texts(&since), expected[20_000..]);
            if done {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{:?}", capture.stats());
        }
    }
}

#[test]
fn a_clock_that_was_wrong_for_a_while_hides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    for (line, time) in [("early", 0), ("ahead", 90_000_000), ("back", 1_000), ("late", 2_000)] {
        capture.write(Stream::Stdout, format!("{line}\n").as_bytes(), at(time));
        capture.write(Stream::Stderr, format!("{line}!\n").as_bytes(), at(time));
    }
    let all = ["early", "early!", "ahead", "ahead!", "back", "back!", "late", "late!"];
    assert_eq!(texts(&read(dir.path(), Start::Oldest, Streams::Both)), all);
    assert_eq!(texts(&read(dir.path(), Start::Since(at(1_000)), Streams::Both)), all[2..]);
    let late = texts(&read(dir.path(), Start::Since(at(1_500)), Streams::Both));
    assert_eq!(late, ["ahead", "ahead!", "late", "late!"]);
}

#[test]
fn a_very_long_line_comes_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    let long = vec![b'x'; 5 << 19];
    capture.write(Stream::Stdout, b"before\n", at(0));
    capture.write(Stream::Stdout, &long, at(1));
    capture.write(Stream::Stdout, b"\nafter\n", at(2));
    let lines = read(dir.path(), Start::Tail(2), Streams::Both);
    assert_eq!(lines.iter().map(|line| line.complete).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(joined(&lines), [(Stream::Stdout, long), (Stream::Stdout, b"after".to_vec())]);
}

#[test]
fn a_follower_beside_a_fast_writer_misses_nothing() {
    const LINES: u64 = 30_000;
    let dir = tempfile::tempdir().unwrap();
    let compress = if Compression::Zstd.is_supported() { Compression::Zstd } else { Compression::None };
    let settings = Settings { compress, ..settings(20_000) };
    let capture = Capture::open(dir.path(), &settings).unwrap();
    let written = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&written);
    let writer = std::thread::spawn(move || {
        for line in 0..LINES {
            let stream = if line % 3 == 0 { Stream::Stderr } else { Stream::Stdout };
            capture.write(stream, format!("{line}\n").as_bytes(), SystemTime::now());
        }
        done.store(true, SeqCst);
        capture
    });
    let mut last_look = false;
    let wait = || {
        std::thread::yield_now();
        !std::mem::replace(&mut last_look, written.load(SeqCst))
    };
    let reader = Reader::open(dir.path()).unwrap();
    let mut lines = reader.follow(Start::Oldest, Streams::Both, wait).unwrap();
    let mut line = Line::default();
    for number in 0..LINES {
        assert!(lines.read(&mut line).unwrap(), "ended before line {number}");
        assert_eq!(String::from_utf8_lossy(&line.bytes), number.to_string());
    }
    assert!(!lines.read(&mut line).unwrap());
    drop(writer.join().unwrap());
}

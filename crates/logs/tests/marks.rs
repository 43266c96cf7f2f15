//! Reading from mark to mark gives what reading at once gives, whatever becomes of the files in between.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use abide_logs::{Capture, Compression, Line, Mark, Reader, Settings, Start, Stream, Streams};
use proptest::prelude::*;

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

fn settings(size: u64) -> Settings {
    Settings { size, keep: 100_000, ..Settings::default() }
}

/// What a program does next, and its reader.
#[derive(Clone, Debug)]
enum Step {
    Print(Stream, Vec<u8>, u64),
    End(Stream),
    Rotate,
    Restart,
    Read(usize),
    LoseIndexes,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stream = || prop_oneof![3 => Just(Stream::Stdout), 2 => Just(Stream::Stderr)];
    let bytes = prop_oneof![
        4 => "([a-z]{0,9}\n){1,3}".prop_map(String::into_bytes),
        1 => "[a-z]{1,9}".prop_map(String::into_bytes),
        1 => Just(b"\n".to_vec()),
    ];
    let pause = prop_oneof![Just(0), Just(3), Just(25)];
    let step = prop_oneof![
        8 => (stream(), bytes, pause).prop_map(|(stream, bytes, pause)| Step::Print(stream, bytes, pause)),
        1 => stream().prop_map(Step::End),
        1 => Just(Step::Rotate),
        1 => Just(Step::Restart),
        4 => (0..6_usize).prop_map(Step::Read),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Reads at most so many lines from a mark on, and says where that ended.
fn read(dir: &Path, from: Mark, most: usize) -> (Vec<Line>, Mark) {
    let mut lines = Reader::open(dir).unwrap().lines(Start::Mark(from), Streams::Both).unwrap();
    let read = lines.by_ref().take(most).map(Result::unwrap).collect();
    assert_eq!(lines.lost_files(), 0);
    (read, lines.mark())
}

/// Lines put together from their pieces, of one stream.
fn joined(pieces: &[Line], stream: Stream) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.stream == stream) {
        text.extend_from_slice(&piece.bytes);
        if piece.complete {
            text.push(b'\n');
        }
    }
    text
}

/// Runs the steps; gives the lines read in pieces.
fn run(dir: &Path, limit: u64, steps: &[Step]) -> Vec<Line> {
    let mut capture = Some(Capture::open(dir, &settings(limit)).unwrap());
    let (mut time, mut mark, mut read_so_far) = (0, Mark::default(), Vec::new());
    for step in steps.iter().chain([&Step::Read(usize::MAX)]) {
        time += 1;
        match step {
            Step::Print(stream, bytes, pause) => {
                time += pause;
                capture.as_ref().unwrap().write(*stream, bytes, at(time));
            }
            Step::End(stream) => capture.as_ref().unwrap().end(*stream, at(time)),
            Step::Rotate => capture.as_ref().unwrap().rotate().unwrap(),
            Step::Restart => {
                drop(capture.take());
                capture = Some(Capture::open(dir, &settings(limit)).unwrap());
            }
            Step::Read(most) => {
                let (lines, behind) = read(dir, mark, *most);
                read_so_far.extend(lines);
                mark = behind;
            }
            Step::LoseIndexes => {
                for entry in fs::read_dir(dir).unwrap() {
                    let path = entry.unwrap().path();
                    if path.extension().is_some_and(|extension| extension == "idx") {
                        fs::remove_file(path).unwrap();
                    }
                }
            }
        }
    }
    read_so_far
}

fn whole(dir: &Path) -> Vec<Line> {
    Reader::open(dir).unwrap().lines(Start::Oldest, Streams::Both).unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_in_pieces_is_reading_at_once(steps in steps(), limit in prop_oneof![Just(0), 8..80_u64]) {
        let dir = tempfile::tempdir().unwrap();
        let pieces = run(dir.path(), limit, &steps);
        let whole = whole(dir.path());
        for stream in Stream::BOTH {
            prop_assert_eq!(joined(&pieces, stream), joined(&whole, stream));
        }
    }

    #[test]
    fn pieces_of_what_does_not_grow_are_the_very_same_lines(
        steps in steps(), limit in prop_oneof![Just(0), 8..80_u64], sizes in proptest::collection::vec(1..5_usize, 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path(), limit, &steps);
        let whole = whole(dir.path());
        let (mut mark, mut pieces) = (Mark::default(), Vec::new());
        for size in sizes.iter().cycle() {
            let (lines, behind) = read(dir.path(), mark, *size);
            if lines.is_empty() {
                break;
            }
            pieces.extend(lines);
            mark = behind;
        }
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn a_mark_outlives_the_index(steps in steps(), limit in 8..80_u64, when in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut steps = steps;
        steps.insert(when.index(steps.len() + 1), Step::LoseIndexes);
        let pieces = run(dir.path(), limit, &steps);
        let whole = whole(dir.path());
        for stream in Stream::BOTH {
            // Without an index nobody knows that a stream ended: the line feed that came later is one of its own then.
            let text = |lines: &[Line]| {
                let text = joined(lines, stream);
                text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect::<Vec<_>>()
            };
            prop_assert_eq!(text(&pieces), text(&whole));
        }
    }
}

#[test]
fn a_mark_is_found_again_in_compressed_files() {
    for compress in [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported()) {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &Settings { compress, ..settings(100_000) }).unwrap();
        let mut mark = Mark::default();
        let mut seen = 0_u64;
        for line in 0..20_000_u64 {
            let stream = if line % 7 == 0 { Stream::Stderr } else { Stream::Stdout };
            capture.write(
                stream,
                format!("{line} of many lines that are much alike\n").as_bytes(),
                at(line * 20),
            );
            if line % 1999 == 0 || line == 19_999 {
                let most = if line == 19_999 { usize::MAX } else { 1500 };
                let (lines, behind) = read(dir.path(), mark, most);
                for line in &lines {
                    assert!(line.bytes.starts_with(format!("{seen} of").as_bytes()), "{seen}: {line:?}");
                    seen += 1;
                }
                mark = behind;
            }
        }
        assert_eq!(seen, 20_000);
        // And once all of them are compressed.
        let deadline = Instant::now() + Duration::from_secs(60);
        let plain = || {
            let entries = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
            entries.filter(|name| name.to_str().unwrap().ends_with("0.log")).count()
        };
        let (first, mark) = read(dir.path(), Mark::default(), 4321);
        while plain() > 0 {
            assert!(Instant::now() < deadline, "{:?}", capture.stats());
            std::thread::yield_now();
        }
        let (rest, _) = read(dir.path(), mark, usize::MAX);
        assert_eq!((first.len(), rest.len()), (4321, 20_000 - 4321));
        assert!(rest[0].bytes.starts_with(b"4321 of"));
    }
}

#[test]
fn what_retention_removed_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &Settings { size: 10, keep: 2, ..Settings::default() }).unwrap();
    let print =
        |line: u64| capture.write(Stream::Stdout, format!("line {line:04}\n").as_bytes(), at(line * 100));
    print(1);
    let (lines, mark) = read(dir.path(), Mark::default(), usize::MAX);
    assert_eq!(lines.len(), 1);
    // One line a file: 1 to 7 are rotated, of which 6 and 7 stay.
    (2..=8).for_each(print);
    let mut lines = Reader::open(dir.path()).unwrap().lines(Start::Mark(mark), Streams::Both).unwrap();
    let texts: Vec<_> = lines.by_ref().map(|line| line.unwrap().bytes).collect();
    assert_eq!(texts, [b"line 0006", b"line 0007", b"line 0008"]);
    assert_eq!(lines.lost_files(), 5);
    let behind = lines.mark();
    print(9);
    assert_eq!(read(dir.path(), behind, 9).0.len(), 1);
}

#[test]
fn a_log_that_was_begun_anew_is_read_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let print = |first: u64, time: u64| {
        let capture = Capture::open(dir.path(), &settings(100)).unwrap();
        for line in first..first + 50 {
            capture.write(Stream::Stdout, format!("line {line:04}\n").as_bytes(), at(time + line * 100));
        }
    };
    print(0, 0);
    let late = read(dir.path(), Mark::default(), usize::MAX).1;
    let early = read(dir.path(), Mark::default(), 3).1;
    for entry in fs::read_dir(dir.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    print(1000, 1_000_000);
    for mark in [early, late] {
        assert_eq!(read(dir.path(), mark, usize::MAX).0.len(), 50, "{mark:?}");
    }
}

#[test]
fn the_mark_of_the_end_comes_before_nothing_but_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    capture.write(Stream::Stdout, b"one\ntwo\n", at(0));
    capture.write(Stream::Stderr, b"three\n", at(1));
    let reader = Reader::open(dir.path()).unwrap();
    let end = reader.follow(Start::Tail(0), Streams::Both, || false).unwrap().mark();
    assert_eq!(reader.lines(Start::Tail(0), Streams::Both).unwrap().mark(), end);
    capture.write(Stream::Stderr, b"four\n", at(2));
    let (lines, _) = read(dir.path(), end, usize::MAX);
    assert_eq!(lines.iter().map(|line| &line.bytes[..]).collect::<Vec<_>>(), [b"four"]);
}

#[test]
fn a_stream_that_is_not_read_keeps_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    capture.write(Stream::Stdout, b"one\n", at(0));
    capture.write(Stream::Stderr, b"two\n", at(1));
    let (_, both) = read(dir.path(), Mark::default(), usize::MAX);
    capture.write(Stream::Stdout, b"three\n", at(2));
    capture.write(Stream::Stderr, b"four\n", at(3));
    let reader = Reader::open(dir.path()).unwrap();
    let mut only = reader.lines(Start::Mark(both), Streams::Only(Stream::Stdout)).unwrap();
    assert_eq!(only.by_ref().count(), 1);
    let (rest, _) = read(dir.path(), only.mark(), usize::MAX);
    assert_eq!(rest.iter().map(|line| &line.bytes[..]).collect::<Vec<_>>(), [b"four"]);
}

#[cfg(feature = "serde")]
#[test]
fn a_mark_can_be_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    for mark in [Mark::default(), read(dir.path(), Mark::default(), 1).1] {
        let text = serde_json::to_string(&mark).unwrap();
        assert_eq!(serde_json::from_str::<Mark>(&text).unwrap(), mark, "{text}");
    }
    capture.write(Stream::Stdout, b"one", at(0));
    capture.end(Stream::Stdout, at(1));
    let mark = read(dir.path(), Mark::default(), 1).1;
    let text = serde_json::to_string(&mark).unwrap();
    assert_eq!(serde_json::from_str::<Mark>(&text).unwrap(), mark, "{text}");
    assert_eq!(serde_json::from_str::<Mark>("{}").unwrap(), Mark::default());
}

//! Killed at any moment: what was handed over is there, every line whole, and the next run goes on from it.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abide_logs::{Capture, Compression, Line, Reader, Settings, Start, Stream, Streams};
use proptest::prelude::*;

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

/// All lines of `stream`, and whether each has its end.
fn lines(dir: &Path, stream: Stream) -> Vec<Vec<u8>> {
    let lines = Reader::open(dir).unwrap().lines(Start::Oldest, Streams::Only(stream)).unwrap();
    lines.map(|line: Result<Line, _>| line.unwrap().bytes).collect()
}

/// The rotated files of `dir` that are not compressed.
fn rotated(dir: &Path) -> Vec<Vec<u8>> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let is_rotated = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|extension| extension == "log") && path.to_string_lossy().contains(".0")
    };
    paths.filter(is_rotated).map(|path| fs::read(path).unwrap()).collect()
}

/// What a supervisor killed just now would leave: everything was handed to the system. A write of the index may have
/// come half through, as may a compression.
fn killed(dir: &Path, torn: u64) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let copy = left.path().join(path.file_name().unwrap());
        // The compressing thread may have been faster.
        if fs::copy(&path, &copy).is_err() {
            continue;
        }
        if path.extension().is_some_and(|extension| extension == "idx") && torn > 0 {
            let file = fs::OpenOptions::new().write(true).open(&copy).unwrap();
            file.set_len(file.metadata().unwrap().len().saturating_sub(torn)).unwrap();
        }
    }
    if torn > 0 {
        fs::write(left.path().join("stdout.000001.log.zst.tmp"), "half a frame").unwrap();
    }
    left
}

#[derive(Clone, Debug)]
enum Step {
    Write(Stream, Vec<u8>),
    End(Stream),
    Rotate,
}

fn step() -> impl Strategy<Value = Step> {
    let stream = prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr)];
    // No line reaches the limit of a file: those are cut.
    let part = prop_oneof!["[a-z]{0,9}\n", "[a-z]{1,9}\n[a-z]{0,5}", "[a-z]{1,5}", "\n"];
    prop_oneof![
        8 => (stream.clone(), part).prop_map(|(stream, text)| Step::Write(stream, text.into_bytes())),
        1 => stream.prop_map(Step::End),
        1 => Just(Step::Rotate),
    ]
}

/// What a log holds by what was handed over.
#[derive(Default)]
struct Expected {
    bytes: [Vec<u8>; 2],
    ended: [bool; 2],
}

impl Expected {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let at = usize::from(stream == Stream::Stderr);
        if self.ended[at] && self.bytes[at].last().is_some_and(|byte| *byte != b'\n') {
            self.bytes[at].push(b'\n');
        }
        self.ended[at] = false;
        self.bytes[at].extend_from_slice(bytes);
    }

    fn lines(&self, stream: Stream) -> Vec<Vec<u8>> {
        let bytes = &self.bytes[usize::from(stream == Stream::Stderr)];
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        lines
    }

    fn end(&mut self, stream: Stream) {
        self.ended[usize::from(stream == Stream::Stderr)] = true;
    }
}

/// So that a word in hand never grows to the limit.
fn is_short(expected: &Expected, stream: Stream, more: &[u8]) -> bool {
    let bytes = &expected.bytes[usize::from(stream == Stream::Stderr)];
    let line = bytes.iter().rev().take_while(|byte| **byte != b'\n').count();
    line + more.len() < 60
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_was_handed_over_is_lost_and_no_line_is_split(
        steps in proptest::collection::vec(step(), 1..60), kill in 0..60_usize, torn in 0..40_u64, zstd in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let compress = if zstd && Compression::Zstd.is_supported() { Compression::Zstd } else { Compression::None };
        let settings = Settings { size: 64, keep: 100_000, ..Settings::default() };
        let capture = Capture::open(dir.path(), &settings).unwrap();
        let mut expected = Expected::default();
        for (time, step) in steps.iter().take(kill + 1).enumerate() {
            let now = at(time as u64 * 7);
            match step {
                Step::Write(stream, bytes) if is_short(&expected, *stream, bytes) => {
                    capture.write(*stream, bytes, now);
                    expected.write(*stream, bytes);
                }
                Step::Write(stream, _) | Step::End(stream) => {
                    capture.end(*stream, now);
                    expected.end(*stream);
                }
                Step::Rotate => capture.rotate().unwrap(),
            }
        }
        let left = killed(dir.path(), torn);
        for file in rotated(left.path()) {
            prop_assert!(file.ends_with(b"\n"));
        }
        for stream in Stream::BOTH {
            prop_assert_eq!(lines(left.path(), stream), expected.lines(stream));
        }
        // The next run begins on a fresh line, and then compresses what was left.
        let next = Capture::open(left.path(), &Settings { compress, ..settings }).unwrap();
        for stream in Stream::BOTH {
            expected.end(stream);
            next.write(stream, b"next\n", at(100_000));
            expected.write(stream, b"next\n");
        }
        drop(next);
        for file in rotated(left.path()) {
            prop_assert!(file.ends_with(b"\n"));
        }
        for stream in Stream::BOTH {
            prop_assert_eq!(lines(left.path(), stream), expected.lines(stream));
        }
    }
}

//! A search finds what reading line by line finds. Parts are tiny here, so that every line is near the edge of one.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use memchr::{memchr, memmem};
use proptest::prelude::*;

use super::*;
use crate::{Capture, Compression, Settings, Start, Stream, Streams, Until};

/// Finds lines that hold this text.
struct Text(&'static [u8]);

impl Find for Text {
    type Seen = ();

    fn seen(&self, _: usize) {}

    fn find(&self, (): &mut (), text: &[u8]) -> Option<usize> {
        if self.0.is_empty() { (!text.is_empty()).then_some(0) } else { memmem::find(text, self.0) }
    }
}

/// Finds every line behind one with this letter, up to the next empty one: it needs to have seen what came before.
struct Behind(u8);

impl Find for Behind {
    type Seen = bool;

    fn seen(&self, _: usize) -> bool {
        false
    }

    fn looks_back(&self) -> usize {
        1000
    }

    fn find(&self, seen: &mut bool, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < text.len() {
            let end = memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
            let line = &text[at..end];
            let found = *seen;
            *seen = !line.is_empty() && (*seen || line.contains(&self.0));
            if found {
                return Some(at);
            }
            at = end + 1;
        }
        None
    }
}

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

type Print = (usize, Stream, Vec<u8>, u64);

fn output() -> impl Strategy<Value = Vec<Print>> {
    let stream = prop_oneof![3 => Just(Stream::Stdout), 2 => Just(Stream::Stderr)];
    let bytes = prop_oneof![
        4 => "([a-d]{0,9}\n){1,3}".prop_map(String::into_bytes),
        1 => "[a-d]{1,40}".prop_map(String::into_bytes),
    ];
    let pause = prop_oneof![Just(0), Just(3), Just(25)];
    proptest::collection::vec((0..2_usize, stream, bytes, pause), 0..60)
}

fn capture(dirs: &[&Path], settings: &Settings, output: &[Print]) {
    let captures: Vec<_> = dirs.iter().map(|dir| Capture::open(dir, settings).unwrap()).collect();
    let mut time = 0;
    for (service, stream, bytes, pause) in output {
        // No two services at the very same moment: nobody knows then who was first.
        time += pause + 1;
        captures[*service].write(*stream, bytes, at(time));
    }
}

/// What reading line by line finds, of one service.
fn read<F: Find>(reader: &Reader, range: &Range, find: &F) -> Vec<Line> {
    let mut seen = [find.seen(0), find.seen(0)];
    let mut wanted = |line: &Line| {
        let text = if line.complete { [&line.bytes[..], b"\n"].concat() } else { line.bytes.clone() };
        find.find(&mut seen[line.stream.index()], &text).is_some()
    };
    reader.range(range).unwrap().map(Result::unwrap).filter(|line| wanted(line)).collect()
}

/// What a search finds: each line with its service.
fn found<F: Find>(readers: &[Reader], range: &Range, find: &F, last: Option<usize>) -> Vec<(usize, Line)> {
    let mut found = Vec::new();
    let each = |told: Found<'_>| {
        if let Found::Line(reader, line) = told {
            found.push((reader, line.clone()));
        }
        true
    };
    let parts: Vec<_> = readers.iter().map(|reader| (reader.clone(), *range)).collect();
    match last {
        None => search(&parts, find, each).unwrap(),
        Some(n) => search_last(&parts, find, n, each).unwrap(),
    }
    found
}

fn of(found: &[(usize, Line)], service: usize) -> Vec<Line> {
    found.iter().filter(|(reader, _)| *reader == service).map(|(_, line)| line.clone()).collect()
}

fn check<F: Find>(readers: &[Reader], range: &Range, find: &F, lasts: &[usize]) -> Result<(), TestCaseError> {
    let all = found(readers, range, find, None);
    for (service, reader) in readers.iter().enumerate() {
        prop_assert_eq!(of(&all, service), read(reader, range, find), "{:?}", range);
    }
    for n in lasts {
        let last = found(readers, range, find, Some(*n));
        prop_assert_eq!(&last[..], &all[all.len().saturating_sub(*n)..]);
    }
    Ok(())
}

fn ranges(times: (u64, u64)) -> [Range; 5] {
    let range = |start, until, streams| Range { start, until, streams };
    [
        range(Start::Oldest, Until::Now, Streams::Both),
        range(Start::Oldest, Until::Now, Streams::Only(Stream::Stderr)),
        range(Start::Since(at(times.0)), Until::Now, Streams::Both),
        range(Start::Oldest, Until::Time(at(times.1)), Streams::Both),
        range(Start::Since(at(times.0)), Until::Time(at(times.1)), Streams::Both),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_reading_finds(
        output in output(), limit in prop_oneof![Just(0), 8..80_u64, 80..400_u64], times in (0..700_u64, 0..700_u64),
        lose in any::<prop::sample::Index>(), loses in any::<bool>(),
    ) {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let settings = Settings { size: limit, keep: 100_000, ..Settings::default() };
        capture(&dirs.each_ref().map(|dir| dir.path()), &settings, &output);
        if loses {
            let entries = fs::read_dir(dirs[0].path()).unwrap().map(|entry| entry.unwrap().path());
            let indexes: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "idx")).collect();
            if !indexes.is_empty() {
                fs::remove_file(lose.get(&indexes)).unwrap();
            }
        }
        let readers = dirs.each_ref().map(|dir| Reader::open(dir.path()).unwrap());
        for range in ranges(times) {
            // Without an index nobody knows the order.
            let readers = if loses { &readers[..1] } else { &readers[..] };
            if loses && range.streams == Streams::Both {
                continue;
            }
            check(readers, &range, &Text(b"a"), &[0, 1, 3, 1000])?;
            check(readers, &range, &Text(b"abcd"), &[1])?;
            check(readers, &range, &Text(b""), &[2, 7])?;
            if range.start == Start::Oldest {
                check(readers, &range, &Behind(b'b'), &[3])?;
            }
        }
    }
}

#[test]
fn services_are_merged_in_the_order_of_arrival() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let settings = Settings { size: 100, keep: 1000, ..Settings::default() };
    let output: Vec<Print> = (0..300_usize)
        .map(|n| (n / 3 % 2, Stream::BOTH[n / 5 % 2], format!("line {n:04}\n").into_bytes(), 20))
        .collect();
    capture(&dirs.each_ref().map(|dir| dir.path()), &settings, &output);
    let readers = dirs.each_ref().map(|dir| Reader::open(dir.path()).unwrap());
    let texts = |lines: &[(usize, Line)]| -> Vec<_> {
        lines.iter().map(|(_, line)| String::from_utf8(line.bytes.clone()).unwrap()).collect()
    };
    let [range, ..] = ranges((0, 0));
    let all: Vec<_> = (0..300).map(|n| format!("line {n:04}")).collect();
    assert_eq!(texts(&found(&readers, &range, &Text(b"line"), None)), all);
    assert_eq!(texts(&found(&readers, &range, &Text(b"line"), Some(77))), all[223..]);
}

#[test]
fn compressed_files_are_searched_too() {
    for compress in [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported()) {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { size: 3000, keep: 1000, compress, ..Settings::default() };
        let output: Vec<Print> = (0..1000_usize)
            .map(|n| (0, Stream::BOTH[n % 2], format!("line {n:04}\n").into_bytes(), 20))
            .collect();
        capture(&[dir.path()], &settings, &output);
        let readers = [Reader::open(dir.path()).unwrap()];
        for range in ranges((3000, 15_000)) {
            check(&readers, &range, &Text(b"7"), &[5, 500]).unwrap();
        }
    }
}

#[test]
fn a_search_ends_when_nobody_listens_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let output: Vec<Print> = (0..100).map(|_| (0, Stream::Stdout, b"a\n".to_vec(), 1)).collect();
    capture(&[dir.path()], &Settings::default(), &output);
    let mut told = 0;
    let [range, ..] = ranges((0, 0));
    let parts = [(Reader::open(dir.path()).unwrap(), range)];
    let each = |found: Found<'_>| {
        told += usize::from(matches!(found, Found::Line(..)));
        told < 3
    };
    search(&parts, &Text(b"a"), each).unwrap();
    assert_eq!(told, 3);
}

//! What goes in comes out: files, rotation, retention, restarts.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abide_logs::{Capture, Compression, Settings, Stream, WhenFull};
use proptest::prelude::*;

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

/// The log files of `stream`, oldest first, the one being written last.
fn files(dir: &Path, stream: Stream) -> Vec<PathBuf> {
    let mut rotated: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&format!("{stream}.0")) && name.ends_with(".log")
        })
        .collect();
    rotated.sort();
    rotated.push(dir.join(format!("{stream}.log")));
    rotated
}

fn contents(dir: &Path, stream: Stream) -> Vec<Vec<u8>> {
    files(dir, stream).into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn settings(size: u64) -> Settings {
    Settings { size, keep: 100_000, ..Settings::default() }
}

/// Bytes as programs print them: short lines, long lines, characters of all lengths, and anything at all.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => "[a-z]{0,12}\n".prop_map(String::into_bytes),
        2 => "[a-z\u{e9}\u{20ac}\u{1f980}]{0,40}\n?".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..30),
        1 => Just(b"\n\n".to_vec()),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// Cuts `bytes` into chunks whose sizes repeat `sizes`.
fn chunks<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
    while !rest.is_empty() {
        let (chunk, more) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
        chunks.push(chunk);
        rest = more;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_of_any_bytes_comes_back_cut_at_line_ends_only(
        bytes in output(), sizes in proptest::collection::vec(1..70_usize, 1..6), limit in 4..60_u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &settings(limit)).unwrap();
        for (time, chunk) in chunks(&bytes, &sizes).into_iter().enumerate() {
            capture.write(Stream::Stdout, chunk, at(time as u64 * 4));
        }
        let files = contents(dir.path(), Stream::Stdout);
        prop_assert_eq!(files.concat(), bytes);
        let limit = usize::try_from(limit).unwrap();
        for (number, file) in files[..files.len() - 1].iter().enumerate() {
            let whole = file.ends_with(b"\n");
            let last = file.strip_suffix(b"\n").unwrap_or(file).rsplit(|byte| *byte == b'\n').next().unwrap();
            // Only a line that alone reaches the limit is cut, and only it may go beyond the limit: by what is
            // left of a character, and by its line end.
            prop_assert!(whole || last.len() + 3 >= limit, "{number}: cut at {}", last.len());
            prop_assert!(file.len() - last.len() <= limit + 1, "{number}: {} bytes", file.len());
            prop_assert!(last.len() <= limit + 3);
            if std::str::from_utf8(&files.concat()).is_ok() {
                prop_assert!(std::str::from_utf8(file).is_ok(), "{number}: a character was split");
            }
        }
        prop_assert!(capture.stats().trouble.is_none());
    }

    #[test]
    fn restarts_only_add_the_line_ends_that_were_missing(
        runs in proptest::collection::vec((output(), any::<bool>(), any::<bool>()), 1..5), limit in 20..200_u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        let mut capture = Capture::open(dir.path(), &settings(limit)).unwrap();
        for (time, (bytes, reopened, rotated)) in runs.iter().enumerate() {
            if !bytes.is_empty() && expected.last().is_some_and(|byte| *byte != b'\n') {
                expected.push(b'\n');
            }
            expected.extend_from_slice(bytes);
            capture.write(Stream::Stderr, bytes, at(time as u64 * 100));
            if *reopened {
                drop(capture);
                capture = Capture::open(dir.path(), &settings(limit)).unwrap();
            } else {
                capture.end(Stream::Stderr, at(time as u64 * 100 + 50));
            }
            if *rotated {
                if expected.last().is_some_and(|byte| *byte != b'\n') {
                    expected.push(b'\n');
                }
                capture.rotate().unwrap();
            }
        }
        // A line cut at the limit in the very place where a run ended has its line end in the next file.
        prop_assert_eq!(contents(dir.path(), Stream::Stderr).concat(), expected);
    }

    #[test]
    fn the_newest_files_are_kept(keep in 0..4_usize, lines in 1..40_usize) {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &Settings { keep, ..settings(10) }).unwrap();
        for line in 0..lines {
            capture.write(Stream::Stdout, format!("{line:09}\n").as_bytes(), at(line as u64));
        }
        let files = contents(dir.path(), Stream::Stdout);
        prop_assert_eq!(files.len(), (keep + 1).min(lines));
        let kept: Vec<u8> = (lines - files.len()..lines).flat_map(|line| format!("{line:09}\n").into_bytes()).collect();
        prop_assert_eq!(files.concat(), kept);
        let indexes = fs::read_dir(dir.path()).unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "idx"));
        prop_assert_eq!(indexes.count(), files.len() + 1, "one for each file and one for stderr");
    }
}

#[test]
fn files_are_rotated_by_age_and_on_demand_between_lines() {
    let dir = tempfile::tempdir().unwrap();
    let every = Some(Duration::from_secs(60));
    let capture = Capture::open(dir.path(), &Settings { every, ..settings(0) }).unwrap();
    capture.write(Stream::Stdout, b"one\ntw", at(0));
    capture.write(Stream::Stdout, b"o\nthree\n", at(61_000));
    capture.write(Stream::Stdout, b"four\n", at(100_000));
    capture.rotate().unwrap();
    capture.rotate().unwrap();
    capture.write(Stream::Stdout, b"five\nsi", at(101_000));
    capture.rotate().unwrap();
    capture.write(Stream::Stdout, b"x\nseven\n", at(102_000));
    let expected =
        ["one\ntwo\n", "three\nfour\n", "five\nsix\n", "seven\n"].map(|text| text.as_bytes().to_vec());
    assert_eq!(contents(dir.path(), Stream::Stdout), expected);
    // A capture that is opened anew goes on with the age of the file.
    drop(capture);
    let capture = Capture::open(dir.path(), &Settings { every, ..settings(0) }).unwrap();
    capture.write(Stream::Stdout, b"eight\n", at(170_000));
    assert_eq!(contents(dir.path(), Stream::Stdout).last().unwrap(), b"eight\n");
}

#[test]
fn a_file_that_someone_removed_or_emptied_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(0)).unwrap();
    let current = dir.path().join("stdout.log");
    capture.write(Stream::Stdout, b"one\n", at(0));
    fs::remove_file(&current).unwrap();
    // Older Windows removes an open file only when the last who has it open closes it.
    let removed = !current.exists();
    capture.write(Stream::Stdout, b"two\n", at(2000));
    if removed {
        assert_eq!(fs::read(&current).unwrap(), b"two\n");
    }
    fs::OpenOptions::new().write(true).open(&current).unwrap().set_len(0).unwrap();
    capture.write(Stream::Stdout, b"three\n", at(4000));
    assert_eq!(fs::read(&current).unwrap(), b"three\n");
    fs::rename(&current, dir.path().join("elsewhere")).unwrap();
    capture.write(Stream::Stdout, b"four\n", at(6000));
    assert_eq!(fs::read(&current).unwrap(), b"four\n");
}

#[test]
fn who_reads_a_file_hinders_neither_rotation_nor_removal() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &Settings { keep: 1, ..settings(10) }).unwrap();
    let mut readers = Vec::new();
    for line in 0..5 {
        capture.write(Stream::Stdout, format!("line {line:04}\n").as_bytes(), at(line));
        readers.push(fs::File::open(dir.path().join("stdout.log")).unwrap());
    }
    assert_eq!(capture.stats().trouble, None);
    for (line, mut reader) in readers.into_iter().enumerate() {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        assert_eq!(text, format!("line {line:04}\n"));
    }
    assert_eq!(contents(dir.path(), Stream::Stdout).concat(), b"line 0003\nline 0004\n");
}

#[test]
fn rotated_files_are_compressed_and_leftovers_removed() {
    for compress in [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported()) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("stdout.000001.log"), "left by an earlier run\n").unwrap();
        fs::write(dir.path().join("stdout.000001.log.zst.tmp"), "left by a crash").unwrap();
        let capture = Capture::open(dir.path(), &Settings { compress, ..settings(1000) }).unwrap();
        for line in 0..500 {
            capture.write(Stream::Stdout, format!("line {line}\n").as_bytes(), at(line));
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while files(dir.path(), Stream::Stdout).len() > 1 {
            assert!(std::time::Instant::now() < deadline, "{:?}", capture.stats());
            std::thread::yield_now();
        }
        drop(capture);
        let names =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(!names.into_iter().any(|name| name.ends_with(".tmp")));
    }
}

#[test]
fn nobody_waits_for_a_writer_with_a_queue() {
    let dir = tempfile::tempdir().unwrap();
    let when_full = WhenFull::DropOldest;
    let capture = Capture::open(dir.path(), &Settings { when_full, ..settings(0) }).unwrap();
    let mut expected = Vec::new();
    for line in 0..20_000 {
        let text = format!("line {line}\n");
        capture.write(Stream::Stdout, text.as_bytes(), at(line));
        expected.extend_from_slice(text.as_bytes());
    }
    capture.end(Stream::Stdout, at(30_000));
    let stats = capture.stats();
    drop(capture);
    let written = contents(dir.path(), Stream::Stdout).concat();
    if stats.lost_lines == 0 {
        assert_eq!(written, expected);
    }
    let text = String::from_utf8(written).unwrap();
    let (gaps, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("[abide: "));
    let lost: u64 = gaps.iter().map(|gap| gap.split(' ').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(lines.len() as u64 + lost, 20_000);
}

//! Reading a folder to which everything has happened: a reader never panics, always ends, and gives only what is in
//! the files.

#![cfg(all(feature = "gzip", feature = "zstd"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use abide_logs::{JoinRule, Joiner, Level, LevelOf, Line, Reader, Start, Stream, Streams};
use proptest::{prelude::*, test_runner::RngSeed};

#[path = "hostile/folder.rs"]
mod folder;

/// The same cases in every run, so many times the usual number: the fuzzer looks for new ones.
fn config(times: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(4),
        cases: usual.cases * times,
        ..usual
    }
}

/// Opening a pipe waits until someone writes to it.
#[cfg(unix)]
#[test]
fn a_pipe_with_the_name_of_a_file_is_passed_over() {
    let template = &folder::templates()[0];
    let dir = tempfile::tempdir().unwrap();
    template.put(dir.path());
    for name in ["stdout.000002.log", "stderr.log", "stdout.000090.log.zst"] {
        let path = dir.path().join(name);
        let _ = fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    }
    let lines = Reader::open(dir.path()).unwrap().lines(Start::Oldest, Streams::Both).unwrap();
    let found: Vec<Line> = lines.map(Result::unwrap).collect();
    assert!(found.len() > 70);
}

/// What became of one file takes the lines of this file only.
#[test]
fn what_comes_after_a_wrecked_file_is_read() {
    for template in folder::templates() {
        let whole = tempfile::tempdir().unwrap();
        template.put(whole.path());
        let files = folder::names(whole.path());
        let is_rotated = |name: &&str| name.starts_with("stdout.0") && !name.ends_with(".idx");
        let names: Vec<&str> =
            files.iter().filter_map(|path| path.file_name()?.to_str()).filter(is_rotated).collect();
        assert!(names.len() > 3);
        for name in names {
            for way in 0..5 {
                let dir = tempfile::tempdir().unwrap();
                template.put(dir.path());
                let path = dir.path().join(name);
                let bytes = fs::read(&path).unwrap();
                match way {
                    0 => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                    1 => fs::write(&path, b"\n").unwrap(),
                    2 => fs::write(&path, b"").unwrap(),
                    3 => fs::remove_file(&path).unwrap(),
                    _ => {
                        fs::remove_file(&path).unwrap();
                        fs::create_dir(&path).unwrap();
                    }
                }
                let mut lines =
                    Reader::open(dir.path()).unwrap().lines(Start::Oldest, Streams::Both).unwrap();
                let found: Vec<Vec<u8>> = lines.by_ref().map(|line| line.unwrap().bytes).collect();
                let missing: Vec<String> = template
                    .lines
                    .iter()
                    .filter(|(_, line)| !found.contains(line))
                    .map(|(_, line)| String::from_utf8_lossy(line).into_owned())
                    .collect();
                // A file of 700 bytes has no more lines than these, all of one stream and next to each other.
                assert!(
                    missing.len() < 60 && missing.iter().all(|line| line.starts_with("stdout")),
                    "{name}: {missing:?}"
                );
                let bytes: usize = missing.iter().map(|line| line.len() + 1).sum();
                assert!((1..=700).contains(&bytes), "{name} in way {way}: {bytes} bytes are missing");
                // Where the oldest file was, the log begins later.
                let oldest = name.starts_with("stdout.000001");
                let unreadable = way == 4 || (way == 3 && !oldest) || (!name.ends_with(".log") && way < 2);
                if unreadable {
                    assert!(lines.lost_files() >= 1, "{name} in way {way}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn any_folder_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        folder::run(&bytes);
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn any_line_is_judged_and_joined(lines in prop::collection::vec(("(?s)[ -~]{0,40}|.{0,60}", any::<bool>(), any::<bool>()), 0..6)) {
        let mut joiner = Joiner::new(&JoinRule::StackTraces);
        let mut level = LevelOf::default();
        for (text, out, complete) in lines {
            let stream = if out { Stream::Stdout } else { Stream::Stderr };
            let bytes = text.into_bytes();
            let _ = (Level::of(&bytes), level.of(&bytes, complete));
            joiner.push(&Line { stream, bytes, complete, ..Line::default() });
            let _ = joiner.pop();
        }
        joiner.flush();
        while let Some(entry) = joiner.pop() {
            let _ = entry.level();
        }
    }
}

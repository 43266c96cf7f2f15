//! Reading a folder to which everything has happened: a reader never panics, always ends, and gives only what is in
//! the files.

#![cfg(all(feature = "gzip", feature = "zstd"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use abide_logs::{JoinRule, Joiner, Level, LevelOf, Line, Stream};
use proptest::{prelude::*, test_runner::RngSeed};

#[path = "hostile/folder.rs"]
mod folder;

/// The same cases in every run: the fuzzer looks for new ones.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(4),
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn any_folder_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        folder::run(&bytes);
    }
}

proptest! {
    #![proptest_config(config(2000))]

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

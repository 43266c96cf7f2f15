//! The level of any line, whole or torn: never a panic, and what follows the line changes nothing.

#![no_main]

use abide_logs::{Level, LevelOf};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut levels = LevelOf::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let level = Level::of(line);
        let _ = levels.of(line, true);
        // An object may go on in the next line; text does not.
        if !line.contains(&b'{') {
            assert_eq!(Level::of(&[line, b"\nERROR: x level=error"].concat()), level);
        }
        if let Some(level) = level {
            assert_eq!(level.name().parse(), Ok(level));
        }
    }
});

//! Plain words for spans of time, counts and ends of processes.

use std::time::Duration;

use abide_spec::Exit;

/// A span of time as people say it: `0ms`, `400ms`, `3.2s`, `1m30s`, `2h5m`, `3d4h`. Rounded down, never to parse.
pub(crate) fn span(of: Duration) -> String {
    let seconds = of.as_secs();
    let (whole, part, units) = match seconds {
        0 => return format!("{}ms", of.as_millis()),
        1..60 => {
            let tenths = of.subsec_millis() / 100;
            return if tenths == 0 { format!("{seconds}s") } else { format!("{seconds}.{tenths}s") };
        }
        60..3_600 => (seconds / 60, seconds % 60, ('m', 's')),
        3_600..86_400 => (seconds / 3_600, seconds % 3_600 / 60, ('h', 'm')),
        _ => (seconds / 86_400, seconds % 86_400 / 3_600, ('d', 'h')),
    };
    if part == 0 { format!("{whole}{}", units.0) } else { format!("{whole}{}{part}{}", units.0, units.1) }
}

/// `once`, `twice`, `3 times`.
pub(crate) fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// `exited with code 1`, `was killed by signal TERM`.
pub(crate) fn exit_words(exit: &Exit) -> String {
    match exit {
        Exit::Code(_) => format!("exited with {exit}"),
        Exit::Signal(_) => format!("was killed by {exit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let ms = Duration::from_millis;
        for (of, words) in [
            (ms(0), "0ms"),
            (Duration::from_micros(900), "0ms"),
            (ms(400), "400ms"),
            (ms(1_000), "1s"),
            (ms(3_249), "3.2s"),
            (ms(59_999), "59.9s"),
            (ms(60_000), "1m"),
            (ms(90_000), "1m30s"),
            (ms(7_500_000), "2h5m"),
            (ms(86_400_000), "1d"),
            (ms(100 * 3_600_000), "4d4h"),
        ] {
            assert_eq!(span(of), words);
        }
        assert!(span(Duration::MAX).ends_with('h'));
    }

    #[test]
    fn ends_read_as_people_say_them() {
        assert_eq!(exit_words(&Exit::Code(3)), "exited with code 3");
        assert_eq!(exit_words(&Exit::Code(0xC000_0005_u32 as i32)), "exited with code 0xC0000005");
        assert_eq!(exit_words(&Exit::Signal(15)), "was killed by signal TERM");
        assert_eq!((times(1), times(2), times(3)), ("once".into(), "twice".into(), "3 times".into()));
    }
}

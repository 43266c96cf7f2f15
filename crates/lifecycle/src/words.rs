//! Plain words for spans of time, counts and ends of processes.

use std::time::Duration;

use crate::Exit;

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

/// `exited with code 1`, `was killed by signal TERM`, `ended in an unknown way`.
pub(crate) fn exit_words(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exited with code {code}"),
        Exit::Signal { number, core } => {
            let name = signal_name(*number).map_or_else(|| number.to_string(), str::to_owned);
            format!("was killed by signal {name}{}", if *core { " (core dumped)" } else { "" })
        }
        Exit::Unknown => "ended in an unknown way".to_owned(),
    }
}

/// Names of the signals whose numbers are the same on every Unix; the others are told by number.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        _ => return None,
    })
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
        assert_eq!(exit_words(&Exit::Code(-1)), "exited with code -1");
        assert_eq!(exit_words(&Exit::Signal { number: 15, core: false }), "was killed by signal TERM");
        assert_eq!(
            exit_words(&Exit::Signal { number: 11, core: true }),
            "was killed by signal SEGV (core dumped)"
        );
        assert_eq!(exit_words(&Exit::Signal { number: 42, core: false }), "was killed by signal 42");
        assert_eq!(exit_words(&Exit::Unknown), "ended in an unknown way");
        assert_eq!((times(1), times(2), times(3)), ("once".into(), "twice".into(), "3 times".into()));
    }
}

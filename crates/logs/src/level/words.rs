//! The words and numbers that programs use for levels.

use super::Level;

/// The longest word, in bytes.
const LONGEST: usize = 11;

/// The level of a word that stands for one wherever it is expected, in upper or lower case.
pub(super) fn level(word: &[u8]) -> Option<Level> {
    let mut upper = [0; LONGEST];
    let upper = upper.get_mut(..word.len())?;
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    Some(match &*upper {
        b"TRACE" | b"TRC" | b"TRCE" | b"VERBOSE" | b"VRB" | b"SILLY" | b"FINEST" => Level::Trace,
        b"DEBUG" | b"DBG" | b"DBUG" | b"FINE" | b"FINER" => Level::Debug,
        b"INFO" | b"INF" | b"INFORMATION" | b"NOTICE" | b"NOTE" | b"SUCCESS" | b"SYSTEM" => Level::Info,
        b"WARN" | b"WARNING" | b"WRN" => Level::Warn,
        b"ERROR" | b"ERR" | b"FAIL" | b"SEVERE" => Level::Error,
        b"FATAL" | b"FTL" | b"CRITICAL" | b"CRIT" | b"ALERT" | b"EMERG" | b"EMERGENCY" | b"PANIC"
        | b"PNC" | b"DPANIC" => Level::Fatal,
        // Apache has eight traces, PostgreSQL five depths of debugging.
        [b'T', b'R', b'A', b'C', b'E', digit] if digit.is_ascii_digit() => Level::Trace,
        [b'D', b'E', b'B', b'U', b'G', digit] if digit.is_ascii_digit() => Level::Debug,
        _ => return None,
    })
}

/// The level of the four letters that logrus writes before a bracket: `ERRO[0003]`.
pub(super) fn cut(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"TRAC" => Level::Trace,
        b"DEBU" => Level::Debug,
        b"INFO" => Level::Info,
        b"WARN" => Level::Warn,
        b"ERRO" => Level::Error,
        b"FATA" | b"PANI" => Level::Fatal,
        _ => return None,
    })
}

/// The level of a letter, as glog, Android and Ruby write it.
pub(super) fn letter(letter: u8) -> Option<Level> {
    Some(match letter {
        b'V' | b'T' => Level::Trace,
        b'D' => Level::Debug,
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' | b'C' => Level::Fatal,
        _ => return None,
    })
}

/// The level of a severity as syslog counts them, with or without a facility.
pub(super) fn severity(priority: u8) -> Option<Level> {
    Some(match priority {
        192.. => return None,
        _ => match priority % 8 {
            0..=2 => Level::Fatal,
            3 => Level::Error,
            4 => Level::Warn,
            5 | 6 => Level::Info,
            _ => Level::Debug,
        },
    })
}

/// The level of a number as bunyan and pino count: 10 for traces up to 60 for what ends the program.
pub(super) fn tens(number: u8) -> Option<Level> {
    Level::ALL.get(usize::from(number / 10).checked_sub(1)?).copied()
}

/// Whether a word begins ordinary sentences too, so that it has to be marked as a level.
pub(super) fn common(word: &[u8]) -> bool {
    matches!(
        word,
        b"NOTE" | b"FINE" | b"FINER" | b"FINEST" | b"FAIL" | b"SUCCESS" | b"SYSTEM" | b"SILLY" | b"VERBOSE"
    )
}

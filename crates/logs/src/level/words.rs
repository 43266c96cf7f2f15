//! The words that programs use for levels.

use super::Level;

/// The longest of them, in bytes.
const LONGEST: usize = 11;

/// The level of a word that stands for one wherever it is expected, in upper or lower case.
pub(super) fn level(word: &[u8]) -> Option<Level> {
    let mut upper = [0; LONGEST];
    let upper = upper.get_mut(..word.len())?;
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    Some(match &*upper {
        b"TRACE" | b"TRC" | b"TRCE" | b"TRAC" | b"VERBOSE" | b"VRB" | b"SILLY" | b"FINEST" => Level::Trace,
        b"DEBUG" | b"DBG" | b"DBUG" | b"DEBU" | b"FINE" | b"FINER" => Level::Debug,
        b"INFO" | b"INF" | b"INFORMATION" | b"NOTICE" | b"NOTE" | b"SUCCESS" | b"SYSTEM" => Level::Info,
        b"WARN" | b"WARNING" | b"WRN" => Level::Warn,
        b"ERROR" | b"ERR" | b"ERRO" | b"FAIL" | b"SEVERE" => Level::Error,
        b"FATAL" | b"FATA" | b"FTL" | b"CRITICAL" | b"CRIT" | b"ALERT" | b"EMERG" | b"EMERGENCY" | b"PANIC"
        | b"PANI" | b"PNC" | b"DPANIC" => Level::Fatal,
        _ => match &*upper {
            // Apache has eight traces, PostgreSQL five depths of debugging.
            [word @ .., digit] if digit.is_ascii_digit() => match word {
                b"TRACE" => Level::Trace,
                b"DEBUG" => Level::Debug,
                _ => return None,
            },
            _ => return None,
        },
    })
}

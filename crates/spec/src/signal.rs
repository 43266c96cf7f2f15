//! Unix signals by name.

use std::str::FromStr;

use crate::text_value::text_value;

/// A Unix signal by its name without `SIG`, such as `TERM`, `HUP`, `USR1`, or `RTMIN+3` for a real-time one.
///
/// Names, not numbers, because numbers differ between operating systems; `abide-os` knows the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// Index into `NAMES`.
    Named(u8),
    /// Offset from SIGRTMIN.
    RealTime(u8),
}

/// A signal name that no Unix knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signal `{0}`; use a name such as TERM, INT, HUP, QUIT, KILL, USR1, USR2 or RTMIN+1")]
pub struct SignalError(pub String);

/// The names that exist on Linux, macOS and the BSDs alike, with their number on Linux.
const NAMES: [(&str, i32); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// The numbers of macOS and the BSDs where they differ from Linux.
const BSD_NUMBERS: [(&str, i32); 10] = [
    ("BUS", 10),
    ("SYS", 12),
    ("URG", 16),
    ("STOP", 17),
    ("TSTP", 18),
    ("CONT", 19),
    ("CHLD", 20),
    ("IO", 23),
    ("USR1", 30),
    ("USR2", 31),
];

/// SIGRTMIN and SIGRTMAX as the GNU C library gives them to programs, and `kill` counts them.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

impl Signal {
    /// `SIGTERM`: please end.
    pub const TERM: Self = Self(Kind::Named(14));
    /// `SIGINT`: what Ctrl-C sends.
    pub const INT: Self = Self(Kind::Named(1));
    /// `SIGHUP`: reload, by custom.
    pub const HUP: Self = Self(Kind::Named(0));
    /// `SIGKILL`: end now, cannot be ignored.
    pub const KILL: Self = Self(Kind::Named(8));
    /// `SIGQUIT`: end with a core file.
    pub const QUIT: Self = Self(Kind::Named(2));
    /// `SIGUSR1`.
    pub const USR1: Self = Self(Kind::Named(9));
    /// `SIGUSR2`.
    pub const USR2: Self = Self(Kind::Named(11));

    /// The name without `SIG`, such as `TERM` or `RTMIN+3`.
    pub fn name(&self) -> String {
        match self.0 {
            Kind::Named(index) => NAMES[index as usize].0.to_owned(),
            Kind::RealTime(0) => "RTMIN".to_owned(),
            Kind::RealTime(offset) => format!("RTMIN+{offset}"),
        }
    }

    /// Its number on the operating system this code was built for; `None` where that has no such signal.
    pub fn number(&self) -> Option<i32> {
        let linux = std::env::consts::OS == "linux";
        if crate::Family::current() == crate::Family::Windows {
            return None;
        }
        match self.0 {
            Kind::RealTime(offset) => linux.then(|| RTMIN + i32::from(offset)),
            Kind::Named(index) => {
                let (name, number) = NAMES[index as usize];
                if linux {
                    return Some(number);
                }
                match BSD_NUMBERS.iter().find(|(bsd, _)| *bsd == name) {
                    Some((_, number)) => Some(*number),
                    None if matches!(name, "STKFLT" | "PWR") => None,
                    None => Some(number),
                }
            }
        }
    }

    /// The signal with this number on the operating system this code was built for.
    pub fn from_number(number: i32) -> Option<Self> {
        if (RTMIN..=RTMAX).contains(&number) && std::env::consts::OS == "linux" {
            return u8::try_from(number - RTMIN).ok().map(|offset| Self(Kind::RealTime(offset)));
        }
        (0..NAMES.len() as u8)
            .map(|index| Self(Kind::Named(index)))
            .find(|signal| signal.number() == Some(number))
    }
}

impl FromStr for Signal {
    type Err = SignalError;

    fn from_str(text: &str) -> Result<Self, SignalError> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(index) = NAMES.iter().position(|(known, _)| *known == name) {
            return Ok(Self(Kind::Named(index as u8)));
        }
        let offset = match name {
            "RTMIN" => Some(0),
            "POLL" => return Ok(Self(Kind::Named(28))),
            _ => name.strip_prefix("RTMIN+").and_then(|rest| rest.parse::<u8>().ok()),
        };
        match offset {
            Some(offset) if i32::from(offset) <= RTMAX - RTMIN => Ok(Self(Kind::RealTime(offset))),
            _ => Err(SignalError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

text_value!(Signal, "the name of a signal, such as \"TERM\"");

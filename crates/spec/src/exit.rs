//! How a program ended.

use serde::{Deserialize, Serialize};

use crate::Signal;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It ended by itself with this code. On Windows the bits of the 32-bit code, so `0xC0000005` is negative here.
    Code(i32),
    /// A signal of this number ended it (Unix only).
    Signal(i32),
}

impl Exit {
    /// Whether this counts as success: a code among `success_codes`. A signal never is.
    pub fn success(&self, success_codes: &[i32]) -> bool {
        matches!(self, Self::Code(code) if success_codes.contains(code))
    }

    /// The code a shell would report: the code itself, or 128 + the signal.
    pub fn shell_code(&self) -> i32 {
        match self {
            Self::Code(code) => *code,
            Self::Signal(number) => 128 + number,
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Windows exception codes are known by their hexadecimal form only.
            Self::Code(code) if *code < 0 => write!(f, "code {:#010X}", *code as u32),
            Self::Code(code) => write!(f, "code {code}"),
            Self::Signal(number) => match Signal::from_number(*number) {
                Some(signal) => write!(f, "signal {signal}"),
                None => write!(f, "signal {number}"),
            },
        }
    }
}

//! How much a line matters, as far as the line itself tells.

use std::{fmt, str::FromStr};

use thiserror::Error;

mod json;
mod logfmt;
mod shapes;
mod text;
mod token;
mod words;

/// How much a line matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Each single step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What goes on.
    Info,
    /// What may become a fault.
    Warn,
    /// What failed.
    Error,
    /// What ended the program, or is about to.
    Fatal,
}

/// A word that is no level.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a level; levels are trace, debug, info, warn, error and fatal")]
pub struct UnknownLevel(pub String);

impl Level {
    /// All levels, least first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The level that `line` itself tells. `None` where it tells none, as most parts of a stack trace do.
    ///
    /// Known are JSON, logfmt and the common forms of text: a word at the beginning or behind what stands before a
    /// message (times, names, numbers), the prefixes of syslog and glog, and the first lines of stack traces. A word
    /// inside a message is no level. Looks at the first 256 bytes of text and the first 64 KiB of JSON.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        text::level(line)
    }

    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, UnknownLevel> {
        words::level(word.as_bytes()).ok_or_else(|| UnknownLevel(word.to_owned()))
    }
}

impl From<abide_spec::LogLevel> for Level {
    fn from(level: abide_spec::LogLevel) -> Self {
        use abide_spec::LogLevel;
        match level {
            LogLevel::Trace => Self::Trace,
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
            LogLevel::Fatal => Self::Fatal,
        }
    }
}

//! What becomes of the lines of a program's output before they are kept, and what readers make of them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Duration, is_default};

/// How grave a line of output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What went as it should.
    Info,
    /// What may become a trouble.
    Warn,
    /// What went wrong.
    Error,
    /// What ends the program.
    Fatal,
}

impl LogLevel {
    /// The word for it in a spec.
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

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How many lines a program may write, of both streams together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RateLimit {
    /// So many lines are kept; so many may also come at once.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub lines: u32,
    /// In this time.
    #[serde(default = "RateLimit::usual_per", skip_serializing_if = "RateLimit::is_usual_per")]
    pub per: Duration,
}

impl RateLimit {
    /// Default of `per`.
    pub const PER: Duration = Duration::from_secs(1);

    fn usual_per() -> Duration {
        Self::PER
    }

    fn is_usual_per(per: &Duration) -> bool {
        *per == Self::PER
    }
}

/// The encoding of each stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Encodings {
    /// Of standard output.
    #[serde(skip_serializing_if = "is_default")]
    pub stdout: Encoding,
    /// Of standard error.
    #[serde(skip_serializing_if = "is_default")]
    pub stderr: Encoding,
}

/// How a program encodes what it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Encoding {
    /// Bytes are kept as they come.
    #[default]
    #[serde(rename = "raw")]
    Raw,
    /// UTF-16, little-endian, as Windows programs write it; kept as UTF-8.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, big-endian; kept as UTF-8.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// UTF-16 in the order that its mark (U+FEFF) tells, little-endian without one; kept as UTF-8.
    #[serde(rename = "utf-16")]
    Utf16,
}

/// What becomes of the escape sequences that color a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ansi {
    /// They are kept.
    #[default]
    Keep,
    /// They are taken out.
    Strip,
}

/// Which lines belong together, for readers and forwarders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Multiline {
    /// A regular expression: a line that it is found in begins an entry, others go on with it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub start: String,
}

/// A regular expression of a spec, ready to search with: one of `logs.redact` or `logs.multiline.start`.
///
/// The syntax is that of the crate `regex-lite`: without lookaround and references, so that no search takes long. How
/// large an expression may become is bounded.
#[derive(Clone, Debug)]
pub struct Pattern(regex_lite::Regex);

impl Pattern {
    /// The longest text of an expression, in bytes.
    pub const LONGEST: usize = 1024;

    /// Where it is found first from `start` on, which is a boundary of characters. What stands before `start` is looked
    /// at by `^` and `\b` alone.
    pub fn find_at(&self, text: &str, start: usize) -> Option<std::ops::Range<usize>> {
        self.0.find_at(text, start).map(|found| found.range())
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl FromStr for Pattern {
    type Err = String;

    /// The error is the reason alone, as the rest of a sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        /// Of the compiled expression, in bytes.
        const MOST: usize = 1 << 20;
        if text.len() > Self::LONGEST {
            return Err(format!("it has {} bytes; at most {} are allowed", text.len(), Self::LONGEST));
        }
        let built = regex_lite::RegexBuilder::new(text).size_limit(MOST).build();
        built.map(Self).map_err(|error| error.to_string())
    }
}

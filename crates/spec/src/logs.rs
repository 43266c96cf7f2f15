//! `[logs]`: what becomes of a program's output.

use serde::{Deserialize, Serialize};

use crate::{Ansi, Duration, Encodings, LogLevel, Multiline, RateLimit, Size, is_default};

/// What becomes of the program's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Logs {
    /// When a new file is begun and how many old ones are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub rotate: Rotate,
    /// What happens when the disk takes less than the program writes and `buffer` is full.
    #[serde(skip_serializing_if = "is_default")]
    pub when_full: WhenFull,
    /// How much output is held in memory while the disk is slow or full, of both streams together.
    #[serde(skip_serializing_if = "is_usual_buffer")]
    pub buffer: Size,
    /// Lines of a lower level are not kept, but for the `sample`; a line without a level is kept. Without it everything is
    /// kept. `abide debug NAME on` lifts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// Which share of the lines below `level` is kept all the same: 0.01 is each hundredth. Without it none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub sample: Option<f64>,
    /// Lines beyond this are not kept; how many there were is written where they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Regular expressions, for one line each: what they match is kept as `***`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<String>,
    /// How the program encodes its output.
    #[serde(skip_serializing_if = "is_default")]
    pub encoding: Encodings,
    /// What becomes of the escape sequences that color a terminal.
    #[serde(skip_serializing_if = "is_default")]
    pub ansi: Ansi,
    /// Which lines belong together, for readers and forwarders. Without it the stack traces of common languages are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiline: Option<Multiline>,
}

fn is_usual_buffer(buffer: &Size) -> bool {
    *buffer == Logs::BUFFER
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            rotate: Rotate::default(),
            when_full: WhenFull::Block,
            buffer: Self::BUFFER,
            level: None,
            sample: None,
            rate_limit: None,
            redact: Vec::new(),
            encoding: Encodings::default(),
            ansi: Ansi::Keep,
            multiline: None,
        }
    }
}

impl Logs {
    /// Default of `buffer`.
    pub const BUFFER: Size = Size::mib(1);
}

/// When a new file is begun and how many old ones are kept, for each stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rotate {
    /// Begin a new file before this one would grow larger. Files end with whole lines; only a line that is longer than this is cut.
    #[serde(skip_serializing_if = "is_usual_size")]
    pub size: Size,
    /// Begin a new file when this one is so old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// How many old files are kept.
    #[serde(skip_serializing_if = "is_usual_keep")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10000)))]
    pub keep: u32,
    /// Old files are removed when their newest line is older than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// The oldest files are removed while the old files of both streams together are larger than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Size>,
    /// How old files are compressed.
    #[serde(skip_serializing_if = "is_default")]
    pub compress: Compress,
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            size: Self::SIZE,
            every: None,
            keep: Self::KEEP,
            max_age: None,
            max_size: None,
            compress: Compress::None,
        }
    }
}

impl Rotate {
    /// Default of `size`.
    pub const SIZE: Size = Size::mib(64);
    /// Default of `keep`.
    pub const KEEP: u32 = 10;
}

fn is_usual_size(size: &Size) -> bool {
    *size == Rotate::SIZE
}

fn is_usual_keep(keep: &u32) -> bool {
    *keep == Rotate::KEEP
}

/// How old log files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Compress {
    /// Not at all.
    #[default]
    None,
    /// As `.zst`: smaller and faster.
    Zstd,
    /// As `.gz`: known to every tool.
    Gzip,
}

/// What happens when output comes faster than the disk takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// The program waits in its next write; nothing is lost.
    #[default]
    Block,
    /// The oldest output in memory is dropped, and counted; the program never waits.
    DropOldest,
}

//! `[logs]`: what becomes of a program's output.

use serde::{Deserialize, Serialize};

use crate::{Duration, Size, is_default};

/// What becomes of the program's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

fn is_usual_buffer(buffer: &Size) -> bool {
    *buffer == Logs::BUFFER
}

impl Default for Logs {
    fn default() -> Self {
        Self { rotate: Rotate::default(), when_full: WhenFull::Block, buffer: Self::BUFFER }
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
    /// How old files are compressed.
    #[serde(skip_serializing_if = "is_default")]
    pub compress: Compress,
}

impl Default for Rotate {
    fn default() -> Self {
        Self { size: Self::SIZE, every: None, keep: Self::KEEP, compress: Compress::None }
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

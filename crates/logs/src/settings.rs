//! How output is kept: sizes, ages, counts, and what happens when the disk cannot keep up.

use std::time::Duration;

/// Everything that governs the files of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A file is rotated before it would grow past this many bytes; 0 means never by size.
    pub size: u64,
    /// A file is rotated once its first byte is this old, at the next write; `None` means never by age.
    pub every: Option<Duration>,
    /// How many rotated files are kept for each stream, besides the one being written.
    pub keep: usize,
    /// A rotated file is removed once its last byte is this old, at the next output or
    /// [`flush`](crate::Capture::flush); `None` means that age removes nothing.
    pub max_age: Option<Duration>,
    /// Bytes that the rotated files of both streams may take up together, as they are on the disk; beyond that the
    /// oldest go. `None` means that their number alone decides.
    pub max_size: Option<u64>,
    /// What rotated files are compressed with.
    pub compress: Compression,
    /// What happens when the program prints faster than the disk takes it.
    pub when_full: WhenFull,
    /// Bytes of output held in memory at most, for both streams together: the queue of
    /// [`WhenFull::DropOldest`], and what is held back while the disk refuses writes. A program at full speed is read
    /// up to 512 KiB at a time: with less than twice that, a burst is dropped that a queue would have taken.
    pub buffer: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: 64 << 20,
            every: None,
            keep: 10,
            max_age: None,
            max_size: None,
            compress: Compression::None,
            when_full: WhenFull::Block,
            buffer: 1 << 20,
        }
    }
}

/// What rotated files are compressed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// They stay as they are.
    #[default]
    None,
    /// zstd, in frames of which each can be read on its own.
    Zstd,
    /// gzip, in members of which each can be read on its own.
    Gzip,
}

impl Compression {
    /// The word for it in a spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Whether this build can compress so.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        match self {
            Self::None => true,
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Gzip => cfg!(feature = "gzip"),
        }
    }
}

/// What happens when the program prints faster than the disk takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The program waits.
    #[default]
    Block,
    /// The program never waits; the oldest output not yet written is dropped, and what was dropped is counted
    /// in the log where it is missing.
    DropOldest,
}

impl From<&abide_spec::Logs> for Settings {
    fn from(logs: &abide_spec::Logs) -> Self {
        Self {
            size: logs.rotate.size.bytes(),
            every: logs.rotate.every.map(abide_spec::Duration::get),
            keep: usize::try_from(logs.rotate.keep).unwrap_or(usize::MAX),
            max_age: logs.rotate.max_age.map(abide_spec::Duration::get),
            max_size: logs.rotate.max_size.map(abide_spec::Size::bytes),
            compress: match logs.rotate.compress {
                abide_spec::Compress::None => Compression::None,
                abide_spec::Compress::Zstd => Compression::Zstd,
                abide_spec::Compress::Gzip => Compression::Gzip,
            },
            when_full: match logs.when_full {
                abide_spec::WhenFull::Block => WhenFull::Block,
                abide_spec::WhenFull::DropOldest => WhenFull::DropOldest,
            },
            buffer: usize::try_from(logs.buffer.bytes()).unwrap_or(usize::MAX),
        }
    }
}

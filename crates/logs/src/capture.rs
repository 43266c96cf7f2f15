//! Capturing: what a program prints goes into files.

use std::{path::Path, sync::Arc, time::SystemTime};

use crate::{Error, Settings, Stream, files::Files};

/// Takes what one service prints and keeps it in a folder.
///
/// Cheap to clone, and every clone is the same capture: the thread that reads the pipes writes through one, the
/// thread that answers questions holds another. No method but [`write`](Self::write) and [`end`](Self::end)
/// ever waits for the disk while another thread is writing.
#[derive(Clone, Debug)]
pub struct Capture {
    inner: Arc<()>,
}

impl Capture {
    /// Opens the files in `dir` (which must exist), repairs what a crash left, and tidies up what is beyond
    /// retention.
    pub fn open(dir: &Path, settings: &Settings, now: SystemTime) -> Result<Self, Error> {
        Self::open_with(dir, settings, now, Files::default())
    }

    /// As [`open`](Self::open), with files opened by `files`, so that they get the permissions that fit.
    pub fn open_with(dir: &Path, settings: &Settings, now: SystemTime, files: Files) -> Result<Self, Error> {
        let _ = (dir, settings, now, files);
        Ok(Self { inner: Arc::new(()) })
    }

    /// Keeps `bytes`, which arrived from `stream` at `now`, as they are. Any cutting into chunks will do.
    pub fn write(&self, stream: Stream, bytes: &[u8], now: SystemTime) {
        let _ = (stream, bytes, now);
    }

    /// The stream has ended: the program and all who held its pipe are gone. A last line without a line end
    /// stays as it is; should more be written later, it starts on a fresh line.
    pub fn end(&self, stream: Stream, now: SystemTime) {
        let _ = (stream, now);
    }

    /// Starts new files now, or, for a stream that is in the middle of a line, after that line.
    pub fn rotate(&self, now: SystemTime) {
        let _ = now;
    }

    /// Tries again to write what the disk refused so far. Also done by every write.
    pub fn retry(&self, now: SystemTime) {
        let _ = now;
    }

    /// Counters and health. Never waits.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let _ = &self.inner;
        Stats::default()
    }
}

/// What a capture has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes that arrived since the capture was opened.
    pub bytes: u64,
    /// Lines dropped since the capture was opened, for want of room.
    pub dropped_lines: u64,
    /// Bytes dropped since the capture was opened, for want of room.
    pub dropped_bytes: u64,
    /// Bytes in memory that wait to be written.
    pub held_bytes: u64,
    /// When something arrived last, from either stream.
    pub last_write: Option<SystemTime>,
    /// Set while the files cannot be written.
    pub failure: Option<Failure>,
}

/// Why the files cannot be written at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Since when.
    pub since: SystemTime,
    /// What failed, on which file and why, as a sentence for the status.
    pub message: String,
}

//! What a capture tells about itself while it works, without ever making the asker wait for the disk.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use crate::{
    backlog::Backlog,
    index::{nanoseconds, system_time},
};

/// What a capture has done so far and how it fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes that arrived since the capture was opened.
    pub bytes: u64,
    /// Lines dropped since the capture was opened, for want of room.
    pub lost_lines: u64,
    /// Bytes dropped since the capture was opened, for want of room.
    pub lost_bytes: u64,
    /// Bytes of memory in use for output that waits to be written.
    pub held_bytes: u64,
    /// When something arrived last, from either stream.
    pub last_write: Option<SystemTime>,
    /// What is wrong at the moment, as a sentence: writes that fail, above all, then rotation, retention,
    /// compression.
    pub trouble: Option<String>,
    /// Since when writes fail.
    pub failing_since: Option<SystemTime>,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    bytes: AtomicU64,
    lost_lines: AtomicU64,
    lost_bytes: AtomicU64,
    held: AtomicU64,
    last_write: AtomicU64,
    failing: AtomicBool,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    writing: Option<(SystemTime, String)>,
    upkeep: Option<String>,
    compression: Option<String>,
}

impl Counters {
    /// So many bytes arrived.
    pub fn arrived(&self, bytes: usize, now: SystemTime) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.last_write.store(nanoseconds(now), Relaxed);
    }

    /// Shows the state of the queue.
    pub fn show_backlog(&self, backlog: &Backlog) {
        let lost = backlog.lost();
        self.lost_lines.store(lost.lines, Relaxed);
        self.lost_bytes.store(lost.bytes, Relaxed);
        self.held.store(backlog.used() as u64, Relaxed);
    }

    /// Writes fail.
    pub fn failing(&self, message: String, now: SystemTime) {
        let mut trouble = self.trouble();
        let since = trouble.writing.take().map_or(now, |(since, _)| since);
        trouble.writing = Some((since, message));
        self.failing.store(true, Relaxed);
    }

    /// Writes succeed.
    pub fn recovered(&self) {
        if self.failing.swap(false, Relaxed) {
            self.trouble().writing = None;
        }
    }

    /// How rotation, retention and the index fare.
    pub fn upkeep(&self, message: Option<String>) {
        self.trouble().upkeep = message;
    }

    /// How compression fares.
    pub fn compression(&self, message: Option<String>) {
        self.trouble().compression = message;
    }

    pub fn stats(&self) -> Stats {
        let trouble = self.trouble();
        let writing = trouble.writing.as_ref();
        let last_write = self.last_write.load(Relaxed);
        Stats {
            bytes: self.bytes.load(Relaxed),
            lost_lines: self.lost_lines.load(Relaxed),
            lost_bytes: self.lost_bytes.load(Relaxed),
            held_bytes: self.held.load(Relaxed),
            last_write: (last_write > 0).then(|| system_time(last_write)).flatten(),
            trouble: writing
                .map(|(_, message)| message)
                .or(trouble.upkeep.as_ref())
                .or(trouble.compression.as_ref())
                .cloned(),
            failing_since: writing.map(|(since, _)| *since),
        }
    }

    /// A panic elsewhere leaves the texts whole: each is set in one step.
    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What a capture tells about itself while it works, without ever making the asker wait for the disk.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
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
    upkeep_due: AtomicU64,
    failing: AtomicBool,
    trouble: Mutex<Trouble>,
    watcher: Watcher,
}

/// Whom to tell when something is lost, or what is wrong changes.
#[derive(Default)]
struct Watcher(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
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

    /// The bytes that arrived so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Tells `changed` from now on whenever something is lost, and when what is wrong is another thing.
    pub fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) {
        // Who came first stays.
        let _ = self.watcher.0.set(changed);
    }

    fn changed(&self) {
        if let Some(tell) = self.watcher.0.get() {
            tell();
        }
    }

    /// Shows the state of the queue.
    pub fn show_backlog(&self, backlog: &Backlog) {
        let lost = backlog.lost();
        self.held.store(backlog.used() as u64, Relaxed);
        self.lost_lines.store(lost.lines, Relaxed);
        if self.lost_bytes.swap(lost.bytes, Relaxed) != lost.bytes {
            self.changed();
        }
    }

    /// Writes fail.
    pub fn failing(&self, message: String, now: SystemTime) {
        let mut trouble = self.trouble();
        let before = trouble.writing.take();
        let same = before.as_ref().is_some_and(|(_, text)| *text == message);
        trouble.writing = Some((before.map_or(now, |(since, _)| since), message));
        drop(trouble);
        self.failing.store(true, Relaxed);
        if !same {
            self.changed();
        }
    }

    /// Writes succeed.
    pub fn recovered(&self) {
        if self.failing.swap(false, Relaxed) {
            self.trouble().writing = None;
            self.changed();
        }
    }

    /// How rotation, retention and the index fare.
    pub fn upkeep(&self, message: Option<String>) {
        self.tell(message, |trouble| &mut trouble.upkeep);
    }

    /// When the next file is too old to be kept.
    pub fn upkeep_due(&self, due: Option<u64>) {
        self.upkeep_due.store(due.unwrap_or(0), Relaxed);
    }

    /// As it was last told.
    pub fn next_upkeep(&self) -> Option<SystemTime> {
        Some(self.upkeep_due.load(Relaxed)).filter(|due| *due > 0).and_then(system_time)
    }

    /// How compression fares.
    pub fn compression(&self, message: Option<String>) {
        self.tell(message, |trouble| &mut trouble.compression);
    }

    fn tell(&self, message: Option<String>, place: fn(&mut Trouble) -> &mut Option<String>) {
        let before = std::mem::replace(place(&mut self.trouble()), message.clone());
        if before != message {
            self.changed();
        }
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

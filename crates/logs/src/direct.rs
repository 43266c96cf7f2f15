//! Capturing without a thread: whoever brings output writes it, and waits while the disk is slow.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::SystemTime,
};

use crate::{
    Stream,
    backlog::{Backlog, Piece},
    counters::Counters,
    index::Kind,
    keeper::Keeper,
    stamper::Stamper,
};

/// The way of [`WhenFull::Block`](crate::WhenFull::Block).
#[derive(Debug)]
pub(crate) struct Direct {
    work: Mutex<Work>,
    rotation_wanted: AtomicBool,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Work {
    keeper: Keeper,
    stamper: Stamper,
    /// What the disk refused, oldest first: the piece that is stuck, and what came after it.
    stuck: Option<Piece>,
    backlog: Backlog,
}

impl Direct {
    pub fn new(keeper: Keeper, stamper: Stamper, buffer: usize, counters: Arc<Counters>) -> Self {
        let work = Mutex::new(Work { keeper, stamper, stuck: None, backlog: Backlog::new(buffer) });
        Self { work, rotation_wanted: AtomicBool::new(false), counters }
    }

    pub fn write(&self, stream: Stream, bytes: &[u8], now: SystemTime) {
        self.work(|work| {
            let (stamp, fresh) = work.stamper.stamp(stream, bytes.len(), now);
            if !work.is_behind() {
                let record = fresh.then_some(Kind::Output);
                let Err(stuck) = work.keeper.write(stream, bytes, stamp, record) else { return };
                for stream in Stream::BOTH {
                    work.backlog.begun(stream, work.keeper.is_within_line(stream));
                }
                work.backlog.push(stream, stamp, true, &bytes[stuck.taken..]);
                self.counters.failing(stuck.error.to_string(), now);
                self.counters.show_backlog(&work.backlog);
            } else {
                work.backlog.push(stream, stamp, fresh, bytes);
                self.catch_up(work, now);
            }
        });
    }

    pub fn end(&self, stream: Stream, now: SystemTime) {
        self.work(|work| {
            let stamp = work.stamper.end(now);
            if work.is_behind() {
                work.backlog.push_end(stream, stamp);
                self.catch_up(work, now);
            } else {
                work.keeper.end(stream, stamp);
            }
        });
    }

    pub fn flush(&self, now: SystemTime) {
        // While another thread writes it does just that.
        if let Some(mut work) = self.try_lock() {
            if work.is_behind() {
                self.catch_up(&mut work, now);
            }
            work.keeper.tidy(now);
        }
        self.rotate_if_wanted();
    }

    /// Rotates; if another thread is writing, that one does it, and how it went shows in the counters.
    pub fn rotate(&self) -> io::Result<()> {
        self.rotation_wanted.store(true, SeqCst);
        self.rotate_if_wanted().unwrap_or(Ok(()))
    }

    fn work(&self, job: impl FnOnce(&mut Work)) {
        job(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner));
        self.rotate_if_wanted();
    }

    /// Called after every unlocking, so that a wish that found the lock taken is never forgotten.
    fn rotate_if_wanted(&self) -> Option<io::Result<()>> {
        if !self.rotation_wanted.load(SeqCst) {
            return None;
        }
        let mut work = self.try_lock()?;
        if !self.rotation_wanted.swap(false, SeqCst) {
            return None;
        }
        if work.is_behind() {
            work.backlog.push_rotate();
            return Some(Ok(()));
        }
        Some(work.keeper.rotate())
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Work>> {
        match self.work.try_lock() {
            Ok(work) => Some(work),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn catch_up(&self, work: &mut Work, now: SystemTime) {
        while let Some(mut piece) = work.stuck.take().or_else(|| work.backlog.pop()) {
            if let Err(error) = work.keeper.put(&mut piece) {
                work.stuck = Some(piece);
                self.counters.failing(error.to_string(), now);
                break;
            }
        }
        // A gap that ends within a line is told with the rest of it; the disk takes what comes all the same.
        if work.stuck.is_none() {
            self.counters.recovered();
        }
        self.counters.show_backlog(&work.backlog);
    }
}

impl Work {
    fn is_behind(&self) -> bool {
        self.stuck.is_some() || !self.backlog.is_empty()
    }
}

//! Capturing with a thread of its own that writes: whoever brings output never waits.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use crate::{
    Stream,
    backlog::{Backlog, Piece},
    counters::Counters,
    keeper::Keeper,
    stamper::Stamper,
};

/// How long dropping a capture waits for what is still to be written.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The stack of the thread that writes, in bytes.
const STACK: usize = 128 << 10;

/// The way of [`WhenFull::DropOldest`](crate::WhenFull::DropOldest).
#[derive(Debug)]
pub(crate) struct Queued {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Queue {
    backlog: Backlog,
    stamper: Stamper,
    /// Counts what the writer should look at: every call that brings something or asks to try again.
    news: u64,
    closing: bool,
    ended: bool,
}

impl Queued {
    pub fn start(
        keeper: Keeper,
        stamper: Stamper,
        buffer: usize,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let queue = Queue { backlog: Backlog::new(buffer), stamper, news: 0, closing: false, ended: false };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new(), counters });
        let writing = Arc::clone(&shared);
        thread::Builder::new()
            .name("abide-logs".to_owned())
            .stack_size(STACK)
            .spawn(move || writing.write_all(keeper))?;
        Ok(Self { shared })
    }

    pub fn write(&self, stream: Stream, bytes: &[u8], now: SystemTime) {
        self.shared.tell(|queue| {
            let (stamp, fresh) = queue.stamper.stamp(stream, bytes.len(), now);
            queue.backlog.push(stream, stamp, fresh, bytes);
        });
    }

    pub fn end(&self, stream: Stream, now: SystemTime) {
        self.shared.tell(|queue| {
            let stamp = queue.stamper.end(now);
            queue.backlog.push_end(stream, stamp);
        });
    }

    pub fn rotate(&self) {
        self.shared.tell(|queue| queue.backlog.push_rotate());
    }

    pub fn flush(&self) {
        self.shared.tell(|_| {});
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.shared.tell(|queue| queue.closing = true);
        // A disk that hangs must not hold up the end of the supervisor.
        let queue = self.shared.lock();
        drop(self.shared.changed.wait_timeout_while(queue, LAST_WRITES, |queue| !queue.ended));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, news: impl FnOnce(&mut Queue)) {
        let mut queue = self.lock();
        news(&mut queue);
        queue.news += 1;
        self.counters.show_backlog(&queue.backlog);
        drop(queue);
        self.changed.notify_all();
    }

    /// The life of the thread.
    fn write_all(&self, mut keeper: Keeper) {
        let mut stuck: Option<Piece> = None;
        let mut queue = self.lock();
        loop {
            let seen = queue.news;
            let Some(mut piece) = stuck.take().or_else(|| queue.backlog.pop()) else {
                if queue.closing {
                    break;
                }
                drop(queue);
                keeper.tidy(SystemTime::now());
                queue = self.lock();
                queue = self.wait_for_news(queue, seen);
                continue;
            };
            self.counters.show_backlog(&queue.backlog);
            drop(queue);
            let outcome = keeper.put(&mut piece);
            queue = self.lock();
            match outcome {
                Ok(()) => self.counters.recovered(),
                Err(error) => {
                    self.counters.failing(error.to_string(), SystemTime::now());
                    if queue.closing {
                        break;
                    }
                    stuck = Some(piece);
                    // The next output is the next attempt: a disk that is full is no reason to spin.
                    queue = self.wait_for_news(queue, seen);
                }
            }
        }
        drop(queue);
        // The files are closed before anyone is told that they are.
        drop(keeper);
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn wait_for_news<'a>(&self, queue: MutexGuard<'a, Queue>, seen: u64) -> MutexGuard<'a, Queue> {
        self.changed.wait_while(queue, |queue| queue.news == seen).unwrap_or_else(PoisonError::into_inner)
    }
}

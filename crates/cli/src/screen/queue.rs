//! What waits to be written, in bounded memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abide_supervisor::status::Status;

/// Bytes that may wait before more output is held up or dropped.
const LIMIT: usize = 256 * 1024;
/// How long output is held up for a reader that does not read, before it is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be written next.
#[derive(Debug, Default)]
pub struct Batch {
    /// Lines, ready to be written.
    pub lines: Vec<u8>,
    /// Lines that found no room before these.
    pub dropped: u64,
    /// What the services do, where that changed.
    pub statuses: Option<BTreeMap<String, Status>>,
    /// Nothing comes after this.
    pub last: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    statuses: BTreeMap<String, Status>,
    changed: bool,
    /// Nobody reads: nothing is waited for until something was written again.
    stuck: bool,
    closing: bool,
    closed: bool,
}

/// Between those who have something to show and the thread that writes it.
#[derive(Debug)]
pub struct Queue {
    /// Output is held up rather than dropped, for a while.
    patient: bool,
    waiting: Mutex<Waiting>,
    more: Condvar,
    room: Condvar,
}

impl Queue {
    /// An empty queue; output that finds no room is dropped and counted, after some waiting if `patient`.
    pub fn new(patient: bool) -> Self {
        Self { patient, waiting: Mutex::default(), more: Condvar::new(), room: Condvar::new() }
    }

    /// A panic elsewhere leaves the guarded value whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that a program printed. Waits for room if that is wanted, else something older is dropped.
    pub fn output(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if self.patient && !waiting.stuck {
            let until = Instant::now() + PATIENCE;
            while waiting.lines.len() >= LIMIT && !waiting.stuck {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    waiting.stuck = true;
                    break;
                }
                waiting = self.room.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        if waiting.lines.len() >= LIMIT {
            waiting.drop_lines();
        }
        waiting.lines.extend_from_slice(line);
        self.more.notify_one();
    }

    /// A line of our own. Never waits.
    pub fn event(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.lines.len() >= 2 * LIMIT {
            waiting.drop_lines();
        }
        waiting.lines.extend_from_slice(line);
        self.more.notify_one();
    }

    /// What a service does now. Never waits.
    pub fn status(&self, status: &Status) {
        let mut waiting = self.lock();
        waiting.statuses.insert(status.name.clone(), status.clone());
        waiting.changed = true;
        self.more.notify_one();
    }

    /// For the writing thread: waits until there is something to write.
    pub fn next(&self) -> Batch {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() && !waiting.changed && waiting.dropped == 0 && !waiting.closing {
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let batch = Batch {
            lines: std::mem::take(&mut waiting.lines),
            dropped: std::mem::take(&mut waiting.dropped),
            statuses: std::mem::take(&mut waiting.changed).then(|| waiting.statuses.clone()),
            last: waiting.closing,
        };
        waiting.stuck = false;
        self.room.notify_all();
        batch
    }

    /// For the writing thread: it has written the last batch.
    pub fn done(&self) {
        self.lock().closed = true;
        self.room.notify_all();
    }

    /// Nothing more comes. Waits until all is written, or for `patience`.
    pub fn close(&self, patience: Duration) {
        let mut waiting = self.lock();
        waiting.closing = true;
        self.more.notify_one();
        let until = Instant::now() + patience;
        while !waiting.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.room.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Waiting {
    fn drop_lines(&mut self) {
        let lines = self.lines.iter().filter(|byte| **byte == b'\n').count();
        self.dropped += u64::try_from(lines).unwrap_or(u64::MAX);
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_takes_nothing_costs_lines_and_no_time() {
        let queue = Queue::new(false);
        let line = [b'x'; 1023].iter().chain(b"\n").copied().collect::<Vec<u8>>();
        for _ in 0..1000 {
            queue.output(&line);
        }
        queue.event(b"an event\n");
        let batch = queue.next();
        assert!(batch.lines.ends_with(b"an event\n"));
        assert!(batch.lines.len() <= LIMIT + 2048);
        let shown = batch.lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(batch.dropped + shown, 1001);
    }

    #[test]
    fn a_slow_reader_of_a_pipe_gets_everything() {
        let queue = std::sync::Arc::new(Queue::new(true));
        let writing = std::sync::Arc::clone(&queue);
        let writer = std::thread::spawn(move || {
            for _ in 0..10_000 {
                writing.output(&[b'x'; 100]);
            }
            writing.close(Duration::from_secs(10));
        });
        let mut bytes = 0;
        loop {
            let batch = queue.next();
            assert_eq!(batch.dropped, 0);
            bytes += batch.lines.len();
            if batch.last {
                break;
            }
        }
        queue.done();
        writer.join().unwrap();
        assert_eq!(bytes, 1_000_000);
    }
}

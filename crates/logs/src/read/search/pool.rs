//! Threads that scan.

use std::{
    io,
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use super::{
    super::Position,
    Find,
    scan::{Keep, Scanned, scan},
    units::Unit,
};
use crate::names::Names;

/// More threads than these help nobody: then the disk is what is waited for.
const MOST: usize = 8;

/// A part to be scanned, of the lane with this number.
#[derive(Debug)]
pub(super) struct Job {
    pub lane: usize,
    /// The number of the part of its lane.
    pub part: usize,
    pub unit: Unit,
    pub names: Names,
    pub end: Position,
    pub keep: Keep,
}

/// A part that was scanned.
pub(super) struct Done {
    pub lane: usize,
    pub unit: Unit,
    pub scanned: io::Result<Scanned>,
}

/// What the threads are told and what they tell.
pub(super) struct Pool {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Done>,
}

/// Says what became of a part in any case: whoever waits for it must not wait for ever.
struct Promise<'a> {
    tell: &'a mpsc::Sender<Done>,
    done: Option<(usize, Unit)>,
}

impl Promise<'_> {
    fn keep(&mut self, scanned: io::Result<Scanned>) {
        if let Some((lane, unit)) = self.done.take() {
            // Nobody waits any more once there is enough.
            let _ = self.tell.send(Done { lane, unit, scanned });
        }
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        self.keep(Err(io::Error::other("a thread that searched has ended")));
    }
}

/// How many threads scan at the same time.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MOST)
}

impl Pool {
    /// Has a part scanned. It begins in the order of these calls.
    pub fn scan(&self, job: Job) {
        // The threads listen for as long as there is a pool.
        let _ = self.jobs.send(job);
    }

    /// The next part that is done; `None` only where no thread is left.
    pub fn wait(&self) -> Option<Done> {
        self.done.recv().ok()
    }
}

/// Calls `work` with a pool. Its threads have ended when this returns. Fails where not one can be started.
pub(super) fn with<F: Find, T>(find: &F, work: impl FnOnce(&Pool) -> T) -> io::Result<T> {
    let stopped = AtomicBool::new(false);
    let (jobs, listen) = mpsc::channel::<Job>();
    let (tell, done) = mpsc::channel();
    let listen = Mutex::new(listen);
    thread::scope(|scope| {
        for number in 0..threads() {
            let (tell, listen, stopped) = (tell.clone(), &listen, &stopped);
            let thread = thread::Builder::new().name("abide-search".to_owned());
            let begun = thread.spawn_scoped(scope, move || {
                let next = || listen.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
                while let Some(Job { lane, part, unit, names, end, keep }) = next() {
                    let mut promise = Promise { tell: &tell, done: Some((lane, unit)) };
                    let seen = find.seen(part);
                    promise.keep(scan(&names, &unit, end, (find, seen), keep, &|| stopped.load(Relaxed)));
                }
            });
            if let (0, Err(error)) = (number, begun) {
                return Err(error);
            }
        }
        drop(tell);
        let outcome = work(&Pool { jobs, done });
        stopped.store(true, Relaxed);
        Ok(outcome)
    })
}

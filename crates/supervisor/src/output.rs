//! What becomes of a program's output: refined as its spec says, captured to the log, watched for the lines that mean
//! "ready", and in an `abide up` shown on the terminal.
//!
//! Runs on the collector's thread. A program's output is never waited for by the supervision of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use abide_logs::{Capture, Flow, Refine, RefineControl, Stream};
use abide_os::pipes::{Chunk, Collector, Order, PipeReader, StreamId};

use crate::driver::SMALL_STACK;
use crate::status::LogStatus;

/// The longest line that is shown whole on the terminal, in bytes; the log keeps lines of any length.
const LONGEST_SHOWN: usize = 16 * 1024;
/// How long to wait before what the disk refused is tried again while the program is silent.
const RETRY: Duration = Duration::from_secs(1);

/// Shows lines of output on a terminal.
pub trait Show: Send + Sync {
    /// One line of `service`, without its line end.
    fn line(&self, service: &str, stream: Stream, line: &[u8]);
}

/// The output of one service, across all runs of its program.
pub struct Output {
    service: String,
    origin: Instant,
    capture: Capture,
    /// Milliseconds from `origin` to the newest output, for the log-silence check.
    newest: AtomicU64,
    watch: Mutex<Option<Watch>>,
    show: Option<Arc<dyn Show>>,
    partial: Mutex<HashMap<StreamId, Vec<u8>>>,
    /// `None` where output is kept as it comes. Locked by the collector's thread alone, also while it waits for the disk.
    refining: Option<Mutex<Refining>>,
    control: Option<RefineControl>,
    /// Refined lines that were counted when the driver was told last.
    counted: AtomicU64,
    /// When the next old file goes, as the driver knows it: milliseconds since 1970.
    upkeep: AtomicU64,
    /// A thread is at work in [`Output::flush`].
    flushing: AtomicBool,
    news: Arc<News>,
}

/// What is done to output before it is kept, and where each stream is in it.
struct Refining {
    refine: Refine,
    flows: HashMap<StreamId, Flow>,
}

/// Tells the driver that the status has changed, once until it has looked.
struct News {
    told: AtomicBool,
    tell: Box<dyn Fn() + Send + Sync>,
}

impl News {
    fn tell(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            (self.tell)();
        }
    }
}

/// Looks for a text that means "ready".
struct Watch {
    text: Vec<u8>,
    /// The end of what came before, where a match may have begun.
    tail: HashMap<StreamId, Vec<u8>>,
    found: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("service", &self.service).finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves the guarded values whole: each is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Output {
    /// Output of `service` into `capture`, and onto the terminal where `show` is given. `changed` is called when
    /// [`status`](Self::status) has changed since it was asked for last.
    pub fn new(
        service: &str,
        capture: Capture,
        refine: Option<Refine>,
        show: Option<Arc<dyn Show>>,
        changed: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Self> {
        let news = Arc::new(News { told: AtomicBool::new(false), tell: changed });
        let watcher = Arc::clone(&news);
        capture.watch(Box::new(move || watcher.tell()));
        Arc::new(Self {
            service: service.to_owned(),
            origin: Instant::now(),
            capture,
            newest: AtomicU64::new(0),
            watch: Mutex::new(None),
            show,
            partial: Mutex::default(),
            control: refine.as_ref().map(Refine::control),
            refining: refine.map(|refine| Mutex::new(Refining { refine, flows: HashMap::new() })),
            counted: AtomicU64::new(0),
            upkeep: AtomicU64::new(0),
            flushing: AtomicBool::new(false),
            news,
        })
    }

    /// Calls `found` once, when `text` next appears in the output. Replaces an earlier watch.
    pub fn watch(&self, text: &str, found: impl FnOnce() + Send + 'static) {
        *lock(&self.watch) = Some(Watch { text: text.into(), tail: HashMap::new(), found: Box::new(found) });
    }

    /// Ends the watch.
    pub fn unwatch(&self) {
        *lock(&self.watch) = None;
    }

    /// When output last came; the time this was made where none came yet.
    pub fn newest(&self) -> Instant {
        self.origin + Duration::from_millis(self.newest.load(Ordering::Relaxed))
    }

    /// Begins new log files now.
    pub fn rotate(&self) -> std::io::Result<()> {
        self.capture.rotate()
    }

    /// In what time the capture wants a [`flush`](Self::flush) even if the program is silent, if it does.
    pub fn next_flush(&self) -> Option<Duration> {
        let upkeep = self.capture.next_upkeep();
        self.upkeep.store(milliseconds(upkeep), Ordering::Relaxed);
        if self.capture.stats().failing_since.is_some() {
            return Some(RETRY);
        }
        Some(upkeep?.duration_since(SystemTime::now()).unwrap_or_default().max(RETRY))
    }

    /// Tries again to write what the disk refused, and removes what is too old, on a thread of its own: a disk may hang.
    /// The driver is told when that is done.
    pub fn flush(self: &Arc<Self>) {
        if self.flushing.swap(true, Ordering::Relaxed) {
            return;
        }
        let output = Arc::clone(self);
        let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(move || {
            output.capture.flush(SystemTime::now());
            output.flushing.store(false, Ordering::Relaxed);
            output.news.tell();
        });
        if thread.is_err() {
            // The next output does it too.
            self.flushing.store(false, Ordering::Relaxed);
        }
    }

    /// What was lost, and what hinders the capture.
    pub fn status(&self) -> LogStatus {
        self.news.told.store(false, Ordering::Relaxed);
        let stats = self.capture.stats();
        let refined = self.control.as_ref().map(RefineControl::refined).unwrap_or_default();
        LogStatus {
            lost_lines: stats.lost_lines,
            lost_bytes: stats.lost_bytes,
            suppressed_lines: refined.suppressed_lines,
            filtered_lines: refined.filtered_lines,
            trouble: stats.trouble,
        }
    }

    /// Keeps lines of all levels while this is true.
    pub fn lift_filter(&self, yes: bool) {
        if let Some(control) = &self.control {
            control.lift(yes);
        }
    }

    fn take(&self, id: StreamId, stream: Stream, bytes: &[u8]) {
        let now = Instant::now();
        let newest = u64::try_from((now - self.origin).as_millis()).unwrap_or(u64::MAX);
        self.newest.store(newest, Ordering::Relaxed);
        let Some(refining) = &self.refining else {
            self.keep(id, stream, bytes);
            return self.look(id, bytes);
        };
        let mut refining = lock(refining);
        let Refining { refine, flows } = &mut *refining;
        let flow = flows.entry(id).or_insert_with(|| refine.begin(stream));
        let kept = refine.push(flow, bytes, now, |text| self.look(id, text));
        self.keep(id, stream, kept);
        self.mind_refined();
    }

    fn end(&self, id: StreamId, stream: Stream) {
        if let Some(refining) = &self.refining {
            let mut refining = lock(refining);
            if let Some(flow) = refining.flows.remove(&id) {
                let rest = refining.refine.end(flow, Instant::now(), |text| self.look(id, text));
                self.keep(id, stream, &rest);
                self.mind_refined();
            }
        }
        self.capture.end(stream, SystemTime::now());
        if let (Some(rest), Some(show)) = (lock(&self.partial).remove(&id), &self.show)
            && !rest.is_empty()
        {
            show.line(&self.service, stream, &rest);
        }
    }

    /// Has the driver look at the counters when one of them has changed.
    fn mind_refined(&self) {
        let refined = self.control.as_ref().map(RefineControl::refined).unwrap_or_default();
        let count = refined.filtered_lines + refined.suppressed_lines;
        if self.counted.swap(count, Ordering::Relaxed) != count {
            self.news.tell();
        }
    }

    fn keep(&self, id: StreamId, stream: Stream, bytes: &[u8]) {
        self.capture.write(stream, bytes, SystemTime::now());
        // A new file is one that grows old some day.
        if milliseconds(self.capture.next_upkeep()) != self.upkeep.load(Ordering::Relaxed) {
            self.news.tell();
        }
        if self.show.is_some() {
            self.show_lines(id, stream, bytes);
        }
    }

    fn look(&self, id: StreamId, bytes: &[u8]) {
        let mut watch = lock(&self.watch);
        let Some(seeking) = watch.as_mut() else { return };
        let tail = seeking.tail.entry(id).or_default();
        tail.extend_from_slice(bytes);
        if contains(tail, &seeking.text) {
            if let Some(watch) = watch.take() {
                (watch.found)();
            }
        } else {
            let keep = seeking.text.len().saturating_sub(1).min(tail.len());
            tail.drain(..tail.len() - keep);
        }
    }

    fn show_lines(&self, id: StreamId, stream: Stream, bytes: &[u8]) {
        let Some(show) = &self.show else { return };
        let mut partial = lock(&self.partial);
        let rest = partial.entry(id).or_default();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            rest.extend_from_slice(piece);
            if rest.ends_with(b"\n") {
                rest.pop();
                if rest.ends_with(b"\r") {
                    rest.pop();
                }
                show.line(&self.service, stream, rest);
                rest.clear();
            } else if rest.len() >= LONGEST_SHOWN {
                show.line(&self.service, stream, rest);
                rest.clear();
            }
        }
    }
}

/// Since 1970; 0 for never.
fn milliseconds(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|window| window == needle)
}

/// The pipes of all programs, each with the output it belongs to.
#[derive(Debug)]
pub struct Outputs {
    collector: Collector,
    routes: Routes,
    next: StreamId,
    /// What the collector is to be told.
    orders: Vec<Order>,
}

type Routes = Arc<Mutex<HashMap<StreamId, (Arc<Output>, Stream)>>>;

impl Outputs {
    /// Starts collecting.
    pub fn start() -> std::io::Result<Self> {
        let routes = Routes::default();
        let known = Arc::clone(&routes);
        let collector = Collector::start(Box::new(move |id, chunk| {
            let route = lock(&known).get(&id).cloned();
            let Some((output, stream)) = route else { return };
            match chunk {
                Chunk::Data(bytes) => output.take(id, stream, bytes),
                Chunk::End { .. } => {
                    lock(&known).remove(&id);
                    output.end(id, stream);
                }
            }
        }))?;
        Ok(Self { collector, routes, next: 0, orders: Vec::new() })
    }

    /// Takes over a pipe of a program that was just started, as of the next [`Self::settle`].
    pub fn add(&mut self, output: &Arc<Output>, stream: Stream, pipe: PipeReader) -> StreamId {
        let id = self.next;
        self.next += 1;
        lock(&self.routes).insert(id, (Arc::clone(output), stream));
        self.orders.push(Order::Add(id, pipe));
        id
    }

    /// The program is dead: what is in the pipe is still taken until `deadline`, then it is closed,
    /// whoever else may hold its other end. As of the next [`Self::settle`].
    pub fn drain(&mut self, id: StreamId, deadline: Instant) {
        self.orders.push(Order::Drain(id, deadline));
    }

    /// Tells the collector everything since the last call: its thread is woken once, and not while a
    /// program is being started.
    pub fn settle(&mut self) {
        if !self.orders.is_empty() {
            self.collector.follow(std::mem::take(&mut self.orders));
        }
    }

    /// Ends collecting, after what is in the pipes now.
    pub fn stop(mut self) {
        self.settle();
        self.collector.stop();
    }
}

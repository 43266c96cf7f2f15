//! Unix side of [`crate::pipes`]: one thread that polls all pipes and reads them into one buffer.
//!
//! A pipe that is written to all the time is held: not polled, but looked into when it is about half full. Whatever
//! happens otherwise ends that at once: orders, deaths, the end, and output of the pipe that belongs to it, which comes
//! after what was written into the one that is held.

mod buffer;
mod pace;
mod room;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use buffer::Buffer;
use pace::Pace;
use room::Room;

use super::signals;
use super::wake::{Wake, set_nonblocking};
use crate::pipes::{Chunk, Handler, Order, PipeReader, StreamId};

/// Reads that empty even a pipe that was enlarged to what a user may have.
const FULL_PIPES: usize = 17;

/// How long after the last byte the buffer, and the room in pipes, is given back to the system.
const LINGER: Duration = Duration::from_millis(200);

/// How long programs that keep writing are listened to when the collector is stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Virtual; what is not used costs nothing.
const STACK: usize = 128 << 10;

#[derive(Debug)]
struct Desk {
    wake: Wake,
    orders: Mutex<Vec<Order>>,
    /// Time to stop, once the orders are followed.
    stop: AtomicBool,
}

impl Desk {
    fn put(&self, orders: impl IntoIterator<Item = Order>) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).extend(orders);
        self.wake.wake();
    }

    fn take(&self) -> Vec<Order> {
        std::mem::take(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
pub(crate) struct Collector {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn start(handler: Handler) -> io::Result<Self> {
        let desk =
            Arc::new(Desk { wake: Wake::new()?, orders: Mutex::default(), stop: AtomicBool::new(false) });
        let buffer = Buffer::new()?;
        let reader = Reader {
            desk: Arc::clone(&desk),
            pipes: BTreeMap::new(),
            polled: Polled::default(),
            buffer,
            handler,
        };
        // The thread inherits the mask: signals are for the loop.
        let before = signals::block_all();
        let thread =
            std::thread::Builder::new().name("pipes".into()).stack_size(STACK).spawn(|| reader.run());
        signals::restore(&before);
        Ok(Self { desk, thread: Some(thread?) })
    }

    pub(crate) fn add(&self, id: StreamId, pipe: PipeReader) -> io::Result<()> {
        set_nonblocking(&pipe)?;
        self.desk.put([Order::Add(id, pipe)]);
        Ok(())
    }

    pub(crate) fn drain(&self, id: StreamId, deadline: Instant) {
        self.desk.put([Order::Drain(id, deadline)]);
    }

    pub(crate) fn follow(&self, orders: Vec<Order>) {
        self.desk.put(orders);
    }

    pub(crate) fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.desk.stop.store(true, Ordering::Release);
            self.desk.wake.wake();
            // A handler that panicked has ended the thread; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.join();
    }
}

struct Pipe {
    pipe: PipeReader,
    /// When reading ends although somebody may still hold the other end.
    deadline: Option<Instant>,
    pace: Pace,
    /// Not looked into before then.
    held: Option<Instant>,
    room: Room,
}

impl Pipe {
    fn new(pipe: PipeReader) -> Self {
        let room = Room::of(&pipe);
        Self { deadline: None, pace: Pace::new(room.size().min(room::MOST)), held: None, room, pipe }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.held.is_some_and(|until| until <= now)
    }

    /// So much was in it: when it is looked into again.
    fn found(&mut self, length: usize, may_be_held: bool) {
        if !may_be_held || self.deadline.is_some() {
            self.release();
            return;
        }
        self.held = self.pace.after(length, Instant::now());
        if self.pace.wants_room() {
            self.room.grow(&self.pipe);
            self.pace.resize(self.room.size().min(room::MOST));
        }
    }

    /// Looked into as soon as something comes.
    fn release(&mut self) {
        self.held = None;
        self.pace.hurry();
    }

    /// Nothing has come for a while.
    fn give_back(&mut self) {
        self.room.give_back(&self.pipe);
        self.pace.resize(self.room.size().min(room::MOST));
    }
}

enum Read {
    Data(usize),
    Nothing,
    End,
}

/// What is polled: the desk, then the pipes. Made anew only when the pipes are others.
#[derive(Default)]
struct Polled {
    fds: Vec<libc::pollfd>,
    ids: Vec<StreamId>,
    is_old: bool,
}

struct Reader {
    desk: Arc<Desk>,
    pipes: BTreeMap<StreamId, Pipe>,
    polled: Polled,
    buffer: Buffer,
    handler: Handler,
}

impl Reader {
    fn run(mut self) {
        let mut stopping = false;
        self.polled.is_old = true;
        while !(stopping && self.pipes.is_empty()) {
            self.look_at_pipes();
            let timeout = if stopping { Some(Duration::ZERO) } else { self.timeout() };
            match wait(&mut self.polled.fds, timeout) {
                Ok(0) if timeout.is_some_and(|timeout| timeout >= LINGER) => self.give_back(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Nothing can be waited for any more; what is there is still handed over.
                Err(_) => {
                    stopping = true;
                    self.drain_all();
                }
            }
            let ordered = self.polled.fds.first().is_some_and(|wake| wake.revents != 0);
            // Pipes first: what a program wrote before an order was given is read before the order is followed.
            self.read_pipes(stopping || ordered, stopping);
            self.end_overdue();
            if ordered {
                self.desk.wake.take();
                if self.follow_orders() {
                    stopping = true;
                    self.drain_all();
                }
            }
        }
    }

    /// Reads what is ready and what has been held long enough; or whatever is held.
    fn read_pipes(&mut self, all_held: bool, stopping: bool) {
        let now = self.is_holding().then(Instant::now);
        for at in 0..self.polled.ids.len() {
            let Some(&id) = self.polled.ids.get(at) else { break };
            let held = self.pipes.get(&id).filter(|pipe| pipe.held.is_some());
            let due = held.is_some_and(|pipe| all_held || now.is_some_and(|now| pipe.is_due(now)));
            if due || stopping {
                self.read_once(id, stopping);
            } else if self.polled.fds.get(at + 1).is_some_and(|polled| polled.revents != 0) {
                // What is in the pipe that belongs to it came before.
                if self.pipes.get(&sibling(id)).is_some_and(|other| other.held.is_some()) {
                    self.read_once(sibling(id), stopping);
                }
                self.read_once(id, stopping);
            }
        }
    }

    fn is_holding(&self) -> bool {
        self.pipes.values().any(|pipe| pipe.held.is_some())
    }

    fn look_at_pipes(&mut self) {
        let watched = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        if std::mem::take(&mut self.polled.is_old) {
            self.polled.fds.clear();
            self.polled.fds.push(watched(self.desk.wake.as_fd().as_raw_fd()));
            self.polled.fds.extend(self.pipes.values().map(|pipe| watched(pipe.pipe.as_raw_fd())));
            self.polled.ids.clear();
            self.polled.ids.extend(self.pipes.keys());
        }
        for (polled, pipe) in self.polled.fds.iter_mut().skip(1).zip(self.pipes.values()) {
            // A negative one is passed over by the system.
            *polled = watched(if pipe.held.is_some() { -1 } else { pipe.pipe.as_raw_fd() });
        }
    }

    /// How long to wait at most: until a pipe is looked into again, until its deadline, or until memory is given back.
    fn timeout(&self) -> Option<Duration> {
        let next = self.pipes.values().flat_map(|pipe| [pipe.deadline, pipe.held]).flatten().min();
        let left = next.map(|next| next.saturating_duration_since(Instant::now()));
        let linger = self.buffer.is_used().then_some(LINGER);
        left.into_iter().chain(linger).min()
    }

    fn give_back(&mut self) {
        self.buffer.give_back();
        self.pipes.values_mut().for_each(Pipe::give_back);
    }

    fn drain_all(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        for pipe in self.pipes.values_mut() {
            pipe.deadline = Some(pipe.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
        }
    }

    fn end_overdue(&mut self) {
        if self.pipes.values().all(|pipe| pipe.deadline.is_none()) {
            return;
        }
        let now = Instant::now();
        let is_overdue = |pipe: &Pipe| pipe.deadline.is_some_and(|deadline| deadline <= now);
        let overdue: Vec<_> =
            self.pipes.iter().filter(|(_, pipe)| is_overdue(pipe)).map(|(id, _)| *id).collect();
        for id in overdue {
            // A slow handler must not cost what the pipe holds by now.
            for _ in 0..FULL_PIPES {
                match self.read(id) {
                    Read::Data(length) => self.hand_over(id, length),
                    Read::Nothing => break,
                    Read::End => self.end(id, true),
                }
            }
            self.end(id, false);
        }
    }

    /// True when it is time to stop.
    fn follow_orders(&mut self) -> bool {
        // Read first: what was ordered before the stop is followed.
        let stopping = self.desk.stop.load(Ordering::Acquire);
        for order in self.desk.take() {
            match order {
                Order::Add(id, pipe) => {
                    if self.pipes.contains_key(&id) {
                        self.end(id, false);
                    }
                    // One that blocked would hold up all others.
                    let is_safe = set_nonblocking(&pipe).is_ok();
                    self.pipes.insert(id, Pipe::new(pipe));
                    self.polled.is_old = true;
                    if !is_safe {
                        self.end(id, false);
                    }
                }
                Order::Drain(id, deadline) => {
                    if let Some(pipe) = self.pipes.get_mut(&id) {
                        pipe.deadline = Some(deadline);
                        pipe.release();
                    }
                }
            }
        }
        stopping
    }

    fn read(&mut self, id: StreamId) -> Read {
        let Some(pipe) = self.pipes.get(&id) else { return Read::End };
        loop {
            return match rustix::io::read(&pipe.pipe, self.buffer.space()) {
                Ok(0) => Read::End,
                Ok(length) => Read::Data(length),
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => Read::Nothing,
                Err(_) => Read::End,
            };
        }
    }

    fn hand_over(&mut self, id: StreamId, length: usize) {
        (self.handler)(id, Chunk::Data(self.buffer.filled(length)));
    }

    fn end(&mut self, id: StreamId, complete: bool) {
        if self.pipes.remove(&id).is_some() {
            self.polled.is_old = true;
            (self.handler)(id, Chunk::End { complete });
        }
    }

    /// One read for each pipe that has something: a chatty program gets no more turns than a quiet one. When stopping, an
    /// empty pipe is at its end: whoever still holds it has outlived the program.
    fn read_once(&mut self, id: StreamId, stopping: bool) {
        match self.read(id) {
            Read::Data(length) => {
                // Of two that belong together one is watched, or their order would be lost.
                let is_only = self.pipes.get(&sibling(id)).is_none_or(|other| other.held.is_none());
                if let Some(pipe) = self.pipes.get_mut(&id) {
                    pipe.found(length, is_only && !stopping);
                }
                self.hand_over(id, length);
            }
            Read::Nothing if stopping => self.end(id, false),
            Read::Nothing => {
                if let Some(pipe) = self.pipes.get_mut(&id) {
                    pipe.release();
                }
            }
            Read::End => self.end(id, true),
        }
    }
}

/// The pipe that belongs to this one, if there is one: see [`StreamId`].
fn sibling(id: StreamId) -> StreamId {
    id ^ 1
}

#[cfg(target_os = "linux")]
fn wait(polled: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the slice is as long as said, the time lives until the call returns, and no signal mask is set.
    let count = unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as _, timeout, std::ptr::null()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

#[cfg(not(target_os = "linux"))]
fn wait(polled: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    // Rounded up: what is due is not asked for again and again until it is.
    let round = |timeout: Duration| timeout.as_nanos().div_ceil(1_000_000);
    let timeout =
        timeout.map_or(-1, |timeout| libc::c_int::try_from(round(timeout)).unwrap_or(libc::c_int::MAX));
    // SAFETY: the slice is as long as said.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, timeout) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

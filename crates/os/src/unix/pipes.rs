//! Unix side of [`crate::pipes`]: one thread that polls all pipes and reads them into one buffer.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::signals;
use super::wake::{Wake, set_nonblocking};
use crate::pipes::{Chunk, Handler, Order, PipeReader, StreamId};

/// As much as a pipe holds by default, so that one read takes all there is.
const BUFFER: usize = 64 << 10;

/// Reads that empty even a pipe that was enlarged to what a user may have.
const FULL_PIPES: usize = 17;

/// How long after the last byte the buffer is given back to the system.
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

/// Memory from the system, given back while nothing comes.
struct Buffer {
    start: ptr::NonNull<u8>,
    /// More than the first page may be in memory.
    used: bool,
}

// SAFETY: the memory belongs to this value alone.
unsafe impl Send for Buffer {}

impl Buffer {
    fn new() -> io::Result<Self> {
        // SAFETY: asks for new memory, at no place in particular.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                BUFFER,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = ptr::NonNull::new(start.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, used: false })
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the memory is mapped for as long as this value lives, and borrowed with it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), BUFFER) }
    }

    fn give_back(&mut self) {
        const FIRST: usize = 4 << 10;
        if std::mem::take(&mut self.used) {
            // SAFETY: lies inside the mapping. What is given back reads as zero or as before, and nobody reads it.
            unsafe {
                libc::madvise(self.start.as_ptr().add(FIRST).cast(), BUFFER - FIRST, libc::MADV_DONTNEED)
            };
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), BUFFER) };
    }
}

struct Pipe {
    pipe: PipeReader,
    /// When reading ends although somebody may still hold the other end.
    deadline: Option<Instant>,
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
                Ok(0) if timeout.is_some_and(|timeout| timeout >= LINGER) => self.buffer.give_back(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Nothing can be waited for any more; what is there is still handed over.
                Err(_) => {
                    stopping = true;
                    self.drain_all();
                }
            }
            // Pipes first: what a program wrote before an order was given is read before the order is followed.
            for at in 0..self.polled.ids.len() {
                if let (Some(polled), Some(id)) =
                    (self.polled.fds.get(at + 1), self.polled.ids.get(at).copied())
                    && (polled.revents != 0 || stopping)
                {
                    self.read_once(id, stopping);
                }
            }
            self.end_overdue();
            if self.polled.fds.first().is_some_and(|wake| wake.revents != 0) {
                self.desk.wake.take();
                if self.follow_orders() {
                    stopping = true;
                    self.drain_all();
                }
            }
        }
    }

    fn look_at_pipes(&mut self) {
        if !std::mem::take(&mut self.polled.is_old) {
            return;
        }
        let watched = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        self.polled.fds.clear();
        self.polled.fds.push(watched(self.desk.wake.as_fd().as_raw_fd()));
        self.polled.fds.extend(self.pipes.values().map(|pipe| watched(pipe.pipe.as_raw_fd())));
        self.polled.ids.clear();
        self.polled.ids.extend(self.pipes.keys());
    }

    /// How long to wait at most: until a pipe's deadline, or until the buffer is given back.
    fn timeout(&self) -> Option<Duration> {
        let deadline = self.pipes.values().filter_map(|pipe| pipe.deadline).min();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let linger = self.buffer.used.then_some(LINGER);
        left.into_iter().chain(linger).min()
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
                    self.pipes.insert(id, Pipe { pipe, deadline: None });
                    self.polled.is_old = true;
                    if !is_safe {
                        self.end(id, false);
                    }
                }
                Order::Drain(id, deadline) => {
                    if let Some(pipe) = self.pipes.get_mut(&id) {
                        pipe.deadline = Some(deadline);
                    }
                }
            }
        }
        stopping
    }

    fn read(&mut self, id: StreamId) -> Read {
        let Some(pipe) = self.pipes.get(&id) else { return Read::End };
        loop {
            return match rustix::io::read(&pipe.pipe, self.buffer.bytes()) {
                Ok(0) => Read::End,
                Ok(length) => Read::Data(length),
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => Read::Nothing,
                Err(_) => Read::End,
            };
        }
    }

    fn hand_over(&mut self, id: StreamId, length: usize) {
        self.buffer.used |= length > 4 << 10;
        // SAFETY: as in `Buffer::bytes`; the handler is another field and cannot reach the buffer.
        let bytes = unsafe { std::slice::from_raw_parts(self.buffer.start.as_ptr(), length.min(BUFFER)) };
        (self.handler)(id, Chunk::Data(bytes));
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
            Read::Data(length) => self.hand_over(id, length),
            Read::Nothing if stopping => self.end(id, false),
            Read::Nothing => {}
            Read::End => self.end(id, true),
        }
    }
}

fn wait(polled: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let timeout =
        timeout.map_or(-1, |timeout| libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX));
    // SAFETY: the slice is as long as said.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, timeout) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

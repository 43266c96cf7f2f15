//! Windows side of [`crate::pipes`]: one thread that reads all pipes through one completion port. The reading ends are
//! overlapped named pipes, because a read from an anonymous pipe can't be taken back: a grandchild that holds such a
//! pipe would hold its reader too.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, PipeReader};
use std::mem::ManuallyDrop;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_IO_PENDING, ERROR_OPERATION_ABORTED, ERROR_PIPE_BUSY, GENERIC_READ,
    GENERIC_WRITE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, FILE_READ_ATTRIBUTES, FILE_SHARE_READ,
    FILE_SHARE_WRITE, OPEN_EXISTING, PIPE_ACCESS_INBOUND, ReadFile,
};
use windows_sys::Win32::System::IO::{
    CancelIoEx, CreateIoCompletionPort, GetQueuedCompletionStatus, OVERLAPPED, PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_WAIT,
    PeekNamedPipe,
};
use windows_sys::w;

use super::security::{Descriptor, Sid};
use super::sys::{check, is, owned, size_of, until, wide};
use crate::pipes::{Chunk, Handler, StreamId};

/// What a pipe holds before its writer has to wait: as much as on Linux.
const PIPE_SIZE: u32 = 64 * 1024;

/// How much is read at a time.
const CHUNK: usize = 16 * 1024;

/// How long an empty pipe whose program has ended is still waited for: what else holds it is mostly about to end too (the
/// host of the program's console, a child that sees its parent gone).
const QUIET: Duration = Duration::from_millis(50);

/// How long [`Collector::stop`] goes on reading what is still being written.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The key of the collector's own orders; pipes count up from it.
const KEY_ORDERS: usize = 0;

fn inheritable() -> SECURITY_ATTRIBUTES {
    SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>(),
        lpSecurityDescriptor: ptr::null_mut(),
        bInheritHandle: 1,
    }
}

/// The null device, to be inherited.
pub(super) fn null() -> io::Result<OwnedHandle> {
    let attributes = inheritable();
    // SAFETY: the name ends with a NUL and the attributes are whole; the handle is ours.
    unsafe {
        owned(CreateFileW(
            w!("NUL"),
            GENERIC_READ | GENERIC_WRITE,
            FILE_SHARE_READ | FILE_SHARE_WRITE,
            &raw const attributes,
            OPEN_EXISTING,
            0,
            ptr::null_mut(),
        ))
    }
}

/// A pipe: its end for reading, and its end for writing, to be inherited.
pub(super) fn pair() -> io::Result<(PipeReader, OwnedHandle)> {
    loop {
        let name = wide(fresh_name())?;
        let attributes = private()?.attributes();
        // SAFETY: the name ends with a NUL, the descriptor in the attributes lives as long as the process; the handle
        // is ours.
        let reader = unsafe {
            owned(CreateNamedPipeW(
                name.as_ptr(),
                PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                1,
                0,
                PIPE_SIZE,
                0,
                &raw const attributes,
            ))
        };
        let reader = match reader {
            // Somebody has a pipe of this name already: take the next.
            Err(error) if is(&error, ERROR_ACCESS_DENIED) || is(&error, ERROR_PIPE_BUSY) => continue,
            other => other?,
        };
        let attributes = inheritable();
        // SAFETY: as above.
        let writer = unsafe {
            owned(CreateFileW(
                name.as_ptr(),
                GENERIC_WRITE | FILE_READ_ATTRIBUTES,
                0,
                &raw const attributes,
                OPEN_EXISTING,
                0,
                ptr::null_mut(),
            ))
        };
        match writer {
            // Another process of this account took the one place at the other end.
            Err(error) if is(&error, ERROR_PIPE_BUSY) => {}
            Err(error) => return Err(error),
            Ok(writer) => return Ok((PipeReader::from(reader), writer)),
        }
    }
}

/// A name that nobody can guess, so that nobody can be there first for ever.
fn fresh_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = RandomState::new().build_hasher().finish();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(r"\\.\pipe\abide-output\{}-{count}-{random:016x}", std::process::id())
}

/// Only the account this process runs as can open the pipes.
fn private() -> io::Result<&'static Descriptor> {
    static DESCRIPTOR: OnceLock<Descriptor> = OnceLock::new();
    if let Some(descriptor) = DESCRIPTOR.get() {
        return Ok(descriptor);
    }
    let descriptor = Descriptor::new(&format!("D:P(A;;GA;;;{})", Sid::own()?.text()?))?;
    Ok(DESCRIPTOR.get_or_init(|| descriptor))
}

enum Order {
    Add(StreamId, OwnedHandle),
    Drain(StreamId, Instant),
    Stop,
}

#[derive(Debug)]
struct Shared {
    port: OwnedHandle,
    orders: Mutex<VecDeque<Order>>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add(..) => "Add",
            Self::Drain(..) => "Drain",
            Self::Stop => "Stop",
        })
    }
}

impl Shared {
    fn order(&self, order: Order) -> io::Result<()> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
        // SAFETY: the port is open, and nobody follows the missing `overlapped`.
        check(unsafe { PostQueuedCompletionStatus(self.port.as_raw_handle(), 0, KEY_ORDERS, ptr::null()) })
    }

    fn next_order(&self) -> Option<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[derive(Debug)]
pub(crate) struct Collector {
    shared: Arc<Shared>,
    /// Disconnected when the thread has ended.
    ended: Option<Receiver<()>>,
}

impl Collector {
    pub(crate) fn start(handler: Handler) -> io::Result<Self> {
        // SAFETY: makes a new port that is associated with no file; the handle is ours.
        let port = unsafe { owned(CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1)) }?;
        let shared = Arc::new(Shared { port, orders: Mutex::new(VecDeque::new()) });
        let theirs = Arc::clone(&shared);
        let (running, ended) = mpsc::channel::<()>();
        std::thread::Builder::new().name("output".to_owned()).stack_size(128 * 1024).spawn(move || {
            Reader { shared: theirs, handler, streams: BTreeMap::new(), next: 1, stopping: false }.run();
            drop(running);
        })?;
        Ok(Self { shared, ended: Some(ended) })
    }

    pub(crate) fn add(&self, id: StreamId, pipe: PipeReader) -> io::Result<()> {
        self.shared.order(Order::Add(id, OwnedHandle::from(pipe)))
    }

    pub(crate) fn drain(&self, id: StreamId, deadline: Instant) {
        let _ = self.shared.order(Order::Drain(id, deadline));
    }

    pub(crate) fn stop(mut self) {
        let _ = self.shared.order(Order::Stop);
        if let Some(ended) = self.ended.take() {
            // Bounded, whatever a pipe does: the end of a service must not hang on what it printed.
            let _ = ended.recv_timeout(LAST_WORDS * 4);
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if self.ended.is_some() {
            let _ = self.shared.order(Order::Stop);
        }
    }
}

/// A pipe and the one read from it that is under way, or has just ended.
struct Stream {
    id: StreamId,
    pipe: OwnedHandle,
    overlapped: Box<OVERLAPPED>,
    buffer: Box<[u8]>,
    drain: Option<Drain>,
}

/// The last time of a stream.
#[derive(Clone, Copy)]
struct Drain {
    /// Until when an empty pipe is waited for; `None` when that time is over.
    quiet: Option<Instant>,
    /// Until when what is in the pipe is read.
    deadline: Instant,
}

/// What is to be done with a stream next.
enum Next {
    Wait,
    End { complete: bool },
}

impl Stream {
    /// Begins the next read, whose end arrives at the port.
    fn read(&mut self) -> Next {
        if let Some(Drain { quiet, deadline }) = self.drain {
            match self.available() {
                None => return Next::End { complete: true },
                Some(0) if quiet.is_none() => return Next::End { complete: false },
                Some(_) if Instant::now() >= deadline => return Next::End { complete: false },
                Some(_) => {}
            }
        }
        *self.overlapped = OVERLAPPED::default();
        // SAFETY: the pipe is open; buffer and `overlapped` are in boxes that live until the read has ended, as a stream
        // is dropped only then (`Reader::run`).
        let answer = check(unsafe {
            ReadFile(
                self.pipe.as_raw_handle(),
                self.buffer.as_mut_ptr(),
                self.buffer.len() as u32,
                ptr::null_mut(),
                &raw mut *self.overlapped,
            )
        });
        match answer {
            Ok(()) => Next::Wait,
            Err(error) if is(&error, ERROR_IO_PENDING) => Next::Wait,
            // The writers have gone; nothing else can happen to a pipe.
            Err(_) => Next::End { complete: true },
        }
    }

    /// How much is in the pipe; `None` when it is empty and nobody can write any more.
    fn available(&self) -> Option<u32> {
        let mut available = 0;
        // SAFETY: the pipe is open and the place for the answer is ours.
        let answer = check(unsafe {
            PeekNamedPipe(
                self.pipe.as_raw_handle(),
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                &raw mut available,
                ptr::null_mut(),
            )
        });
        answer.is_ok().then_some(available)
    }

    /// Begins the last time.
    fn drain(&mut self, deadline: Instant) {
        let deadline = self.drain.map_or(deadline, |already| already.deadline.min(deadline));
        self.drain = Some(Drain { quiet: Some((Instant::now() + QUIET).min(deadline)), deadline });
    }

    /// Ends the read under way; its end arrives at the port.
    fn take_back(&mut self) {
        // SAFETY: the pipe is open, and `overlapped` is that of the read under way. If there is none any more, its end
        // stands at the port already, and this does nothing.
        unsafe { CancelIoEx(self.pipe.as_raw_handle(), &raw const *self.overlapped) };
    }
}

struct Reader {
    shared: Arc<Shared>,
    handler: Handler,
    /// By the key under which they arrive at the port. In each of them a read is under way.
    streams: BTreeMap<usize, Stream>,
    next: usize,
    stopping: bool,
}

impl Reader {
    fn run(mut self) {
        while !(self.stopping && self.streams.is_empty()) {
            let (mut bytes, mut key, mut overlapped) = (0, 0, ptr::null_mut::<OVERLAPPED>());
            // SAFETY: the port is open and the three places are ours.
            let answer = check(unsafe {
                GetQueuedCompletionStatus(
                    self.shared.port.as_raw_handle(),
                    &raw mut bytes,
                    &raw mut key,
                    &raw mut overlapped,
                    until(self.quiet()),
                )
            });
            self.end_quiet();
            if key == KEY_ORDERS {
                if answer.as_ref().is_err_and(|error| overlapped.is_null() && !is(error, WAIT_TIMEOUT)) {
                    // The port itself is broken, and with it every way to learn that a read has ended: the buffers are
                    // left to the system.
                    let _ = ManuallyDrop::new(std::mem::take(&mut self.streams));
                    return;
                }
                while let Some(order) = self.shared.next_order() {
                    self.obey(order);
                }
                continue;
            }
            self.arrived(key, answer.map(|()| bytes as usize));
        }
    }

    /// When the next empty pipe has been waited for long enough.
    fn quiet(&self) -> Option<Instant> {
        self.streams.values().filter_map(|stream| stream.drain?.quiet).min()
    }

    fn end_quiet(&mut self) {
        let now = Instant::now();
        for stream in self.streams.values_mut() {
            if let Some(drain) =
                stream.drain.as_mut().filter(|drain| drain.quiet.is_some_and(|quiet| quiet <= now))
            {
                drain.quiet = None;
                stream.take_back();
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Add(id, pipe) => self.add(id, pipe),
            Order::Drain(id, deadline) => {
                self.streams
                    .values_mut()
                    .filter(|stream| stream.id == id)
                    .for_each(|stream| stream.drain(deadline));
            }
            Order::Stop => {
                self.stopping = true;
                let deadline = Instant::now() + LAST_WORDS;
                self.streams.values_mut().for_each(|stream| stream.drain(deadline));
            }
        }
    }

    fn add(&mut self, id: StreamId, pipe: OwnedHandle) {
        let key = self.next;
        self.next += 1;
        // SAFETY: both handles are open.
        let associated =
            unsafe { CreateIoCompletionPort(pipe.as_raw_handle(), self.shared.port.as_raw_handle(), key, 0) };
        let buffer = vec![0; CHUNK].into_boxed_slice();
        let mut stream = Stream { id, pipe, overlapped: Box::default(), buffer, drain: None };
        let next = if associated.is_null() { Next::End { complete: false } } else { stream.read() };
        self.go_on(key, stream, next);
    }

    fn arrived(&mut self, key: usize, answer: io::Result<usize>) {
        let Some(mut stream) = self.streams.remove(&key) else { return };
        let next = match answer {
            Ok(bytes) => {
                let data = &stream.buffer[..bytes.min(CHUNK)];
                if !data.is_empty() {
                    (self.handler)(stream.id, Chunk::Data(data));
                }
                stream.read()
            }
            // Taken back: look what is there, or go on if it was not meant to end.
            Err(error) if is(&error, ERROR_OPERATION_ABORTED) => stream.read(),
            Err(_) => Next::End { complete: true },
        };
        self.go_on(key, stream, next);
    }

    fn go_on(&mut self, key: usize, stream: Stream, next: Next) {
        match next {
            Next::Wait => drop(self.streams.insert(key, stream)),
            Next::End { complete } => (self.handler)(stream.id, Chunk::End { complete }),
        }
    }
}

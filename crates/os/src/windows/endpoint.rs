//! Windows side of [`crate::endpoint`]: a named pipe that SYSTEM, Administrators and the owner alone can open, that
//! nobody can open from another machine, and whose name nobody can have taken before.

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_OPERATION_ABORTED, ERROR_PIPE_BUSY,
    ERROR_PIPE_CONNECTED, ERROR_PIPE_NOT_CONNECTED, ERROR_SEM_TIMEOUT, GENERIC_READ, GENERIC_WRITE,
    WAIT_OBJECT_0,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, PIPE_ACCESS_DUPLEX,
    ReadFile, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT, WriteFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{
    ConnectNamedPipe, CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE,
    PIPE_UNLIMITED_INSTANCES, PIPE_WAIT, WaitNamedPipeW,
};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, SetEvent, WaitForSingleObject};

use super::events::{News, Port};
use super::security::{Descriptor, Sid};
use super::sys::{check, is, milliseconds, owned, wide};
use super::wait::Waiter;
use crate::events::EndpointId;

/// Requests and answers are single lines; longer ones take more than one round.
const BUFFER: u32 = 4096;

/// The name of the pipe that belongs to a path: readable, and different for every path.
pub(crate) fn name_of(path: &Path) -> io::Result<String> {
    let path = std::path::absolute(path)?.to_string_lossy().replace('/', "\\").to_lowercase();
    // FNV-1a: the same in every version of every program, which a hash of the standard library is not.
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let service = Path::new(&path)
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(format!(r"\\.\pipe\abide\{service}-{hash:016x}"))
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    name: Vec<u16>,
    descriptor: Descriptor,
    pipe: OwnedHandle,
}

impl Endpoint {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let name = wide(name_of(path)?)?;
        let own = Sid::own()?.text()?;
        let descriptor = Descriptor::new(&format!("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;{own})"))?;
        // The flag below settles it. Where it is not known (Wine), this look beforehand has to do.
        // SAFETY: the name ends with a NUL. A millisecond, because zero would mean another time-out.
        let looked = check(unsafe { WaitNamedPipeW(name.as_ptr(), 1) });
        if !looked.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Err(taken());
        }
        let pipe = instance(&name, &descriptor, FILE_FLAG_FIRST_PIPE_INSTANCE).map_err(|error| {
            if is(&error, ERROR_ACCESS_DENIED) || is(&error, ERROR_PIPE_BUSY) { taken() } else { error }
        })?;
        Ok(Self { name, descriptor, pipe })
    }

    /// A further end of the pipe, for whoever accepts otherwise.
    #[cfg(feature = "async")]
    pub(crate) fn further(&self) -> io::Result<OwnedHandle> {
        instance(&self.name, &self.descriptor, 0)
    }
}

fn taken() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")
}

/// One end of the pipe for one caller.
fn instance(name: &[u16], descriptor: &Descriptor, first: u32) -> io::Result<OwnedHandle> {
    let attributes = descriptor.attributes();
    // SAFETY: the name ends with a NUL, the descriptor in the attributes lives through the call; the handle is ours.
    unsafe {
        owned(CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES,
            BUFFER,
            BUFFER,
            0,
            &raw const attributes,
        ))
    }
}

/// An event that is set and reset by hand.
fn event() -> io::Result<OwnedHandle> {
    // SAFETY: makes a new event without a name; the handle is ours.
    unsafe { owned(CreateEventW(ptr::null(), 1, 0, ptr::null())) }
}

/// A call that is under way: the system writes into the box until it has ended.
struct Underway {
    overlapped: Box<OVERLAPPED>,
    event: OwnedHandle,
}

// SAFETY: the pointers in it are an event of ours and what the system put there.
unsafe impl Send for Underway {}

impl std::fmt::Debug for Underway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Underway")
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Underway {
    fn new() -> io::Result<Self> {
        let event = event()?;
        let overlapped = Box::new(OVERLAPPED { hEvent: event.as_raw_handle(), ..Default::default() });
        Ok(Self { overlapped, event })
    }

    /// How the call ended, in bytes; waits for that when told so.
    fn outcome(&self, pipe: &OwnedHandle, wait: bool) -> io::Result<usize> {
        let mut bytes = 0;
        // SAFETY: the pipe is open, and `overlapped` was used for a call on it.
        check(unsafe {
            GetOverlappedResult(
                pipe.as_raw_handle(),
                &raw const *self.overlapped,
                &raw mut bytes,
                i32::from(wait),
            )
        })?;
        Ok(bytes as usize)
    }

    /// Takes the call back, and waits until the system has no use of the box any more.
    fn take_back(&self, pipe: &OwnedHandle) -> io::Result<usize> {
        // SAFETY: as in `outcome`. A call that has ended meanwhile is left as it is.
        unsafe { CancelIoEx(pipe.as_raw_handle(), &raw const *self.overlapped) };
        self.outcome(pipe, true)
    }
}

/// An endpoint that waits for its next caller.
pub(crate) struct Listener {
    id: EndpointId,
    name: Vec<u16>,
    descriptor: Descriptor,
    port: Arc<Port>,
    waiting: Option<Waiting>,
}

/// The end of the pipe at which the next caller will be.
struct Waiting {
    _waiter: Waiter,
    underway: Underway,
    pipe: OwnedHandle,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.underway.take_back(&self.pipe);
    }
}

impl Waiting {
    fn start(pipe: OwnedHandle, id: EndpointId, port: &Arc<Port>) -> io::Result<Self> {
        let mut underway = Underway::new()?;
        let port = Arc::clone(port);
        let waiter = Waiter::new(underway.event.as_handle(), move || port.put(News::Connected(id)))?;
        // SAFETY: the pipe is open; the box lives until the call has ended (`drop`).
        match check(unsafe { ConnectNamedPipe(pipe.as_raw_handle(), &raw mut *underway.overlapped) }) {
            Ok(()) => {}
            Err(error) if is(&error, ERROR_IO_PENDING) => {}
            Err(error) if is(&error, ERROR_PIPE_CONNECTED) => {
                // Somebody was quicker: the call ends at once, and the event is ours to set.
                // SAFETY: the event is open.
                check(unsafe { SetEvent(underway.event.as_raw_handle()) })?;
            }
            Err(error) => return Err(error),
        }
        Ok(Self { _waiter: waiter, underway, pipe })
    }
}

impl Listener {
    pub(super) fn start(endpoint: Endpoint, id: EndpointId, port: Arc<Port>) -> io::Result<Self> {
        let Endpoint { name, descriptor, pipe } = endpoint;
        let waiting = Some(Waiting::start(pipe, id, &port)?);
        Ok(Self { id, name, descriptor, port, waiting })
    }

    /// The caller that has come. Waits for the next one from then on.
    pub(super) fn accept(&mut self) -> io::Result<Connection> {
        let next = instance(&self.name, &self.descriptor, 0)
            .and_then(|pipe| Waiting::start(pipe, self.id, &self.port));
        let Some(came) = std::mem::replace(&mut self.waiting, next.ok()) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let pipe = came.pipe.try_clone()?;
        drop(came);
        Connection::new(pipe)
    }
}

pub(crate) fn connect(path: &Path, timeout: Duration) -> io::Result<Connection> {
    let name = wide(name_of(path)?)?;
    let deadline = Instant::now() + timeout;
    loop {
        // SAFETY: the name ends with a NUL; the handle is ours. Whoever listens there may learn who we are, and nothing
        // more: it can't act in our name.
        let opened = unsafe {
            owned(CreateFileW(
                name.as_ptr(),
                GENERIC_READ | GENERIC_WRITE,
                0,
                ptr::null(),
                OPEN_EXISTING,
                FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                ptr::null_mut(),
            ))
        };
        match opened {
            Ok(pipe) => return Connection::new(pipe),
            Err(error) if !is(&error, ERROR_PIPE_BUSY) => return Err(error),
            Err(_) => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // SAFETY: the name ends with a NUL. Zero milliseconds would mean another time-out.
        match check(unsafe { WaitNamedPipeW(name.as_ptr(), milliseconds(left).max(1)) }) {
            Err(error) if is(&error, ERROR_SEM_TIMEOUT) => return Err(io::ErrorKind::TimedOut.into()),
            // Gone meanwhile, or free: opening it tells.
            _ => {}
        }
    }
}

/// One caller, or the one who was called.
#[derive(Debug)]
pub(crate) struct Connection {
    pipe: OwnedHandle,
    underway: Underway,
    timeout: Option<Duration>,
}

impl Connection {
    fn new(pipe: OwnedHandle) -> io::Result<Self> {
        Ok(Self { pipe, underway: Underway::new()?, timeout: None })
    }

    pub(crate) fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.timeout = Some(timeout);
        Ok(())
    }

    /// Nobody else can open the pipe.
    pub(crate) fn peer_is_allowed(&self) -> bool {
        true
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        let place = buffer.as_mut_ptr();
        self.call(|pipe, overlapped| {
            // SAFETY: pipe and buffer live until the call has ended, which `call` waits for.
            unsafe { ReadFile(pipe, place, room, ptr::null_mut(), overlapped) }
        })
        .or_else(|error| {
            let closed = is(&error, ERROR_BROKEN_PIPE) || is(&error, ERROR_PIPE_NOT_CONNECTED);
            if closed { Ok(0) } else { Err(error) }
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let place = bytes.as_ptr();
        self.call(|pipe, overlapped| {
            // SAFETY: as in `read`.
            unsafe { WriteFile(pipe, place, length, ptr::null_mut(), overlapped) }
        })
    }

    /// What was written can be read by the other side, also after this side has closed: nothing to wait for.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn call(
        &mut self,
        begin: impl FnOnce(windows_sys::Win32::Foundation::HANDLE, *mut OVERLAPPED) -> i32,
    ) -> io::Result<usize> {
        *self.underway.overlapped =
            OVERLAPPED { hEvent: self.underway.event.as_raw_handle(), ..Default::default() };
        match check(begin(self.pipe.as_raw_handle(), &raw mut *self.underway.overlapped)) {
            Ok(()) => return self.underway.outcome(&self.pipe, true),
            Err(error) if is(&error, ERROR_IO_PENDING) => {}
            Err(error) => return Err(error),
        }
        let patience = self.timeout.map_or(INFINITE, milliseconds);
        // SAFETY: the event is open.
        if unsafe { WaitForSingleObject(self.underway.event.as_raw_handle(), patience) } == WAIT_OBJECT_0 {
            return self.underway.outcome(&self.pipe, true);
        }
        match self.underway.take_back(&self.pipe) {
            Err(error) if is(&error, ERROR_OPERATION_ABORTED) => Err(io::ErrorKind::TimedOut.into()),
            // It ended while it was being taken back.
            other => other,
        }
    }
}

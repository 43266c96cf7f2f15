//! Windows side of [`crate::events`]: one completion port at which everything arrives. Deaths of programs and
//! connections are put there by the system's wait thread, changes of trees by their Job Objects, console control
//! events by the handler that the system calls.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use windows_sys::Win32::Foundation::{INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
    SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatus, OVERLAPPED, PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;

use abide_spec::Exit;

use super::job;
use super::sys::{check, is, owned, until};
use crate::endpoint::{Connection, Endpoint};
use crate::events::{EndpointId, NotifyId, Occurrence, OsSignal, Signals};
use crate::notify::NotifySocket;

/// Something stands in the queue.
const KEY_QUEUE: usize = 1;
/// The waker was called.
const KEY_WAKE: usize = 2;
/// A Job Object tells of a process.
pub(super) const KEY_JOB: usize = 3;

/// Whether this process has a loop: it can have one.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Where the console control handler puts what it hears.
static CONSOLE: Mutex<Option<Arc<Port>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What threads of this process put into the queue.
#[derive(Debug)]
pub(super) enum News {
    /// The main process of a tree ended. The flag is raised when the loop has told so.
    Exited { pid: u32, exit: Exit, told: Arc<AtomicBool> },
    /// Somebody connected to an endpoint.
    Connected(EndpointId),
    /// This process was signalled.
    Signal(OsSignal),
}

/// The completion port, and what was put there by threads of this process.
#[derive(Debug)]
pub(super) struct Port {
    handle: OwnedHandle,
    queue: Mutex<VecDeque<News>>,
    woken: AtomicBool,
}

impl Port {
    fn new() -> io::Result<Self> {
        // SAFETY: makes a new port that is associated with no file; the handle is ours.
        let handle = unsafe { owned(CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1)) }?;
        Ok(Self { handle, queue: Mutex::new(VecDeque::new()), woken: AtomicBool::new(false) })
    }

    pub(super) fn handle(&self) -> &OwnedHandle {
        &self.handle
    }

    /// Hands over news, from any thread.
    pub(super) fn put(&self, news: News) {
        lock(&self.queue).push_back(news);
        self.post(KEY_QUEUE);
    }

    fn post(&self, key: usize) {
        // SAFETY: the port is open. It fails only when the system has no memory left; the queue is looked at whenever
        // the loop wakes, so then the next packet serves for this one too.
        unsafe { PostQueuedCompletionStatus(self.handle.as_raw_handle(), 0, key, ptr::null()) };
    }
}

/// Wakes the loop from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<Port>);

impl Waker {
    pub(crate) fn wake(&self) {
        if !self.0.woken.swap(true, Ordering::AcqRel) {
            self.0.post(KEY_WAKE);
        }
    }
}

/// The platform's half of a loop.
#[derive(Debug)]
pub(crate) struct Core {
    port: Arc<Port>,
    endpoints: BTreeMap<EndpointId, super::endpoint::Listener>,
    next_endpoint: u64,
    handles_signals: bool,
}

impl Core {
    pub(crate) fn new(signals: Signals) -> io::Result<Self> {
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this process has a loop already"));
        }
        let made = Port::new().and_then(|port| {
            let handles_signals = signals == Signals::Handle;
            let port = Arc::new(port);
            // "Ignore Ctrl-C" is inherited by children, so a program could never be stopped by it. Whoever started this
            // process may have set it.
            // SAFETY: no handler is given; this only clears a flag of this process.
            unsafe { SetConsoleCtrlHandler(None, 0) };
            if handles_signals {
                *lock(&CONSOLE) = Some(Arc::clone(&port));
                // SAFETY: the handler is a function that lives as long as the process.
                check(unsafe { SetConsoleCtrlHandler(Some(console_control), 1) })?;
            }
            Ok(Self { port, endpoints: BTreeMap::new(), next_endpoint: 1, handles_signals })
        });
        if made.is_err() {
            *lock(&CONSOLE) = None;
            TAKEN.store(false, Ordering::Release);
        }
        made
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.port))
    }

    pub(super) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    pub(crate) fn wait(&mut self, moment: Option<Instant>) -> io::Result<Occurrence> {
        loop {
            let news = lock(&self.port.queue).pop_front();
            if let Some(news) = news {
                match self.told(news) {
                    Some(occurrence) => return Ok(occurrence),
                    None => continue,
                }
            }
            let (mut bytes, mut key, mut overlapped) = (0, 0, ptr::null_mut::<OVERLAPPED>());
            // SAFETY: the port is open and the three places are ours. Only posted packets arrive here, whose
            // `overlapped` is never followed.
            let answer = check(unsafe {
                GetQueuedCompletionStatus(
                    self.port.handle.as_raw_handle(),
                    &raw mut bytes,
                    &raw mut key,
                    &raw mut overlapped,
                    until(moment),
                )
            });
            match answer {
                Ok(()) => {}
                Err(error) if is(&error, WAIT_TIMEOUT) => match moment {
                    // A wait of more than 49 days comes in parts.
                    Some(moment) if Instant::now() < moment => continue,
                    _ => return Ok(Occurrence::Due),
                },
                Err(error) => return Err(error),
            }
            match key {
                KEY_WAKE => {
                    self.port.woken.store(false, Ordering::Release);
                    return Ok(Occurrence::Woken);
                }
                KEY_JOB if job::tells_of_an_end(bytes) => return Ok(Occurrence::TreeChanged),
                _ => {}
            }
        }
    }

    fn told(&mut self, news: News) -> Option<Occurrence> {
        match news {
            News::Exited { pid, exit, told } => {
                told.store(true, Ordering::Release);
                Some(Occurrence::Exited { pid, exit })
            }
            News::Signal(signal) => Some(Occurrence::Signal(signal)),
            // A listener that was closed meanwhile, or whose caller has gone again, has nothing to say.
            News::Connected(id) => {
                let imp = self.endpoints.get_mut(&id)?.accept().ok()?;
                Some(Occurrence::Connection { endpoint: id, connection: Connection { imp } })
            }
        }
    }

    pub(crate) fn listen(&mut self, endpoint: Endpoint) -> io::Result<EndpointId> {
        let id = EndpointId(self.next_endpoint);
        self.next_endpoint += 1;
        let listener = super::endpoint::Listener::start(endpoint.imp, id, Arc::clone(&self.port))?;
        self.endpoints.insert(id, listener);
        Ok(id)
    }

    pub(crate) fn close(&mut self, id: EndpointId) {
        self.endpoints.remove(&id);
    }

    pub(crate) fn listen_notify(&mut self, socket: NotifySocket) -> io::Result<NotifyId> {
        socket.imp.never()
    }

    pub(crate) fn close_notify(&mut self, _: NotifyId) {}
}

impl Drop for Core {
    fn drop(&mut self) {
        self.endpoints.clear();
        if self.handles_signals {
            // SAFETY: takes away the handler that `new` added.
            unsafe { SetConsoleCtrlHandler(Some(console_control), 0) };
            *lock(&CONSOLE) = None;
        }
        TAKEN.store(false, Ordering::Release);
    }
}

unsafe extern "system" fn console_control(event: u32) -> i32 {
    const HANDLED: i32 = 1;
    let signal = match event {
        CTRL_C_EVENT => OsSignal::Interrupt,
        CTRL_BREAK_EVENT => OsSignal::Quit,
        CTRL_CLOSE_EVENT => OsSignal::Terminate,
        // Services hear of every user's log-off, which is none of their business, and of the shutdown by the SCM.
        CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT if in_service_session() => return HANDLED,
        _ => OsSignal::Terminate,
    };
    let Some(port) = lock(&CONSOLE).clone() else { return 0 };
    port.put(News::Signal(signal));
    if matches!(signal, OsSignal::Terminate) {
        // Windows ends the process as soon as this returns. The main thread ends it when its programs are stopped, or
        // Windows does when its patience is over.
        loop {
            std::thread::park();
        }
    }
    HANDLED
}

fn in_service_session() -> bool {
    let mut session = u32::MAX;
    // SAFETY: the place for the answer is ours.
    unsafe { ProcessIdToSessionId(std::process::id(), &raw mut session) != 0 && session == 0 }
}

//! Signals of this process, turned into bits and a byte in the wake pipe.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use libc::c_int;

use crate::events::{OsSignal, Signals};

/// The signals that are handled when asked for, with what they mean.
const ASKED: [(c_int, OsSignal); 6] = [
    (libc::SIGTERM, OsSignal::Terminate),
    (libc::SIGINT, OsSignal::Interrupt),
    (libc::SIGQUIT, OsSignal::Quit),
    (libc::SIGHUP, OsSignal::Hangup),
    (libc::SIGUSR1, OsSignal::User1),
    (libc::SIGUSR2, OsSignal::User2),
];

/// Bit n is set when signal n came. All signals handled here have numbers below 32.
static PENDING: AtomicU32 = AtomicU32::new(0);
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether SIGTERM ever came.
static TERMINATED: AtomicBool = AtomicBool::new(false);

#[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "dragonfly"))]
fn errno() -> *mut c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno_location() }
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
fn errno() -> *mut c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__error() }
}

#[cfg(any(target_os = "netbsd", target_os = "openbsd", target_os = "android"))]
fn errno() -> *mut c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno() }
}

#[cfg(any(target_os = "solaris", target_os = "illumos"))]
fn errno() -> *mut c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::___errno() }
}

extern "C" fn note(signal: c_int) {
    let bit = 1_u32 << (signal & 31);
    if signal == libc::SIGTERM {
        TERMINATED.store(true, Ordering::SeqCst);
    }
    if PENDING.fetch_or(bit, Ordering::SeqCst) != 0 {
        return; // A byte for the earlier one is still to be looked at.
    }
    let fd = WAKE_FD.load(Ordering::SeqCst);
    if fd >= 0 {
        let errno = errno();
        // SAFETY: `errno` is this thread's own; write(2) is async-signal-safe and the byte outlives the call. The pipe
        // never blocks, and a full one wakes as well.
        unsafe {
            let before = *errno;
            libc::write(fd, ptr::from_ref(b"s").cast(), 1);
            *errno = before;
        }
    }
}

/// Does nothing. A handled signal, unlike an ignored one, is reset to its default meaning by exec.
extern "C" fn swallow(_signal: c_int) {}

/// The handlers, for as long as they are wanted.
#[derive(Debug)]
pub(crate) struct Handlers {
    before: Vec<Before>,
}

struct Before(c_int, libc::sigaction);

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Before").field(&self.0).finish()
    }
}

impl Handlers {
    /// Installs handlers that write to `wake_fd`, which must stay open as long as this lives. One at a time a process.
    pub(crate) fn install(signals: Signals, wake_fd: c_int) -> io::Result<Self> {
        if TAKEN.swap(true, Ordering::SeqCst) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "this process has an event loop already",
            ));
        }
        let mut handlers = Self { before: Vec::with_capacity(8) };
        PENDING.store(0, Ordering::SeqCst);
        WAKE_FD.store(wake_fd, Ordering::SeqCst);
        handlers.handle(libc::SIGCHLD, note)?;
        handlers.handle(libc::SIGPIPE, swallow)?;
        if signals == Signals::Handle {
            for (signal, _) in ASKED {
                handlers.handle(signal, note)?;
            }
        }
        handlers.unblock()?;
        Ok(handlers)
    }

    fn handle(&mut self, signal: c_int, handler: extern "C" fn(c_int)) -> io::Result<()> {
        // SAFETY: both structures are plain data for which zero is valid; the handler is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut before: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_RESTART | if signal == libc::SIGCHLD { libc::SA_NOCLDSTOP } else { 0 };
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(signal, &raw const action, &raw mut before) != 0 {
                return Err(io::Error::last_os_error());
            }
            self.before.push(Before(signal, before));
        }
        Ok(())
    }

    /// Whoever started this process may have blocked signals; a blocked one would never come.
    fn unblock(&self) -> io::Result<()> {
        // SAFETY: the set is initialised by sigemptyset before use.
        let result = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for before in &self.before {
                libc::sigaddset(&raw mut set, before.0);
            }
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut())
        };
        if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for before in self.before.drain(..).rev() {
            // SAFETY: puts back what sigaction gave.
            unsafe { libc::sigaction(before.0, &raw const before.1, ptr::null_mut()) };
        }
        WAKE_FD.store(-1, Ordering::SeqCst);
        TAKEN.store(false, Ordering::SeqCst);
    }
}

/// Whether this process was ever sent SIGTERM while it handled signals.
pub(crate) fn was_terminated() -> bool {
    TERMINATED.load(Ordering::SeqCst)
}

/// Ends this process by SIGTERM, whatever it meant here before.
pub(crate) fn die_by_term() -> ! {
    // SAFETY: all structures are plain data, the set initialised by sigemptyset before use; raise and _exit are always
    // allowed.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
        libc::raise(libc::SIGTERM);
        libc::_exit(128 + libc::SIGTERM)
    }
}

/// Signals that came and were not yet looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending(u32);

impl Pending {
    /// Adds what came since the last call.
    pub(crate) fn collect(&mut self) {
        self.0 |= PENDING.swap(0, Ordering::SeqCst);
    }

    /// Whether a child may have ended since the last call.
    pub(crate) fn take_child(&mut self) -> bool {
        let bit = 1_u32 << libc::SIGCHLD;
        let is = self.0 & bit != 0;
        self.0 &= !bit;
        is
    }

    /// The next signal to tell.
    pub(crate) fn take(&mut self) -> Option<OsSignal> {
        if self.0 == 0 {
            return None;
        }
        let (signal, meaning) = ASKED.into_iter().find(|(signal, _)| self.0 & (1 << signal) != 0)?;
        self.0 &= !(1 << signal);
        Some(meaning)
    }
}

/// Blocks every signal in the calling thread: they are the loop's.
pub(crate) fn block_all() -> libc::sigset_t {
    // SAFETY: both sets are plain data, the first initialised by sigfillset, the second written by pthread_sigmask.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    }
}

/// Puts back what [`block_all`] gave.
pub(crate) fn restore(before: &libc::sigset_t) {
    // SAFETY: the set came from pthread_sigmask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
}

//! The one place where a process of Abide waits: messages from its own threads, deaths of programs, signals,
//! connections to the control endpoint, notifications, and the next moment at which something is due.
//!
//! A [`Loop`] has no timer and no tick. [`Loop::wait`] returns one [`Happening`] a call, and sleeps until there is one.
//! It owns every child of the process: programs are started by [`crate::process::Tree::spawn`] and reaped here, and no
//! other code may wait for children. One process can have one `Loop`, kept on the thread that starts programs, which
//! must live as long as they do (on Linux a program is killed when the thread that started it ends).

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use abide_spec::Exit;

use crate::endpoint::{Connection, Endpoint};
use crate::notify::NotifySocket;

#[cfg(unix)]
use crate::unix::events as imp;
#[cfg(windows)]
use crate::windows::events as imp;

/// Messages handed out in a row before everything else is looked at, so that a flood of them hides nothing.
const MESSAGES_IN_A_ROW: u32 = 32;

/// What a [`Loop`] does about the signals (Unix) or console control events (Windows) sent to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    /// They become [`Happening::Signal`].
    Handle,
    /// They keep the meaning they had.
    Leave,
}

/// A wish that somebody expressed by a signal or a console control event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OsSignal {
    /// SIGTERM; on Windows the closing of the console, log-off or shutdown.
    Terminate,
    /// SIGINT; Ctrl-C.
    Interrupt,
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGQUIT; Ctrl-Break.
    Quit,
}

/// Names a control endpoint inside its [`Loop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub(crate) u64);

/// Names a notification socket inside its [`Loop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotifyId(pub(crate) u64);

/// What [`Loop::wait`] woke up for.
#[derive(Debug)]
pub enum Happening<M> {
    /// Sent by a [`Remote`].
    Message(M),
    /// The main process of a tree ended and was reaped.
    Exited {
        /// The process id it had.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// Some other process of some tree ended: ask [`crate::process::Tree::is_gone`].
    TreeChanged,
    /// This process was signalled.
    Signal(OsSignal),
    /// Somebody connected to a control endpoint.
    Connection {
        /// The endpoint, as [`Loop::listen`] named it.
        endpoint: EndpointId,
        /// The connection, blocking, with no time-out set.
        connection: Connection,
    },
    /// Somebody wrote to a notification socket.
    Notify {
        /// The socket, as [`Loop::listen_notify`] named it.
        socket: NotifyId,
        /// The sender as the kernel knows it, where the kernel tells.
        pid: Option<u32>,
        /// What was sent: lines of `KEY=VALUE`. Bytes that are not UTF-8 are replaced.
        text: String,
    },
    /// The moment given to [`Loop::wait`] has come.
    Due,
}

/// What the platform's half of the loop woke up for: everything but messages, which are kept here.
#[derive(Debug)]
pub(crate) enum Occurrence {
    /// Somebody called the waker.
    Woken,
    Exited {
        pid: u32,
        exit: Exit,
    },
    TreeChanged,
    Signal(OsSignal),
    Connection {
        endpoint: EndpointId,
        connection: Connection,
    },
    #[cfg_attr(windows, expect(dead_code, reason = "programs have no notification socket there"))]
    Notify {
        socket: NotifyId,
        pid: Option<u32>,
        text: String,
    },
    Due,
}

struct Queue<M> {
    messages: Mutex<VecDeque<M>>,
    waker: imp::Waker,
}

impl<M> Queue<M> {
    fn pop(&self) -> Option<M> {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let message = messages.pop_front();
        if messages.is_empty() && messages.capacity() > 64 {
            messages.shrink_to_fit();
        }
        message
    }
}

/// Waits for everything at once, on one thread. See the [module](self).
pub struct Loop<M> {
    queue: Arc<Queue<M>>,
    pub(crate) core: imp::Core,
    in_a_row: u32,
}

impl<M> std::fmt::Debug for Loop<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop").finish_non_exhaustive()
    }
}

impl<M: Send + 'static> Loop<M> {
    /// Takes over the children of this process, and with [`Signals::Handle`] its signals.
    ///
    /// # Errors
    /// Fails when the operating system refuses a pipe or a handler, and when this process already has a `Loop`.
    pub fn new(signals: Signals) -> io::Result<Self> {
        let core = imp::Core::new(signals)?;
        let queue = Arc::new(Queue { messages: Mutex::new(VecDeque::new()), waker: core.waker() });
        Ok(Self { queue, core, in_a_row: 0 })
    }

    /// A way for other threads to send messages to this loop.
    #[must_use]
    pub fn remote(&self) -> Remote<M> {
        Remote { queue: Arc::clone(&self.queue) }
    }

    /// Waits for the next happening, at most until the given moment (`None`: for as long as it takes).
    ///
    /// # Errors
    /// Fails only when the operating system cannot wait any more; that does not heal by trying again.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Happening<M>> {
        let mut until_now = None;
        loop {
            if self.in_a_row < MESSAGES_IN_A_ROW {
                if let Some(message) = self.queue.pop() {
                    self.in_a_row += 1;
                    return Ok(Happening::Message(message));
                }
            } else {
                until_now = Some(Instant::now());
            }
            self.in_a_row = 0;
            let looking_only = until_now.take();
            return Ok(match self.core.wait(looking_only.or(until))? {
                Occurrence::Woken => continue,
                Occurrence::Due if looking_only.is_some() && until.is_none_or(|at| Instant::now() < at) => {
                    continue;
                }
                Occurrence::Due => Happening::Due,
                Occurrence::Exited { pid, exit } => Happening::Exited { pid, exit },
                Occurrence::TreeChanged => Happening::TreeChanged,
                Occurrence::Signal(signal) => Happening::Signal(signal),
                Occurrence::Connection { endpoint, connection } => {
                    Happening::Connection { endpoint, connection }
                }
                Occurrence::Notify { socket, pid, text } => Happening::Notify { socket, pid, text },
            });
        }
    }

    /// Holds trees started from now on together by their sessions and parents alone, even where control groups could be
    /// had.
    #[cfg(unix)]
    pub fn without_groups(&mut self) {
        self.core.without_groups();
    }

    /// Accepts connections to the endpoint from now on.
    ///
    /// # Errors
    /// Fails when the operating system refuses to watch it.
    pub fn listen(&mut self, endpoint: Endpoint) -> io::Result<EndpointId> {
        self.core.listen(endpoint)
    }

    /// Stops listening on the endpoint and removes it. Connections already made stay.
    pub fn close(&mut self, id: EndpointId) {
        self.core.close(id);
    }

    /// Receives notifications on the socket from now on.
    ///
    /// # Errors
    /// Fails when the operating system refuses to watch it.
    pub fn listen_notify(&mut self, socket: NotifySocket) -> io::Result<NotifyId> {
        self.core.listen_notify(socket)
    }

    /// Stops receiving on the socket and removes it.
    pub fn close_notify(&mut self, id: NotifyId) {
        self.core.close_notify(id);
    }
}

/// Sends messages to a [`Loop`] from any thread.
pub struct Remote<M> {
    queue: Arc<Queue<M>>,
}

impl<M> Remote<M> {
    /// Hands over a message and wakes the loop. Never blocks; a message to a loop that is gone is dropped with it.
    pub fn send(&self, message: M) {
        self.queue.messages.lock().unwrap_or_else(PoisonError::into_inner).push_back(message);
        self.queue.waker.wake();
    }
}

impl<M> Clone for Remote<M> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue) }
    }
}

impl<M> std::fmt::Debug for Remote<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

//! What others wish of a program that is a service itself, told by signals (Unix) or console control events (Windows).
//!
//! Other than [`crate::events::Loop`] this leaves the children of the process alone, and it shares signals with whoever
//! else in the process listens to them: it is for programs that have a life of their own.

use std::io;

#[cfg(unix)]
use crate::unix::wishes as imp;
#[cfg(windows)]
use crate::windows::wishes as imp;

/// What is wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// SIGTERM; on Windows the closing of the console, log-off or shutdown. There the process has a few seconds left.
    Terminate,
    /// SIGINT; Ctrl-C, Ctrl-Break.
    Interrupt,
    /// SIGHUP.
    Hangup,
    /// SIGTSTP, which Ctrl-Z sends.
    Suspend,
    /// SIGCONT.
    Continue,
}

/// Which wishes are listened to besides [`Wish::Terminate`] and [`Wish::Interrupt`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// [`Wish::Suspend`] and [`Wish::Continue`].
    pub pauses: bool,
    /// Leave alone what the process was started to ignore: the Ctrl-C of the shell's other jobs, the hang-up that
    /// `nohup` keeps away. For processes without a service manager.
    pub keep_ignored: bool,
}

/// Has wishes handed to `take` from now on until the process ends, from a thread of its own.
///
/// # Errors
/// Fails when the operating system refuses a handler or a thread.
pub fn listen(listen: Listen, take: Box<dyn Fn(Wish) + Send + Sync>) -> io::Result<()> {
    imp::listen(listen, take)
}

/// Stops all threads of this process until it is continued, as Ctrl-Z does with programs that don't listen to it.
/// Nothing on Windows, where no such wish is told.
pub fn suspend_self() {
    imp::suspend_self();
}

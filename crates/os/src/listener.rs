//! An [`crate::endpoint`] at which an async server waits for its callers.

use std::io;
use std::path::Path;

#[cfg(unix)]
use crate::unix::listener as imp;
#[cfg(windows)]
use crate::windows::listener as imp;

pub use imp::Stream;

/// A unix socket or a named pipe that only root (Administrators) and the owner can open. Removed when dropped.
#[derive(Debug)]
pub struct Listener {
    imp: imp::Listener,
}

/// Who has connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account: its number on Unix; on Windows the pipe tells only that it is one of those who may open it.
    pub account: String,
}

impl Listener {
    /// Creates the endpoint that belongs to this path, as [`crate::endpoint::Endpoint::bind`] does. To be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when another process listens there. What a dead one left behind is replaced.
    pub fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self { imp: imp::Listener::bind(path)? })
    }

    /// Waits for the next caller.
    ///
    /// # Errors
    /// Fails when the operating system does: when descriptors run out, for one. Others can be accepted later.
    pub async fn accept(&mut self) -> io::Result<(Stream, Caller)> {
        self.imp.accept().await
    }
}

//! Datagrams to a socket of this machine, as the journal of systemd and local syslogs take them.

use std::io;
use std::path::Path;
use std::time::Duration;

#[cfg(unix)]
use crate::unix::journal as imp;

/// Where the journal of systemd listens.
pub const JOURNAL: &str = "/run/systemd/journal/socket";

/// A socket that is connected to somebody who listens at a path.
#[derive(Debug)]
pub struct Datagrams {
    #[cfg(unix)]
    imp: imp::Datagrams,
    #[cfg(not(unix))]
    never: std::convert::Infallible,
}

impl Datagrams {
    /// Connects to who listens at `path`. Sending waits at most for `patience` while the other side does not read.
    ///
    /// # Errors
    /// Nobody listens there, or this system has no such sockets.
    pub fn connect(path: &Path, patience: Duration) -> io::Result<Self> {
        #[cfg(unix)]
        return imp::Datagrams::connect(path, patience).map(|imp| Self { imp });
        #[cfg(not(unix))]
        {
            let _ = (path, patience);
            Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this system has no sockets for datagrams at paths",
            ))
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] or [`io::ErrorKind::WouldBlock`]: nobody read in time. Otherwise who listened has gone, or
    /// the message is too large for a datagram.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        return self.imp.send(message);
        #[cfg(not(unix))]
        {
            let _ = message;
            match self.never {}
        }
    }

    /// Sends one message to the journal: as a datagram, or, if it is too large for one, in a file in memory that is sealed
    /// and handed over.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_to_journal(&self, message: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        return self.imp.send_to_journal(message);
        #[cfg(not(unix))]
        {
            let _ = message;
            match self.never {}
        }
    }
}

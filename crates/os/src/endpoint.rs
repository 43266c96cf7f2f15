//! The control endpoint of a supervisor: a unix socket or a named pipe that only root (Administrators) and the owner
//! can open.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

#[cfg(unix)]
use crate::unix::endpoint as imp;
#[cfg(windows)]
use crate::windows::endpoint as imp;

/// A place at which others can connect to this process. Removed when dropped.
#[derive(Debug)]
pub struct Endpoint {
    pub(crate) imp: imp::Endpoint,
}

impl Endpoint {
    /// Creates the endpoint that belongs to this path: on Unix a socket with mode 0600, in a folder created with mode
    /// 0700 if missing; on Windows a named pipe whose name is derived from the path.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when another process listens there. What a dead one left behind is replaced.
    pub fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self { imp: imp::Endpoint::bind(path)? })
    }
}

/// Connects to the endpoint that belongs to this path, and sets `timeout` on the connection.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] or [`io::ErrorKind::ConnectionRefused`] when nobody listens,
/// [`io::ErrorKind::PermissionDenied`] when it is not for this user, [`io::ErrorKind::TimedOut`] when it is too busy.
pub fn connect(path: &Path, timeout: Duration) -> io::Result<Connection> {
    let mut connection = Connection { imp: imp::connect(path, timeout)? };
    connection.set_timeout(timeout)?;
    Ok(connection)
}

/// One conversation over an [`Endpoint`].
#[derive(Debug)]
pub struct Connection {
    pub(crate) imp: imp::Connection,
}

impl Connection {
    /// Limits how long one read or one write may take; it then fails with [`io::ErrorKind::TimedOut`] or
    /// [`io::ErrorKind::WouldBlock`].
    ///
    /// # Errors
    /// Fails when the operating system refuses.
    pub fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.imp.set_timeout(timeout.max(Duration::from_millis(1)))
    }

    /// Whether the other side is root (an administrator) or the user this process runs as.
    #[must_use]
    pub fn peer_is_allowed(&self) -> bool {
        self.imp.peer_is_allowed()
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.imp.read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.imp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.imp.flush()
    }
}

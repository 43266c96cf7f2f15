//! The socket on which a program tells its supervisor that it is ready, alive, or what it is doing: the protocol that
//! systemd's services speak (`NOTIFY_SOCKET`), served by Abide to its own program.

use std::io;
use std::path::Path;

#[cfg(unix)]
use crate::unix::notify as imp;
#[cfg(windows)]
use crate::windows::notify as imp;

/// A socket that receives notifications. Removed when dropped.
#[derive(Debug)]
pub struct NotifySocket {
    pub(crate) imp: imp::NotifySocket,
}

impl NotifySocket {
    /// Creates the socket with mode 0600, in a folder created with mode 0700 if missing.
    ///
    /// # Errors
    /// Fails when the path cannot be used, and with [`io::ErrorKind::Unsupported`] on Windows, where programs have no
    /// such protocol.
    pub fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self { imp: imp::NotifySocket::bind(path)? })
    }

    /// What to give a program as `NOTIFY_SOCKET` ([`crate::process::Launch::notify`]). It is the path of the socket,
    /// unless that is too long for a socket's address.
    #[must_use]
    pub fn address(&self) -> &Path {
        self.imp.address()
    }

    /// Lets the program's account write to the socket: call it before spawning a program as another user.
    ///
    /// # Errors
    /// Fails when the user is unknown or the operating system refuses.
    pub fn allow(&self, identity: &crate::process::Identity) -> io::Result<()> {
        self.imp.allow(identity)
    }
}

//! The named pipe by which a process of a service manager takes orders (`supervise/control` of runit and s6), seen from
//! those who give them.

use std::io;
use std::path::Path;
use std::time::Instant;

#[cfg(unix)]
use crate::unix::orders as imp;

/// The writing end. It also tells when nobody reads any more: when the process is gone.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Orders {
    imp: imp::Orders,
}

/// There are none.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) enum Orders {}

#[cfg(unix)]
impl Orders {
    /// Opens the pipe; `None` when there is none, or nobody reads it.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        Ok(imp::Orders::open(path)?.map(|imp| Self { imp }))
    }

    /// Gives orders, a byte each.
    pub(crate) fn send(&self, orders: &[u8]) -> io::Result<()> {
        self.imp.send(orders)
    }

    /// Whether nobody reads the orders any more, waiting for that until a moment.
    pub(crate) fn is_gone(&self, until: Instant) -> io::Result<bool> {
        self.imp.is_gone(until)
    }
}

/// Makes a symbolic link at `path` to `target`. One that is there already is left if it says the same.
#[cfg(unix)]
pub(crate) fn link(target: &Path, path: &Path) -> io::Result<()> {
    match std::os::unix::fs::symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if std::fs::read_link(path).is_ok_and(|there| there == target) { Ok(()) } else { Err(error) }
        }
        other => other,
    }
}

#[cfg(not(unix))]
impl Orders {
    pub(crate) fn open(_path: &Path) -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) fn send(&self, _orders: &[u8]) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn is_gone(&self, _until: Instant) -> io::Result<bool> {
        match *self {}
    }
}

#[cfg(not(unix))]
pub(crate) fn link(_target: &Path, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

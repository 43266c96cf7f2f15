//! Windows side of [`crate::notify`]: programs there have no such protocol.

use std::io;
use std::path::Path;

use crate::process::Identity;

/// Never exists.
#[derive(Debug)]
pub(crate) enum NotifySocket {}

impl NotifySocket {
    pub(crate) fn bind(_: &Path) -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "Windows programs have no notification socket; use an http, tcp, exec, file or log probe",
        ))
    }

    pub(crate) fn allow(&self, _: &Identity) -> io::Result<()> {
        self.never()
    }

    pub(crate) fn address(&self) -> &Path {
        self.never()
    }

    /// What comes of a socket that can't be.
    pub(super) fn never(&self) -> ! {
        match *self {}
    }
}

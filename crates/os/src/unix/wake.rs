//! A pipe that wakes the loop: from other threads, and from signal handlers.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// A pipe of which one byte says "look".
#[derive(Debug)]
pub(crate) struct Wake {
    reader: OwnedFd,
    writer: OwnedFd,
    pending: AtomicBool,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        set_nonblocking(&reader)?;
        set_nonblocking(&writer)?;
        Ok(Self { reader, writer, pending: AtomicBool::new(false) })
    }

    /// Wakes whoever polls [`Self::as_fd`]; many calls before it looks are one.
    pub(crate) fn wake(&self) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            // A full pipe wakes as well as one more byte would.
            let _ = rustix::io::write(&self.writer, b"w");
        }
    }

    /// Takes all wake-ups. What was put in place before a wake-up is seen after this.
    pub(crate) fn take(&self) {
        let mut bytes = [0_u8; 64];
        while matches!(rustix::io::read(&self.reader, &mut bytes), Ok(n) if n == bytes.len()) {}
        self.pending.store(false, Ordering::SeqCst);
    }

    /// For a signal handler to write to.
    pub(crate) fn writer(&self) -> RawFd {
        self.writer.as_raw_fd()
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

/// Makes reads and writes answer "would block" instead of waiting.
pub(crate) fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(fd)?;
    if !flags.contains(OFlags::NONBLOCK) {
        fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
    }
    Ok(())
}

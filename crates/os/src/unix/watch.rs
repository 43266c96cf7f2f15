//! Unix side of [`crate::watch`] where the system does not tell of writes to files in a folder: looking again.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::watch::Woken;

/// How soon to look again.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

#[derive(Debug)]
pub(crate) struct Watch;

impl Watch {
    pub(crate) fn new(_folder: &Path) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn wait(&mut self) -> io::Result<Woken> {
        let output = io::stdout();
        let mut waited = [PollFd::from_borrowed_fd(output.as_fd(), PollFlags::empty())];
        match poll(&mut waited, Some(&PAUSE)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let closed = waited[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        Ok(if closed { Woken::OutputClosed } else { Woken::Changed })
    }

    pub(crate) fn wait_until(&mut self, until: Instant) -> io::Result<()> {
        let pause = Duration::from_nanos(PAUSE.tv_nsec.unsigned_abs());
        std::thread::sleep(until.saturating_duration_since(Instant::now()).min(pause));
        Ok(())
    }
}

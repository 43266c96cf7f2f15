//! Linux side of [`crate::watch`]: inotify.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;

use crate::watch::Woken;

#[derive(Debug)]
pub(crate) struct Watch {
    queue: OwnedFd,
    folder: PathBuf,
    /// What is watched now: the folder, or the nearest one above it that is there.
    watched: Option<(i32, PathBuf)>,
}

impl Watch {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut watch = Self { queue, folder: std::path::absolute(folder)?, watched: None };
        watch.look()?;
        Ok(watch)
    }

    /// Watches the folder, or the nearest one above it. True when that is another one than before.
    fn look(&mut self) -> io::Result<bool> {
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for candidate in self.folder.ancestors() {
            let flags = if candidate == self.folder {
                WatchFlags::CREATE
                    | WatchFlags::MODIFY
                    | WatchFlags::MOVED_TO
                    | WatchFlags::MOVED_FROM
                    | WatchFlags::DELETE
                    | WatchFlags::DELETE_SELF
                    | WatchFlags::MOVE_SELF
                    | WatchFlags::ATTRIB
            } else {
                WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF
            };
            match inotify::add_watch(&self.queue, candidate, flags | WatchFlags::ONLYDIR) {
                Ok(id) => {
                    if self.watched.as_ref().is_some_and(|(known, _)| *known == id) {
                        return Ok(false);
                    }
                    if let Some((old, _)) = self.watched.replace((id, candidate.to_owned())) {
                        // The kernel has forgotten a folder that is gone by itself.
                        let _ = inotify::remove_watch(&self.queue, old);
                    }
                    return Ok(true);
                }
                Err(error @ (Errno::NOENT | Errno::NOTDIR | Errno::ACCESS)) => refused = error.into(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused)
    }

    pub(crate) fn wait(&mut self) -> io::Result<Woken> {
        // It may have been made between the last look and now, and its first files with it.
        if self.watched.as_ref().is_none_or(|(_, path)| *path != self.folder) && self.look()? {
            return Ok(Woken::Changed);
        }
        let output = io::stdout();
        let mut waited = [
            PollFd::new(&self.queue, PollFlags::IN),
            // Errors are told without being asked for.
            PollFd::from_borrowed_fd(output.as_fd(), PollFlags::empty()),
        ];
        while let Err(error) = poll(&mut waited, None) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        if waited[1].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            return Ok(Woken::OutputClosed);
        }
        self.empty()?;
        self.look()?;
        Ok(Woken::Changed)
    }

    pub(crate) fn wait_until(&mut self, until: Instant) -> io::Result<()> {
        if self.watched.as_ref().is_none_or(|(_, path)| *path != self.folder) && self.look()? {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        // A hair longer, so that who waits again until the same moment doesn't turn in circles.
        let left = Timespec::try_from(left + Duration::from_micros(1)).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.queue, PollFlags::IN)], Some(&left)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        self.empty()?;
        self.look()?;
        Ok(())
    }

    /// Takes everything from the queue: that there was something is all that counts.
    fn empty(&mut self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let gone = event.events().contains(inotify::ReadFlags::IGNORED);
                    if gone && self.watched.as_ref().is_some_and(|(id, _)| *id == event.wd()) {
                        self.watched = None;
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

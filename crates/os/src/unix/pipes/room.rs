//! How much a pipe holds, and giving it more room while its writer has use for it.

#[cfg(target_os = "linux")]
use std::os::fd::AsFd;

use crate::pipes::PipeReader;

/// What a busy pipe is given: twice what one read takes, so that what is let come in is read at once; and as much as an
/// ordinary user may give one pipe. Where that is refused, a quarter of it is tried.
pub(super) const MOST: usize = 2 * super::buffer::SIZE;

/// Where the system does not tell: the least that pipes hold anywhere.
#[cfg(not(target_os = "linux"))]
const UNKNOWN: usize = 16 << 10;

/// What a pipe holds.
#[derive(Debug)]
pub(super) struct Room {
    size: usize,
    /// What it held before it was given more.
    before: Option<usize>,
    /// The system refused to give more.
    refused: bool,
}

impl Room {
    #[cfg(target_os = "linux")]
    pub fn of(pipe: &PipeReader) -> Self {
        // What is not known to be larger is not larger than a page.
        let size = rustix::pipe::fcntl_getpipe_size(pipe.as_fd()).unwrap_or(4 << 10);
        Self { size, before: None, refused: false }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn of(_pipe: &PipeReader) -> Self {
        Self { size: UNKNOWN, before: None, refused: true }
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Gives the pipe more room, once. Where the system refuses it, as when a user's pipes hold as much as they may,
    /// all stays as it is.
    #[cfg(target_os = "linux")]
    pub fn grow(&mut self, pipe: &PipeReader) {
        if self.refused || self.before.is_some() || self.size >= MOST {
            return;
        }
        let grown = [MOST, MOST / 4]
            .into_iter()
            .filter(|size| *size > self.size)
            .find_map(|size| rustix::pipe::fcntl_setpipe_size(pipe.as_fd(), size).ok());
        match grown {
            Some(size) => self.before = Some(std::mem::replace(&mut self.size, size)),
            None => self.refused = true,
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn grow(&mut self, _pipe: &PipeReader) {}

    /// Takes the room back. While more is in the pipe than it held before, that is left for the next time.
    #[cfg(target_os = "linux")]
    pub fn give_back(&mut self, pipe: &PipeReader) {
        if let Some(before) = self.before
            && let Ok(size) = rustix::pipe::fcntl_setpipe_size(pipe.as_fd(), before)
        {
            self.size = size;
            self.before = None;
        }
        self.refused = false;
    }

    #[cfg(not(target_os = "linux"))]
    pub fn give_back(&mut self, _pipe: &PipeReader) {}
}

//! How much a pipe holds, and giving it more room while its writer has use for it.

/// What a busy pipe is given: as much as one read takes, so that what is let come in is read at once. Twice as much makes
/// for fewer reads, but its pages leave the cache before they are used again, which costs the writer more. Where it is
/// refused, as when an ordinary user's pipes hold a lot already, a quarter of it is tried.
pub(super) const MOST: usize = super::buffer::SIZE;

#[cfg(target_os = "linux")]
pub(super) use linux::Room;
#[cfg(not(target_os = "linux"))]
pub(super) use other::Room;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::AsFd;

    use super::MOST;
    use crate::pipes::PipeReader;

    /// What a pipe holds.
    #[derive(Debug)]
    pub(in super::super) struct Room {
        size: usize,
        /// What it held before it was given more.
        before: Option<usize>,
        /// The system refused to give more.
        refused: bool,
    }

    impl Room {
        pub fn of(pipe: &PipeReader) -> Self {
            // What is not known to be larger is not larger than a page.
            let size = rustix::pipe::fcntl_getpipe_size(pipe.as_fd()).unwrap_or(4 << 10);
            Self { size, before: None, refused: false }
        }

        pub fn size(&self) -> usize {
            self.size
        }

        /// Gives the pipe more room, once. Where the system refuses it, as when a user's pipes hold as much as they may,
        /// all stays as it is.
        pub fn grow(&mut self, pipe: &PipeReader) {
            if self.refused || self.before.is_some() {
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

        /// Takes the room back. While more is in the pipe than it held before, that is left for the next time.
        pub fn give_back(&mut self, pipe: &PipeReader) {
            if let Some(before) = self.before
                && let Ok(size) = rustix::pipe::fcntl_setpipe_size(pipe.as_fd(), before)
            {
                self.size = size;
                self.before = None;
            }
            self.refused = false;
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use crate::pipes::PipeReader;

    /// What a pipe holds is not told, and cannot be changed.
    #[derive(Debug)]
    pub(in super::super) struct Room;

    impl Room {
        pub fn of(_pipe: &PipeReader) -> Self {
            Self
        }

        /// The least that pipes hold anywhere.
        pub fn size(&self) -> usize {
            16 << 10
        }

        pub fn grow(&mut self, _pipe: &PipeReader) {}

        pub fn give_back(&mut self, _pipe: &PipeReader) {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn room_is_given_once_and_taken_back_when_it_is_empty() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let mut room = Room::of(&reader);
        let before = room.size();
        room.grow(&reader);
        if room.size() == before {
            return; // this user's pipes hold as much as they may
        }
        assert_eq!(Room::of(&reader).size(), room.size());
        let more = vec![b'x'; before + 4096];
        writer.write_all(&more).unwrap();
        room.give_back(&reader);
        assert!(room.size() > before, "what is inside does not fit");
        let mut taken = vec![0; more.len()];
        reader.read_exact(&mut taken).unwrap();
        assert_eq!(taken, more);
        room.give_back(&reader);
        assert_eq!((room.size(), Room::of(&reader).size()), (before, before));
    }
}

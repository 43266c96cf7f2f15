//! What `runsv` of runit and `s6-supervise` expect of the process they started.
//!
//! Both bring back a process that a signal has ended, if it is wanted up; one that ends with a code is left down, as the
//! `finish` scripts of Abide tell them. So a supervisor that was asked to stop ends by the very signal that asked: then
//! `sv restart` and `s6-svc -r` bring it back, and after `sv stop` it is not wanted. And it does not outlive them: the
//! next one would start a second supervisor beside it.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{FromRawFd as _, RawFd};
use std::sync::Mutex;

use super::signals;

/// The descriptor on which s6 waits for a line when a service is ready, as its file `notification-fd` says.
const READY: RawFd = 3;

/// Dies when its parent does.
pub(super) fn hold_to_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        let parent = getppid();
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        if getppid() != parent {
            // It died in between, and nothing else would tell.
            signals::die_by_term();
        }
    }
}

/// Ends this process as it was asked to, if it was asked by SIGTERM.
pub(super) fn end_as_asked() {
    if signals::was_terminated() {
        signals::die_by_term();
    }
}

/// The line to s6 on which readiness is told once.
#[derive(Debug)]
pub(super) struct Readiness(Mutex<Option<File>>);

impl Readiness {
    /// Takes the descriptor, if it is what s6 gives: the writing end of a pipe. To be called before this process opens
    /// anything.
    pub(super) fn take() -> Self {
        Self(Mutex::new(is_writing_end(READY).then(|| {
            // SAFETY: it is open, came with this process, and nobody else here knows of it.
            unsafe {
                // No program is to get it.
                libc::fcntl(READY, libc::F_SETFD, libc::FD_CLOEXEC);
                File::from_raw_fd(READY)
            }
        })))
    }

    /// Tells it. Once is enough: the pipe is closed after that.
    pub(super) fn tell(&self) {
        let mut pipe = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(mut pipe) = pipe.take() {
            let _ = pipe.write_all(b"\n");
        }
    }
}

fn is_writing_end(descriptor: RawFd) -> bool {
    // SAFETY: both calls only ask about a number, which need not be open; zero is valid for the structure.
    unsafe {
        let mut about: libc::stat = std::mem::zeroed();
        libc::fstat(descriptor, &raw mut about) == 0
            && about.st_mode & libc::S_IFMT == libc::S_IFIFO
            && libc::fcntl(descriptor, libc::F_GETFL) & libc::O_ACCMODE == libc::O_WRONLY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::fd::{AsRawFd as _, OwnedFd};

    #[test]
    fn only_the_writing_end_of_a_pipe_is_taken() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(is_writing_end(writer.as_raw_fd()));
        assert!(!is_writing_end(reader.as_raw_fd()));
        let file = tempfile::tempfile().unwrap();
        assert!(!is_writing_end(file.as_raw_fd()));
        assert!(!is_writing_end(-1));
    }

    #[test]
    fn readiness_is_told_once() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let ready = Readiness(Mutex::new(Some(File::from(OwnedFd::from(writer)))));
        ready.tell();
        ready.tell();
        let mut told = String::new();
        reader.read_to_string(&mut told).unwrap();
        assert_eq!(told, "\n");
    }
}

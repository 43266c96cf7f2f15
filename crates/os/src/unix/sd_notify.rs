//! Telling systemd how a service fares: datagrams to the socket that it names in the environment.
//! Source: sd_notify(3).

use std::collections::VecDeque;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signals;

/// So much may wait for a systemd that does not listen. Beyond it, signs of life and texts are left out: the next ones
/// say the same.
const MOST: usize = 64;

/// Tells systemd, in order and without ever waiting for it.
///
/// systemd takes in a few hundred datagrams at most, and none while it is busy with other things (a daemon-reload, say).
/// What it has no room for then is told by a thread that waits: without its `READY=1` a start would never end.
#[derive(Clone, Debug)]
pub(crate) struct SdNotify {
    socket: Arc<UnixDatagram>,
    address: SocketAddr,
    late: Arc<Mutex<Late>>,
}

/// What could not be told at once.
#[derive(Debug, Default)]
struct Late {
    /// The oldest first.
    lines: VecDeque<String>,
    /// There is a thread that tells them.
    telling: bool,
}

impl SdNotify {
    /// To the socket at `address`, a path or, after an `@`, an abstract name; `None` where there can be none.
    pub(crate) fn new(address: &Path) -> Option<Self> {
        let bytes = address.as_os_str().as_bytes();
        let address = match bytes.first() {
            Some(b'/') => SocketAddr::from_pathname(address).ok()?,
            #[cfg(target_os = "linux")]
            Some(b'@') => {
                use std::os::linux::net::SocketAddrExt;
                SocketAddr::from_abstract_name(&bytes[1..]).ok()?
            }
            _ => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket: Arc::new(socket), address, late: Arc::default() })
    }

    /// Tells `lines`, or sees to it that they are told.
    pub(crate) fn tell(&self, lines: &str) {
        let mut late = lock(&self.late);
        if late.lines.len() < MOST || is_a_turn(lines) {
            late.lines.push_back(lines.to_owned());
        }
        while !late.telling
            && let Some(next) = late.lines.front()
        {
            match self.socket.send_to_addr(next.as_bytes(), &self.address) {
                Err(error) if has_no_room(&error) => {
                    late.telling = self.start_telling();
                    // Where no thread is to be had, the next thing that is told tries again.
                    return;
                }
                // Who is not there to be told now is not there later either.
                _ => drop(late.lines.pop_front()),
            }
        }
    }

    fn start_telling(&self) -> bool {
        let teller = self.clone();
        // The thread inherits the mask: signals are for the loop.
        let before = signals::block_all();
        let thread = std::thread::Builder::new().name("systemd".into()).spawn(move || teller.tell_late());
        signals::restore(&before);
        thread.is_ok()
    }

    fn tell_late(&self) {
        // One that waits.
        let socket = UnixDatagram::unbound();
        loop {
            let mut late = lock(&self.late);
            let (Some(next), Ok(socket)) = (late.lines.front().cloned(), &socket) else {
                late.telling = false;
                return;
            };
            drop(late);
            // Left in the queue while it is being told, so that nothing newer is told before it.
            let _ = socket.send_to_addr(next.as_bytes(), &self.address);
            lock(&self.late).lines.pop_front();
        }
    }
}

/// A panic elsewhere leaves the queue whole.
fn lock(late: &Mutex<Late>) -> MutexGuard<'_, Late> {
    late.lock().unwrap_or_else(PoisonError::into_inner)
}

fn has_no_room(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Whether the lines tell of a change of state, which nothing later would tell again.
fn is_a_turn(lines: &str) -> bool {
    ["READY=", "STOPPING=", "RELOADING="].iter().any(|turn| lines.starts_with(turn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_has_no_room_for_is_told_when_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let told = SdNotify::new(&path).unwrap();
        // Until it takes no more.
        let filler = UnixDatagram::unbound().unwrap();
        filler.set_nonblocking(true).unwrap();
        let mut fillers = 0;
        while filler.send_to(b"STATUS=busy\n", &path).is_ok() {
            fillers += 1;
        }
        for lines in ["READY=1\n", "STATUS=a\n", "STOPPING=1\n"] {
            told.tell(lines);
        }
        let mut buffer = [0; 64];
        let mut next = || {
            let length = systemd.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        for _ in 0..fillers {
            assert_eq!(next(), "STATUS=busy\n");
        }
        assert_eq!([next(), next(), next()], ["READY=1\n", "STATUS=a\n", "STOPPING=1\n"]);
        // The thread has ended or is about to; what comes now is told behind all of it.
        told.tell("STATUS=b\n");
        assert_eq!(next(), "STATUS=b\n");
    }

    #[test]
    fn only_signs_of_life_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let told = SdNotify::new(&path).unwrap();
        let filler = UnixDatagram::unbound().unwrap();
        filler.set_nonblocking(true).unwrap();
        let mut fillers = 0;
        while filler.send_to(b"STATUS=busy\n", &path).is_ok() {
            fillers += 1;
        }
        for _ in 0..2 * MOST {
            told.tell("WATCHDOG=1\n");
        }
        told.tell("READY=1\n");
        let mut buffer = [0; 64];
        let mut signs = 0;
        for _ in 0..fillers {
            systemd.recv(&mut buffer).unwrap();
        }
        loop {
            let length = systemd.recv(&mut buffer).unwrap();
            match &buffer[..length] {
                b"WATCHDOG=1\n" => signs += 1,
                other => break assert_eq!(other, b"READY=1\n"),
            }
        }
        assert_eq!(signs, MOST);
    }

    #[test]
    fn what_is_no_address_is_told_nothing() {
        assert!(SdNotify::new(Path::new("")).is_none());
        assert!(SdNotify::new(Path::new("relative")).is_none());
        SdNotify::new(Path::new("/nonexistent/notify")).unwrap().tell("READY=1\n");
    }
}

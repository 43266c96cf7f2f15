//! Socket addresses hold about a hundred bytes of path; folders of projects can be longer.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

/// The longest path every Unix takes, the closing NUL included.
pub(super) const LONGEST: usize = 104;

/// A path to a socket that fits into an address, valid as long as this lives.
#[derive(Debug)]
pub(super) struct ShortPath {
    path: PathBuf,
    /// Keeps the folder open that the path goes through.
    #[cfg(target_os = "linux")]
    _folder: Option<std::fs::File>,
}

impl ShortPath {
    #[cfg(target_os = "linux")]
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::OpenOptionsExt;

        let Some(name) = path.file_name().filter(|_| path.as_os_str().len() >= LONGEST) else {
            return Ok(Self { path: path.to_owned(), _folder: None });
        };
        let folder = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
            .open(path.parent().unwrap_or(Path::new("/")))?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let length = path.as_os_str().as_bytes().len();
        if length >= LONGEST {
            let text = format!(
                "{} has {length} bytes, and a socket's path at most {}; use a shorter folder",
                path.display(),
                LONGEST - 1
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Self { path: path.to_owned() })
    }

    pub(super) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// A stream socket that no program inherits.
pub(super) fn stream() -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    #[cfg(not(target_os = "linux"))]
    let socket = {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        socket
    };
    Ok(socket)
}

/// Connects a stream, waiting for room in the listener's queue no longer than `timeout`.
pub(super) fn connect(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let deadline = Instant::now() + timeout;
    let address = SocketAddrUnix::new(path.as_os_str().as_bytes())?;
    let socket = stream()?;
    // A blocking connect honours the time-out for sending, on Linux; elsewhere it refuses at once when the queue is full.
    rustix::net::sockopt::set_socket_timeout(
        &socket,
        rustix::net::sockopt::Timeout::Send,
        Some(timeout.max(Duration::from_millis(1))),
    )?;
    loop {
        match rustix::net::connect(&socket, &address) {
            Ok(()) => return Ok(UnixStream::from(socket)),
            Err(rustix::io::Errno::INTR) if Instant::now() < deadline => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INPROGRESS) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "nobody accepted the connection in time",
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

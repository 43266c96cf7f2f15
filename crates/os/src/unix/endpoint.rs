//! Unix side of [`crate::endpoint`]: a stream socket in the file system.

use std::fs::DirBuilder;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::SocketAddrUnix;

use super::socket_path::{self, ShortPath};

/// Connections that may wait for being accepted.
const BACKLOG: i32 = 128;

#[derive(Debug)]
pub(crate) struct Endpoint {
    listener: UnixListener,
    path: PathBuf,
    /// Given up for a moment when descriptors run out, so that a connection can be accepted and closed: one that is
    /// left waiting would wake the loop for ever.
    reserve: Option<std::fs::File>,
}

impl Endpoint {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        prepare_folder(path)?;
        let short = ShortPath::new(path)?;
        remove_stale(path, || UnixStream::connect(short.as_path()).map(drop))?;
        let socket = socket_path::stream()?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(short.as_path().as_os_str().as_bytes())?)?;
        // Nobody can connect before it listens, and by then it is private.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        rustix::net::listen(&socket, BACKLOG)?;
        let listener = UnixListener::from(socket);
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_owned(), reserve: std::fs::File::open("/dev/null").ok() })
    }

    /// The same socket once more, for whoever accepts otherwise.
    #[cfg(feature = "async")]
    pub(crate) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }

    /// The next connection, if there is one.
    pub(crate) fn accept(&mut self) -> Option<Connection> {
        match self.listener.accept() {
            Ok((stream, _)) => {
                // Some systems hand the listener's mode down.
                stream.set_nonblocking(false).ok()?;
                Some(Connection { stream })
            }
            Err(error) => {
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
                    self.reserve = None;
                    drop(self.listener.accept());
                    self.reserve = std::fs::File::open("/dev/null").ok();
                }
                None
            }
        }
    }
}

impl AsFd for Endpoint {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Creates the folder a socket is to stand in, for its owner only.
pub(super) fn prepare_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        _ => Ok(()),
    }
}

/// Removes a socket on which nobody listens.
pub(super) fn remove_stale(path: &Path, connect: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            let text = format!("{} is there and is not a socket; remove it", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Ok(_) => {}
    }
    match connect() {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full backlog or a missing right means that somebody listens.
        _ => {
            let text = format!("another process listens on {}", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
    }
}

pub(crate) fn connect(path: &Path, timeout: Duration) -> io::Result<Connection> {
    let short = ShortPath::new(path)?;
    let stream = socket_path::connect(short.as_path(), timeout)?;
    Ok(Connection { stream })
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
}

impl Connection {
    pub(crate) fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(timeout))?;
        self.stream.set_write_timeout(Some(timeout))
    }

    pub(crate) fn peer_is_allowed(&self) -> bool {
        peer_uid(&self.stream).is_ok_and(|uid| uid == 0 || uid == rustix::process::geteuid().as_raw())
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(target_os = "linux")]
fn peer_uid(stream: &UnixStream) -> io::Result<u32> {
    let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the option fills at most `size` bytes of a plain structure.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut size,
        )
    };
    if result == 0 { Ok(credentials.uid) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn peer_uid(stream: &UnixStream) -> io::Result<u32> {
    let (mut uid, mut gid) = (libc::uid_t::MAX, libc::gid_t::MAX);
    // SAFETY: both places are written only by the call.
    let result = unsafe { libc::getpeereid(stream.as_raw_fd(), &raw mut uid, &raw mut gid) };
    if result == 0 { Ok(uid) } else { Err(io::Error::last_os_error()) }
}

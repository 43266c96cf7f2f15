//! Unix side of [`crate::notify`]: a datagram socket in the file system.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::endpoint::{prepare_folder, remove_stale};
use super::socket_path::LONGEST as LONGEST_PATH;
use crate::process::Identity;

/// Longer notifications are cut.
const LONGEST: usize = 4096;

#[derive(Debug)]
pub(crate) struct NotifySocket {
    socket: UnixDatagram,
    /// Where it stands in the file system, if it does.
    path: Option<PathBuf>,
    address: PathBuf,
}

impl NotifySocket {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let too_long = path.as_os_str().len() >= LONGEST_PATH;
        let this = if too_long { Self::without_path(path)? } else { Self::at(path)? };
        this.socket.set_nonblocking(true)?;
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_socket_passcred(&this.socket, true)?;
        Ok(this)
    }

    fn at(path: &Path) -> io::Result<Self> {
        prepare_folder(path)?;
        remove_stale(path, || UnixDatagram::unbound()?.connect(path))?;
        let socket = UnixDatagram::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { socket, path: Some(path.to_owned()), address: path.to_owned() })
    }

    /// Programs could not write such a path into an address. Linux has a name space beside the file system; anybody can
    /// write to a socket there, so the sender counts, as it does anyway.
    #[cfg(target_os = "linux")]
    fn without_path(_path: &Path) -> io::Result<Self> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;

        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("abide/{}/{count}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        Ok(Self { socket, path: None, address: PathBuf::from(format!("@{name}")) })
    }

    #[cfg(not(target_os = "linux"))]
    fn without_path(path: &Path) -> io::Result<Self> {
        super::socket_path::ShortPath::new(path).and_then(|short| Self::at(short.as_path()))
    }

    pub(crate) fn address(&self) -> &Path {
        &self.address
    }

    pub(crate) fn allow(&self, identity: &Identity) -> io::Result<()> {
        let (Identity::User { name, groups }, Some(path)) = (identity, &self.path) else { return Ok(()) };
        let account = super::accounts::resolve(name, groups)?;
        if let Some(folder) = path.parent() {
            // To reach a socket one needs to pass its folder, not to list it.
            let mode = std::fs::metadata(folder)?.permissions().mode();
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode((mode & 0o7777) | 0o011))?;
        }
        std::os::unix::fs::chown(path, Some(account.uid), None)
    }

    /// The next notification and its sender, if there is one.
    pub(crate) fn receive(&mut self) -> Option<(Option<u32>, String)> {
        let mut bytes = [0_u8; LONGEST];
        let (length, pid) = receive(&self.socket, &mut bytes)?;
        let text = String::from_utf8_lossy(bytes.get(..length)?).into_owned();
        Some((pid, text))
    }
}

/// Receives one datagram. Descriptors sent along are closed by the kernel, since there is no room for them: that is how
/// a sender that waits for its notification to be seen learns that it was.
fn receive(socket: &UnixDatagram, bytes: &mut [u8]) -> Option<(usize, Option<u32>)> {
    let mut control = [0_u64; 8];
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: the header is plain data and points to buffers that outlive the call, with their true lengths.
    let (length, header) = unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_ROOM as _;
        (libc::recvmsg(socket.as_raw_fd(), &raw mut header, FLAGS), header)
    };
    Some((usize::try_from(length).ok()?, sender(&header)))
}

#[cfg(target_os = "linux")]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Room for the credentials and for nothing else.
#[cfg(target_os = "linux")]
// SAFETY: a computation.
const CONTROL_ROOM: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) } as usize;
#[cfg(not(target_os = "linux"))]
const CONTROL_ROOM: usize = 0;

#[cfg(target_os = "linux")]
fn sender(header: &libc::msghdr) -> Option<u32> {
    // SAFETY: the kernel filled the header and its control buffer, which is alive; the length of the message is checked
    // before its content is read, unaligned.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        if message.is_null()
            || (*message).cmsg_level != libc::SOL_SOCKET
            || (*message).cmsg_type != libc::SCM_CREDENTIALS
            || (*message).cmsg_len < libc::CMSG_LEN(size_of::<libc::ucred>() as u32) as _
        {
            return None;
        }
        let credentials = libc::CMSG_DATA(message).cast::<libc::ucred>().read_unaligned();
        u32::try_from(credentials.pid).ok().filter(|pid| *pid != 0)
    }
}

#[cfg(not(target_os = "linux"))]
fn sender(_header: &libc::msghdr) -> Option<u32> {
    None
}

impl AsFd for NotifySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

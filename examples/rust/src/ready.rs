//! Telling the supervisor "I am ready" by the `NOTIFY_SOCKET` protocol of systemd, which Abide speaks too.

use std::io;

/// Sends `READY=1` where a supervisor asked for it; does nothing elsewhere.
///
/// # Errors
/// The socket that the environment names cannot be reached.
#[cfg(unix)]
pub fn notify() -> io::Result<()> {
    use std::os::unix::net::UnixDatagram;
    match std::env::var_os("NOTIFY_SOCKET") {
        None => Ok(()),
        Some(path) => UnixDatagram::unbound()?.send_to(b"READY=1", path).map(drop),
    }
}

/// There is no such socket here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn notify() -> io::Result<()> {
    Ok(())
}

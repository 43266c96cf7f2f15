//! macOS and BSD side of [`crate::boot`].

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) fn started() -> io::Result<SystemTime> {
    let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut size = size_of::<libc::timeval>();
    // SAFETY: the name ends with NUL, and `time` has room for the `size` bytes that are announced.
    let outcome = unsafe {
        libc::sysctlbyname(
            c"kern.boottime".as_ptr(),
            (&raw mut time).cast(),
            &raw mut size,
            std::ptr::null_mut(),
            0,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(UNIX_EPOCH + Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)))
}

pub(crate) fn recorded() -> io::Result<Vec<SystemTime>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this operating system keeps no record of boots that Abide can read",
    ))
}

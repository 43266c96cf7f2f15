//! Windows side of [`crate::boot`].

use std::io;
use std::time::{Duration, SystemTime};

use windows_sys::Win32::System::SystemInformation::GetTickCount64;

pub(crate) fn started() -> io::Result<SystemTime> {
    // SAFETY: it takes nothing and cannot fail.
    let up = Duration::from_millis(unsafe { GetTickCount64() });
    SystemTime::now().checked_sub(up).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

pub(crate) fn recorded() -> io::Result<Vec<SystemTime>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "Windows keeps no record of boots that everybody may read",
    ))
}

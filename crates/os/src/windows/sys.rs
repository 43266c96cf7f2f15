//! The small change of calling Windows: texts, handles, answers and time-outs.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Threading::INFINITE;

/// A text as Windows takes it: UTF-16 and a closing NUL. Fails when it has a NUL of its own, which would cut it short.
pub(crate) fn wide(text: impl AsRef<OsStr>) -> io::Result<Vec<u16>> {
    let mut units = units(text)?;
    units.push(0);
    Ok(units)
}

/// The UTF-16 units of a text, without a closing NUL.
pub(crate) fn units(text: impl AsRef<OsStr>) -> io::Result<Vec<u16>> {
    let text = text.as_ref();
    let units: Vec<u16> = text.encode_wide().collect();
    if units.contains(&0) {
        let told = format!("{text:?} has a NUL character in it");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
    }
    Ok(units)
}

/// A text that Windows wrote into a buffer, up to its closing NUL.
pub(crate) fn from_wide(units: &[u16]) -> OsString {
    let end = units.iter().position(|&u| u == 0).unwrap_or(units.len());
    OsString::from_wide(&units[..end])
}

/// A text that Windows points to.
///
/// # Safety
/// `text` is null, or points to UTF-16 units that end with a NUL and live through the call.
pub(crate) unsafe fn text_at(text: *const u16) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for a NUL-terminated text, so every unit up to the NUL can be read.
    let units = unsafe {
        let mut length = 0;
        while *text.add(length) != 0 {
            length += 1;
        }
        std::slice::from_raw_parts(text, length)
    };
    String::from_utf16_lossy(units)
}

/// Turns the answer of a call that returns a `BOOL` into a result with the thread's last error.
pub(crate) fn check(answer: i32) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Turns a code of a call that returns its error into a result.
pub(crate) fn code(code: u32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(error(code)) }
}

/// A Windows error code as an error.
pub(crate) fn error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}

/// Whether an error carries this Windows error code.
pub(crate) fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// Takes over a handle that a call has just returned; null and the invalid value mean that the call failed.
///
/// # Safety
/// The handle was made by the call before, and nobody else owns it.
pub(crate) unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is valid, and the caller vouches that it is nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Milliseconds for a wait of so long, rounded up so that it never ends early, and never by chance "for ever".
pub(crate) fn milliseconds(wait: Duration) -> u32 {
    let up = wait.as_nanos().div_ceil(1_000_000);
    u32::try_from(up).unwrap_or(INFINITE - 1).min(INFINITE - 1)
}

/// Milliseconds until a moment; zero when it has passed, for ever when there is none.
pub(crate) fn until(moment: Option<Instant>) -> u32 {
    moment.map_or(INFINITE, |moment| milliseconds(moment.saturating_duration_since(Instant::now())))
}

/// The size of a structure as Windows wants it told.
pub(crate) const fn size_of<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}

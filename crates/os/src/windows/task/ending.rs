//! How a supervisor that the Task Scheduler started is asked to end: an event with a name that is made of the service's
//! place. It is there exactly as long as that supervisor is.

use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::path::Path;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, GetLastError,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, EVENT_MODIFY_STATE, OpenEventW, SYNCHRONIZATION_SYNCHRONIZE, SetEvent,
};

use crate::windows::endpoint;
use crate::windows::security::{Descriptor, Sid};
use crate::windows::sys::{check, is, owned, wide};

/// The name for the place of a service's control endpoint. `Global`: the user may ask from another session.
fn name_of(endpoint: &Path) -> io::Result<Vec<u16>> {
    let name = endpoint::name_of(endpoint)?;
    wide(format!(r"Global\{}", name.trim_start_matches(r"\\.\pipe\").replace('\\', "-")))
}

/// Makes the event of this supervisor, which only its user (and administrators) can set.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when another supervisor has it.
pub(crate) fn create(endpoint: &Path) -> io::Result<OwnedHandle> {
    let name = name_of(endpoint)?;
    let own = Sid::own()?.text()?;
    let descriptor = Descriptor::new(&format!("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;{own})"))?;
    let attributes = descriptor.attributes();
    // SAFETY: the name ends with a NUL, the descriptor in the attributes lives through the call; the handle is ours, and
    // the last error is that of this call also where it succeeds.
    let (event, last) =
        unsafe { (owned(CreateEventW(&raw const attributes, 1, 0, name.as_ptr()))?, GetLastError()) };
    if last == ERROR_ALREADY_EXISTS {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    Ok(event)
}

/// Whether the supervisor is there.
pub(crate) fn is_there(endpoint: &Path) -> io::Result<bool> {
    Ok(open(endpoint, SYNCHRONIZATION_SYNCHRONIZE)?.is_some())
}

/// Asks the supervisor to stop its program and end. Answers whether there was one.
pub(crate) fn ask(endpoint: &Path) -> io::Result<bool> {
    let Some(event) = open(endpoint, EVENT_MODIFY_STATE)? else { return Ok(false) };
    // SAFETY: the event is open.
    check(unsafe { SetEvent(event.as_raw_handle()) })?;
    Ok(true)
}

fn open(endpoint: &Path, access: u32) -> io::Result<Option<OwnedHandle>> {
    let name = name_of(endpoint)?;
    // SAFETY: the name ends with a NUL; the handle is ours.
    match unsafe { owned(OpenEventW(access, 0, name.as_ptr())) } {
        Ok(event) => Ok(Some(event)),
        Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(None),
        Err(error) if is(&error, ERROR_ACCESS_DENIED) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it runs with more rights than this prompt has",
        )),
        Err(error) => Err(error),
    }
}

//! Taking turns with other processes that change the same things: a mutex with a name that is made of their place. The
//! system frees it when its holder dies.

use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr;
use std::time::Duration;

use windows_sys::Win32::Foundation::{WAIT_ABANDONED, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{CreateMutexW, ReleaseMutex, WaitForSingleObject};

use super::endpoint;
use super::sys::{milliseconds, owned, wide};

/// The turn of this thread, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    mutex: OwnedHandle,
}

impl Turn {
    /// Waits for the turn at a place.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when somebody else has it for longer than this.
    pub(crate) fn take(place: &Path, patience: Duration) -> io::Result<Self> {
        let name = endpoint::name_of(&place.join("turn"))?;
        let name = wide(format!(r"Global\{}", name.trim_start_matches(r"\\.\pipe\").replace('\\', "-")))?;
        // SAFETY: the name ends with a NUL; the handle is ours.
        let mutex = unsafe { owned(CreateMutexW(ptr::null(), 0, name.as_ptr())) }?;
        // SAFETY: the handle is open.
        match unsafe { WaitForSingleObject(mutex.as_raw_handle(), milliseconds(patience)) } {
            WAIT_OBJECT_0 | WAIT_ABANDONED => Ok(Self { mutex }),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this thread has the mutex: a handle that leaves its thread would only fail here.
        unsafe { ReleaseMutex(self.mutex.as_raw_handle()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_turn_at_a_place() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let turn = Turn::take(one.path(), Duration::ZERO).unwrap();
        let refused = |place: &Path| {
            std::thread::scope(|scope| {
                scope.spawn(|| Turn::take(place, Duration::ZERO).is_err()).join().unwrap()
            })
        };
        assert!(refused(one.path()));
        assert!(!refused(other.path()));
        drop(turn);
        assert!(!refused(one.path()));
    }
}

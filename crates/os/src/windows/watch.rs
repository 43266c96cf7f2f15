//! Windows side of [`crate::watch`]: change notifications, and looking again where they come late.
//!
//! A file system may note that a file grew only when it is closed or flushed, so each wait is a short one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_NOTIFY_CHANGE_FILE_NAME, FILE_NOTIFY_CHANGE_LAST_WRITE, FILE_NOTIFY_CHANGE_SIZE,
    FindCloseChangeNotification, FindFirstChangeNotificationW, FindNextChangeNotification,
};
use windows_sys::Win32::System::Threading::WaitForSingleObject;

use super::sys::wide;
use crate::watch::Woken;

/// How soon to look again when nothing was told.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Watch {
    folder: PathBuf,
    changes: Option<Changes>,
}

/// A registered wish to be told of changes.
#[derive(Debug)]
struct Changes(HANDLE);

// SAFETY: the handle can be waited for and closed on any thread.
unsafe impl Send for Changes {}

impl Changes {
    /// Nothing where the folder is not there yet.
    fn of(folder: &Path) -> io::Result<Option<Self>> {
        let folder = wide(folder)?;
        // SAFETY: `folder` is a NUL-terminated text that lives through the call.
        let handle = unsafe {
            FindFirstChangeNotificationW(
                folder.as_ptr(),
                0,
                FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE,
            )
        };
        Ok((handle != INVALID_HANDLE_VALUE && !handle.is_null()).then_some(Self(handle)))
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and this is its end.
        unsafe { FindCloseChangeNotification(self.0) };
    }
}

impl Watch {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        Ok(Self { changes: Changes::of(&folder)?, folder })
    }

    pub(crate) fn wait(&mut self) -> io::Result<Woken> {
        self.pause(PAUSE);
        // A pipe that nobody reads is told by the next write alone.
        Ok(Woken::Changed)
    }

    pub(crate) fn wait_until(&mut self, until: Instant) -> io::Result<()> {
        self.pause(until.saturating_duration_since(Instant::now()).min(PAUSE));
        Ok(())
    }

    fn pause(&mut self, pause: Duration) {
        if self.changes.is_none() {
            // Not there yet, or not to be watched: looked at again after the pause.
            self.changes = Changes::of(&self.folder).ok().flatten();
        }
        match &self.changes {
            Some(Changes(handle)) => {
                // SAFETY: the handle is open.
                unsafe { WaitForSingleObject(*handle, pause.as_millis() as u32) };
                // SAFETY: as above. Where the folder is gone this fails, and it is looked for again.
                if unsafe { FindNextChangeNotification(*handle) } == 0 {
                    self.changes = None;
                }
            }
            None => std::thread::sleep(pause),
        }
    }
}

//! The Application log of Windows.

use std::io;
use std::ptr;

use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    RegisterEventSourceW, ReportEventW,
};

use super::sys::wide;
use crate::eventlog::Severity;

/// The one event there is: its text says everything. The service's source names this number's message, `%1`.
const EVENT: u32 = 1;

#[derive(Debug)]
pub(crate) struct EventLog {
    source: isize,
}

impl EventLog {
    pub(crate) fn open(service: &str) -> io::Result<Self> {
        let name = wide(service)?;
        // SAFETY: the name is a NUL-terminated text that lives through the call; null names this machine.
        let source = unsafe { RegisterEventSourceW(ptr::null(), name.as_ptr()) };
        if source.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { source: source as isize })
    }

    pub(crate) fn report(&self, severity: Severity, text: &str) -> io::Result<()> {
        let kind = match severity {
            Severity::Info => EVENTLOG_INFORMATION_TYPE,
            Severity::Warning => EVENTLOG_WARNING_TYPE,
            Severity::Error => EVENTLOG_ERROR_TYPE,
        };
        let text = wide(text)?;
        let texts = [text.as_ptr()];
        // SAFETY: the source is open until this value is dropped, and the one text is NUL-terminated and lives through
        // the call; the other pointers are null where that means "none".
        let taken = unsafe {
            ReportEventW(self.source as _, kind, 0, EVENT, ptr::null_mut(), 1, 0, texts.as_ptr(), ptr::null())
        };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // SAFETY: the source was opened by `open` and is closed once.
        unsafe { DeregisterEventSource(self.source as _) };
    }
}

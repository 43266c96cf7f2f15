//! The operating system's own log: what happens to a service is told there too, what its program prints never is.
//!
//! On Windows the Application log, under the service's name as source; elsewhere syslog, or lines on standard error with
//! the priority prefix that journald reads (`sd-daemon(3)`) where that is a journal.

use std::io;

#[cfg(unix)]
use crate::unix::eventlog as imp;
#[cfg(windows)]
use crate::windows::eventlog as imp;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The ordinary course of things.
    Info,
    /// Something went wrong and is being healed.
    Warning,
    /// Something went wrong and needs a person.
    Error,
}

/// An open log.
#[derive(Debug)]
pub struct EventLog {
    imp: imp::EventLog,
}

impl EventLog {
    /// Opens the log for events of one service.
    ///
    /// # Errors
    /// Fails when the operating system has no log to open.
    pub fn open(service: &str) -> io::Result<Self> {
        Ok(Self { imp: imp::EventLog::open(service)? })
    }

    /// Reports one event. A log that cannot be written loses it: nothing waits for a log.
    pub fn report(&self, severity: Severity, text: &str) {
        let _ = self.imp.report(severity, text);
    }

    /// Reports one event, and tells whether it was taken.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn try_report(&self, severity: Severity, text: &str) -> io::Result<()> {
        self.imp.report(severity, text)
    }
}

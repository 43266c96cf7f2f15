//! Lines on standard error, which the service manager passes on to its journal.

use std::io::{self, Write};

use crate::eventlog::Severity;

#[derive(Debug)]
pub(crate) struct EventLog;

impl EventLog {
    pub(crate) fn open(_service: &str) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn report(&self, severity: Severity, text: &str) {
        // Priorities of syslog(3).
        let priority = match severity {
            Severity::Info => 6,
            Severity::Warning => 4,
            Severity::Error => 3,
        };
        let lines: String = text.lines().map(|line| format!("<{priority}>{line}\n")).collect();
        let _ = io::stderr().write_all(lines.as_bytes());
    }
}

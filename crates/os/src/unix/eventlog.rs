//! syslog where it is at hand and standard error does not go to a journal; else lines on standard error.

use std::io::{self, Write};

use crate::eventlog::Severity;
use crate::syslog::{Syslog, stderr_is_journal};

#[derive(Debug)]
pub(crate) struct EventLog {
    syslog: Option<Syslog>,
}

impl EventLog {
    pub(crate) fn open(service: &str) -> io::Result<Self> {
        let syslog = if stderr_is_journal() { None } else { Syslog::open(service) };
        Ok(Self { syslog })
    }

    pub(crate) fn report(&self, severity: Severity, text: &str) -> io::Result<()> {
        // Priorities of syslog(3).
        let priority = match severity {
            Severity::Info => 6,
            Severity::Warning => 4,
            Severity::Error => 3,
        };
        if self.syslog.as_ref().is_some_and(|syslog| syslog.send(priority, text, &[])) {
            return Ok(());
        }
        let lines: String = text.lines().map(|line| format!("<{priority}>{line}\n")).collect();
        io::stderr().write_all(lines.as_bytes())
    }
}

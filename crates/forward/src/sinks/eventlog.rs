//! The Windows Event Log: lifecycle events, each under its service's name as source. What programs print never goes there.

use std::collections::HashMap;
use std::time::Duration;

use abide_logs::Level;
use abide_os::eventlog::{EventLog, Severity};

use super::OpenError;
use super::progress::Progress;
use crate::sink::{Batch, Limits, Origin, SendError, Sent, Sink};

/// The Event Log takes texts of at most 31,839 UTF-16 units.
const LONGEST: usize = 31_000;

/// Reports to the Event Log.
#[derive(Debug, Default)]
pub(super) struct WindowsLog {
    sources: HashMap<String, EventLog>,
    progress: Progress,
}

impl WindowsLog {
    pub(super) fn open() -> Result<Self, OpenError> {
        if std::env::consts::OS != "windows" {
            return Err(OpenError("eventlog is Windows' own; on this system use journald or syslog".into()));
        }
        Ok(Self::default())
    }

    fn report(&mut self, service: &str, level: Option<Level>, text: &str) -> std::io::Result<()> {
        let severity = match level {
            Some(Level::Error | Level::Fatal) => Severity::Error,
            Some(Level::Warn) => Severity::Warning,
            _ => Severity::Info,
        };
        if let Some(log) = self.sources.get(service) {
            return log.try_report(severity, text);
        }
        let log = EventLog::open(service)?;
        log.try_report(severity, text)?;
        self.sources.insert(service.to_owned(), log);
        Ok(())
    }
}

impl Sink for WindowsLog {
    fn limits(&self) -> Limits {
        Limits { records: 256, bytes: 1 << 20, age: Duration::from_millis(200) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        let before = self.progress.of(batch);
        for (at, record) in batch.iter().enumerate().skip(before) {
            if !matches!(record.origin, Origin::Event(_)) {
                continue;
            }
            let service = &record.service.name;
            if let Err(error) = self.report(service, record.level, &plain(&record.text())) {
                self.sources.remove(service);
                self.progress.keep(batch, at);
                return Err(SendError::retry(format!("the Event Log, source {service}: {error}")));
            }
        }
        Ok(Sent::default())
    }
}

/// A text as the Event Log takes it: not too long, and without NUL.
fn plain(text: &str) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= LONGEST
    };
    text.chars().take_while(fits).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_fit() {
        assert_eq!(super::plain("a\0b"), "a\u{fffd}b");
        assert_eq!(super::plain(&"😀".repeat(20_000)).encode_utf16().count(), 31_000);
    }
}

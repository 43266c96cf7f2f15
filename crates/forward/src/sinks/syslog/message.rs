//! The form of a message, RFC 5424.

use std::io::Write;

use super::super::attributes::{self, pieces};
use super::super::{OpenError, stamp};
use crate::sink::{Origin, Record};

/// By their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// What is the same in all messages.
#[derive(Debug)]
pub(super) struct Form {
    facility: u8,
    host: String,
    /// Bytes of the longest message. What is longer comes in parts.
    longest: usize,
    message: Vec<u8>,
}

impl Form {
    pub(super) fn new(facility: &str, host: &str, longest: usize) -> Result<Self, OpenError> {
        let number = FACILITIES.iter().position(|name| *name == facility).ok_or_else(|| {
            let all = FACILITIES.join(", ");
            OpenError(format!("facility: there is no `{facility}`; there are {all}"))
        })?;
        let facility = u8::try_from(number).unwrap_or_default();
        Ok(Self { facility, host: word(host, 255), longest, message: Vec::new() })
    }

    /// Makes the messages of a record: one, unless its body is too long for that.
    pub(super) fn messages(&mut self, record: &Record<'_>, mut take: impl FnMut(&[u8])) {
        self.head(record, None);
        if self.message.len() + record.body.len() <= self.longest {
            self.message.extend_from_slice(record.body);
            take(&self.message);
            return;
        }
        // Room for ` part="123456/123456"`.
        let room = self.longest.saturating_sub(self.message.len() + 24).max(256);
        let parts = pieces(record.body, room).count();
        for (at, piece) in pieces(record.body, room).enumerate() {
            self.head(record, Some((at + 1, parts)));
            self.message.extend_from_slice(piece);
            take(&self.message);
        }
    }

    /// Begins a message anew with all that stands before the body.
    fn head(&mut self, record: &Record<'_>, part: Option<(usize, usize)>) {
        let priority = self.facility * 8 + attributes::priority(record.level);
        let out = &mut self.message;
        out.clear();
        // Writing to memory cannot fail.
        let _ = write!(out, "<{priority}>1 ");
        stamp::rfc3339(out, record.time, 6);
        let kind = match &record.origin {
            Origin::Output(stream) => stream.name().to_owned(),
            Origin::Event(event) => word(&event.kind, 32),
        };
        let (host, service, uid) = (&self.host, word(&record.service.name, 48), record.uid);
        let _ = write!(out, " {host} {service} - {kind} [abide@32473 uid=\"{uid}\"");
        if let Some(level) = record.level {
            let _ = write!(out, " level=\"{level}\"");
        }
        if let Some((at, parts)) = part {
            let _ = write!(out, " part=\"{at}/{parts}\"");
        }
        out.extend(b"] ");
    }
}

/// A text as a word of the head: visible ASCII, and not too long; `-` for none.
fn word(text: &str, longest: usize) -> String {
    let visible = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let word: String = text.chars().map(visible).take(longest).collect();
    if word.is_empty() { "-".into() } else { word }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use abide_logs::{Level, Stream};

    use super::*;
    use crate::sink::{Event, Service, Uid};

    fn record<'a>(service: &'a Arc<Service>, origin: Origin<'a>, body: &'a [u8]) -> Record<'a> {
        let uid = Uid { origin: 'o', file: 7, offset: 255 };
        Record { service, origin, time: 1_709_164_800_123_456_789, level: Some(Level::Warn), body, uid }
    }

    fn messages(form: &mut Form, record: &Record<'_>) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        form.messages(record, |message| all.push(message.to_vec()));
        all
    }

    #[test]
    fn a_record_is_a_message() {
        let service = Arc::new(Service { name: "my orders".into(), ..Service::default() });
        let mut form = Form::new("local3", "höst", 2048).unwrap();
        let all = messages(&mut form, &record(&service, Origin::Output(Stream::Stderr), b"a\nb\0\xff"));
        let expected = b"<156>1 2024-02-29T00:00:00.123456Z h_st my_orders - stderr [abide@32473 uid=\"o7-ff\" level=\"warn\"] a\nb\0\xff";
        assert_eq!(all, [expected]);
        let event = Event { kind: "exited".into(), record: serde_json::Value::Null };
        let all = messages(&mut form, &record(&service, Origin::Event(&event), b"it ended"));
        assert!(String::from_utf8_lossy(&all[0]).contains(" - exited ["));
    }

    #[test]
    fn what_is_too_long_comes_in_parts_that_fit() {
        let service = Arc::new(Service { name: "a".into(), ..Service::default() });
        let body = "é".repeat(3000);
        let mut form = Form::new("daemon", "", 2048).unwrap();
        let all = messages(&mut form, &record(&service, Origin::Output(Stream::Stdout), body.as_bytes()));
        let mut joined = Vec::new();
        for (at, message) in all.iter().enumerate() {
            assert!(message.len() <= 2048);
            let text = std::str::from_utf8(message).unwrap();
            let (head, rest) = text.split_once("] ").unwrap();
            assert!(head.ends_with(&format!(" part=\"{}/{}\"", at + 1, all.len())), "{head}");
            joined.extend(rest.bytes());
        }
        assert!(all.len() == 4 && joined == body.as_bytes());
    }

    #[test]
    fn facilities_have_their_numbers() {
        assert_eq!(Form::new("daemon", "h", 2048).unwrap().facility, 3);
        assert_eq!(Form::new("local7", "h", 2048).unwrap().facility, 23);
        assert!(Form::new("demon", "h", 2048).unwrap_err().0.contains("daemon"));
    }
}

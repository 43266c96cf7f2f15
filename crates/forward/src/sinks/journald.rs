//! The journal of systemd, by its native protocol: a datagram a record.
//!
//! The journal gives each entry the time at which it came; `ABIDE_TIME` is when it was printed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use abide_os::journal::{Datagrams, JOURNAL};

use super::progress::Progress;
use super::{OpenError, attributes, stamp};
use crate::config::SinkConfig;
use crate::sink::{Batch, Limits, Origin, Record, SendError, Sent, Sink};

/// Sends to the journal.
#[derive(Debug)]
pub(super) struct Journald {
    path: PathBuf,
    patience: Duration,
    socket: Option<Datagrams>,
    progress: Progress,
    message: Vec<u8>,
}

impl Journald {
    pub(super) fn open(config: &SinkConfig) -> Result<Self, OpenError> {
        if std::env::consts::OS != "linux" {
            return Err(OpenError("journald is Linux' own; on this system use another kind".into()));
        }
        let path = match &config.url {
            Some(url) => url.strip_prefix("unix://").unwrap_or(url),
            None => JOURNAL,
        };
        Ok(Self {
            path: path.into(),
            patience: config.timeout.get(),
            socket: None,
            progress: Progress::default(),
            message: Vec::new(),
        })
    }

    fn failed(&self, error: &io::Error) -> SendError {
        let why = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it does not read in time".into(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => "no journal listens there".into(),
            _ => error.to_string(),
        };
        SendError::retry(format!("the journal at {}: {why}", self.path.display()))
    }

    fn send_from(&mut self, batch: &Batch, sent: &mut usize) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => Datagrams::connect(&self.path, self.patience)?,
        };
        for record in batch.iter().skip(*sent) {
            self.message.clear();
            entry(&mut self.message, batch, &record);
            socket.send_to_journal(&self.message)?;
            *sent += 1;
        }
        self.socket = Some(socket);
        Ok(())
    }
}

impl Sink for Journald {
    fn limits(&self) -> Limits {
        Limits { records: 1024, bytes: 4 << 20, age: Duration::from_millis(200) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        let mut sent = self.progress.of(batch);
        match self.send_from(batch, &mut sent) {
            Ok(()) => Ok(Sent::default()),
            Err(error) => {
                self.progress.keep(batch, sent);
                Err(self.failed(&error))
            }
        }
    }
}

/// Appends an entry.
fn entry(out: &mut Vec<u8>, batch: &Batch, record: &Record<'_>) {
    field(out, "MESSAGE", record.body);
    field(out, "PRIORITY", &[b'0' + attributes::priority(record.level)]);
    field(out, "SYSLOG_IDENTIFIER", record.service.name.as_bytes());
    field(out, "ABIDE_SERVICE", record.service.name.as_bytes());
    let mut time = Vec::with_capacity(30);
    stamp::rfc3339(&mut time, record.time, 9);
    field(out, "ABIDE_TIME", &time);
    field(out, "ABIDE_UID", record.uid.to_string().as_bytes());
    if let Some(version) = &record.service.version {
        field(out, "ABIDE_VERSION", version.as_bytes());
    }
    if let Some(level) = record.level {
        field(out, "ABIDE_LEVEL", level.name().as_bytes());
    }
    match &record.origin {
        Origin::Output(stream) => field(out, "ABIDE_STREAM", stream.name().as_bytes()),
        Origin::Event(event) => {
            field(out, "ABIDE_EVENT", event.kind.as_bytes());
            field(out, "MESSAGE_ID", message_id(&event.kind).as_bytes());
            for (key, value) in attributes::of_event(event) {
                let key = key.strip_prefix("abide.").unwrap_or(&key).to_owned();
                field(out, &format!("ABIDE_EVENT_{}", name(&key)), attributes::plain(value).as_bytes());
            }
        }
    }
    for (key, value) in &batch.host().resource {
        field(out, &format!("ABIDE_RESOURCE_{}", name(key)), value.as_bytes());
    }
}

/// Appends `KEY=value`, or the form for what a line feed would end too early.
fn field(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    out.extend_from_slice(key.as_bytes());
    if memchr::memchr(b'\n', value).is_some() {
        out.push(b'\n');
        out.extend((value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// A name as the journal has them. It takes at most 64 characters, of which ours have a few at the beginning.
fn name(key: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    key.chars().map(upper).take(40).collect()
}

/// What `journalctl MESSAGE_ID=…` finds all events of a kind by.
pub(super) fn message_id(kind: &str) -> String {
    let hash = |basis: u64| {
        kind.bytes().fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    format!("{:016x}{:016x}", hash(0x6162_6964_655f_6576), hash(0xcbf2_9ce4_8422_2325))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_line_feeds_cannot_become_fields() {
        let mut out = Vec::new();
        field(&mut out, "A", b"one\nUSER=root");
        field(&mut out, "B", b"\0\xff");
        let mut expected = b"A\n".to_vec();
        expected.extend(13_u64.to_le_bytes());
        expected.extend(b"one\nUSER=root\nB=\0\xff\n");
        assert_eq!(out, expected);
    }

    #[test]
    fn names_and_ids_are_what_the_journal_takes() {
        assert_eq!(name("deployment.environment.name"), "DEPLOYMENT_ENVIRONMENT_NAME");
        // They stand in people's filters, and never change.
        assert_eq!(message_id("started").len(), 32);
        assert_ne!(message_id("started"), message_id("exited"));
    }
}

//! syslog, RFC 5424: over UDP, over TCP and TLS with the length before each message, and to a socket of this machine.
//!
//! syslog has no answer. Over TCP and TLS a batch counts as taken when the other side, told that no more comes, has closed
//! the connection in good order: then it has read everything. A datagram counts as taken when it has left.

use std::time::Duration;

use super::OpenError;
use super::progress::Progress;
use crate::config::SinkConfig;
use crate::sink::{Batch, Host, Limits, SendError, Sent, Sink};

mod address;
mod link;
mod message;

use address::{Address, Way};
use link::Link;
use message::Form;

/// Sends to a syslog server.
#[derive(Debug)]
pub(super) struct Syslog {
    link: Link,
    form: Form,
    progress: Progress,
    bytes: Vec<u8>,
}

impl Syslog {
    pub(super) fn open(config: &SinkConfig, host: &Host) -> Result<Self, OpenError> {
        let url = config.url.as_deref().ok_or_else(|| OpenError("`url` is missing".into()))?;
        let address = Address::parse(url)?;
        let facility = config.facility.as_deref().unwrap_or("daemon");
        // What everybody takes: rsyslog 8 KiB with what stands before it, over UDP every receiver 2 KiB.
        let longest = if address.way == Way::Udp { 2048 } else { 8000 };
        let form = Form::new(facility, &host.name, longest)?;
        let link = Link::new(address, config)?;
        Ok(Self { link, form, progress: Progress::default(), bytes: Vec::new() })
    }

    fn stream(&mut self, batch: &Batch) -> Result<(), SendError> {
        self.bytes.clear();
        for record in batch.iter() {
            self.form.messages(&record, |message| {
                self.bytes.extend(message.len().to_string().into_bytes());
                self.bytes.push(b' ');
                self.bytes.extend_from_slice(message);
            });
        }
        self.link.deliver(&self.bytes)
    }

    fn datagrams(&mut self, batch: &Batch) -> Result<(), SendError> {
        let before = self.progress.of(batch);
        for (at, record) in batch.iter().enumerate().skip(before) {
            let mut sent = Ok(());
            self.form.messages(&record, |message| {
                if sent.is_ok() {
                    sent = self.link.datagram(message);
                }
            });
            if let Err(error) = sent {
                self.progress.keep(batch, at);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Sink for Syslog {
    fn limits(&self) -> Limits {
        Limits { records: 4096, bytes: 1 << 20, age: Duration::from_secs(1) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        if self.link.is_stream() {
            self.stream(batch)?
        } else {
            self.datagrams(batch)?
        }
        Ok(Sent::default())
    }
}

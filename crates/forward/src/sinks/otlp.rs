//! OTLP over HTTP: `POST /v1/logs` with protobuf.

use std::time::Duration;

use abide_logs::Level;
use serde_json::Value;

use super::http::{Client, Coding, Scheme, excerpt};
use super::protobuf::{Field, Fields, bytes, fixed64, message, number};
use super::{OpenError, attributes};
use crate::config::SinkConfig;
use crate::sink::{Batch, Group, Host, Limits, Origin, Record, SendError, Sent, Sink};

const CONTENT: &str = "application/x-protobuf";

/// Sends to a collector.
#[derive(Debug)]
pub(super) struct Otlp {
    client: Client,
    body: Vec<u8>,
}

impl Otlp {
    pub(super) fn open(config: &SinkConfig) -> Result<Self, OpenError> {
        Ok(Self { client: Client::open(config, "/v1/logs", Scheme::Basic, Coding::Gzip)?, body: Vec::new() })
    }
}

impl Sink for Otlp {
    fn limits(&self) -> Limits {
        // Receivers refuse more than 20 MiB; a gRPC server behind a collector more than 4.
        Limits { records: 8192, bytes: 2 << 20, age: Duration::from_secs(1) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        self.body.clear();
        encode(&mut self.body, batch);
        let answer = self.client.post("", CONTENT, &self.body)?;
        if answer.is_good() {
            let (rejected, why) = partial_success(&answer.body);
            return Ok(Sent { rejected: rejected.min(batch.len() as u64), why });
        }
        let why = status_message(&answer.body).unwrap_or_else(|| answer.excerpt());
        Err(self.client.refusal(&answer, &why))
    }
}

/// Appends an `ExportLogsServiceRequest`.
pub(super) fn encode(out: &mut Vec<u8>, batch: &Batch) {
    for group in batch.groups() {
        message(out, 1, |out| {
            message(out, 1, |out| resource(out, batch.host(), &group));
            message(out, 2, |out| {
                message(out, 1, |out| {
                    bytes(out, 1, b"abide");
                    bytes(out, 2, env!("CARGO_PKG_VERSION").as_bytes());
                });
                for record in group.iter() {
                    message(out, 2, |out| log_record(out, &record));
                }
            });
        });
    }
}

fn resource(out: &mut Vec<u8>, host: &Host, group: &Group<'_>) {
    attributes::of_resource(host, group.service, |key, value| text(out, 1, key, value));
}

fn log_record(out: &mut Vec<u8>, record: &Record<'_>) {
    fixed64(out, 1, record.time);
    if let Some(level) = record.level {
        number(out, 2, severity(level).into());
        bytes(out, 3, attributes::severity_text(level).as_bytes());
    }
    message(out, 5, |out| match std::str::from_utf8(record.body) {
        Ok(text) => bytes(out, 1, text.as_bytes()),
        // A string has to be UTF-8; as bytes it arrives as it was printed.
        Err(_) => bytes(out, 7, record.body),
    });
    if let Some(stream) = record.stream() {
        text(out, 6, "log.iostream", stream.name());
    }
    message(out, 6, |out| {
        bytes(out, 1, b"log.record.uid");
        message(out, 2, |out| message(out, 1, |out| write_uid(out, record)));
    });
    if let Origin::Event(event) = &record.origin {
        for (key, value) in attributes::of_event(event) {
            pair(out, 6, &key, value);
        }
    }
    fixed64(out, 11, record.time);
    if let Origin::Event(event) = &record.origin {
        bytes(out, 12, attributes::event_name(event).as_bytes());
    }
}

fn write_uid(out: &mut Vec<u8>, record: &Record<'_>) {
    use std::io::Write;
    // Writing to memory cannot fail.
    let _ = write!(out, "{}", record.uid);
}

/// Appends a `KeyValue` with a text.
fn text(out: &mut Vec<u8>, field: u8, key: &str, value: &str) {
    message(out, field, |out| {
        bytes(out, 1, key.as_bytes());
        message(out, 2, |out| bytes(out, 1, value.as_bytes()));
    });
}

/// Appends a `KeyValue`.
fn pair(out: &mut Vec<u8>, field: u8, key: &str, value: &Value) {
    message(out, field, |out| {
        bytes(out, 1, key.as_bytes());
        message(out, 2, |out| any_value(out, value));
    });
}

/// Appends what is in an `AnyValue`.
fn any_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(truth) => out.extend([2 << 3, u8::from(*truth)]),
        Value::String(text) => bytes(out, 1, text.as_bytes()),
        Value::Number(n) => match n.as_i64() {
            Some(whole) => {
                out.push(3 << 3);
                super::protobuf::varint(out, whole.cast_unsigned());
            }
            None => fixed64(out, 4, n.as_f64().unwrap_or_default().to_bits()),
        },
        Value::Array(values) => message(out, 5, |out| {
            for value in values {
                message(out, 1, |out| any_value(out, value));
            }
        }),
        Value::Object(pairs) => message(out, 6, |out| {
            for (key, value) in pairs {
                pair(out, 1, key, value);
            }
        }),
    }
}

/// The numbers of OpenTelemetry.
pub(super) const fn severity(level: Level) -> u8 {
    match level {
        Level::Trace => 1,
        Level::Debug => 5,
        Level::Info => 9,
        Level::Warn => 13,
        Level::Error => 17,
        Level::Fatal => 21,
    }
}

/// How many records were refused, and why. Collectors also say that all went well by an empty message here.
fn partial_success(body: &[u8]) -> (u64, Option<String>) {
    let (mut rejected, mut why) = (0, None);
    for (field, value) in Fields(body) {
        let (1, Field::Bytes(inner)) = (field, value) else { continue };
        for inner in Fields(inner) {
            match inner {
                (1, Field::Number(count)) => rejected = count,
                (2, Field::Bytes(text)) if !text.is_empty() => why = Some(excerpt(text)),
                _ => {}
            }
        }
    }
    // A negative number is nonsense.
    if rejected > i64::MAX.cast_unsigned() {
        rejected = 0;
    }
    (rejected, why)
}

/// The text of a `google.rpc.Status`.
fn status_message(body: &[u8]) -> Option<String> {
    Fields(body).find_map(|field| match field {
        (2, Field::Bytes(text)) if !text.is_empty() => Some(excerpt(text)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_partial_success_is_a_success() {
        assert_eq!(partial_success(b""), (0, None));
        assert_eq!(partial_success(&[0x0a, 0]), (0, None));
        let mut body = Vec::new();
        message(&mut body, 1, |out| {
            number(out, 1, 3);
            bytes(out, 2, b"too old\nand more");
        });
        assert_eq!(partial_success(&body), (3, Some("too old".into())));
    }

    #[test]
    fn an_error_says_why() {
        let mut body = Vec::new();
        number(&mut body, 1, 3);
        bytes(&mut body, 2, b"no such field");
        assert_eq!(status_message(&body).as_deref(), Some("no such field"));
        assert_eq!(status_message(b"<html>"), None);
    }
}

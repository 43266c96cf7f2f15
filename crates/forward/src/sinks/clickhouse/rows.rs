//! Rows in ClickHouse's `RowBinary`.

use std::io::Write;

use super::super::attributes;
use super::super::otlp::severity;
use super::super::protobuf::varint;
use super::table::Column;
use crate::sink::{Batch, Origin, Record};

/// Appends the rows of a batch.
pub(super) fn encode(out: &mut Vec<u8>, batch: &Batch, columns: &[Column]) {
    let mut resource = Vec::new();
    for group in batch.groups() {
        resource.clear();
        let mut pairs = Vec::new();
        attributes::of_resource(batch.host(), group.service, |key, value| pairs.push((key, value)));
        varint(&mut resource, pairs.len() as u64);
        for (key, value) in pairs {
            text(&mut resource, key.as_bytes());
            text(&mut resource, value.as_bytes());
        }
        for record in group.iter() {
            for column in columns {
                cell(out, *column, &record, &resource);
            }
        }
    }
}

fn cell(out: &mut Vec<u8>, column: Column, record: &Record<'_>, resource: &[u8]) {
    match column {
        Column::Timestamp(digits) => {
            let time = record.time / 10_u64.pow(9 - digits);
            out.extend(time.cast_signed().to_le_bytes());
        }
        Column::TimestampTime => {
            out.extend(u32::try_from(record.time / 1_000_000_000).unwrap_or(u32::MAX).to_le_bytes());
        }
        Column::SeverityText => text(out, record.level.map_or("", attributes::severity_text).as_bytes()),
        Column::SeverityNumber(width) => {
            let number = u64::from(record.level.map_or(0, severity)).to_le_bytes();
            out.extend(&number[..width]);
        }
        Column::ServiceName => text(out, record.service.name.as_bytes()),
        Column::Body => text(out, record.body),
        Column::ResourceAttributes => out.extend_from_slice(resource),
        Column::ScopeName => text(out, b"abide"),
        Column::ScopeVersion => text(out, env!("CARGO_PKG_VERSION").as_bytes()),
        Column::LogAttributes => log_attributes(out, record),
        Column::EventName => match &record.origin {
            Origin::Event(event) => text(out, attributes::event_name(event).as_bytes()),
            Origin::Output(_) => text(out, b""),
        },
    }
}

fn log_attributes(out: &mut Vec<u8>, record: &Record<'_>) {
    let mut uid = [0; 40];
    let mut rest = &mut uid[..];
    // It is shorter than that.
    let _ = write!(rest, "{}", record.uid);
    let left = rest.len();
    let uid = &uid[..uid.len() - left];
    match &record.origin {
        Origin::Output(stream) => {
            varint(out, 2);
            text(out, b"log.iostream");
            text(out, stream.name().as_bytes());
            text(out, b"log.record.uid");
            text(out, uid);
        }
        Origin::Event(event) => {
            varint(out, 1 + attributes::of_event(event).count() as u64);
            text(out, b"log.record.uid");
            text(out, uid);
            for (key, value) in attributes::of_event(event) {
                text(out, key.as_bytes());
                text(out, attributes::plain(value).as_bytes());
            }
        }
    }
}

/// Appends a `String`.
fn text(out: &mut Vec<u8>, text: &[u8]) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text);
}

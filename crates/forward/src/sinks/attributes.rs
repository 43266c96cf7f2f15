//! What is said of a record beside its body, by the names of OpenTelemetry.

use std::borrow::Cow;

use abide_logs::Level;
use serde_json::Value;

use crate::sink::{Batch, Event, Host, Service};

/// Tells each attribute that all records of a service on a host share. What the configuration adds comes last and cannot
/// replace who it was.
pub(super) fn of_resource<'a>(host: &'a Host, service: &'a Service, mut tell: impl FnMut(&'a str, &'a str)) {
    let known = [
        ("service.name", Some(service.name.as_str())),
        ("service.version", service.version.as_deref()),
        ("service.instance.id", Some(service.instance.as_str())),
        ("host.name", Some(host.name.as_str())),
        ("host.id", host.id.as_deref()),
        ("os.type", Some(host.os)),
    ];
    for (key, value) in known {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tell(key, value);
        }
    }
    for (key, value) in &host.resource {
        if !known.iter().any(|(taken, value)| taken == key && value.is_some_and(|value| !value.is_empty())) {
            tell(key, value);
        }
    }
}

/// The name of an event in telemetry.
pub(super) fn event_name(event: &Event) -> String {
    format!("abide.service.{}", event.kind)
}

/// What is known of an event beside its text, by names of its own.
pub(super) fn of_event(event: &Event) -> impl Iterator<Item = (String, &Value)> {
    let fields = event.record.as_object().into_iter().flatten();
    fields
        .filter(|(key, value)| *key != "kind" && !value.is_null())
        .map(|(key, value)| (if key == "pid" { "process.pid".into() } else { format!("abide.{key}") }, value))
}

/// A value as text: a text as it is, all else as JSON.
pub(super) fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A level as OpenTelemetry writes it.
pub(super) const fn severity_text(level: Level) -> &'static str {
    match level {
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
        Level::Fatal => "FATAL",
    }
}

/// A level as syslog and the journal count it.
pub(super) const fn priority(level: Option<Level>) -> u8 {
    match level {
        Some(Level::Fatal) => 2,
        Some(Level::Error) => 3,
        Some(Level::Warn) => 4,
        Some(Level::Info) | None => 6,
        Some(Level::Debug | Level::Trace) => 7,
    }
}

/// Tells a batch from all others: the same records make the same token, after a crash too.
pub(super) fn token(batch: &Batch) -> String {
    // FNV-1a: not against malice, and the same in every version.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    add(batch.host().name.as_bytes());
    for group in batch.groups() {
        add(group.service.name.as_bytes());
        add(group.service.instance.as_bytes());
        for record in group.iter() {
            add(&[record.uid.origin as u8]);
            add(&record.uid.file.to_le_bytes());
            add(&record.uid.offset.to_le_bytes());
        }
    }
    format!("abide-{hash:016x}-{}", batch.len())
}

/// A body in pieces of at most `longest` bytes, never through the middle of a character.
pub(super) fn pieces(body: &[u8], longest: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let body = rest?;
        if body.len() <= longest {
            return rest.take();
        }
        // A character has at most three bytes that are not its first.
        let mut at = longest.max(4);
        if let Some(back) = (0..4).find(|back| body.get(at - back).is_none_or(|byte| byte & 0xc0 != 0x80)) {
            at -= back;
        }
        let (piece, left) = body.split_at(at.min(body.len()));
        rest = Some(left).filter(|left| !left.is_empty());
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_make_up_the_body(text: String, longest in 4_usize..20) {
            let all: Vec<_> = pieces(text.as_bytes(), longest).collect();
            prop_assert_eq!(all.concat(), text.as_bytes());
            for piece in all {
                prop_assert!(piece.len() <= longest && std::str::from_utf8(piece).is_ok());
            }
        }

        #[test]
        fn bytes_that_are_no_text_are_cut_too(body: Vec<u8>, longest in 4_usize..20) {
            let all: Vec<_> = pieces(&body, longest).collect();
            prop_assert_eq!(&all.concat(), &body);
            prop_assert!(all.iter().all(|piece| piece.len() <= longest));
        }
    }

    #[test]
    fn what_is_empty_is_one_piece() {
        assert_eq!(pieces(b"", 10).count(), 1);
    }

    #[test]
    fn a_configuration_cannot_pretend_to_be_another_service() {
        let host = Host {
            name: "h".into(),
            resource: [("service.name", "x"), ("host.id", "y"), ("team", "z")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Host::default()
        };
        let service = Service { name: "web".into(), ..Service::default() };
        let mut told = Vec::new();
        of_resource(&host, &service, |key, value| told.push((key, value)));
        assert_eq!(told, [("service.name", "web"), ("host.name", "h"), ("host.id", "y"), ("team", "z")]);
    }
}

//! Loki's push API: protobuf in a snappy block.
//!
//! Labels make streams, and streams are dear: only the service, the host, the stream and the environment are labels, and what
//! the configuration adds. All else is structured metadata.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use abide_logs::Stream;

use super::attributes::{self, pieces};
use super::http::{Client, Coding, Scheme};
use super::protobuf::{bytes, message, number};
use super::{OpenError, http};
use crate::config::{Compress, SinkConfig};
use crate::sink::{Batch, Group, Host, Limits, Origin, Record, SendError, Sent, Sink};

const CONTENT: &str = "application/x-protobuf";

/// Longer lines are refused by a Loki that nobody has configured.
const LONGEST_LINE: usize = 256 << 10;

/// Times are exact to this, in nanoseconds: lines that seem to have come at once are given times one after the other
/// within it.
const EXACT: u64 = 10_000_000;

/// Nothing was stored, as somebody has decided there. That it is no error is there to keep clients from trying again.
const BLOCKED: u16 = 260;

/// Sends to Loki.
#[derive(Debug)]
pub(super) struct Loki {
    client: Client,
    encoder: Encoder,
    snappy: snap::raw::Encoder,
    body: Vec<u8>,
}

impl Loki {
    pub(super) fn open(config: &SinkConfig) -> Result<Self, OpenError> {
        if !matches!(config.compress, Compress::Auto) {
            let why = "compress: what Loki takes is compressed by its own way already; leave it out";
            return Err(OpenError(why.into()));
        }
        let mut client = Client::open(config, "/loki/api/v1/push", Scheme::Basic, Coding::Plain)?;
        if let Some(tenant) = &config.tenant {
            client.header("x-scope-orgid", tenant)?;
        }
        for name in config.labels.keys() {
            if !is_label(name) {
                let why = format!(
                    "labels: `{name}` is no name of a label: letters, digits and `_`, no digit first"
                );
                return Err(OpenError(why));
            }
        }
        let encoder = Encoder { labels: config.labels.clone(), times: HashMap::new() };
        Ok(Self { client, encoder, snappy: snap::raw::Encoder::new(), body: Vec::new() })
    }
}

impl Sink for Loki {
    fn limits(&self) -> Limits {
        // Loki takes 4 MB a second of a tenant, and 4 MB at once, unless it is told otherwise.
        Limits { records: 8192, bytes: 1 << 20, age: Duration::from_secs(1) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        self.body.clear();
        let times = self.encoder.encode(&mut self.body, batch);
        let body = self
            .snappy
            .compress_vec(&self.body)
            .map_err(|error| SendError::reject(format!("cannot compress: {error}")))?;
        let answer = self.client.post("", CONTENT, &body)?;
        if answer.is_good() {
            // Not before: what is sent again has to have the times it had, so that Loki knows it again.
            self.encoder.times.extend(times);
            return Ok(Sent::default());
        }
        let why = answer.excerpt();
        match answer.status {
            BLOCKED => {
                let why = http::excerpt(format!("Loki is told to take nothing from here: {why}").as_bytes());
                Ok(Sent { rejected: batch.len() as u64, why: Some(why) })
            }
            500 => Err(SendError::retry(format!("{}: status 500: {why}", self.client.shown()))),
            _ => Err(self.client.refusal(&answer, &why)),
        }
    }
}

/// What labels a stream of Loki, and the time of its last line.
type Times = HashMap<Vec<u8>, u64>;

#[derive(Debug)]
struct Encoder {
    labels: BTreeMap<String, String>,
    times: Times,
}

impl Encoder {
    /// Appends a `PushRequest`. Answers the times that its streams have come to.
    fn encode(&self, out: &mut Vec<u8>, batch: &Batch) -> Times {
        let mut times = Times::new();
        for group in batch.groups() {
            let shared = shared_metadata(batch.host(), &group);
            for stream in [Some(Stream::Stdout), Some(Stream::Stderr), None] {
                if !group.iter().any(|record| record.stream() == stream) {
                    continue;
                }
                let labels = self.labels(batch.host(), &group, stream);
                let mut last = times.get(&labels).or_else(|| self.times.get(&labels)).copied();
                message(out, 1, |out| {
                    bytes(out, 1, &labels);
                    for record in group.iter().filter(|record| record.stream() == stream) {
                        entries(out, &record, &shared, &mut last);
                    }
                });
                times.extend(last.map(|last| (labels, last)));
            }
        }
        times
    }

    /// `{host="…", service_name="…", stream="stdout"}`.
    fn labels(&self, host: &Host, group: &Group<'_>, stream: Option<Stream>) -> Vec<u8> {
        let mut all: BTreeMap<&str, &str> =
            self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(environment) = host.resource.get("deployment.environment.name") {
            all.insert("env", environment);
        }
        all.insert("host", &host.name);
        all.insert("service_name", &group.service.name);
        all.insert("stream", stream.map_or("events", Stream::name));
        let pairs: Vec<_> = all.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        format!("{{{}}}", pairs.join(", ")).into_bytes()
    }
}

/// The entries of a record: one, unless its body is too long for that.
fn entries(out: &mut Vec<u8>, record: &Record<'_>, shared: &[u8], last: &mut Option<u64>) {
    let text = record.text();
    let parts = if text.len() <= LONGEST_LINE { 1 } else { pieces(text.as_bytes(), LONGEST_LINE).count() };
    for (at, piece) in pieces(text.as_bytes(), LONGEST_LINE).enumerate() {
        // Lines that are the same at the same time are one to Loki.
        let time = match *last {
            Some(last) if record.time <= last && last - record.time < EXACT => last + 1,
            _ => record.time,
        };
        *last = Some(time);
        message(out, 2, |out| {
            message(out, 1, |out| {
                number(out, 1, time / 1_000_000_000);
                number(out, 2, time % 1_000_000_000);
            });
            bytes(out, 2, piece);
            if let Some(level) = record.level {
                pair(out, "level", level.name());
            }
            if parts > 1 {
                pair(out, "part", &format!("{}/{parts}", at + 1));
            }
            pair(out, "uid", &record.uid.to_string());
            if let Origin::Event(event) = &record.origin {
                pair(out, "event_name", &attributes::event_name(event));
                for (key, value) in attributes::of_event(event) {
                    pair(out, &name(&key), &attributes::plain(value));
                }
            }
            out.extend_from_slice(shared);
        });
    }
}

/// The metadata that all entries of a service have.
fn shared_metadata(host: &Host, group: &Group<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    attributes::of_resource(host, group.service, |key, value| {
        // These are labels.
        if !matches!(key, "service.name" | "host.name" | "deployment.environment.name") {
            pair(&mut out, &name(key), value);
        }
    });
    out
}

/// Appends a pair of structured metadata.
fn pair(out: &mut Vec<u8>, name: &str, value: &str) {
    message(out, 3, |out| {
        bytes(out, 1, name.as_bytes());
        bytes(out, 2, value.as_bytes());
    });
}

/// A name as Loki has them: `host.id` is `host_id`.
fn name(key: &str) -> String {
    let mut name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

fn is_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text in quotes, as Go writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use abide_logs::Level;

    use super::*;
    use crate::sink::{Service, Uid};
    use crate::sinks::protobuf::{Field, Fields};

    fn encoder() -> Encoder {
        Encoder { labels: [("team".to_owned(), "a\"b".to_owned())].into(), times: Times::new() }
    }

    /// Labels, and times and lines.
    type Pushed = (String, Vec<(u64, Vec<u8>)>);

    fn read(body: &[u8]) -> Vec<Pushed> {
        let inner = |field: Field<'_>| match field {
            Field::Bytes(bytes) => bytes.to_vec(),
            Field::Number(_) => panic!("a number"),
        };
        let mut streams = Vec::new();
        for (_, stream) in Fields(body) {
            let (mut labels, mut entries) = (String::new(), Vec::new());
            for (field, value) in Fields(&inner(stream)) {
                if field == 1 {
                    labels = String::from_utf8(inner(value)).unwrap();
                    continue;
                }
                let (mut time, mut line) = (0, Vec::new());
                for (field, value) in Fields(&inner(value)) {
                    match field {
                        1 => {
                            for part in Fields(&inner(value)) {
                                match part {
                                    (1, Field::Number(seconds)) => time += seconds * 1_000_000_000,
                                    (2, Field::Number(nanoseconds)) => time += nanoseconds,
                                    _ => panic!("no time"),
                                }
                            }
                        }
                        2 => line = inner(value),
                        _ => {}
                    }
                }
                entries.push((time, line));
            }
            streams.push((labels, entries));
        }
        streams
    }

    fn batch(lines: &[(Stream, u64, &[u8])]) -> Batch {
        let host = Host { name: "h".into(), ..Host::default() };
        let mut batch = Batch::new(Arc::new(host));
        let service = Arc::new(Service { name: "web".into(), ..Service::default() });
        for (at, (stream, time, body)) in lines.iter().enumerate() {
            let uid = Uid { origin: 'o', file: 1, offset: at as u64 };
            batch.push_output(&service, *stream, *time, Some(Level::Info), body, uid);
        }
        batch
    }

    #[test]
    fn lines_of_one_moment_stay_apart_and_in_order() {
        use Stream::{Stderr, Stdout};
        let batch = batch(&[
            (Stdout, 5_000_000_000, b"same"),
            (Stderr, 5_000_000_000, b"other"),
            (Stdout, 5_000_000_000, b"same"),
            (Stdout, 5_010_000_000, b"l\xffter"),
            (Stdout, 4_000_000_000, b"clock set back"),
        ]);
        let mut encoder = encoder();
        let mut body = Vec::new();
        let times = encoder.encode(&mut body, &batch);
        let expected = |start: u64| {
            vec![
                (
                    r#"{host="h", service_name="web", stream="stdout", team="a\"b"}"#.to_owned(),
                    vec![
                        (start, b"same".to_vec()),
                        (start + 1, b"same".to_vec()),
                        (5_010_000_000, "l\u{fffd}ter".into()),
                        (4_000_000_000, b"clock set back".to_vec()),
                    ],
                ),
                (
                    r#"{host="h", service_name="web", stream="stderr", team="a\"b"}"#.to_owned(),
                    vec![(start, b"other".to_vec())],
                ),
            ]
        };
        assert_eq!(read(&body), expected(5_000_000_000));
        // Sent again, it is the same; what comes behind it is not.
        let mut again = Vec::new();
        encoder.encode(&mut again, &batch);
        assert_eq!(again, body);
        encoder.times.extend(times);
        for last in encoder.times.values_mut() {
            *last = 5_000_000_006;
        }
        let mut next = Vec::new();
        encoder.encode(&mut next, &batch);
        assert_eq!(read(&next), expected(5_000_000_007));
    }

    #[test]
    fn what_is_too_long_comes_in_parts() {
        let long = "é".repeat(LONGEST_LINE);
        let mut body = Vec::new();
        encoder().encode(&mut body, &batch(&[(Stream::Stdout, 1, long.as_bytes())]));
        let streams = read(&body);
        let lines: Vec<_> = streams[0].1.iter().map(|(_, line)| line.clone()).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.concat() == long.as_bytes() && lines.iter().all(|line| line.len() <= LONGEST_LINE));
    }

    #[test]
    fn names_and_texts_are_as_loki_wants_them() {
        assert_eq!(name("host.id"), "host_id");
        assert_eq!(name("9lives"), "_9lives");
        assert_eq!(quoted("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\u0001é\"");
        assert!(is_label("_a9") && !is_label("9a") && !is_label("a.b") && !is_label(""));
    }
}

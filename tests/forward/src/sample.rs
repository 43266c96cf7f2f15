//! What is sent: everything that a program may print, and an event.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use abide_forward::config::Config;
use abide_forward::sink::{Batch, Event, Host, SendError, Sent, Service, Sink, Uid};
use abide_logs::{Level, Stream};

/// A line, as it was printed.
pub struct Line {
    pub stream: Stream,
    pub time: u64,
    pub level: Option<Level>,
    pub body: Vec<u8>,
}

pub const SERVICE: &str = "orders";
pub const HOST: &str = "test-host";
pub const EVENT: &str = "the program ended with exit code 3";

/// Nanoseconds since 1970, on a whole second.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() * 1_000_000_000)
}

/// A line of 300 KB with characters of all lengths.
pub fn long() -> Vec<u8> {
    "abc é 世 😀 ".bytes().cycle().take(17 * 18_000).collect()
}

/// Everything that a program may print, printed from `start` on.
pub fn lines(start: u64) -> Vec<Line> {
    let bodies: [&[u8]; 15] = [
        b"plain",
        b"  blanks \t and a tab  ",
        b"\"quoted\\\" 'words' <a>&amp; {\"k\": [1]} %s ${HOME} `id`",
        "gr\u{fc}\u{df}e \u{4e16}\u{754c} \u{1f600} e\u{301} \u{200f}".as_bytes(),
        b"a\0b",
        b"\xff\xfe broken \xc3",
        b"Traceback:\n  at one\n\n  at two",
        &long(),
        b"\x1b[31mred\x1b[0m\x07",
        b"10 %\r20 %\r",
        b"{\"level\":\"error\",\"msg\":\"no\"}",
        b"the same",
        b"the same",
        b"<13>1 - - - - - - pretends to be syslog",
        b"PRIORITY=0",
    ];
    let levels = [
        None,
        Some(Level::Info),
        Some(Level::Warn),
        Some(Level::Error),
        Some(Level::Debug),
        Some(Level::Fatal),
    ];
    bodies
        .iter()
        .enumerate()
        .map(|(at, body)| Line {
            stream: if at % 3 == 2 { Stream::Stderr } else { Stream::Stdout },
            time: start + at as u64 * 1_001_001,
            level: levels[at % levels.len()],
            body: body.to_vec(),
        })
        .collect()
}

pub fn host() -> Arc<Host> {
    let resource = [("deployment.environment.name", "test"), ("team", "blue")];
    Arc::new(Host {
        name: HOST.into(),
        id: Some("0123abc".into()),
        os: "linux",
        resource: resource.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    })
}

/// The lines as a batch, with an event behind them if `event`.
pub fn batch(lines: &[Line], event: bool) -> Batch {
    let mut batch = Batch::new(host());
    let service =
        Arc::new(Service { name: SERVICE.into(), version: Some("1.2".into()), instance: "orders-1".into() });
    let mut end = 0;
    for (at, line) in lines.iter().enumerate() {
        let uid = Uid { origin: 'o', file: line.time, offset: at as u64 };
        batch.push_output(&service, line.stream, line.time, line.level, &line.body, uid);
        end = line.time;
    }
    if event {
        let record = serde_json::json!({ "kind": "exited", "pid": 4711, "exit": { "code": 3 } });
        let event = Event { kind: "exited".into(), record };
        let uid = Uid { origin: 'v', file: 1, offset: 2 };
        batch.push_event(&service, event, end + 1, Some(Level::Error), EVENT, uid);
    }
    batch
}

/// One line that says which it is.
pub fn single(text: &str) -> Batch {
    let line = Line { stream: Stream::Stdout, time: now(), level: None, body: text.into() };
    batch(&[line], false)
}

/// The sink that a `[[sink]]` describes.
pub fn open(settings: &str) -> Result<Box<dyn Sink>, String> {
    let text = format!("[[sink]]\nname = \"tried\"\n{settings}\n");
    let config = Config::parse(&text).map_err(|errors| errors.to_string())?;
    let sink = config.sinks.first().ok_or("no sink")?;
    abide_forward::sinks::open(sink, &host()).map_err(|error| error.to_string())
}

/// All of it was taken.
pub fn taken(sent: Result<Sent, SendError>) -> Result<(), String> {
    match sent {
        Ok(Sent { rejected: 0, why: None }) => Ok(()),
        other => Err(format!("the answer is {other:?}")),
    }
}

/// It was refused for now, in these words.
pub fn later(sent: Result<Sent, SendError>, words: &[&str]) -> Result<(), String> {
    match sent {
        Err(SendError::Retry { why, .. }) if words.iter().all(|word| why.contains(word)) => Ok(()),
        other => Err(format!("the answer is {other:?}")),
    }
}

/// Both are the same, or where they differ.
pub fn same(what: &str, got: &[u8], sent: &[u8]) -> Result<(), String> {
    if got == sent {
        return Ok(());
    }
    let at = got.iter().zip(sent).take_while(|(a, b)| a == b).count();
    let part =
        |bytes: &[u8]| bytes[at.saturating_sub(9)..bytes.len().min(at + 40)].escape_ascii().to_string();
    Err(format!(
        "{what}: {} bytes came of {}, which differ at {at}: …{}… instead of …{}…",
        got.len(),
        sent.len(),
        part(got),
        part(sent)
    ))
}

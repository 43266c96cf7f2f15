//! What a sink is, and what it is given: the seam between the engine and the protocols.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use abide_logs::{Level, Stream};

mod batch;

pub use batch::{Batch, Group};

/// Where records go. One thread owns it; it may block, but not for longer than its configured `timeout`.
pub trait Sink: Send {
    /// How much it takes at once. Asked once; the configuration may lower it.
    fn limits(&self) -> Limits;

    /// Sends a batch, which is never empty. What is answered decides what becomes of it:
    ///
    /// - `Ok`: it is there, but for so many records that the other side refused for good. It is acknowledged.
    /// - [`SendError::Retry`]: it is sent again, later. Connections that failed are made anew by the next call.
    /// - [`SendError::Reject`]: it is refused for good. It is cut in two and each part is sent by itself, until the
    ///   record at fault is found; that one is dropped and counted. So "too large" is a rejection too.
    ///
    /// A batch may have been there before: after a crash, and after a time-out. [`Record::uid`] tells.
    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError>;
}

/// How much a sink takes at once. Whatever is reached first makes a batch whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records.
    pub records: usize,
    /// Bytes of the records' bodies, together.
    pub bytes: usize,
    /// How long a record waits for others.
    pub age: Duration,
}

/// A batch was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// So many records of it were refused for good (`partial_success`).
    pub rejected: u64,
    /// Why, where it was told.
    pub why: Option<String>,
}

/// A batch was not taken. Texts never hold a secret, nor the bodies of records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may be taken later.
    #[error("{why}")]
    Retry {
        /// What failed, on what, why.
        why: String,
        /// When the other side wants to be asked again (`Retry-After`); otherwise the delay grows with each try.
        after: Option<Duration>,
    },
    /// It will never be taken.
    #[error("{why}")]
    Reject {
        /// What was refused, and why.
        why: String,
    },
}

impl SendError {
    /// It may be taken later; when is not known.
    pub fn retry(why: impl Into<String>) -> Self {
        Self::Retry { why: why.into(), after: None }
    }

    /// It will never be taken.
    pub fn reject(why: impl Into<String>) -> Self {
        Self::Reject { why: why.into() }
    }
}

/// What is true of all records of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name (`host.name`).
    pub name: String,
    /// What tells it from others for good (`host.id`), where it has such.
    pub id: Option<String>,
    /// `linux`, `windows`, `darwin`, … (`os.type`).
    pub os: &'static str,
    /// What the configuration adds under `[resource]`, like `deployment.environment.name`.
    pub resource: BTreeMap<String, String>,
}

/// The service that records come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name (`service.name`).
    pub name: String,
    /// Its version (`service.version`), where it is known.
    pub version: Option<String>,
    /// What tells it from services of the same name elsewhere (`service.instance.id`).
    pub instance: String,
}

/// What a record came from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin<'a> {
    /// The program printed it.
    Output(Stream),
    /// It happened to the service: a lifecycle event.
    Event(&'a Event),
}

/// A lifecycle event beside its text, which is the body of the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What kind it is: `started`, `exited`, `failed`, … The name for telemetry is `abide.service.KIND`.
    pub kind: String,
    /// All that is known of it, as `abide events --json` shows it under `record`.
    pub record: serde_json::Value,
}

/// Tells a record from all others of the same service on the same host, for good: whoever sees it twice can drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid {
    /// `o` for standard output, `e` for standard error, `v` for events.
    pub origin: char,
    /// The number of the file it stood in; for events, a hash of the file.
    pub file: u64,
    /// Where in it the record ends.
    pub offset: u64,
}

impl std::fmt::Display for Uid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:x}-{:x}", self.origin, self.file, self.offset)
    }
}

/// One entry: a line, or several that belong together, such as a stack trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// The service it came from.
    pub service: &'a Arc<Service>,
    /// What of it.
    pub origin: Origin<'a>,
    /// When it arrived, in nanoseconds since 1970.
    pub time: u64,
    /// Its level, where one was found.
    pub level: Option<Level>,
    /// The bytes as they were printed, without the last line feed. Several lines are joined by line feeds.
    pub body: &'a [u8],
    /// Tells it from all others of the service.
    pub uid: Uid,
}

impl<'a> Record<'a> {
    /// The body as text; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.body)
    }

    /// `stdout` or `stderr`; nothing for events.
    #[must_use]
    pub fn stream(&self) -> Option<Stream> {
        match self.origin {
            Origin::Output(stream) => Some(stream),
            Origin::Event(_) => None,
        }
    }
}

//! How each sink fares, on disk: to be read while the forwarder runs, and after it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use abide_os::fs::Access;
use abide_os::process::StartToken;
use serde::{Deserialize, Serialize};

pub use super::acked::Counts;
use super::places::Places;
use crate::config::Kind;

/// The form of [`SinkStatus`].
pub const SCHEMA: &str = "abide.forward-sink/1";

/// How a sink fares, as its courier last knew it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SinkStatus {
    /// The form of this record, [`SCHEMA`].
    pub schema: String,
    /// The sink's name.
    pub sink: String,
    /// What it speaks.
    pub kind: Kind,
    /// What it does.
    pub state: State,
    /// When this was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// Services whose output or events go there.
    pub services: u64,
    /// What became of records, since the sink is there.
    pub counts: Counts,
    /// What waits on disk.
    pub queue: QueueStatus,
    /// When the oldest record arrived that is read and not acknowledged, in milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// When a batch was taken last, in milliseconds since 1970.
    pub last_sent_ms: Option<u64>,
    /// When the next try is due, in milliseconds since 1970.
    pub next_try_ms: Option<u64>,
    /// What went wrong last.
    pub last_error: Option<Trouble>,
    /// The process that wrote this.
    pub pid: u32,
    /// Tells that process from a later one with the same id.
    pub start_token: Option<StartToken>,
}

/// What a sink does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All that was printed is there.
    Idle,
    /// It is reading and sending.
    Sending,
    /// The other side does not take it; it is tried again.
    Retrying,
    /// No forwarder runs.
    Stopped,
}

impl State {
    /// As it is shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Stopped => "stopped",
        }
    }
}

/// What waits on disk for a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct QueueStatus {
    /// Rotated files that are not acknowledged.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Those of these bytes that take disk for this sink alone; bounded by `queue`.
    pub held_bytes: u64,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trouble {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What, on what, why.
    pub text: String,
}

impl Trouble {
    /// Something that went wrong now.
    #[must_use]
    pub fn now(text: String) -> Self {
        Self { at_ms: milliseconds(SystemTime::now()), text }
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Why a status could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read: {source}")]
pub struct StatusError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl SinkStatus {
    /// Writes it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        abide_os::fs::replace(path, &serde_json::to_vec(self)?, Access::Private)
    }

    /// Reads one; `None` where there is none. Where the process that wrote it is gone, it says so.
    pub fn read(path: &Path) -> Result<Option<Self>, StatusError> {
        let failed = |source| StatusError { path: path.to_owned(), source };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut status: Self = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        if status.schema != SCHEMA {
            let text = format!("its schema is {}", status.schema);
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let token = status.start_token.as_ref();
        if !token.is_some_and(|token| abide_os::process::is_alive(status.pid, token)) {
            status.state = State::Stopped;
            status.next_try_ms = None;
        }
        Ok(Some(status))
    }
}

/// The status of every sink that has one, by name.
pub fn all(places: &Places) -> Result<Vec<SinkStatus>, StatusError> {
    let mut found = Vec::new();
    for name in super::places::services(&places.own) {
        found.extend(SinkStatus::read(&places.sink(&name).status())?);
    }
    Ok(found)
}

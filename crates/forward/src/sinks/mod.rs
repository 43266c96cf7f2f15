//! The sinks: one module a protocol.
//!
//! Each is two things kept apart: an encoder from records to bytes, which knows nothing of networks, and the sending.

use std::sync::Arc;

use crate::config::{Kind, SinkConfig};
use crate::sink::{Host, Sink};

mod attributes;
mod clickhouse;
mod eventlog;
mod http;
mod journald;
mod loki;
mod otlp;
mod progress;
mod protobuf;
mod stamp;
mod syslog;
mod tls;

/// Why a sink cannot be opened, whatever the other side says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// Makes the sink that a `[[sink]]` describes. Reads its secrets and certificates, and connects to nothing yet.
///
/// # Errors
/// A file cannot be read, or a setting cannot be used here.
pub fn open(config: &SinkConfig, host: &Arc<Host>) -> Result<Box<dyn Sink>, OpenError> {
    let opened: Result<Box<dyn Sink>, OpenError> = match config.kind {
        Kind::Journald => journald::Journald::open(config).map(|sink| Box::new(sink) as _),
        Kind::Syslog => syslog::Syslog::open(config, host).map(|sink| Box::new(sink) as _),
        Kind::Eventlog => eventlog::WindowsLog::open().map(|sink| Box::new(sink) as _),
        Kind::Otlp => otlp::Otlp::open(config).map(|sink| Box::new(sink) as _),
        Kind::Loki => loki::Loki::open(config).map(|sink| Box::new(sink) as _),
        Kind::Clickhouse => clickhouse::ClickHouse::open(config).map(|sink| Box::new(sink) as _),
    };
    opened.map_err(|error| OpenError(format!("sink `{}`: {}", config.name, error.0)))
}

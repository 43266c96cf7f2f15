//! The sinks: one module a protocol.

use std::sync::Arc;

use crate::config::SinkConfig;
use crate::sink::{Host, Sink};

/// Why a sink cannot be opened, whatever the other side says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// Makes the sink that a `[[sink]]` describes. Connects to nothing yet.
pub fn open(config: &SinkConfig, host: &Arc<Host>) -> Result<Box<dyn Sink>, OpenError> {
    let _ = host;
    Err(OpenError(format!("sink `{}`: kind {} is not built into this version", config.name, config.kind)))
}

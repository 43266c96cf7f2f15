//! Why a service could not be taken charge of.

use std::io;
use std::path::PathBuf;

use abide_spec::Name;

/// Why a service could not be taken charge of.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A folder of the service.
    #[error("{0}; make it writable for the account that runs the supervisor")]
    Place(io::Error),
    /// Another supervisor runs the service.
    #[error("{name} is already supervised{}; stop that one first", .pid.map_or(String::new(), |pid| format!(" by process {pid}")))]
    Busy {
        /// The service.
        name: Name,
        /// The other supervisor, where known.
        pid: Option<u32>,
    },
    /// The lock file.
    #[error("the lock {path} cannot be taken: {why}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// The log files.
    #[error("the output of {name} cannot be captured: {source}")]
    Logs {
        /// The service.
        name: Name,
        /// What is wrong with them.
        source: abide_logs::Error,
    },
    /// The spec's `[logs]` cannot be followed.
    #[error("the output of {name} cannot be kept as its spec says: {source}")]
    Refine {
        /// The service.
        name: Name,
        /// What is wrong with it.
        source: abide_logs::RefineError,
    },
    /// The event log.
    #[error("the event log below {path} cannot be opened: {source}")]
    History {
        /// The state folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The control endpoint or the notification socket.
    #[error("the endpoint {path} cannot be opened: {source}")]
    Endpoint {
        /// The endpoint.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Waiting itself.
    #[error("the operating system does not let the supervisor wait for events: {0}")]
    Events(io::Error),
}

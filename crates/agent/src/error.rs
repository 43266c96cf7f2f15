//! Why the agent could not begin.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the agent could not begin.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent serves the same services.
    #[error("another agent serves these services (its lock is {path})")]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// A folder or file of its own cannot be used.
    #[error("{path}: {source}")]
    Place {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It cannot listen at its endpoint.
    #[error("cannot listen at {path}: {source}")]
    Endpoint {
        /// The endpoint.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It cannot listen at a TCP address.
    #[error("cannot listen on http://{address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Its tokens cannot be read.
    #[error("the tokens in {path} cannot be used: {why}")]
    Tokens {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The services cannot be followed, or no thread is left.
    #[error("the services cannot be followed: {0}")]
    Follow(io::Error),
}

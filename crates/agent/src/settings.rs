//! What an agent sees, and where it can be reached.

use std::net::SocketAddr;
use std::path::PathBuf;

use abide_host::Whose;
use abide_os::paths::{Layout, within};

/// What an agent sees, and where it can be reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose services.
    pub whose: Whose,
    /// Where it keeps what is its own.
    pub places: Places,
    /// The loopback address at which it speaks HTTP to holders of tokens, beside its endpoint; nothing: not at all.
    pub http: Option<SocketAddr>,
}

/// Where an agent keeps what is its own. Names of services start with a letter or digit, so no service is called `.agent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Its endpoint, for root (Administrators) and the owner alone.
    pub endpoint: PathBuf,
    /// Its folder.
    pub state: PathBuf,
}

impl Places {
    /// The places of the agent of a layout.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        Self {
            endpoint: within(&within(&layout.run, ".agent"), "agent.sock"),
            state: within(&layout.state, ".agent"),
        }
    }

    /// Who may speak to it over TCP.
    #[must_use]
    pub fn tokens(&self) -> PathBuf {
        within(&self.state, "tokens.json")
    }

    /// What was changed through it, and by whom.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        within(&self.state, "audit.ndjson")
    }

    /// What keeps a second agent away.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        within(&self.state, "lock")
    }
}

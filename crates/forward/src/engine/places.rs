//! Where things are: the services' logs and states, and the forwarder's own folder.

use std::path::{Path, PathBuf};

use abide_os::paths::Layout;
use abide_spec::Name;

/// The folders of one forwarder.
///
/// Its own folder lies in the folder of logs, under a name that no service can have: hard links reach no further than
/// one file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The folder of specs.
    pub specs: PathBuf,
    /// The folder of logs, one folder a service.
    pub logs: PathBuf,
    /// The folder of state, one folder a service.
    pub state: PathBuf,
    /// The forwarder's own.
    pub own: PathBuf,
}

impl Places {
    /// Those of a layout.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        Self {
            specs: layout.specs.clone(),
            logs: layout.logs.clone(),
            state: layout.state.clone(),
            own: layout.logs.join(".forward"),
        }
    }

    /// The same with another folder of its own: so that several forwarders can carry the same logs, each by itself.
    #[must_use]
    pub fn with_own(self, own: PathBuf) -> Self {
        Self { own, ..self }
    }

    /// Held while a forwarder runs.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.own.join(".lock")
    }

    /// The folder of a sink.
    #[must_use]
    pub fn sink(&self, name: &Name) -> SinkPlaces {
        SinkPlaces { folder: self.own.join(name.as_str()) }
    }
}

/// The folder of one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkPlaces {
    /// The folder.
    pub folder: PathBuf,
}

impl SinkPlaces {
    /// What is acknowledged.
    pub fn acked(&self) -> PathBuf {
        self.folder.join("acknowledged.json")
    }

    /// How the sink fares.
    pub fn status(&self) -> PathBuf {
        self.folder.join("status.json")
    }

    /// What waits of one service.
    pub fn queue(&self, service: &str) -> PathBuf {
        self.folder.join("queue").join(service)
    }

    /// What waits of all services.
    pub fn queues(&self) -> PathBuf {
        self.folder.join("queue")
    }

    /// The services of which something waits.
    pub fn queued(&self) -> Vec<Name> {
        services(&self.queues())
    }
}

/// The services that have a folder here.
pub fn services(folder: &Path) -> Vec<Name> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<Name> = entries
        // The folder of a service with an account of its own may be a link to where systemd keeps it.
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    names.sort();
    names
}

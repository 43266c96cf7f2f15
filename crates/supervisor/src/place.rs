//! The folders of one service.

use std::io;
use std::path::{Path, PathBuf};

use abide_os::process::Identity;
use abide_spec::Name;

/// Where one service keeps what it leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Status, events, lock: outlives the supervisor.
    pub state: PathBuf,
    /// What the program printed: outlives everything.
    pub logs: PathBuf,
    /// The control endpoint: lives as long as the supervisor.
    pub run: PathBuf,
}

impl Place {
    /// The place of `name` in a layout.
    pub fn of(layout: &abide_os::paths::Layout, name: &Name) -> Self {
        Self { state: layout.state_of(name), logs: layout.logs_of(name), run: layout.run_of(name) }
    }

    /// A place that is one folder.
    pub fn below(folder: &Path) -> Self {
        Self { state: folder.join("state"), logs: folder.join("logs"), run: folder.join("run") }
    }

    /// Makes the folders that are not there yet, for this account alone.
    pub fn create(&self) -> io::Result<()> {
        for folder in [&self.state, &self.logs, &self.run, &self.data()] {
            if !folder.is_dir() {
                abide_os::fs::private_dir(folder).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("the folder {} cannot be made: {error}", folder.display()),
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Gives the program's own folder to the account that the program runs as.
    pub fn hand_over(&self, identity: &Identity) -> io::Result<()> {
        abide_os::fs::hand_over(&self.data(), identity).map_err(|error| {
            let data = self.data();
            let text =
                format!("the folder {} cannot be given to the program's account: {error}", data.display());
            io::Error::new(error.kind(), text)
        })
    }

    /// Where the program may keep what it likes (`STATE_DIRECTORY`).
    pub fn data(&self) -> PathBuf {
        self.state.join("data")
    }

    /// The control endpoint.
    pub fn endpoint(&self) -> PathBuf {
        self.run.join("control.sock")
    }

    /// Where the program tells its readiness.
    pub fn notify(&self) -> PathBuf {
        self.run.join("notify.sock")
    }

    /// Held while a supervisor runs the service.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }
}

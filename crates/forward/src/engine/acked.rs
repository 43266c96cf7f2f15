//! What a sink has acknowledged, on disk: by this, reading goes on after a restart.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use abide_logs::Mark;
use abide_os::fs::Access;
use serde::{Deserialize, Serialize};

use super::events::EventMark;

/// The form of [`Acked`].
pub const SCHEMA: &str = "abide.forward-acknowledged/1";

/// What is settled: sent, or dropped and counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Acked {
    /// The form of this record, [`SCHEMA`].
    pub schema: String,
    /// What was settled of each service. One that is not in here is new: all of it is to be sent.
    pub services: BTreeMap<String, Place>,
    /// What became of it.
    pub counts: Counts,
}

/// What is settled of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// Of what it printed.
    pub output: Mark,
    /// Of its events.
    #[serde(default)]
    pub events: EventMark,
}

/// What became of records, since the sink is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Counts {
    /// They are there.
    pub sent: u64,
    /// The other side refused them for good.
    pub rejected: u64,
    /// They were given up, having failed for longer than `retry.give-up`.
    pub given_up: u64,
    /// Lines that were dropped because more waited than `queue` allows.
    pub dropped: u64,
    /// Files that were gone before they were read: removed while no forwarder ran, or faster than it could hold them.
    pub lost_files: u64,
    /// Batches that had to be sent again.
    pub retries: u64,
}

impl Default for Acked {
    fn default() -> Self {
        Self { schema: SCHEMA.into(), services: BTreeMap::new(), counts: Counts::default() }
    }
}

/// Why it cannot be known what was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is there and cannot be read.
    #[error("{path} cannot be read: {source}; the forwarder needs it to know where to go on")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is from another version.
    #[error("{path} is of another version ({schema}); move it away to begin anew")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it says of itself.
        schema: String,
    },
}

impl Acked {
    /// Reads what was written last; `None` where nothing ever was. A power cut may have spoilt the newest file: then the
    /// one before counts, which was written down for good.
    pub fn load(path: &Path) -> Result<Option<Self>, LoadError> {
        let mut found = false;
        for path in [path.to_owned(), before(path)] {
            let text = match std::fs::read(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(LoadError::Read { path, source }),
            };
            found = true;
            if let Ok(acked) = serde_json::from_slice::<Self>(&text) {
                if acked.schema != SCHEMA {
                    return Err(LoadError::Schema { path, schema: acked.schema });
                }
                return Ok(Some(acked));
            }
        }
        // Both spoilt: to send all of it again is better than to lose any.
        Ok(found.then(Self::default))
    }

    /// Writes it down; a reader finds this or what was before, also after a crash of this process.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        abide_os::fs::replace(path, &serde_json::to_vec(self)?, Access::Private)
    }

    /// Writes it down so that it outlives a power cut.
    pub fn save_for_good(&self, path: &Path) -> io::Result<()> {
        abide_os::fs::atomic_write(&before(path), &serde_json::to_vec(self)?, Access::Private)
    }
}

fn before(path: &Path) -> PathBuf {
    path.with_extension("before.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acknowledged.json");
        assert_eq!(Acked::load(&path).unwrap(), None);
        let mut acked = Acked::default();
        acked.services.insert("web".into(), Place::default());
        acked.counts.sent = 7;
        acked.save_for_good(&path).unwrap();
        acked.counts.sent = 8;
        acked.save(&path).unwrap();
        assert_eq!(Acked::load(&path).unwrap(), Some(acked.clone()));
        // What a power cut may leave.
        std::fs::write(&path, "").unwrap();
        assert_eq!(Acked::load(&path).unwrap().map(|acked| acked.counts.sent), Some(7));
        std::fs::write(before(&path), "{").unwrap();
        assert_eq!(Acked::load(&path).unwrap(), Some(Acked::default()));
        acked.schema = "abide.forward-acknowledged/9".into();
        acked.save(&path).unwrap();
        assert!(Acked::load(&path).unwrap_err().to_string().contains("another version"));
    }
}

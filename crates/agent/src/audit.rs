//! What was changed through the agent: who, what, from where, and what came of it. One JSON object a line.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use abide_supervisor::timestamp::rfc3339;
use serde::{Deserialize, Serialize};

/// Size in bytes past which the record is moved aside; one older file is kept.
const SIZE: u64 = 4 * 1024 * 1024;

/// One change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The form of this record, `abide.audit/1`.
    pub schema: String,
    /// When it was asked for: RFC 3339, UTC.
    pub time: String,
    /// Who asked: the name of a token, or an account of this machine.
    pub who: String,
    /// From where: an address, or `local` for the endpoint.
    pub from: String,
    /// What was asked: method and path.
    pub what: String,
    /// The HTTP status that answered it.
    pub status: u16,
    /// What came of it, in words.
    pub outcome: String,
}

impl Entry {
    /// What was asked at a moment, and what came of it.
    pub fn new(time: SystemTime, who: &str, from: &str, what: &str, status: u16, outcome: &str) -> Self {
        Self {
            schema: "abide.audit/1".into(),
            time: rfc3339(time),
            who: who.into(),
            from: from.into(),
            what: what.into(),
            status,
            outcome: outcome.into(),
        }
    }
}

/// Appends to the record.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: Mutex<File>,
}

impl Audit {
    /// Opens the record, for its owner alone.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = abide_os::fs::open_append(path)?;
        // A line that was cut short by a loss of power costs only itself.
        if std::fs::read(path)?.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Adds a line, and has it on the disk.
    pub fn add(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.metadata()?.len() + line.len() as u64 > SIZE {
            std::fs::rename(&self.path, older(&self.path))?;
            *file = abide_os::fs::open_append(&self.path)?;
        }
        file.write_all(&line)?;
        file.sync_data()
    }
}

fn older(path: &Path) -> PathBuf {
    path.with_extension("1.ndjson")
}

/// Reads what is kept, oldest first. Lines that are no entries (a torn one) are passed over.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for path in [older(path), path.to_owned()] {
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        entries
            .extend(text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order_and_a_torn_line_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        assert_eq!(read(&path).unwrap(), []);
        let entry = |what: &str| Entry::new(SystemTime::now(), "ci", "127.0.0.1:5", what, 200, "done");
        Audit::open(&path).unwrap().add(&entry("one")).unwrap();
        let mut torn = abide_os::fs::open_append(&path).unwrap();
        torn.write_all(b"{\"schema\":").unwrap();
        Audit::open(&path).unwrap().add(&entry("two")).unwrap();
        let what: Vec<_> = read(&path).unwrap().into_iter().map(|entry| entry.what).collect();
        assert_eq!(what, ["one", "two"]);
    }

    #[test]
    fn the_record_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        std::fs::write(&path, vec![b'\n'; usize::try_from(SIZE).unwrap()]).unwrap();
        let audit = Audit::open(&path).unwrap();
        audit.add(&Entry::new(SystemTime::now(), "a", "local", "POST /v1", 200, "done")).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 1000);
        assert!(older(&path).exists());
    }
}

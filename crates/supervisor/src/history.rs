//! The event log of a service: what happened to it and why, one JSON object a line.
//!
//! Lines are only ever appended, those that belong together with one write, so that a reader sees whole
//! lines and the death of the supervisor costs at most the lines in hand; a torn tail is closed by a newline at open. The
//! file is kept below [`SIZE`] by moving it aside once: at most two files exist.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::timestamp::rfc3339;

/// Size in bytes past which the event log is moved aside.
pub const SIZE: u64 = 1024 * 1024;

/// One event, as it is stored and as `abide events --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// The form of this record, `abide.event/1`.
    pub schema: String,
    /// When it happened: RFC 3339, UTC.
    pub time: String,
    /// The service it happened to.
    pub service: String,
    /// What happened, in words.
    pub text: String,
    /// What happened, for machines: a record of the lifecycle, tagged by `kind`.
    pub record: serde_json::Value,
}

/// Appends events of one service.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    file: File,
    size: u64,
    service: String,
}

/// The event log's file within a service's state folder.
pub fn path(state: &Path) -> PathBuf {
    state.join("events.ndjson")
}

/// Where the older events are once the log has been moved aside.
fn older(path: &Path) -> PathBuf {
    path.with_file_name("events.1.ndjson")
}

impl History {
    /// Opens the event log of `service` below its state folder, creating it if need be.
    pub fn open(state: &Path, service: &str) -> io::Result<Self> {
        let path = path(state);
        let mut file = abide_os::fs::open_append(&path)?;
        let mut size = file.metadata()?.len();
        if size > 0 && !ends_with_newline(&path)? {
            file.write_all(b"\n")?;
            size += 1;
        }
        Ok(Self { path, file, size, service: service.to_owned() })
    }

    /// Appends events that happened together, each in words and for machines.
    pub fn append<'a>(
        &mut self,
        time: SystemTime,
        events: impl IntoIterator<Item = (&'a String, serde_json::Value)>,
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        for (text, record) in events {
            let event = Event {
                schema: "abide.event/1".into(),
                time: rfc3339(time),
                service: self.service.clone(),
                text: text.clone(),
                record,
            };
            serde_json::to_writer(&mut lines, &event)?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        if self.size + lines.len() as u64 > SIZE && self.size > 0 {
            std::fs::rename(&self.path, older(&self.path))?;
            self.file = abide_os::fs::open_append(&self.path)?;
            self.size = 0;
        }
        self.file.write_all(&lines)?;
        self.size += lines.len() as u64;
        Ok(())
    }
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last[0] == b'\n')
}

/// Reads all events kept, oldest first. Lines that are not events (a torn one) are passed over.
pub fn read(state: &Path) -> io::Result<Vec<Event>> {
    let newest = path(state);
    let mut events = Vec::new();
    for (path, may_be_missing) in [(older(&newest), true), (newest, false)] {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for line in BufReader::new(file).split(b'\n') {
            events.extend(serde_json::from_slice::<Event>(&line?).ok());
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: usize) -> serde_json::Value {
        serde_json::json!({ "kind": "test", "n": n })
    }

    #[test]
    fn events_come_back_in_order_across_the_move_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::open(folder.path(), "orders").unwrap();
        let text = "x".repeat(1000);
        for n in 0..1500 {
            history.append(SystemTime::now(), [(&text, record(n))]).unwrap();
        }
        let events = read(folder.path()).unwrap();
        let last = events.last().unwrap();
        assert_eq!(last.record["n"], 1499);
        assert!(events.len() > 500);
        let numbers: Vec<_> = events.iter().map(|event| event.record["n"].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted());
        assert!(std::fs::metadata(path(folder.path())).unwrap().len() <= SIZE);
    }

    #[test]
    fn a_torn_tail_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::open(folder.path(), "orders").unwrap();
        history.append(SystemTime::now(), [(&"one".into(), record(1))]).unwrap();
        drop(history);
        let mut file = std::fs::OpenOptions::new().append(true).open(path(folder.path())).unwrap();
        file.write_all(b"{\"schema\":\"abide.ev").unwrap();
        let mut history = History::open(folder.path(), "orders").unwrap();
        history.append(SystemTime::now(), [(&"two".into(), record(2))]).unwrap();
        let texts: Vec<_> = read(folder.path()).unwrap().into_iter().map(|event| event.text).collect();
        assert_eq!(texts, ["one", "two"]);
    }
}

//! Where the operating system does not tell of writes: looking at the folders a few times a second.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Changed, WatchId};

/// How soon to look again.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Watches {
    folders: BTreeMap<WatchId, (PathBuf, Seen)>,
    waker: Waker,
    next: u64,
}

/// The files of a folder as they were seen last: their length and when they were written.
type Seen = BTreeMap<OsString, (u64, Option<SystemTime>)>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Waker(Arc<(Mutex<bool>, Condvar)>);

impl Waker {
    pub(crate) fn wake(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Sleeps; true if it was woken.
    fn sleep(&self, pause: Duration) -> bool {
        let woken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut woken, _) = self
            .0
            .1
            .wait_timeout_while(woken, pause, |woken| !*woken)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *woken)
    }
}

impl Watches {
    #[expect(clippy::unnecessary_wraps, reason = "the same on every system")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { folders: BTreeMap::new(), waker: Waker::default(), next: 0 })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(crate) fn add(&mut self, folder: &Path) -> io::Result<WatchId> {
        let seen = look(folder)?;
        let id = WatchId(self.next);
        self.next += 1;
        self.folders.insert(id, (folder.to_owned(), seen));
        Ok(id)
    }

    pub(crate) fn remove(&mut self, id: WatchId) {
        self.folders.remove(&id);
    }

    pub(crate) fn wait(&mut self, until: Option<Instant>) -> io::Result<Vec<Changed>> {
        loop {
            let changed = self.changed();
            if !changed.is_empty() {
                return Ok(changed);
            }
            let now = Instant::now();
            let left = until.map_or(PAUSE, |until| until.saturating_duration_since(now).min(PAUSE));
            if self.waker.sleep(left) || until.is_some_and(|until| Instant::now() >= until) {
                return Ok(self.changed());
            }
        }
    }

    fn changed(&mut self) -> Vec<Changed> {
        let mut found = Vec::new();
        self.folders.retain(|&id, (folder, seen)| {
            // What cannot be told now is told when it can be.
            let now = match look(folder) {
                Ok(now) => now,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    found.push(Changed { id, names: true, gone: true });
                    return false;
                }
                Err(_) => return true,
            };
            if now != *seen {
                found.push(Changed { id, names: !now.keys().eq(seen.keys()), gone: false });
                *seen = now;
            }
            true
        });
        found
    }
}

fn look(folder: &Path) -> io::Result<Seen> {
    let mut seen = Seen::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // By the file, not by what the folder says of it: on Windows that is old while the file is open.
        if let Ok(metadata) = std::fs::metadata(entry.path()) {
            seen.insert(entry.file_name(), (metadata.len(), metadata.modified().ok()));
        }
    }
    Ok(seen)
}

//! What waits for one sink of one service: hard links to the rotated files it has not acknowledged.
//!
//! A link takes no disk as long as the service keeps the file itself; from then on it does, and counts for the bound
//! of the queue. A file that the service has compressed is held compressed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use abide_logs::{Mark, Stream};

use super::names::{self, Forms, Rotated};

/// The queue of one service.
#[derive(Clone, Debug)]
pub struct Queue {
    logs: PathBuf,
    folder: PathBuf,
}

/// A file that only the queue still has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of which stream it is.
    pub stream: Stream,
    /// Its number.
    pub number: u64,
    /// How much disk it takes, in bytes.
    pub bytes: u64,
    /// When it was written last.
    pub written: SystemTime,
}

impl Queue {
    /// The queue in `folder` of the log in `logs`.
    pub fn new(logs: PathBuf, folder: PathBuf) -> Self {
        Self { logs, folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Holds every rotated file of the log from `mark` on. Files that are held already stay as they are, but for those
    /// that were compressed meanwhile.
    pub fn hold_from(&self, mark: &Mark) -> io::Result<()> {
        self.hold(|stream, number| mark.file(stream).is_none_or(|file| number >= file))
    }

    /// Holds those rotated files of the log that are newer than all of `known`.
    pub fn hold_newer(&self, known: [Option<u64>; 2]) -> io::Result<()> {
        self.hold(|stream, number| {
            let known = if stream == Stream::Stdout { known[0] } else { known[1] };
            known.is_none_or(|known| number > known)
        })
    }

    fn hold(&self, wanted: impl Fn(Stream, u64) -> bool) -> io::Result<()> {
        let there = Rotated::of(&self.logs)?;
        let held = Rotated::of(&self.folder)?;
        let mut outcome = Ok(());
        for (&(stream, number), forms) in &there.0 {
            let ours = held.0.get(&(stream, number));
            // What is held is renewed when its form has changed.
            let stale =
                ours.is_some_and(|ours| forms.content.iter().all(|name| !ours.content.contains(name)));
            if stale || (ours.is_none() && wanted(stream, number)) {
                outcome = outcome.and(self.link(stream, number, forms, ours));
            }
        }
        outcome
    }

    fn link(&self, stream: Stream, number: u64, forms: &Forms, ours: Option<&Forms>) -> io::Result<()> {
        abide_os::fs::private_dir(&self.folder)?;
        if forms.index {
            let index = names::index(stream, number);
            there(link(&self.logs.join(&index), &self.folder.join(&index)))?;
        }
        // While there are two forms, the plain one goes next: the other one stays.
        let Some(name) = forms.content.iter().max_by_key(|name| name.len()) else { return Ok(()) };
        if there(link(&self.logs.join(name), &self.folder.join(name)))? {
            for old in ours.into_iter().flat_map(|ours| &ours.content).filter(|old| *old != name) {
                there(fs::remove_file(self.folder.join(old)))?;
            }
        }
        Ok(())
    }

    /// Lets go of what is acknowledged.
    pub fn release(&self, mark: &Mark) -> io::Result<()> {
        for (stream, number) in Rotated::of(&self.folder)?.0.into_keys() {
            if mark.file(stream).is_some_and(|file| number < file) {
                self.remove(stream, number)?;
            }
        }
        Ok(())
    }

    /// What takes disk because it is held here.
    pub fn held(&self) -> io::Result<Vec<Held>> {
        let held = Rotated::of(&self.folder)?;
        if held.0.is_empty() {
            return Ok(Vec::new());
        }
        let there = Rotated::of(&self.logs)?;
        let mut found = Vec::new();
        for ((stream, number), forms) in held.0 {
            let kept = there.0.get(&(stream, number)).map_or(&[][..], |forms| &forms.content);
            let mut file = Held { stream, number, bytes: 0, written: SystemTime::UNIX_EPOCH };
            for name in forms.content.iter().filter(|name| !kept.contains(name)) {
                let Ok(metadata) = fs::metadata(self.folder.join(name)) else { continue };
                file.bytes += metadata.len();
                file.written = metadata.modified().unwrap_or(file.written);
            }
            if kept.is_empty() {
                found.push(file);
            }
        }
        Ok(found)
    }

    /// How much is held, whether it takes disk or not: files, and their bytes on disk.
    pub fn size(&self) -> (u64, u64) {
        let held = Rotated::of(&self.folder).unwrap_or_default();
        let bytes = held.0.values().flat_map(|forms| &forms.content);
        let bytes = bytes.filter_map(|name| Some(fs::metadata(self.folder.join(name)).ok()?.len())).sum();
        (held.0.len() as u64, bytes)
    }

    /// Whether what is held is of a log that was removed, and begun anew with small numbers.
    pub fn is_of_an_older_log(&self) -> bool {
        let held = Rotated::of(&self.folder).unwrap_or_default();
        let newest = names::newest(&self.logs);
        Stream::BOTH.iter().any(|stream| held.last(*stream) > newest[usize::from(*stream == Stream::Stderr)])
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        Rotated::of(&self.folder).is_ok_and(|held| held.0.is_empty())
    }

    /// Lets go of one file.
    pub fn remove(&self, stream: Stream, number: u64) -> io::Result<()> {
        let held = Rotated::of(&self.folder)?;
        for name in held.0.get(&(stream, number)).into_iter().flat_map(|forms| &forms.content) {
            there(fs::remove_file(self.folder.join(name)))?;
        }
        there(fs::remove_file(self.folder.join(names::index(stream, number))))?;
        Ok(())
    }

    /// Lets go of everything.
    pub fn clear(&self) -> io::Result<()> {
        there(fs::remove_dir_all(&self.folder)).map(drop)
    }
}

/// A link that is there already is as good as one just made.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// False where what it is about was gone before.
fn there(outcome: io::Result<()>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Log {
        _root: tempfile::TempDir,
        logs: PathBuf,
        queue: Queue,
    }

    fn log() -> Log {
        let root = tempfile::tempdir().unwrap();
        let logs = root.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let queue = Queue::new(logs.clone(), root.path().join("queue"));
        Log { _root: root, logs, queue }
    }

    impl Log {
        fn file(&self, name: &str, length: usize) {
            fs::write(self.logs.join(name), vec![b'x'; length]).unwrap();
        }

        fn gone(&self, name: &str) {
            fs::remove_file(self.logs.join(name)).unwrap();
        }

        fn queued(&self) -> Vec<String> {
            let entries = fs::read_dir(self.queue.folder()).into_iter().flatten();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn mark(stdout: u64) -> Mark {
        serde_json::from_str(&format!(r#"{{"stdout":{{"file":{stdout},"offset":0}}}}"#)).unwrap()
    }

    #[test]
    fn what_is_not_acknowledged_is_held_until_it_is() {
        let log = log();
        for number in 1..=3 {
            log.file(&format!("stdout.00000{number}.log"), 10);
            log.file(&format!("stdout.00000{number}.idx"), 1);
        }
        log.file("stdout.log", 5);
        log.queue.hold_from(&mark(2)).unwrap();
        let held = ["stdout.000002.idx", "stdout.000002.log", "stdout.000003.idx", "stdout.000003.log"];
        assert_eq!(log.queued(), held);
        // Nothing takes disk before the service lets go of it.
        assert_eq!(log.queue.held().unwrap(), []);
        assert_eq!(log.queue.size(), (2, 20));
        log.gone("stdout.000002.log");
        let held = log.queue.held().unwrap();
        assert_eq!((held.len(), held[0].number, held[0].bytes), (1, 2, 10));
        log.queue.release(&mark(3)).unwrap();
        assert_eq!(log.queued(), ["stdout.000003.idx", "stdout.000003.log"]);
        log.queue.clear().unwrap();
        log.queue.clear().unwrap();
        assert!(log.queue.is_empty());
    }

    #[test]
    fn what_the_service_compressed_is_held_compressed() {
        let log = log();
        log.file("stdout.000001.log", 100);
        log.queue.hold_newer([None, None]).unwrap();
        log.file("stdout.000001.log.zst", 10);
        log.queue.hold_newer([Some(1), None]).unwrap();
        assert_eq!(log.queued(), ["stdout.000001.log"]);
        log.gone("stdout.000001.log");
        log.queue.hold_newer([Some(1), None]).unwrap();
        assert_eq!(log.queued(), ["stdout.000001.log.zst"]);
    }

    #[test]
    fn only_newer_files_are_held_while_it_runs() {
        let log = log();
        log.file("stdout.000001.log", 1);
        log.file("stderr.000001.log", 1);
        log.file("stdout.000002.log", 1);
        log.queue.hold_newer([Some(1), Some(1)]).unwrap();
        assert_eq!(log.queued(), ["stdout.000002.log"]);
    }
}

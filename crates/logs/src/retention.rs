//! Which rotated files stay: by number for each stream, by age, and by the size of all together.

use std::{fs, io, path::PathBuf, time::UNIX_EPOCH};

use crate::{
    Compression, Settings,
    index::nanoseconds,
    index_file::last_time,
    names::{Listing, Names},
};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rotated files of each stream.
    keep: usize,
    /// Nanoseconds since the last byte of a rotated file.
    age: Option<u64>,
    /// Bytes of the rotated files of both streams and their indexes.
    size: Option<u64>,
}

/// The files of one stream, and the number of the one being written.
pub(crate) struct Files<'a> {
    pub names: &'a Names,
    pub listing: Listing,
    pub current: u64,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Retained {
    /// The first failure; what could not be removed is tried again the next time.
    pub outcome: io::Result<()>,
    /// When the next file is too old, if one will be: nanoseconds since 1970.
    pub due: Option<u64>,
}

impl Limits {
    pub fn of(settings: &Settings) -> Self {
        let age = settings.max_age.map(|age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        Self { keep: settings.keep, age, size: settings.max_size }
    }

    /// Removes what is beyond the limits `now`, oldest first, and every index that has lost its file.
    pub fn apply(&self, streams: [Files<'_>; 2], now: u64) -> Retained {
        let mut queues = streams.map(|files| Queue::new(files, self.size.is_some()));
        for queue in &mut queues {
            while queue.left() > self.keep {
                queue.remove_oldest();
            }
        }
        if let Some(most) = self.size {
            // The last bytes of the files grow older from one to the next: only the oldest of each stream can be next.
            while queues.iter().map(|queue| queue.bytes).sum::<u64>() > most {
                let [stdout, stderr] = &mut queues;
                match (stdout.oldest(), stderr.oldest()) {
                    (None, None) => break,
                    (Some(one), Some(other)) if other < one => stderr.remove_oldest(),
                    (Some(_), _) => stdout.remove_oldest(),
                    (None, Some(_)) => stderr.remove_oldest(),
                }
            }
        }
        let mut due = None;
        if let Some(age) = self.age {
            for queue in &mut queues {
                while let Some(time) = queue.oldest() {
                    let until = time.saturating_add(age);
                    if until > now {
                        due = Some(due.map_or(until, |due: u64| due.min(until)));
                        break;
                    }
                    queue.remove_oldest();
                }
            }
        }
        let mut outcome = Ok(());
        for queue in queues {
            outcome = outcome.and(queue.finish());
        }
        Retained { outcome, due }
    }
}

/// The rotated files of one stream, oldest first.
struct Queue<'a> {
    files: Files<'a>,
    /// What they and their indexes take up, where that matters: all, and each.
    bytes: u64,
    sizes: Vec<u64>,
    /// So many of them are removed.
    removed: usize,
    outcome: io::Result<()>,
}

impl<'a> Queue<'a> {
    fn new(files: Files<'a>, sizes_matter: bool) -> Self {
        let size = |&number| {
            all(files.names, number).iter().map(size).sum::<u64>() + size(&files.names.index(number))
        };
        let sizes: Vec<u64> =
            if sizes_matter { files.listing.rotated.iter().map(size).collect() } else { Vec::new() };
        Self { bytes: sizes.iter().sum(), sizes, files, removed: 0, outcome: Ok(()) }
    }

    fn left(&self) -> usize {
        self.files.listing.rotated.len() - self.removed
    }

    /// When the last byte of the oldest came.
    fn oldest(&self) -> Option<u64> {
        let number = *self.files.listing.rotated.get(self.removed)?;
        let names = self.files.names;
        // Without an index there is the time of the last write; the last resort is never to be too old.
        let written = || {
            let files = all(names, number);
            let metadata = files.iter().find_map(|path| fs::metadata(path).ok())?;
            metadata.modified().ok().filter(|time| *time > UNIX_EPOCH).map(nanoseconds)
        };
        Some(last_time(&names.index(number)).or_else(written).unwrap_or(u64::MAX))
    }

    fn remove_oldest(&mut self) {
        let Some(&number) = self.files.listing.rotated.get(self.removed) else { return };
        for path in all(self.files.names, number) {
            self.note(remove(&path));
        }
        self.bytes -= self.sizes.get(self.removed).copied().unwrap_or(0);
        self.removed += 1;
    }

    /// Removes the indexes of files that are not there.
    fn finish(mut self) -> io::Result<()> {
        let indexes = std::mem::take(&mut self.files.listing.indexes);
        for number in indexes {
            if number < self.files.current && !self.files.listing.rotated[self.removed..].contains(&number) {
                self.note(remove(&self.files.names.index(number)));
            }
        }
        self.outcome
    }

    fn note(&mut self, result: io::Result<()>) {
        let before = std::mem::replace(&mut self.outcome, Ok(()));
        self.outcome = before.and(result);
    }
}

/// The names that a rotated file may have.
fn all(names: &Names, number: u64) -> [PathBuf; 3] {
    [
        names.rotated(number),
        names.compressed(number, Compression::Zstd),
        names.compressed(number, Compression::Gzip),
    ]
}

fn size(path: &PathBuf) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &PathBuf) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::{
        Stream,
        files::Files as Open,
        index::{Kind, Record, Stamp},
        index_file::IndexFile,
    };

    const HOUR: u64 = 3_600_000_000_000;

    /// A rotated file of `size` bytes, index and all, whose last byte came at `hour`.
    fn rotated(names: &Names, number: u64, size: usize, hour: u64) {
        fs::write(names.rotated(number), vec![b'x'; size - 64]).unwrap();
        let mut index = IndexFile::open(Open::default(), names, number, 0).unwrap();
        let stamp = Stamp { time: hour * HOUR, order: hour * HOUR };
        index.append(Record { stamp, offset: 0, kind: Kind::Output, fresh_line: false }).unwrap();
    }

    fn apply(dir: &Path, limits: Limits, hour: u64) -> ([Vec<u64>; 2], Option<u64>) {
        let names = Stream::BOTH.map(|stream| Names::new(dir, stream));
        let files =
            names.each_ref().map(|names| Files { names, listing: names.list().unwrap(), current: 100 });
        let retained = limits.apply(files, hour * HOUR);
        retained.outcome.unwrap();
        let left = names.map(|names| {
            let listing = names.list().unwrap();
            assert_eq!(listing.rotated, listing.indexes);
            listing.rotated
        });
        (left, retained.due.map(|due| due / HOUR))
    }

    #[test]
    fn the_newest_stay_with_their_indexes() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path(), Stream::Stdout);
        for number in 1..=5 {
            rotated(&names, number, 100, number);
        }
        fs::write(names.compressed(1, Compression::Zstd), "").unwrap();
        fs::remove_file(names.rotated(4)).unwrap();
        let limits = Limits { keep: 2, age: None, size: None };
        assert_eq!(apply(dir.path(), limits, 9), ([vec![3, 5], vec![]], None));
        assert_eq!(apply(dir.path(), Limits { keep: 0, ..limits }, 9), ([vec![], vec![]], None));
    }

    #[test]
    fn what_is_too_old_goes_and_the_rest_is_due() {
        let dir = tempfile::tempdir().unwrap();
        let [stdout, stderr] = Stream::BOTH.map(|stream| Names::new(dir.path(), stream));
        for number in 1..=4 {
            rotated(&stdout, number, 100, number * 10);
            rotated(&stderr, number, 100, number * 10 + 5);
        }
        let limits = Limits { keep: 10, age: Some(20 * HOUR), size: None };
        assert_eq!(apply(dir.path(), limits, 40), ([vec![3, 4], vec![2, 3, 4]], Some(45)));
        assert_eq!(apply(dir.path(), limits, 50), ([vec![4], vec![3, 4]], Some(55)));
        // Without an index it is the time of the file that counts.
        fs::remove_file(stderr.index(3)).unwrap();
        let file = fs::OpenOptions::new().append(true).open(stderr.rotated(3)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(36 * 3600)).unwrap();
        drop(file);
        assert_eq!(apply(dir.path(), limits, 56), ([vec![4], vec![4]], Some(60)));
        assert_eq!(apply(dir.path(), limits, 1000), ([vec![], vec![]], None));
    }

    #[test]
    fn beyond_the_size_of_all_the_oldest_of_both_goes() {
        let dir = tempfile::tempdir().unwrap();
        let [stdout, stderr] = Stream::BOTH.map(|stream| Names::new(dir.path(), stream));
        for number in 1..=4 {
            rotated(&stdout, number, 1000, number * 10);
            rotated(&stderr, number, 500, number * 10 + 5);
        }
        let limits = Limits { keep: 10, age: None, size: Some(6000) };
        assert_eq!(apply(dir.path(), limits, 50).0, [vec![1, 2, 3, 4], vec![1, 2, 3, 4]]);
        let limits = Limits { size: Some(4700), ..limits };
        assert_eq!(apply(dir.path(), limits, 50).0, [vec![2, 3, 4], vec![2, 3, 4]]);
        let limits = Limits { size: Some(3600), ..limits };
        assert_eq!(apply(dir.path(), limits, 50).0, [vec![3, 4], vec![2, 3, 4]]);
        assert_eq!(
            apply(dir.path(), Limits { size: Some(0), ..limits }, 50).0,
            [Vec::<u64>::new(), Vec::new()]
        );
    }
}

//! What the files are called, and finding them again.
//!
//! The file being written is always `stdout.log`. Each file has a number that only grows; once rotated, a file
//! is `stdout.000042.log`, compressed `stdout.000042.log.zst`. Its index is `stdout.000042.idx` from the start,
//! so a rotation costs one rename however many files are kept, and a crash between two steps leaves no index
//! that belongs to another file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Compression, Stream};

/// The file names of one stream in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    dir: PathBuf,
    stream: Stream,
    /// Where rotated files are looked for that are gone from the folder.
    beside: Option<PathBuf>,
}

/// What there is of one stream in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Numbers of the rotated files, ascending, each once.
    pub rotated: Vec<u64>,
    /// Those of them that are not compressed, ascending.
    pub plain: Vec<u64>,
    /// Those of them that are there compressed, ascending.
    pub compressed: Vec<u64>,
    /// Numbers of the index files, ascending.
    pub indexes: Vec<u64>,
    /// What an interrupted compression left.
    pub leftovers: Vec<PathBuf>,
}

const LEFTOVER: &str = ".tmp";

/// No log comes to so many files: a file of a larger number is someone else's.
const MOST: u64 = 1 << 48;

impl Names {
    pub fn new(dir: &Path, stream: Stream) -> Self {
        Self { dir: dir.to_owned(), stream, beside: None }
    }

    /// The same, with a second folder for rotated files.
    pub fn beside(self, folder: Option<&Path>) -> Self {
        Self { beside: folder.map(Path::to_owned), ..self }
    }

    /// The names in the second folder.
    pub fn second(&self) -> Option<Self> {
        self.beside.as_deref().map(|folder| Self::new(folder, self.stream))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// The file being written.
    pub fn current(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.stream))
    }

    /// File `number` after its rotation.
    pub fn rotated(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{}.{number:06}.log", self.stream))
    }

    /// File `number` after its compression.
    pub fn compressed(&self, number: u64, compression: Compression) -> PathBuf {
        self.dir.join(format!("{}.{number:06}.log{}", self.stream, compression.suffix()))
    }

    /// Where a compressed file is written until it is whole.
    pub fn leftover(&self, number: u64, compression: Compression) -> PathBuf {
        let suffix = compression.suffix();
        self.dir.join(format!("{}.{number:06}.log{suffix}{LEFTOVER}", self.stream))
    }

    /// The index of file `number`.
    pub fn index(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{}.{number:06}.idx", self.stream))
    }

    /// What is there. Names that are not of this stream's making are left out.
    pub fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let mut entries: Vec<_> = fs::read_dir(&self.dir)?.collect();
        // It may come and go as it is needed.
        entries.extend(self.beside.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten());
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some((number, rest)) = name.to_str().and_then(|name| self.parse(name)) else { continue };
            match rest {
                "log" => listing.plain.push(number),
                "log.zst" | "log.gz" => listing.compressed.push(number),
                "idx" => listing.indexes.push(number),
                _ if rest.ends_with(LEFTOVER) => listing.leftovers.push(entry.path()),
                _ => {}
            }
        }
        listing.rotated = listing.plain.iter().chain(&listing.compressed).copied().collect();
        for numbers in
            [&mut listing.plain, &mut listing.compressed, &mut listing.rotated, &mut listing.indexes]
        {
            numbers.sort_unstable();
            numbers.dedup();
        }
        Ok(listing)
    }

    /// Splits `stdout.000042.log.zst` into 42 and `log.zst`.
    fn parse<'a>(&self, name: &'a str) -> Option<(u64, &'a str)> {
        let (number, rest) = name.strip_prefix(self.stream.name())?.strip_prefix('.')?.split_once('.')?;
        if number.len() < 6 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some((number.parse().ok().filter(|number| *number < MOST)?, rest))
    }
}

impl Listing {
    /// The number of the file being written.
    ///
    /// The index of a file is made before the file itself, and after the one before it was renamed: so while
    /// `stdout.log` is there, this number is its own.
    pub fn current(&self) -> u64 {
        let after = self.rotated.last().map_or(1, |last| last + 1);
        self.indexes.last().map_or(after, |last| after.max(*last))
    }
}

impl Compression {
    const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_found_are_those_given_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path(), Stream::Stdout);
        assert_eq!(names.list().unwrap().current(), 1);
        let others =
            ["stdout.log", "stderr.000009.log", "stdout.7.log", "stdout.x00007.log", "stdout.000004.txt"];
        let ours = [
            names.rotated(3),
            names.compressed(2, Compression::Zstd),
            names.compressed(1, Compression::Gzip),
            names.compressed(3, Compression::Zstd),
            names.rotated(1_234_567),
            names.index(3),
            names.leftover(5, Compression::Zstd),
        ];
        for path in others.iter().map(|name| dir.path().join(name)).chain(ours) {
            fs::write(path, "").unwrap();
        }
        let listing = names.list().unwrap();
        assert_eq!(listing.rotated, [1, 2, 3, 1_234_567]);
        assert_eq!(listing.plain, [3, 1_234_567]);
        assert_eq!(listing.compressed, [1, 2, 3]);
        assert_eq!(listing.indexes, [3]);
        assert_eq!(listing.leftovers, [names.leftover(5, Compression::Zstd)]);
        assert_eq!(listing.current(), 1_234_568);
        fs::write(names.index(1_234_568), "").unwrap();
        assert_eq!(names.list().unwrap().current(), 1_234_568);
    }
}

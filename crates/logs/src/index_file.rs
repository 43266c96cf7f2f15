//! The index being written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{
    files::Files,
    index::{Record, SLOT, header},
    names::Names,
};

/// An index open for appending.
#[derive(Debug)]
pub(crate) struct IndexFile {
    file: File,
    path: PathBuf,
    length: u64,
    /// The first record in it.
    pub first: Option<Record>,
    /// The last record in it.
    pub last: Option<Record>,
}

impl IndexFile {
    /// Opens or begins the index of file `number`, which holds `size` bytes. What a crash left half written, and
    /// what speaks of bytes that never came, is cut off.
    pub fn open(files: Files, names: &Names, number: u64, size: u64) -> io::Result<Self> {
        let path = names.index(number);
        let file = (files.append)(&path)?;
        let found = file.metadata()?.len();
        let mut index = Self { file, path, length: 0, first: None, last: None };
        if found > 0 {
            index.repair(found, header(names.stream(), number), size)?;
        }
        if index.length == 0 {
            index.put(&header(names.stream(), number))?;
        }
        Ok(index)
    }

    /// Appends `record`, wholly or not at all.
    pub fn append(&mut self, record: Record) -> io::Result<()> {
        // A write that is tried again and again on a full disk has nothing new to tell.
        if self.last == Some(record) {
            return Ok(());
        }
        self.put(&record.encode())?;
        self.first.get_or_insert(record);
        self.last = Some(record);
        Ok(())
    }

    fn repair(&mut self, found: u64, header: [u8; SLOT], size: u64) -> io::Result<()> {
        let mut reader = File::open(&self.path)?;
        if read_slot(&mut reader, 0)? == Some(header) {
            self.length = found - found % SLOT as u64;
            while self.length > SLOT as u64 {
                let slot = read_slot(&mut reader, self.length - SLOT as u64)?;
                self.last = slot.as_ref().and_then(Record::decode).filter(|record| record.offset <= size);
                if self.last.is_some() {
                    break;
                }
                self.length -= SLOT as u64;
            }
            self.first = read_slot(&mut reader, SLOT as u64)?.as_ref().and_then(Record::decode);
        }
        if self.length == found { Ok(()) } else { self.cut() }
    }

    fn put(&mut self, slot: &[u8; SLOT]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(slot) {
            // A part of a slot would put all that follows out of step.
            self.cut()?;
            return Err(error);
        }
        self.length += SLOT as u64;
        Ok(())
    }

    /// Cuts the file to what is known to be whole. A file open for appending cannot be cut on Windows, so this
    /// opens it once more.
    fn cut(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(&self.path)?.set_len(self.length)
    }
}

/// When what the index at `path` tells of last arrived, in nanoseconds since 1970; `None` if there is none that tells.
pub(crate) fn last_time(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let mut slots = file.metadata().ok()?.len() / SLOT as u64;
    while slots > 1 {
        slots -= 1;
        if let Some(record) = Record::decode(&read_slot(&mut file, slots * SLOT as u64).ok()??) {
            return Some(record.stamp.time);
        }
    }
    None
}

/// The slot at `at`, if the file is that long.
pub(crate) fn read_slot(file: &mut File, at: u64) -> io::Result<Option<[u8; SLOT]>> {
    let mut slot = [0; SLOT];
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(&mut slot) {
        Ok(()) => Ok(Some(slot)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        Stream,
        index::{Kind, Stamp},
    };

    fn record(offset: u64) -> Record {
        let stamp = Stamp { time: offset + 1, order: offset + 1 };
        Record { stamp, offset, kind: Kind::Output, fresh_line: false }
    }

    #[test]
    fn torn_at_any_byte_it_keeps_every_whole_record() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path(), Stream::Stderr);
        let mut index = IndexFile::open(Files::default(), &names, 7, 0).unwrap();
        for offset in 0..4 {
            index.append(record(offset)).unwrap();
        }
        let whole = fs::read(names.index(7)).unwrap();
        for length in 0..=whole.len() {
            fs::write(names.index(7), &whole[..length]).unwrap();
            let mut index = IndexFile::open(Files::default(), &names, 7, 100).unwrap();
            let kept = (length / SLOT).saturating_sub(1) as u64;
            assert_eq!(index.last, kept.checked_sub(1).map(record), "torn at {length}");
            assert_eq!(index.first, (kept > 0).then(|| record(0)));
            index.append(record(50)).unwrap();
            assert_eq!(fs::metadata(names.index(7)).unwrap().len(), (kept + 2) * SLOT as u64);
        }
    }

    #[test]
    fn records_of_bytes_that_never_came_are_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path(), Stream::Stdout);
        let mut index = IndexFile::open(Files::default(), &names, 1, 0).unwrap();
        for offset in [0, 10, 20, 30] {
            index.append(record(offset)).unwrap();
        }
        assert_eq!(IndexFile::open(Files::default(), &names, 1, 15).unwrap().last, Some(record(10)));
        // An index of another file or stream is begun anew.
        fs::copy(names.index(1), names.index(2)).unwrap();
        assert_eq!(IndexFile::open(Files::default(), &names, 2, 15).unwrap().last, None);
    }
}

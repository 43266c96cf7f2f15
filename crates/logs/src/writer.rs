//! One stream's file being written, and its succession.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::Duration,
};

use memchr::memrchr;

use crate::{
    Settings, Stream,
    cut::{Fill, Tail},
    files::Files,
    index::{Kind, Record, Stamp},
    index_file::IndexFile,
    names::{Listing, Names},
};

/// How often it is checked that nobody moved or emptied the file: nanoseconds.
const LOOK_EVERY: u64 = 1_000_000_000;

/// After a rotation that failed, the file may grow by so many bytes until the next attempt.
const HOLD_OFF: u64 = 1 << 20;

/// Writes one stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    names: Names,
    files: Files,
    limit: u64,
    every: Option<u64>,

    number: u64,
    log: Option<File>,
    index: Option<IndexFile>,
    /// Bytes in the file, and those of them that are a line without its end.
    size: u64,
    line: u64,
    tail: Tail,
    /// That line will not go on: what comes next starts on a fresh one.
    line_ended: bool,
    due: bool,
    /// After a failed rotation: the size up to which none is tried.
    held_off: u64,
    born: Option<u64>,
    looked: u64,
    record_owed: bool,
    last: Stamp,

    /// What went wrong with rotation, and with the index; the output itself is safe.
    trouble: Option<String>,
    index_trouble: Option<String>,
    /// Whether a file was rotated since this was last asked.
    rotated: bool,
}

/// A write that got stuck.
#[derive(Debug)]
pub(crate) struct Stuck {
    /// So many bytes were written.
    pub taken: usize,
    /// What failed, on what and why.
    pub error: io::Error,
}

impl StreamWriter {
    /// Opens the files of `stream` in `dir`, repairing what a crash left; with what is there.
    pub fn open(
        dir: &Path,
        stream: Stream,
        settings: &Settings,
        files: Files,
    ) -> io::Result<(Self, Listing)> {
        let names = Names::new(dir, stream);
        let listing = names.list()?;
        for leftover in &listing.leftovers {
            // One that cannot be removed is overwritten by the next compression or removed at the next start.
            let _ = fs::remove_file(leftover);
        }
        let mut writer = Self {
            names,
            files,
            limit: settings.size,
            every: settings.every.map(nanoseconds),
            number: listing.current(),
            log: None,
            index: None,
            size: 0,
            line: 0,
            tail: Tail::default(),
            line_ended: false,
            due: false,
            held_off: 0,
            born: None,
            looked: 0,
            record_owed: true,
            last: Stamp::default(),
            trouble: None,
            index_trouble: None,
            rotated: !listing.plain.is_empty(),
        };
        match writer.ready() {
            // What passes by itself is no reason not to start: the output waits in memory.
            Err(error) if stays(&error) => return Err(error),
            _ => {}
        }
        Ok((writer, listing))
    }

    /// The names of the files.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The number of the file being written.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The newest stamp in the files.
    pub fn last(&self) -> Stamp {
        self.last
    }

    /// What is wrong, apart from writes that get stuck.
    pub fn trouble(&self) -> Option<&String> {
        self.trouble.as_ref().or(self.index_trouble.as_ref())
    }

    /// Whether there are new rotated files since the last call.
    pub fn take_rotated(&mut self) -> bool {
        std::mem::take(&mut self.rotated)
    }

    /// Writes `bytes`, which arrived at `stamp`; `record` says what they are if the index should tell.
    pub fn write(&mut self, bytes: &[u8], stamp: Stamp, record: Option<Kind>) -> Result<(), Stuck> {
        let mut rest = bytes;
        self.write_rest(&mut rest, stamp, record).map_err(|error| Stuck {
            taken: bytes.len() - rest.len(),
            error: io::Error::new(
                error.kind(),
                format!("cannot write {}: {error}", self.names.current().display()),
            ),
        })
    }

    /// Whether the file ends within a line that goes on.
    pub fn is_within_line(&self) -> bool {
        self.line > 0 && !self.line_ended
    }

    /// The line in hand will not go on.
    pub fn end_line(&mut self) {
        self.line_ended = self.line > 0;
    }

    /// The stream ended.
    pub fn end(&mut self, stamp: Stamp) {
        self.end_line();
        let known = self.index.as_ref().and_then(|index| index.last);
        let again = known.is_some_and(|last| last.kind == Kind::End && last.offset == self.size);
        // A program that restarts for years without a word must not fill the disk with its ends.
        if !again && self.size > 0 {
            self.record(stamp, Kind::End, false);
        }
    }

    /// Begins a new file, now or after the line in hand.
    pub fn rotate(&mut self) -> io::Result<()> {
        if self.line_ended {
            self.ready()?;
            self.fresh_line(self.last)?;
        }
        if self.line > 0 {
            self.due = true;
            return Ok(());
        }
        if self.size > 0
            && let Err(error) = self.succeed()
        {
            self.hold_off(self.last.time, &error);
            return Err(error);
        }
        self.ready()
    }

    fn write_rest(&mut self, rest: &mut &[u8], stamp: Stamp, record: Option<Kind>) -> io::Result<()> {
        self.last = stamp;
        let mut record = record;
        if record.is_some() {
            self.look_around(stamp.time);
        }
        while !rest.is_empty() {
            self.ready()?;
            if self.line_ended {
                self.fresh_line(stamp)?;
            }
            let step = self.fill(stamp.time).step(rest);
            if step.take > 0 {
                if record.is_some() || self.size == 0 || self.record_owed {
                    self.record(stamp, record.take().unwrap_or(Kind::Output), false);
                }
                self.append(rest, step.take)?;
            }
            if step.rotate {
                match self.succeed() {
                    Ok(()) => self.ready()?,
                    Err(error) => self.hold_off(stamp.time, &error),
                }
            }
        }
        Ok(())
    }

    fn fill(&self, time: u64) -> Fill {
        let old = self.every.is_some_and(|every| {
            self.born.is_some_and(|born| time.checked_sub(born).is_some_and(|age| age >= every))
        });
        let limit = if self.limit == 0 { 0 } else { self.limit.max(self.held_off) };
        let due = (self.due || old) && self.size >= self.held_off;
        Fill { limit, size: self.size, line: self.line, due, tail: self.tail }
    }

    /// Writes the first `take` of `rest` and moves it on by what was written.
    fn append(&mut self, rest: &mut &[u8], take: usize) -> io::Result<()> {
        let Some(mut log) = self.log.as_ref() else { return Err(io::ErrorKind::NotFound.into()) };
        let mut left = take;
        while left > 0 {
            let written = match log.write(&rest[..left]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let (done, more) = rest.split_at(written);
            self.size += written as u64;
            match memrchr(b'\n', done) {
                Some(at) => {
                    self.line = (written - at - 1) as u64;
                    self.tail = Tail::default();
                    self.tail.push(&done[at + 1..]);
                }
                None => {
                    self.line += written as u64;
                    self.tail.push(done);
                }
            }
            *rest = more;
            left -= written;
        }
        Ok(())
    }

    /// Ends the line in hand for what comes next.
    fn fresh_line(&mut self, stamp: Stamp) -> io::Result<()> {
        self.record(stamp, Kind::Output, true);
        self.append(&mut &b"\n"[..], 1)?;
        self.line_ended = false;
        Ok(())
    }

    /// Tells the index what begins here. An index that cannot be written never stops the log.
    fn record(&mut self, stamp: Stamp, kind: Kind, fresh_line: bool) {
        self.born.get_or_insert(stamp.time);
        let record = Record { stamp, offset: self.size, kind, fresh_line };
        if self.index.is_none() {
            self.open_index(self.size);
        }
        self.record_owed = self.index.as_mut().is_none_or(|index| index.append(record).is_err());
    }

    fn open_index(&mut self, size: u64) {
        match IndexFile::open(self.files, &self.names, self.number, size) {
            Ok(index) => {
                if let (Some(first), Some(last)) = (index.first, index.last) {
                    self.born = Some(first.stamp.time);
                    if last.stamp.order > self.last.order {
                        self.last = last.stamp;
                    }
                }
                self.index = Some(index);
                self.index_trouble = None;
            }
            // The log itself says so as soon as there is something to write, and then this is tried again.
            Err(error) if is_full(&error) => {}
            Err(error) => {
                let path = self.names.index(self.number);
                self.index_trouble = Some(format!("cannot write {}: {error}", path.display()));
            }
        }
    }

    /// Opens the files if they are not open.
    fn ready(&mut self) -> io::Result<()> {
        if self.log.is_some() {
            return Ok(());
        }
        let path = self.names.current();
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        // First the index, then the file: see `Listing::current`.
        self.open_index(size);
        let log = (self.files.append)(&path)?;
        if size != self.size {
            self.size = size;
            self.line = u64::from(!ends_in_line_feed(&path)?);
            self.line_ended = self.line > 0;
        }
        self.log = Some(log);
        self.record_owed = true;
        Ok(())
    }

    /// Hands the file over to the rotated ones and begins the next.
    fn succeed(&mut self) -> io::Result<()> {
        self.log = None;
        self.index = None;
        match fs::rename(self.names.current(), self.names.rotated(self.number)) {
            // Someone else took it away.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.rotated = true;
        self.begin_next();
        self.trouble = None;
        Ok(())
    }

    fn begin_next(&mut self) {
        self.log = None;
        self.index = None;
        self.number += 1;
        self.size = 0;
        self.line = 0;
        self.tail = Tail::default();
        self.line_ended = false;
        self.due = false;
        self.held_off = 0;
        self.born = None;
    }

    fn hold_off(&mut self, time: u64, error: &io::Error) {
        self.trouble = Some(format!("cannot rotate {}: {error}", self.names.current().display()));
        self.held_off = self.size + HOLD_OFF;
        self.born = Some(time);
    }

    /// Notices, within a second of output, when someone else removed, renamed or emptied the file.
    fn look_around(&mut self, time: u64) {
        if time.abs_diff(self.looked) < LOOK_EVERY {
            return;
        }
        self.looked = time;
        if self.log.is_none() {
            return;
        }
        match fs::metadata(self.names.current()) {
            Ok(metadata) if metadata.len() >= self.size => self.size = metadata.len(),
            // What is there now has nothing to do with what the index tells.
            Ok(_) => self.begin_next(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.begin_next(),
            Err(_) => {}
        }
    }
}

/// Whether `error` says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether `error` is one of place or permission, which no waiting mends: not a disk without room, nor another program
/// that lets nobody write to the file while it holds it.
fn stays(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
    )
}

fn ends_in_line_feed(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

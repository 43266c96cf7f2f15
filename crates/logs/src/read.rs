//! Reading back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Error, Stream, Streams, index::nanoseconds, names::Names};

mod cursor;
mod mark;
mod merge;
mod records;
mod search;
mod seek;
mod segment;
mod source;

use cursor::Cursor;
pub use mark::Mark;
use mark::Resumed;
use merge::Merge;
pub use search::{Find, Found, search, search_last};

/// Longer lines come in pieces of this size, in bytes, so that reading needs little memory whatever was written.
const LONGEST_PIECE: usize = 1 << 20;

/// A place in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    number: u64,
    offset: u64,
}

/// Reads the log of one service, while it is being written or long after.
#[derive(Clone, Debug)]
pub struct Reader {
    dir: PathBuf,
    beside: Option<PathBuf>,
}

/// Where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest line kept.
    Oldest,
    /// So many lines before the end.
    Tail(usize),
    /// With the first line whose end arrived at this time or later.
    Since(SystemTime),
    /// With what comes behind a place at which reading ended before.
    Mark(Mark),
}

/// Where reading ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// At what is the end of the log when reading begins.
    #[default]
    Now,
    /// With the last line whose end arrived at this time or earlier.
    Time(SystemTime),
    /// At a place where reading ended before.
    Mark(Mark),
}

/// A part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub start: Start,
    /// Where it ends.
    pub until: Until,
    /// Which streams it holds.
    pub streams: Streams,
}

/// A part of one stream.
#[derive(Debug)]
struct Bounds {
    names: Names,
    start: Resumed,
    end: Position,
    /// For [`Start::Tail`], how many lines that are.
    lines: usize,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When its end arrived, exact to 10 ms. `None` where the index is lost.
    pub time: Option<SystemTime>,
    /// Which stream it came from.
    pub stream: Stream,
    /// The bytes as they came, without the line feed that ends them.
    pub bytes: Vec<u8>,
    /// False if this is not the end of a line: what is longer than 1 MiB, or than a whole file may be, comes in
    /// pieces, and the last line may not be whole yet. Printed one after the other, with a line feed after those
    /// that are complete, pieces make up the line again.
    pub complete: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { time: None, stream: Stream::Stdout, bytes: Vec::new(), complete: true }
    }
}

impl Reader {
    /// A reader of the log in `dir`.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        fs::read_dir(dir).map_err(Error::io("read the log in", dir))?;
        Ok(Self { dir: dir.to_owned(), beside: None })
    }

    /// The same, with a second folder in which rotated files and their indexes are looked for that are gone from the
    /// first: there someone keeps them whom retention would be too early for. It may come and go.
    #[must_use]
    pub fn beside(self, folder: &Path) -> Self {
        Self { beside: Some(folder.to_owned()), ..self }
    }

    /// The lines from `start` to what is the end now, oldest first, the streams merged in the order of arrival.
    pub fn lines(&self, start: Start, streams: Streams) -> Result<Lines, Error> {
        self.range(&Range { start, until: Until::Now, streams })
    }

    /// The lines of a range, in the same order.
    pub fn range(&self, range: &Range) -> Result<Lines, Error> {
        let mut merge = self.merge(range, false).map_err(Error::io("read the log in", &self.dir))?;
        merge.skip()?;
        Ok(Lines { merge })
    }

    /// The last `n` lines.
    pub fn tail(&self, n: usize, streams: Streams) -> Result<Lines, Error> {
        self.lines(Start::Tail(n), streams)
    }

    /// The lines that arrived at `time` or later.
    pub fn since(&self, time: SystemTime, streams: Streams) -> Result<Lines, Error> {
        self.lines(Start::Since(time), streams)
    }

    /// The lines from `start` on and those that are still to come, through every rotation. Whenever there is
    /// nothing new, `wait` is called: it returns true to look again, false to end. Lines come when they are
    /// whole, or when their stream has ended.
    pub fn follow<W: FnMut() -> bool>(
        &self,
        start: Start,
        streams: Streams,
        wait: W,
    ) -> Result<Follow<W>, Error> {
        let range = Range { start, until: Until::Now, streams };
        let mut merge = self.merge(&range, true).map_err(Error::io("read the log in", &self.dir))?;
        merge.skip()?;
        Ok(Follow { merge, wait })
    }

    fn merge(&self, range: &Range, follow: bool) -> io::Result<Merge> {
        let mut cursors = Vec::new();
        let mut lines = 0;
        for bounds in self.bounds(range, follow)? {
            lines += bounds.lines;
            cursors.push(Cursor::new(bounds.names, bounds.start, (!follow).then_some(bounds.end)));
        }
        // Each stream begins with its own last lines; of all of these, only the last are wanted.
        let skip = if let Start::Tail(n) = range.start { lines.saturating_sub(n) } else { 0 };
        let from = if let Start::Mark(mark) = range.start { mark } else { Mark::default() };
        Ok(Merge::new(cursors, from, skip, range.since(), range.until()))
    }

    /// Where the range begins and ends in each of its streams. For a follower, the last line of a tail is one that is
    /// whole.
    fn bounds(&self, range: &Range, follow: bool) -> io::Result<Vec<Bounds>> {
        let streams = Stream::BOTH.into_iter().filter(|stream| range.streams.contains(*stream));
        let bounds = streams.map(|stream| {
            let names = Names::new(&self.dir, stream).beside(self.beside.as_deref());
            let now = seek::end(&names)?;
            let end = match range.until {
                Until::Now => now,
                Until::Time(time) => seek::until(&names, time, now)?,
                Until::Mark(mark) => {
                    mark.place(stream).map_or(Ok(now), |place| mark::found(&names, place))?
                }
            };
            let mut lines = 0;
            let start = match range.start {
                Start::Mark(mark) => mark::resume(&names, mark.place(stream))?,
                Start::Oldest => Resumed::fresh(seek::oldest(&names)?),
                Start::Since(time) if time <= UNIX_EPOCH => Resumed::fresh(seek::oldest(&names)?),
                Start::Since(time) => Resumed::fresh(seek::since(&names, time, end)?),
                Start::Tail(n) => {
                    let (place, found) = seek::tail(&names, end, n, follow)?;
                    lines = found;
                    Resumed::fresh(place)
                }
            };
            Ok(Bounds { names, start, end, lines })
        });
        bounds.collect()
    }
}

impl Range {
    /// Nanoseconds since 1970: what is known to have come earlier is not wanted.
    fn since(&self) -> u64 {
        if let Start::Since(time) = self.start { nanoseconds(time) } else { 0 }
    }

    /// Nor is what came later.
    fn until(&self) -> u64 {
        if let Until::Time(time) = self.until { nanoseconds(time) } else { u64::MAX }
    }
}

/// The lines of a log up to what was its end when reading began.
#[derive(Debug)]
pub struct Lines {
    merge: Merge,
}

impl Lines {
    /// Puts the next line into `line`, whose memory is used again. False if there is none.
    pub fn read(&mut self, line: &mut Line) -> Result<bool, Error> {
        self.merge.read(line)
    }

    /// The place behind the last line given, to go on from later.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.merge.mark()
    }

    /// How many files of both streams retention removed before they were read to their end, on the way from the start
    /// to here. The file that a mark lies in counts too, also when nothing came behind the mark in it.
    #[must_use]
    pub fn lost_files(&self) -> u64 {
        self.merge.lost_files()
    }
}

impl Iterator for Lines {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Line::default();
        self.read(&mut line).map(|more| more.then_some(line)).transpose()
    }
}

/// The lines of a log as they come.
#[derive(Debug)]
pub struct Follow<W> {
    merge: Merge,
    wait: W,
}

impl<W: FnMut() -> bool> Follow<W> {
    /// Puts the next line into `line`, whose memory is used again. False once `wait` wants to end.
    pub fn read(&mut self, line: &mut Line) -> Result<bool, Error> {
        loop {
            if self.merge.read(line)? {
                return Ok(true);
            }
            if !(self.wait)() {
                return Ok(false);
            }
        }
    }

    /// The place behind the last line given, to go on from later.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.merge.mark()
    }

    /// How many files of both streams retention removed before they were read to their end, on the way from the start
    /// to here. The file that a mark lies in counts too, also when nothing came behind the mark in it.
    #[must_use]
    pub fn lost_files(&self) -> u64 {
        self.merge.lost_files()
    }
}

impl<W: FnMut() -> bool> Iterator for Follow<W> {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Line::default();
        self.read(&mut line).map(|more| more.then_some(line)).transpose()
    }
}

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
mod seek;
mod segment;
mod source;

use cursor::Cursor;
pub use mark::Mark;
use mark::Resumed;
use merge::Merge;

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
        Ok(Self { dir: dir.to_owned() })
    }

    /// The lines from `start` to what is the end now, oldest first, the streams merged in the order of arrival.
    pub fn lines(&self, start: Start, streams: Streams) -> Result<Lines, Error> {
        let mut merge = self.merge(start, streams, false).map_err(Error::io("read the log in", &self.dir))?;
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
        let mut merge = self.merge(start, streams, true).map_err(Error::io("read the log in", &self.dir))?;
        merge.skip()?;
        Ok(Follow { merge, wait })
    }

    fn merge(&self, start: Start, streams: Streams, follow: bool) -> io::Result<Merge> {
        let mut cursors = Vec::new();
        let mut lines = 0;
        for stream in Stream::BOTH.into_iter().filter(|stream| streams.contains(*stream)) {
            let names = Names::new(&self.dir, stream);
            let end = seek::end(&names)?;
            let place = match start {
                Start::Mark(mark) => mark::resume(&names, mark.place(stream))?,
                Start::Oldest => Resumed::fresh(seek::oldest(&names)?),
                Start::Since(time) if time <= UNIX_EPOCH => Resumed::fresh(seek::oldest(&names)?),
                Start::Since(time) => Resumed::fresh(seek::since(&names, time, end)?),
                Start::Tail(n) => {
                    let (place, found) = seek::tail(&names, end, n, follow)?;
                    lines += found;
                    Resumed::fresh(place)
                }
            };
            cursors.push(Cursor::new(names, place, (!follow).then_some(end)));
        }
        // Each stream begins with its own last lines; of all of these, only the last are wanted.
        let skip = if let Start::Tail(n) = start { lines.saturating_sub(n) } else { 0 };
        let since = if let Start::Since(time) = start { nanoseconds(time) } else { 0 };
        let from = if let Start::Mark(mark) = start { mark } else { Mark::default() };
        Ok(Merge::new(cursors, from, skip, since))
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

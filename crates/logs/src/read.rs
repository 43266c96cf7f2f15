//! Reading back.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{Error, Stream, Streams};

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
    /// With the first line that arrived at this time or later.
    Since(SystemTime),
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
    /// False if this is not the end of a line: a very long line comes in pieces, and the last line may not be
    /// whole yet.
    pub complete: bool,
}

impl Reader {
    /// A reader of the log in `dir`.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        std::fs::read_dir(dir).map_err(Error::io("read folder", dir))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The lines from `start` to what is the end now, oldest first, the streams merged in the order of arrival.
    pub fn lines(&self, start: Start, streams: Streams) -> Result<Lines, Error> {
        let _ = (start, streams, &self.dir);
        Ok(Lines {})
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
    /// nothing new, `wait` is called: it returns true to look again, false to end.
    pub fn follow<W: FnMut() -> bool>(
        &self,
        start: Start,
        streams: Streams,
        wait: W,
    ) -> Result<Follow<W>, Error> {
        Ok(Follow { lines: self.lines(start, streams)?, wait })
    }
}

/// Iterator over the lines of a log.
#[derive(Debug)]
pub struct Lines {}

impl Iterator for Lines {
    type Item = Result<Line, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

/// Iterator over the lines of a log as they come.
#[derive(Debug)]
pub struct Follow<W> {
    lines: Lines,
    wait: W,
}

impl<W: FnMut() -> bool> Iterator for Follow<W> {
    type Item = Result<Line, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.lines.next() {
                return Some(line);
            }
            if !(self.wait)() {
                return None;
            }
        }
    }
}

//! The files of both streams and their upkeep: what any way of capturing ends in.

use std::{io, path::Path, sync::Arc, time::SystemTime};

use crate::{
    Compression, Error, Settings, Stream,
    backlog::Piece,
    compress::Compressor,
    counters::Counters,
    files::Files,
    index::{Kind, Stamp, nanoseconds},
    names::Listing,
    retention::{self, Limits},
    writer::{StreamWriter, Stuck},
};

/// Writes both streams.
#[derive(Debug)]
pub(crate) struct Keeper {
    writers: [StreamWriter; 2],
    limits: Limits,
    /// What hinders the removal of old files.
    retention_trouble: Option<String>,
    compressor: Option<Compressor>,
    counters: Arc<Counters>,
    troubled: bool,
    /// When the oldest of the rotated files is too old.
    due: Option<u64>,
}

impl Keeper {
    /// Opens the files in `dir`.
    pub fn open(
        dir: &Path,
        settings: &Settings,
        files: Files,
        counters: &Arc<Counters>,
    ) -> Result<Self, Error> {
        if !settings.compress.is_supported() {
            return Err(Error::Unsupported(settings.compress.name()));
        }
        let open = |stream| {
            StreamWriter::open(dir, stream, settings, files).map_err(Error::io("open the log files in", dir))
        };
        let (stdout, stdout_listing) = open(Stream::Stdout)?;
        let (stderr, stderr_listing) = open(Stream::Stderr)?;
        let writers = [stdout, stderr];
        let compressor = (settings.compress != Compression::None).then(|| {
            let names = writers.each_ref().map(|writer| writer.names().clone());
            Compressor::new(names, settings.compress, files, Arc::clone(counters))
        });
        let mut keeper = Self {
            writers,
            limits: Limits::of(settings),
            retention_trouble: None,
            compressor,
            counters: Arc::clone(counters),
            troubled: false,
            due: None,
        };
        keeper.retain(Ok([stdout_listing, stderr_listing]), nanoseconds(SystemTime::now()));
        if keeper.take_rotated() {
            keeper.compress();
        }
        keeper.look_after(None);
        Ok(keeper)
    }

    /// The newest stamp in the files.
    pub fn last(&self) -> Stamp {
        let [stdout, stderr] = self.writers.each_ref().map(StreamWriter::last);
        if stdout.order > stderr.order { stdout } else { stderr }
    }

    /// Writes output; `record` says what it is if the index should tell.
    pub fn write(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        stamp: Stamp,
        record: Option<Kind>,
    ) -> Result<(), Stuck> {
        let outcome = self.writers[stream.index()].write(bytes, stamp, record);
        self.look_after(Some(stamp.time));
        outcome
    }

    /// Removes what is too old, if something is.
    pub fn tidy(&mut self, now: SystemTime) {
        self.look_after(Some(nanoseconds(now)));
    }

    /// Whether what is written of `stream` ends within a line that goes on.
    pub fn is_within_line(&self, stream: Stream) -> bool {
        self.writers[stream.index()].is_within_line()
    }

    /// The stream ended.
    pub fn end(&mut self, stream: Stream, stamp: Stamp) {
        self.writers[stream.index()].end(stamp);
    }

    /// Begins new files. Tries both, and reports the first failure.
    pub fn rotate(&mut self) -> io::Result<()> {
        let [stdout, stderr] = self.writers.each_mut().map(StreamWriter::rotate);
        self.look_after(None);
        stdout.and(stderr)
    }

    /// Writes what waited; leaves in `piece` what it could not.
    pub fn put(&mut self, piece: &mut Piece) -> io::Result<()> {
        match piece {
            Piece::Bytes { stream, stamp, kind, bytes, done } => {
                if *kind == Kind::Gap && *done == 0 {
                    self.writers[stream.index()].end_line();
                }
                self.write(*stream, &bytes[*done..], *stamp, Some(*kind)).map_err(|stuck| {
                    *done += stuck.taken;
                    stuck.error
                })
            }
            Piece::End { stream, stamp } => {
                self.end(*stream, *stamp);
                Ok(())
            }
            // A rotation that fails is tried again by the next write that needs one.
            Piece::Rotate => self.rotate().or(Ok(())),
        }
    }

    /// After anything that may have begun new files, or at a time at which old ones may be due.
    fn look_after(&mut self, now: Option<u64>) {
        let rotated = self.take_rotated();
        let is_due = self.due.is_some_and(|due| now.is_some_and(|now| now >= due));
        if rotated || is_due {
            let [stdout, stderr] = &self.writers;
            let listings = stdout.names().list().and_then(|one| Ok([one, stderr.names().list()?]));
            self.retain(listings, now.unwrap_or_else(|| self.last().time));
        }
        if rotated {
            self.compress();
        }
        let trouble = self.writers.iter().find_map(StreamWriter::trouble).or(self.retention_trouble.as_ref());
        if trouble.is_some() || self.troubled {
            self.troubled = trouble.is_some();
            self.counters.upkeep(trouble.cloned());
        }
    }

    /// Whether there are new rotated files.
    fn take_rotated(&mut self) -> bool {
        let [stdout, stderr] = self.writers.each_mut().map(StreamWriter::take_rotated);
        stdout || stderr
    }

    fn compress(&self) {
        if let Some(compressor) = &self.compressor {
            compressor.wake();
        }
    }

    fn retain(&mut self, listings: io::Result<[Listing; 2]>, now: u64) {
        let outcome = listings.and_then(|[one, other]| {
            let [stdout, stderr] = &self.writers;
            let files = [(stdout, one), (stderr, other)].map(|(writer, listing)| retention::Files {
                names: writer.names(),
                listing,
                current: writer.number(),
            });
            let retained = self.limits.apply(files, now);
            self.due = retained.due;
            self.counters.upkeep_due(retained.due);
            retained.outcome
        });
        self.retention_trouble = outcome.err().map(|error| {
            let dir = self.writers[0].names().dir().display();
            format!("cannot remove old log files from {dir}: {error}")
        });
    }
}

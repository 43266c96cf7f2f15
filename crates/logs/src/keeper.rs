//! The files of both streams and their upkeep: what any way of capturing ends in.

use std::{io, path::Path, sync::Arc};

use crate::{
    Compression, Error, Settings, Stream,
    backlog::Piece,
    compress::Compressor,
    counters::Counters,
    files::Files,
    index::{Kind, Stamp},
    writer::{StreamWriter, Stuck},
};

/// Writes both streams.
#[derive(Debug)]
pub(crate) struct Keeper {
    writers: [StreamWriter; 2],
    compressor: Option<Compressor>,
    counters: Arc<Counters>,
    troubled: bool,
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
        let writers = [open(Stream::Stdout)?, open(Stream::Stderr)?];
        let compressor = (settings.compress != Compression::None).then(|| {
            let names = writers.each_ref().map(|writer| writer.names().clone());
            Compressor::new(names, settings.compress, files, Arc::clone(counters))
        });
        let mut keeper = Self { writers, compressor, counters: Arc::clone(counters), troubled: false };
        keeper.look_after();
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
        self.look_after();
        outcome
    }

    /// The stream ended.
    pub fn end(&mut self, stream: Stream, stamp: Stamp) {
        self.writers[stream.index()].end(stamp);
    }

    /// Begins new files. Tries both, and reports the first failure.
    pub fn rotate(&mut self) -> io::Result<()> {
        let [stdout, stderr] = self.writers.each_mut().map(StreamWriter::rotate);
        self.look_after();
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

    fn look_after(&mut self) {
        let mut rotated = false;
        for writer in &mut self.writers {
            rotated |= writer.take_rotated();
        }
        if let (true, Some(compressor)) = (rotated, &self.compressor) {
            compressor.wake();
        }
        let trouble = self.writers.iter().find_map(StreamWriter::trouble);
        if trouble.is_some() || self.troubled {
            self.troubled = trouble.is_some();
            self.counters.upkeep(trouble.cloned());
        }
    }
}

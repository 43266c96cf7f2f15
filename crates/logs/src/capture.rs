//! Capturing: what a program prints goes into files.

use std::{io, path::Path, sync::Arc, time::SystemTime};

use crate::{
    Error, Settings, Stats, Stream, WhenFull, counters::Counters, direct::Direct, files::Files,
    keeper::Keeper, queued::Queued, stamper::Stamper,
};

/// Takes what one service prints and keeps it in a folder.
///
/// Cheap to clone, and every clone is the same capture: the thread that reads the pipes writes through one, the
/// thread that answers questions holds another. Only [`write`](Self::write) and [`end`](Self::end) ever wait for
/// another thread that is writing to a slow disk.
///
/// Nothing here fails once the files are open: what cannot be written waits in memory up to a bound, and
/// [`stats`](Self::stats) says so. When the last clone is dropped, what waits is tried once more.
#[derive(Clone, Debug)]
pub struct Capture {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    way: Way,
    counters: Arc<Counters>,
}

#[derive(Debug)]
enum Way {
    Direct(Box<Direct>),
    Queued(Queued),
}

impl Capture {
    /// Opens the files in `dir` (which must exist), repairs what a crash left, and removes what is beyond
    /// retention. There must be no other capture of the same folder.
    pub fn open(dir: &Path, settings: &Settings) -> Result<Self, Error> {
        Self::open_with(dir, settings, Files::default())
    }

    /// As [`open`](Self::open), with files opened by `files`, so that they get the permissions that fit.
    pub fn open_with(dir: &Path, settings: &Settings, files: Files) -> Result<Self, Error> {
        let counters = Arc::new(Counters::default());
        let keeper = Keeper::open(dir, settings, files, &counters)?;
        let stamper = Stamper::after(keeper.last());
        let way = match settings.when_full {
            WhenFull::Block => {
                Way::Direct(Box::new(Direct::new(keeper, stamper, settings.buffer, Arc::clone(&counters))))
            }
            WhenFull::DropOldest => Way::Queued(
                Queued::start(keeper, stamper, settings.buffer, Arc::clone(&counters))
                    .map_err(Error::io("start a thread for the log files in", dir))?,
            ),
        };
        Ok(Self { inner: Arc::new(Inner { way, counters }) })
    }

    /// Keeps `bytes`, which arrived from `stream` at `now`, as they are. Any cutting into chunks will do.
    pub fn write(&self, stream: Stream, bytes: &[u8], now: SystemTime) {
        if bytes.is_empty() {
            return;
        }
        self.inner.counters.arrived(bytes.len(), now);
        match &self.inner.way {
            Way::Direct(direct) => direct.write(stream, bytes, now),
            Way::Queued(queued) => queued.write(stream, bytes, now),
        }
    }

    /// The stream has ended: the program and all who held its pipe are gone. A last line without a line end
    /// stays as it is; should more be written later, it starts on a fresh line.
    pub fn end(&self, stream: Stream, now: SystemTime) {
        match &self.inner.way {
            Way::Direct(direct) => direct.end(stream, now),
            Way::Queued(queued) => queued.end(stream, now),
        }
    }

    /// Begins new files now, or, for a stream that is in the middle of a line, after that line. An empty file
    /// stays. While another thread writes, that one does it: then this returns at once, and a failure shows in
    /// the [`Stats`].
    pub fn rotate(&self) -> io::Result<()> {
        match &self.inner.way {
            Way::Direct(direct) => direct.rotate(),
            Way::Queued(queued) => {
                queued.rotate();
                Ok(())
            }
        }
    }

    /// Tries again to write what the disk refused so far, and removes what is too old to be kept. Every write does so
    /// too, so this is for silent programs alone. Does nothing while another thread writes.
    pub fn flush(&self, now: SystemTime) {
        self.inner.flush(now);
    }

    /// When the next rotated file is too old to be kept, by [`Settings::max_age`]: the time for a
    /// [`flush`](Self::flush). Changes with every rotation.
    #[must_use]
    pub fn next_upkeep(&self) -> Option<SystemTime> {
        self.inner.counters.next_upkeep()
    }

    /// Calls `changed` whenever something is lost, and when [`Stats::trouble`] comes, goes or is another; from
    /// whatever thread that happens on, under its locks: it must return at once and ask nothing. The first one
    /// that is given stays.
    pub fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) {
        self.inner.counters.watch(changed);
    }

    /// Counters and health. Never waits for the disk.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.stats()
    }
}

impl Inner {
    fn flush(&self, now: SystemTime) {
        match &self.way {
            Way::Direct(direct) => direct.flush(now),
            Way::Queued(queued) => queued.flush(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.flush(SystemTime::now());
    }
}

//! The output of one service, read from a mark on into batches.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use abide_logs::{Follow, JoinRule, Joiner, Level, Line, Mark, Reader, Start, Stream, Streams};

use super::queue::Queue;
use crate::sink::{Batch, Limits, Service, Uid};

/// Lines read before the time is looked at, and the batch given a chance.
const SLICE: usize = 4096;

/// What of the output is wanted, and how.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which streams; none for events alone.
    pub streams: Option<Streams>,
    /// Entries of lower levels are left out; those without a level are not.
    pub level: Option<Level>,
    /// What begins an entry; `None` if each line is one.
    pub join: Option<JoinRule>,
}

/// The output of one service, being read.
pub struct Log {
    service: Arc<Service>,
    wish: Wish,
    follow: Follow<fn() -> bool>,
    line: Line,
    joiner: Option<Joiner>,
    /// For each line that the joiner holds: the mark before it, and the place behind it.
    held: VecDeque<(Mark, Uid)>,
    /// How many lines were given to the joiner.
    pushed: u64,
    /// When the last line was read.
    read: Instant,
    /// How many files were counted as lost so far.
    lost: u64,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("service", &self.service.name).finish_non_exhaustive()
    }
}

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// There is nothing more for now.
    Dry,
    /// The batch is full.
    Full,
    /// So much was read for once.
    Slice,
}

impl Log {
    /// Reads on from `mark`, in the folder of the log and in the queue.
    pub fn open(
        service: Arc<Service>,
        logs: &Path,
        queue: &Queue,
        mark: &Mark,
        wish: Wish,
    ) -> Result<Self, abide_logs::Error> {
        let reader = Reader::open(logs)?.beside(queue.folder());
        Self::of(service, &reader, mark, wish)
    }

    /// Reads on from `mark` in the queue alone: the log is gone.
    pub fn open_queue(
        service: Arc<Service>,
        queue: &Queue,
        mark: &Mark,
        wish: Wish,
    ) -> Result<Self, abide_logs::Error> {
        Self::of(service, &Reader::open(queue.folder())?, mark, wish)
    }

    fn of(
        service: Arc<Service>,
        reader: &Reader,
        mark: &Mark,
        wish: Wish,
    ) -> Result<Self, abide_logs::Error> {
        let never: fn() -> bool = || false;
        let streams = wish.streams.unwrap_or(Streams::Both);
        let follow = reader.follow(Start::Mark(*mark), streams, never)?;
        let joiner = wish.join.as_ref().map(Joiner::new);
        Ok(Self {
            service,
            wish,
            follow,
            line: Line::default(),
            joiner,
            held: VecDeque::new(),
            pushed: 0,
            read: Instant::now(),
            lost: 0,
        })
    }

    /// Reads into `batch` until it is full, or nothing more is there, or for a while.
    pub fn read(
        &mut self,
        batch: &mut Batch,
        limits: &Limits,
        now: Instant,
    ) -> Result<Stopped, abide_logs::Error> {
        for _ in 0..SLICE {
            // Entries that became whole by one line may be more than one.
            if batch.len() >= limits.records || batch.bytes() >= limits.bytes {
                return Ok(Stopped::Full);
            }
            let before = self.joiner.is_some().then(|| self.follow.mark());
            if !self.follow.read(&mut self.line)? {
                return Ok(Stopped::Dry);
            }
            self.read = now;
            let behind = self.follow.mark();
            let stream = self.line.stream;
            let uid = uid(stream, &behind);
            match (&mut self.joiner, before) {
                (Some(joiner), Some(before)) => {
                    joiner.push(&self.line);
                    self.pushed += 1;
                    self.held.push_back((before, uid));
                    self.pop(batch);
                }
                _ => {
                    let line = &self.line;
                    let level = Level::of(&line.bytes);
                    self.push(batch, stream, line.time, level, &line.bytes, uid);
                }
            }
        }
        Ok(Stopped::Slice)
    }

    /// Ends what may go on, having waited for it long enough.
    pub fn settle(&mut self, batch: &mut Batch) {
        if let Some(joiner) = &mut self.joiner {
            joiner.flush();
        }
        self.pop(batch);
    }

    /// Moves what became whole into the batch.
    fn pop(&mut self, batch: &mut Batch) {
        let Some(mut joiner) = self.joiner.take() else { return };
        loop {
            let first = self.pushed - joiner.held();
            let Some(entry) = joiner.pop() else { break };
            let oldest = self.pushed - self.held.len() as u64;
            let at = usize::try_from(first - oldest).unwrap_or(usize::MAX);
            let Some((_, uid)) = self.held.get(at) else { break };
            self.push(batch, entry.stream, entry.time, entry.level(), &entry.bytes, *uid);
        }
        while self.held.len() as u64 > joiner.held() {
            self.held.pop_front();
        }
        self.joiner = Some(joiner);
    }

    fn push(
        &self,
        batch: &mut Batch,
        stream: Stream,
        time: Option<SystemTime>,
        level: Option<Level>,
        body: &[u8],
        uid: Uid,
    ) {
        if self.wish.level.is_some_and(|least| level.is_some_and(|level| level < least)) {
            return;
        }
        let time = nanoseconds(time.unwrap_or_else(SystemTime::now));
        batch.push_output(&self.service, stream, time, level, body, uid);
    }

    /// The place up to which all is in batches: acknowledged with the batch in hand.
    pub fn mark(&self) -> Mark {
        self.held.front().map_or_else(|| self.follow.mark(), |(before, _)| *before)
    }

    /// When the last line was read, if some of what was read may still go on.
    pub fn holds_since(&self) -> Option<Instant> {
        (!self.held.is_empty()).then_some(self.read)
    }

    /// How many more files were lost since this was asked last.
    pub fn newly_lost(&mut self) -> u64 {
        let lost = self.follow.lost_files();
        lost - std::mem::replace(&mut self.lost, lost)
    }
}

/// A line by the place behind it, which is the same whenever it is read.
fn uid(stream: Stream, behind: &Mark) -> Uid {
    let origin = if stream == Stream::Stdout { 'o' } else { 'e' };
    let (file, offset) = (behind.file(stream).unwrap_or(0), behind.offset(stream).unwrap_or(0));
    Uid { origin, file, offset }
}

/// Nanoseconds since 1970.
pub fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How many lines of `stream` lie between `mark` and the end of file `number`.
pub fn count_lines(
    logs: &Path,
    queue: &Queue,
    mark: &Mark,
    stream: Stream,
    number: u64,
) -> Result<u64, abide_logs::Error> {
    let reader = match Reader::open(logs) {
        Ok(reader) => reader.beside(queue.folder()),
        Err(_) => Reader::open(queue.folder())?,
    };
    let mut lines = reader.lines(Start::Mark(*mark), Streams::Only(stream))?;
    let mut line = Line::default();
    let mut count = 0;
    while lines.read(&mut line)? {
        if lines.mark().file(stream).is_some_and(|file| file > number) {
            break;
        }
        count += u64::from(line.complete);
    }
    Ok(count)
}

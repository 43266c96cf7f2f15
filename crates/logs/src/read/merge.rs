//! The lines of both streams in the order in which they arrived.

use super::{Line, Mark, cursor::Cursor};
use crate::{Error, index};

/// Merges the lines of some streams.
#[derive(Debug)]
pub(crate) struct Merge {
    cursors: Vec<Cursor>,
    /// The mark that reading began from: it holds for streams that are not read.
    from: Mark,
    /// Counts reads, so that "read before" has a meaning across cursors.
    clock: u64,
    /// So many lines are passed over first.
    skip: usize,
    /// Nanoseconds since 1970: what is known to have come earlier is passed over.
    since: u64,
    /// What came later is passed over too.
    until: u64,
    skipped: Vec<u8>,
}

impl Merge {
    pub fn new(cursors: Vec<Cursor>, from: Mark, skip: usize, since: u64, until: u64) -> Self {
        Self { cursors, from, clock: 0, skip, since, until, skipped: Vec::new() }
    }

    /// The place behind the last line given.
    pub fn mark(&self) -> Mark {
        let mut mark = self.from;
        for cursor in &self.cursors {
            mark.set(cursor.stream(), cursor.place());
        }
        mark
    }

    /// How many files were gone before they were read to their end.
    pub fn lost_files(&self) -> u64 {
        self.cursors.iter().map(Cursor::lost).sum()
    }

    /// Passes over what is not wanted, so that the mark is behind it.
    pub fn skip(&mut self) -> Result<(), Error> {
        while self.skip > 0 {
            let Some(at) = self.first()? else { break };
            self.pass_over(at);
        }
        Ok(())
    }

    /// Puts the next line into `line`. False if there is none for now.
    pub fn read(&mut self, line: &mut Line) -> Result<bool, Error> {
        let (cursor, head) = loop {
            let Some(at) = self.first()? else { return Ok(false) };
            // Places are found by order, which a clock that was wrong for a while leaves ahead of the time.
            let times = self.since..=self.until;
            let wanted = self.cursors[at]
                .head()
                .and_then(|head| head.stamp)
                .is_none_or(|stamp| times.contains(&stamp.time));
            if wanted {
                let cursor = &mut self.cursors[at];
                let Some(head) = cursor.take(&mut line.bytes) else { return Ok(false) };
                break (cursor, head);
            }
            self.pass_over(at);
        };
        line.stream = cursor.stream();
        line.time = head.stamp.and_then(|stamp| index::system_time(stamp.time));
        line.complete = head.complete;
        Ok(true)
    }

    fn pass_over(&mut self, at: usize) {
        let head = self.cursors[at].take(&mut self.skipped);
        self.skip -= usize::from(self.skip > 0 && head.is_some_and(|head| head.last_piece));
    }

    /// The cursor whose head came first.
    fn first(&mut self) -> Result<Option<usize>, Error> {
        loop {
            // What was read already comes before what may be read: of a stream that is silent while another one is not,
            // a look then serves for all the lines of a buffer.
            if self.cursors.iter().all(|cursor| cursor.head().is_none()) {
                self.cursors.iter_mut().for_each(Cursor::look);
            }
            let heads = self.cursors.iter().enumerate();
            let first = heads
                .filter_map(|(at, cursor)| Some((cursor.head()?.order(), at)))
                .min_by_key(|(order, _)| *order)
                .map(|(_, at)| at);
            // A stream without a head was found dry, but something older than this may have come there since:
            // only a look after the head itself was read is proof that nothing did.
            let read = first.map_or(self.clock, |at| self.cursors[at].filled());
            let mut proven = true;
            for cursor in &mut self.cursors {
                if cursor.head().is_none() && !cursor.was_dry_after(read) {
                    proven = false;
                    cursor
                        .advance(&mut self.clock)
                        .map_err(Error::io("read the log in", cursor.names().dir()))?;
                }
            }
            if proven || (first.is_none() && self.cursors.iter().all(|cursor| cursor.head().is_none())) {
                return Ok(first);
            }
        }
    }
}

//! Reading an index: in step with the lines, or to find a time.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use crate::{
    index::{Kind, Record, SLOT, Stamp, header},
    index_file::read_slot,
    names::Names,
};

/// How many slots are read at once.
const BATCH: usize = 128;

/// The records of one file, in order.
#[derive(Debug, Default)]
pub(crate) struct Records {
    file: Option<File>,
    /// Where in the index the next slots are read from.
    at: u64,
    batch: Vec<u8>,
    used: usize,
    /// The newest record that the lines have reached.
    current: Option<Record>,
    next: Option<Record>,
    /// There was no more at the last look.
    dry: bool,
}

impl Records {
    /// The records of file `number`; none if the index is lost.
    pub fn open(names: &Names, number: u64) -> Self {
        Self { file: open_index(names, number), at: SLOT as u64, ..Self::default() }
    }

    /// The same for a reader that begins at `offset`: what speaks of bytes before it is passed over without a look.
    pub fn open_at(names: &Names, number: u64, offset: u64) -> Self {
        let mut records = Self::open(names, number);
        if let Some(file) = records.file.as_mut().filter(|_| offset > 0)
            && let Ok(at) = last_before(file, offset)
        {
            records.at = at;
        }
        records
    }

    /// There may be more now.
    pub fn look_again(&mut self) {
        self.dry = false;
    }

    /// The stamp of the byte at `offset`. Offsets must not go backwards from call to call.
    pub fn stamp_at(&mut self, offset: u64) -> Option<Stamp> {
        while let Some(next) = self.peek().filter(|next| next.covers_from() <= offset) {
            self.step(next);
        }
        self.current.map(|record| record.stamp)
    }

    /// Whether the stream ended at `offset`, and if so, when.
    pub fn end_at(&mut self, offset: u64) -> Option<Stamp> {
        while let Some(next) = self.peek().filter(|next| next.offset <= offset) {
            if next.kind == Kind::End && next.offset == offset {
                return Some(next.stamp);
            }
            if next.covers_from() > offset {
                break;
            }
            self.step(next);
        }
        self.current.filter(|record| record.kind == Kind::End && record.offset == offset).map(|end| end.stamp)
    }

    fn step(&mut self, next: Record) {
        self.current = Some(next);
        self.next = None;
    }

    fn peek(&mut self) -> Option<Record> {
        while self.next.is_none() {
            let Some(slot) = self.slot() else { break };
            // A damaged record is passed over: what it spoke of counts to the one before.
            self.next = Record::decode(&slot).filter(|record| {
                self.current.is_none_or(|current| {
                    record.offset >= current.offset && record.stamp.order >= current.stamp.order
                })
            });
        }
        self.next
    }

    fn slot(&mut self) -> Option<[u8; SLOT]> {
        if self.batch.len() - self.used < SLOT {
            if self.dry {
                return None;
            }
            self.refill();
        }
        let slot = self.batch.get(self.used..self.used + SLOT)?.try_into().ok()?;
        self.used += SLOT;
        Some(slot)
    }

    fn refill(&mut self) {
        self.batch.clear();
        self.used = 0;
        if let Some(file) = &mut self.file
            && file.seek(SeekFrom::Start(self.at)).is_ok()
            // An index that cannot be read is as good as lost: the lines are not.
            && file.take((BATCH * SLOT) as u64).read_to_end(&mut self.batch).is_ok()
        {
            self.batch.truncate(self.batch.len() / SLOT * SLOT);
            self.at += self.batch.len() as u64;
        }
        self.dry = self.batch.is_empty();
    }
}

/// What an index knows about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All in the file came before.
    Before,
    /// From this offset on, what came at that moment or later.
    At(u64),
    /// The index is lost.
    Unknown,
}

/// Finds the first byte of file `number` that came at or after `order`, by bisection.
pub(crate) fn find(names: &Names, number: u64, order: u64) -> io::Result<Found> {
    let Some(mut file) = open_index(names, number) else { return Ok(Found::Unknown) };
    let count = (file.metadata()?.len() / SLOT as u64).saturating_sub(1);
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match readable(&mut file, middle, high)? {
            Some((_, record)) if record.stamp.order >= order => high = middle,
            Some((at, _)) => low = at + 1,
            None => high = middle,
        }
    }
    match readable(&mut file, low, count)? {
        Some((_, record)) => Ok(Found::At(record.covers_from())),
        None if readable(&mut file, 0, low)?.is_some() => Ok(Found::Before),
        None => Ok(Found::Unknown),
    }
}

/// The first record of file `number`.
pub(crate) fn first(names: &Names, number: u64) -> io::Result<Option<Record>> {
    let Some(mut file) = open_index(names, number) else { return Ok(None) };
    let count = (file.metadata()?.len() / SLOT as u64).saturating_sub(1);
    Ok(readable(&mut file, 0, count)?.map(|(_, record)| record))
}

/// The place in the order of lines of what is at `offset` in file `number`; 0 where nobody knows.
pub(crate) fn order_at(names: &Names, number: u64, offset: u64) -> u64 {
    Records::open_at(names, number, offset).stamp_at(offset).map_or(0, |stamp| stamp.order)
}

/// Where in an index the last record is that begins before `offset`; the beginning if there is none.
fn last_before(file: &mut File, offset: u64) -> io::Result<u64> {
    let count = (file.metadata()?.len() / SLOT as u64).saturating_sub(1);
    let (mut low, mut high) = (0, count);
    let mut found = 0;
    while low < high {
        let middle = low + (high - low) / 2;
        match readable(file, middle, high)? {
            Some((at, record)) if record.offset < offset => (found, low) = (at, at + 1),
            _ => high = middle,
        }
    }
    Ok((found + 1) * SLOT as u64)
}

/// The first undamaged record from `at` up to `end`.
fn readable(file: &mut File, at: u64, end: u64) -> io::Result<Option<(u64, Record)>> {
    for at in at..end {
        let slot = read_slot(file, (at + 1) * SLOT as u64)?;
        if let Some(record) = slot.as_ref().and_then(Record::decode) {
            return Ok(Some((at, record)));
        }
    }
    Ok(None)
}

fn open_index(names: &Names, number: u64) -> Option<File> {
    let beside = || File::open(names.second()?.index(number)).ok();
    let mut file = File::open(names.index(number)).ok().or_else(beside)?;
    let first = read_slot(&mut file, 0).ok()??;
    (first == header(names.stream(), number)).then_some(file)
}

//! A stream, cut into parts that can be scanned at the same time.

use std::io;

use super::super::{
    Bounds, Position, records,
    segment::{self, Segment},
};
use crate::names::Names;

/// The size of the first part, in bytes: scanned in a moment.
const FIRST: u64 = if cfg!(test) { 20 } else { 1 << 20 };
/// The size of later parts: enough to keep a thread busy.
const LARGEST: u64 = if cfg!(test) { 50 } else { 16 << 20 };

/// A part of one file. Its lines are those that begin in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub number: u64,
    pub from: u64,
    pub to: u64,
    /// A line is known to begin at `from`.
    pub begins_line: bool,
    /// Nothing in it comes earlier in the order of lines.
    pub order: u64,
}

/// A range of one stream.
#[derive(Debug)]
pub(super) struct Lane {
    pub names: Names,
    pub start: Position,
    pub end: Position,
    /// The numbers of the files that are not cut yet, ascending.
    numbers: Vec<u64>,
    /// What of the first of them, or the last when going backwards, is left to be cut.
    left: Option<Left>,
    size: u64,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    number: u64,
    from: u64,
    to: u64,
}

impl Lane {
    pub fn new(bounds: Bounds) -> io::Result<Self> {
        let Bounds { names, start, end, .. } = bounds;
        let start = start.position;
        let mut numbers = names.list()?.rotated;
        numbers.retain(|number| (start.number..end.number).contains(number));
        if end.number >= start.number {
            numbers.push(end.number);
        }
        Ok(Self { names, start, end, numbers, left: None, size: FIRST })
    }

    /// The next part on the way to the end.
    pub fn next(&mut self) -> io::Result<Option<Unit>> {
        while self.left.is_none() {
            if self.numbers.is_empty() {
                return Ok(None);
            }
            let number = self.numbers.remove(0);
            self.left = self.whole(number)?;
        }
        let Some(left) = self.left.take() else { return Ok(None) };
        let to = left.to.min(left.from.saturating_add(self.size));
        if to < left.to {
            self.left = Some(Left { from: to, ..left });
        }
        Ok(Some(self.unit(Left { to, ..left })))
    }

    /// The next part on the way to the beginning.
    pub fn next_back(&mut self) -> io::Result<Option<Unit>> {
        while self.left.is_none() {
            let Some(number) = self.numbers.pop() else { return Ok(None) };
            self.left = self.whole(number)?;
        }
        let Some(left) = self.left.take() else { return Ok(None) };
        let from = left.from.max(left.to.saturating_sub(self.size));
        if from > left.from {
            self.left = Some(Left { to: from, ..left });
        }
        Ok(Some(self.unit(Left { from, ..left })))
    }

    /// What of a file belongs to the range; nothing if there is nothing in it.
    fn whole(&self, number: u64) -> io::Result<Option<Left>> {
        let from = if number == self.start.number { self.start.offset } else { 0 };
        let to = if number == self.end.number {
            self.end.offset
        } else {
            let Segment::There(mut source) = segment::open(&self.names, number)? else { return Ok(None) };
            source.length()?
        };
        Ok((from < to).then_some(Left { number, from, to }))
    }

    fn unit(&mut self, part: Left) -> Unit {
        self.size = (self.size * 2).min(LARGEST);
        let Left { number, from, to } = part;
        let begins_line = Position { number, offset: from } == self.start;
        let order = records::order_at(&self.names, number, from);
        Unit { number, from, to, begins_line, order }
    }
}

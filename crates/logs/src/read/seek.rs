//! Finding the place where reading starts.

use std::{
    fs, io,
    time::{SystemTime, UNIX_EPOCH},
};

use memchr::{memrchr, memrchr_iter};

use super::{
    LONGEST_PIECE, Position,
    records::{self, Found},
    segment::{self, Segment},
    source::Source,
};
use crate::{index, names::Names};

/// How much is read at once on the way back, in bytes.
const STEP: u64 = 64 << 10;

/// The beginning of the oldest file.
pub(crate) fn oldest(names: &Names) -> io::Result<Position> {
    let listing = names.list()?;
    let number = listing.rotated.first().copied().unwrap_or_else(|| listing.current());
    Ok(Position { number, offset: 0 })
}

/// What is the end now.
pub(crate) fn end(names: &Names) -> io::Result<Position> {
    let mut number = names.list()?.current();
    loop {
        match segment::open(names, number)? {
            Segment::There(mut source) => return Ok(Position { number, offset: source.length()? }),
            Segment::Coming => return Ok(Position { number, offset: 0 }),
            Segment::Gone => number = segment::next(names, number)?,
        }
    }
}

/// Where the last `wanted` lines before `end` begin, and how many of them there are. With `whole`, a last line
/// that has no end yet does not count.
pub(crate) fn tail(
    names: &Names,
    end: Position,
    wanted: usize,
    whole: bool,
) -> io::Result<(Position, usize)> {
    let mut lines = 0;
    // Whether something after the place in hand belongs to a line that counts.
    let mut after = false;
    let mut first = end;
    let mut counts = !whole;
    let listing = names.list()?;
    let older = listing.rotated.iter().rev().copied().filter(|number| *number < end.number);
    for number in std::iter::once(end.number).chain(older) {
        let Segment::There(mut source) = segment::open(names, number)? else { continue };
        let mut high = if number == end.number { end.offset } else { source.length()? };
        while high > 0 {
            let low = high.saturating_sub(STEP);
            let mut bytes = vec![0; usize::try_from(high - low).unwrap_or(0)];
            let length = source.fill_at(low, &mut bytes)?;
            let mut rest = length;
            for at in memrchr_iter(b'\n', &bytes[..length]) {
                after |= counts && at + 1 < rest;
                if after {
                    lines += 1;
                    if lines >= wanted {
                        return Ok((Position { number, offset: low + at as u64 + 1 }, lines));
                    }
                }
                (counts, after, rest) = (true, true, at);
            }
            after |= counts && rest > 0;
            high = low;
        }
        first = Position { number, offset: 0 };
    }
    Ok((first, lines + usize::from(after)))
}

/// Where the first line begins that came at `time` or later.
pub(crate) fn since(names: &Names, time: SystemTime, end: Position) -> io::Result<Position> {
    match moment(names, index::nanoseconds(time), end)? {
        Moment::At(place) => line_start(names, place),
        Moment::In(number) => Ok(Position { number, offset: 0 }),
        Moment::Never => line_start(names, end),
    }
}

/// Where the last line ends that came at `time` or earlier, `end` at the latest.
pub(crate) fn until(names: &Names, time: SystemTime, end: Position) -> io::Result<Position> {
    match moment(names, index::nanoseconds(time).saturating_add(1), end)? {
        Moment::At(place) => line_start(names, place),
        // What nobody knows the time of may be wanted.
        Moment::In(number) if number < end.number => {
            Ok(Position { number: segment::next(names, number)?, offset: 0 })
        }
        Moment::In(_) | Moment::Never => Ok(end),
    }
}

/// Where a moment is in a log.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// What came then or later begins here, maybe within a line.
    At(Position),
    /// It is somewhere in this file.
    In(u64),
    /// Everything came before.
    Never,
}

fn moment(names: &Names, order: u64, end: Position) -> io::Result<Moment> {
    let mut numbers = names.list()?.rotated;
    numbers.retain(|number| *number < end.number);
    numbers.push(end.number);
    let (mut low, mut high) = (0, numbers.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(names, numbers[middle], order)? { low = middle + 1 } else { high = middle }
    }
    let Some(&number) = numbers.get(low) else { return Ok(Moment::Never) };
    Ok(match records::find(names, number, order)? {
        Found::At(offset) => Moment::At(Position { number, offset }),
        Found::Before | Found::Unknown => Moment::In(number),
    })
}

/// Whether all of file `number` came before `order`.
fn is_before(names: &Names, number: u64, order: u64) -> io::Result<bool> {
    Ok(match records::find(names, number, order)? {
        Found::Before => true,
        Found::At(_) => false,
        // Without an index, a plain file still has the time of its last write.
        Found::Unknown => fs::metadata(names.rotated(number))
            .or_else(|_| fs::metadata(names.current()))
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|written| written > UNIX_EPOCH && index::nanoseconds(written) < order),
    })
}

/// Where the line begins that goes on at `place`, if it is not too long. It may have begun in an older file.
fn line_start(names: &Names, place: Position) -> io::Result<Position> {
    let mut left = LONGEST_PIECE as u64;
    let mut start = place;
    let listing = names.list()?;
    let older = listing.rotated.iter().rev().copied().filter(|number| *number < place.number);
    for number in std::iter::once(place.number).chain(older) {
        let Segment::There(mut source) = segment::open(names, number)? else { return Ok(start) };
        let mut high = if number == place.number { place.offset } else { source.length()? };
        while high > 0 && left > 0 {
            let low = high.saturating_sub(STEP.min(left));
            if let Some(at) = last_line_feed(&mut source, low, high)? {
                // At the very end of an older file, it says that the line begins where the next file does.
                let elsewhere = number < start.number && at + 1 == source.length()?;
                return Ok(if elsewhere { start } else { Position { number, offset: at + 1 } });
            }
            left -= high - low;
            high = low;
        }
        start = Position { number, offset: high };
        if left == 0 {
            break;
        }
    }
    Ok(start)
}

fn last_line_feed(source: &mut Source, low: u64, high: u64) -> io::Result<Option<u64>> {
    let mut bytes = vec![0; usize::try_from(high - low).unwrap_or(0)];
    let length = source.fill_at(low, &mut bytes)?;
    Ok(memrchr(b'\n', &bytes[..length]).map(|at| low + at as u64))
}

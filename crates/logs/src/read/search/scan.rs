//! Looking through one part of a file.

use std::io;

use memchr::{memchr, memrchr};

use super::{
    super::{
        LONGEST_PIECE, Position,
        cursor::Cursor,
        mark::Resumed,
        records::{Records, order_at},
        segment::{self, Segment},
        source::Source,
    },
    Find,
    units::Unit,
};
use crate::{index::Stamp, names::Names};

/// How much is looked at at once, in bytes: what stays near to the processor.
const CHUNK: usize = if cfg!(test) { 30 } else { 256 << 10 };

/// Between lines found that lie further apart, in bytes, the index is not read but searched.
const LEAP: u64 = if cfg!(test) { 30 } else { 1 << 20 };

/// How much is kept of what is found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// About so many bytes; then the scan ends early.
    First(usize),
    /// The last so many lines.
    Last(usize),
}

/// What was found in a part.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The lines, one behind the other.
    pub text: Vec<u8>,
    pub hits: Vec<Hit>,
    /// Where to go on, at the beginning of a line, if the scan ended early.
    pub rest: Option<u64>,
    /// Nothing before the first line of the part comes later in the order of lines than this; `None` if no line begins
    /// in it.
    pub before: Option<u64>,
}

/// A line that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// Where it begins and ends in the text of its [`Scanned`].
    pub begin: usize,
    pub end: usize,
    pub stamp: Option<Stamp>,
    pub complete: bool,
    pub last_piece: bool,
}

impl Hit {
    /// The place among the lines of all streams; see [`Head::order`](super::super::cursor::Head::order).
    pub fn order(&self) -> u64 {
        if self.last_piece && !self.complete { u64::MAX } else { self.stamp.map_or(0, |stamp| stamp.order) }
    }
}

/// Scans `unit` of a stream that ends at `end`. Ends early, with nothing, once `stopped` says so.
pub(super) fn scan<F: Find>(
    names: &Names,
    unit: &Unit,
    end: Position,
    (find, seen): (&F, F::Seen),
    keep: Keep,
    stopped: &dyn Fn() -> bool,
) -> io::Result<Scanned> {
    // Retention may have been faster.
    let Segment::There(mut source) = segment::open(names, unit.number)? else {
        return Ok(Scanned::default());
    };
    let length = if unit.number == end.number { end.offset } else { source.length()? };
    let begin = match unit.from {
        from if unit.begins_line => from,
        0 if is_cut(names, unit.number)? => after_line_feed(&mut source, 0, length)?.unwrap_or(length),
        0 => 0,
        from => after_line_feed(&mut source, from - 1, length)?.unwrap_or(length),
    };
    let stop = match unit.to {
        to if to >= length => length,
        to => after_line_feed(&mut source, to - 1, length)?.unwrap_or(length),
    };
    let mut scan = Scan {
        names,
        number: unit.number,
        end,
        find,
        seen,
        records: None,
        dated: 0,
        keep,
        found: Scanned::default(),
    };
    if begin < stop {
        scan.found.before = Some(order_at(names, unit.number, begin.saturating_sub(1)));
    }
    scan.look_back(&mut source, begin)?;
    scan.run(&mut source, begin, stop, stopped)?;
    scan.trim(1);
    Ok(scan.found)
}

struct Scan<'a, F: Find> {
    names: &'a Names,
    number: u64,
    end: Position,
    find: &'a F,
    seen: F::Seen,
    records: Option<Records>,
    /// The offset of the line that was dated last.
    dated: u64,
    keep: Keep,
    found: Scanned,
}

impl<F: Find> Scan<'_, F> {
    /// Shows the finder what comes before `begin`, and in older files where that is not enough.
    fn look_back(&mut self, source: &mut Source, begin: u64) -> io::Result<()> {
        let wanted = self.find.looks_back();
        if wanted == 0 {
            return Ok(());
        }
        let mut text = before(source, begin, wanted)?;
        for number in (0..self.number).rev() {
            if text.len() >= wanted {
                break;
            }
            let Segment::There(mut source) = segment::open(self.names, number)? else { break };
            let length = source.length()?;
            let older = before(&mut source, length, wanted - text.len())?;
            text.splice(..0, older);
        }
        let mut rest = &text[..];
        while let Some(place) = self.find.find(&mut self.seen, rest) {
            let Some(line_feed) = rest.get(place..).and_then(|rest| memchr(b'\n', rest)) else { break };
            rest = &rest[place + line_feed + 1..];
        }
        Ok(())
    }

    /// Looks through `begin..stop`, which is whole lines; only the last line of a file may lack its line feed.
    fn run(
        &mut self,
        source: &mut Source,
        begin: u64,
        stop: u64,
        stopped: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        // `buffer[..held]` is what begins at `at`.
        let (mut at, mut held) = (begin, 0);
        while at < stop && !stopped() {
            let room = usize::try_from(stop - at).unwrap_or(usize::MAX).min(buffer.len());
            let read = source.fill_at(at + held as u64, &mut buffer[held..room])?;
            held += read;
            if let Some(last) = memrchr(b'\n', &buffer[..held]) {
                if !self.look(&buffer[..=last], at) {
                    return Ok(());
                }
                at += last as u64 + 1;
                buffer.copy_within(last + 1..held, 0);
                held -= last + 1;
            } else if read == 0 || held >= LONGEST_PIECE {
                // A line that is too long, or that goes on in the next file or has no end yet.
                let Some(next) = self.look_at_pieces(at)? else { return Ok(()) };
                (at, held) = (next, 0);
            } else if held == buffer.len() {
                buffer.resize(held * 2, 0);
            }
        }
        Ok(())
    }

    /// Looks through whole lines, of which the first begins at `at`. False if it is enough.
    fn look(&mut self, text: &[u8], at: u64) -> bool {
        let mut begin = 0;
        while begin < text.len() {
            let Some(place) = self.find.find(&mut self.seen, &text[begin..]) else { break };
            let place = (begin + place).min(text.len() - 1);
            let line = memrchr(b'\n', &text[begin..place]).map_or(begin, |before| begin + before + 1);
            let end = memchr(b'\n', &text[place..]).map_or(text.len(), |after| place + after);
            let stamp = self.stamp(at + end as u64);
            begin = end + 1;
            if !self.keep(&text[line..end], stamp, true, true) {
                self.found.rest = Some(at + begin as u64);
                return false;
            }
        }
        true
    }

    /// Looks at the pieces of the line at `at`. Gives where the next line begins, if that is in this file.
    fn look_at_pieces(&mut self, at: u64) -> io::Result<Option<u64>> {
        let start = Resumed::fresh(Position { number: self.number, offset: at });
        let mut cursor = Cursor::new(self.names.clone(), start, Some(self.end));
        let (mut clock, mut bytes) = (0, Vec::new());
        loop {
            cursor.advance(&mut clock)?;
            let Some(head) = cursor.take(&mut bytes) else { return Ok(None) };
            if self.find.find(&mut self.seen, &bytes).is_some() {
                self.keep(&bytes, head.stamp, head.complete, head.last_piece);
            }
            if head.last_piece {
                let place = cursor.place();
                return Ok((place.file == self.number && head.complete).then_some(place.offset));
            }
        }
    }

    /// Keeps a line. False if it is enough.
    fn keep(&mut self, bytes: &[u8], stamp: Option<Stamp>, complete: bool, last_piece: bool) -> bool {
        let begin = self.found.text.len();
        self.found.text.extend_from_slice(bytes);
        let end = self.found.text.len();
        self.found.hits.push(Hit { begin, end, stamp, complete, last_piece });
        self.trim(2);
        !matches!(self.keep, Keep::First(most) if end >= most)
    }

    /// Lets go of what is too much by so many times.
    fn trim(&mut self, times: usize) {
        let Keep::Last(most) = self.keep else { return };
        let count = self.found.hits.len();
        if count <= most.saturating_mul(times) {
            return;
        }
        self.found.hits.drain(..count - most);
        let gone = self.found.hits.first().map_or(self.found.text.len(), |hit| hit.begin);
        self.found.text.drain(..gone);
        for hit in &mut self.found.hits {
            hit.begin -= gone;
            hit.end -= gone;
        }
    }

    fn stamp(&mut self, offset: u64) -> Option<Stamp> {
        if self.records.is_none() || offset - self.dated > LEAP {
            self.records = Some(Records::open_at(self.names, self.number, offset));
        }
        self.dated = offset;
        self.records.as_mut()?.stamp_at(offset)
    }
}

/// The last bytes before `end`, at most so many.
fn before(source: &mut Source, end: u64, most: usize) -> io::Result<Vec<u8>> {
    let begin = end.saturating_sub(most as u64);
    let mut text = vec![0; usize::try_from(end - begin).unwrap_or(0)];
    let length = source.fill_at(begin, &mut text)?;
    text.truncate(length);
    Ok(text)
}

/// Whether a line goes on at the beginning of file `number` that began in the one before.
fn is_cut(names: &Names, number: u64) -> io::Result<bool> {
    for before in (0..number).rev() {
        let Segment::There(mut source) = segment::open(names, before)? else { return Ok(false) };
        let length = source.length()?;
        let mut last = [0];
        if length > 0 && source.fill_at(length - 1, &mut last)? == 1 {
            return Ok(last != *b"\n");
        }
    }
    Ok(false)
}

/// The offset behind the first line feed in `from..to`.
fn after_line_feed(source: &mut Source, from: u64, to: u64) -> io::Result<Option<u64>> {
    let mut bytes = vec![0; 4 << 10];
    let mut at = from;
    while at < to {
        let room = usize::try_from(to - at).unwrap_or(usize::MAX).min(bytes.len());
        let length = source.fill_at(at, &mut bytes[..room])?;
        if let Some(line_feed) = memchr(b'\n', &bytes[..length]) {
            return Ok(Some(at + line_feed as u64 + 1));
        }
        if length == 0 {
            break;
        }
        at += length as u64;
    }
    Ok(None)
}

//! The lines of one stream, from some place on, through all its files.

use std::io;

use memchr::memchr;

use super::{
    LONGEST_PIECE, Position,
    mark::{Behind, Place, Resumed},
    records::Records,
    segment::{self, Segment},
    source::Source,
};
use crate::{Stream, index::Stamp, names::Names};

/// How much is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Walks through one stream.
#[derive(Debug)]
pub(crate) struct Cursor {
    names: Names,
    /// The file in hand, and the offset from which more is read into the buffer.
    number: u64,
    source: Option<Source>,
    records: Records,
    at: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What is known of the line in hand; the whole of it once there is a head.
    line: Vec<u8>,
    head: Option<Head>,
    /// Where that line begins.
    begun: Position,
    /// The place of the last line taken in the order of lines.
    taken: Option<u64>,
    /// So many files were gone before they were read to their end, or could not be.
    lost: u64,
    /// What was taken last, or passed over before that.
    behind: Behind,
    /// Where to end; `None` to go on for ever.
    until: Option<Position>,
    finished: bool,
    /// When something was read last, and when nothing was there to read.
    filled: u64,
    dried: u64,
}

/// A line that is ready to be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub stamp: Option<Stamp>,
    /// The bytes end where the line ends.
    pub complete: bool,
    /// No more of this line will come.
    pub last_piece: bool,
    /// What a place behind it is behind of.
    behind: Behind,
}

impl Head {
    /// The place among the lines of both streams: that of the line's end. So what has no end yet comes last.
    pub fn order(&self) -> u64 {
        if self.last_piece && !self.complete { u64::MAX } else { self.stamp.map_or(0, |stamp| stamp.order) }
    }
}

impl Cursor {
    /// A cursor that begins at `start`, which must be where a line begins or where reading ended before.
    pub fn new(names: Names, start: Resumed, until: Option<Position>) -> Self {
        Self {
            names,
            number: start.position.number,
            source: None,
            records: Records::default(),
            at: start.position.offset,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            line: Vec::new(),
            head: None,
            begun: start.position,
            taken: start.order,
            lost: start.lost,
            behind: start.behind,
            until,
            finished: false,
            filled: 0,
            dried: 0,
        }
    }

    pub fn stream(&self) -> Stream {
        self.names.stream()
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The line that is ready, if there is one.
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// When the end of the head was read.
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// Whether there was nothing more to read at some time after `time`.
    pub fn was_dry_after(&self, time: u64) -> bool {
        self.finished || self.dried > time
    }

    /// Takes the head; its bytes are swapped into `bytes`.
    pub fn take(&mut self, bytes: &mut Vec<u8>) -> Option<Head> {
        let head = self.head.take()?;
        self.taken = head.stamp.map(|stamp| stamp.order).or(self.taken);
        self.behind = head.behind;
        std::mem::swap(&mut self.line, bytes);
        self.line.clear();
        Some(head)
    }

    /// The place behind the line that was taken last.
    pub fn place(&self) -> Place {
        let begun = self.head.is_some() || !self.line.is_empty();
        let at = if begun { self.begun } else { Position { number: self.number, offset: self.position() } };
        Place { file: at.number, offset: at.offset, order: self.taken, behind: self.behind }
    }

    /// How many files were gone before they were read to their end.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Reads on until there is a head or nothing more to read. `clock` counts the reads of all cursors.
    pub fn advance(&mut self, clock: &mut u64) -> io::Result<()> {
        while self.head.is_none() && !self.finished {
            if self.look_for_line() || self.refill(clock)? {
                continue;
            }
            self.records.look_again();
            let begun = !self.line.is_empty();
            let within = begun || self.behind == Behind::Piece;
            if within && let Some(stamp) = self.records.end_at(self.at) {
                *clock += 1;
                self.filled = *clock;
                if !begun {
                    self.begun = Position { number: self.number, offset: self.at };
                }
                self.head =
                    Some(Head { stamp: Some(stamp), complete: true, last_piece: true, behind: Behind::End });
            } else if self.until.is_some_and(|until| until.number <= self.number) {
                // Whatever comes later was not there when reading began.
                self.finished = !begun;
                if begun {
                    self.head_within_line(true);
                }
            } else if !segment::is_succeeded(&self.names, self.number) {
                self.dried = *clock;
                return Ok(());
            } else if self.refill(clock)? {
                // It was written between the last read and the rotation.
            } else {
                // A line that was cut at the limit goes on in the next file.
                self.move_on(false)?;
            }
        }
        Ok(())
    }

    /// Makes a head of what was read already, if it holds one.
    pub fn look(&mut self) {
        while self.head.is_none() && !self.finished && self.look_for_line() {}
    }

    /// Looks for a line end in what was read. False if more must be read first.
    fn look_for_line(&mut self) -> bool {
        let unread = &self.buffer[self.start..self.end];
        if unread.is_empty() {
            return false;
        }
        if self.behind == Behind::End {
            self.behind = Behind::Line;
            if unread[0] == b'\n' {
                self.start += 1;
                return true;
            }
        }
        if self.line.is_empty() {
            self.begun = Position { number: self.number, offset: self.at - unread.len() as u64 };
        }
        let room = LONGEST_PIECE.saturating_sub(self.line.len()).min(unread.len());
        if let Some(length) = memchr(b'\n', &unread[..room]) {
            self.line.extend_from_slice(&unread[..length]);
            self.start += length + 1;
            let stamp = self.records.stamp_at(self.position() - 1);
            self.head = Some(Head { stamp, complete: true, last_piece: true, behind: Behind::Line });
            return true;
        }
        self.line.extend_from_slice(&unread[..room]);
        self.start += room;
        if self.line.len() == LONGEST_PIECE {
            self.head_within_line(false);
        }
        true
    }

    fn head_within_line(&mut self, last_piece: bool) {
        let stamp = self.records.stamp_at(self.position().saturating_sub(1));
        self.head = Some(Head { stamp, complete: false, last_piece, behind: Behind::Piece });
    }

    /// The offset of the next byte that was not looked at.
    fn position(&self) -> u64 {
        self.at - (self.end - self.start) as u64
    }

    /// Reads on in the file in hand. False if there is nothing more for now.
    fn refill(&mut self, clock: &mut u64) -> io::Result<bool> {
        *clock += 1;
        if self.source.is_none() && !self.open()? {
            return Ok(false);
        }
        let Some(source) = &mut self.source else { return Ok(false) };
        let mut room = self.buffer.len();
        if let Some(until) = self.until
            && until.number <= self.number
        {
            let left = if until.number < self.number { 0 } else { until.offset.saturating_sub(self.at) };
            room = room.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let length = if room == 0 { 0 } else { source.read_at(self.at, &mut self.buffer[..room])? };
        if length == 0 {
            return Ok(false);
        }
        (self.start, self.end) = (0, length);
        self.at += length as u64;
        self.filled = *clock;
        // Records are written before the bytes they speak of: now that these are read, so can those be.
        self.records.look_again();
        Ok(true)
    }

    fn open(&mut self) -> io::Result<bool> {
        loop {
            match segment::open(&self.names, self.number)? {
                Segment::There(source) => {
                    self.source = Some(source);
                    self.records = Records::open_at(&self.names, self.number, self.at);
                    return Ok(true);
                }
                Segment::Coming => return Ok(false),
                Segment::Gone => {
                    self.lost += 1;
                    self.move_on(true)?;
                }
            }
        }
    }

    /// Goes to the next file. If this one is `gone`, or something else is missing before that, the line in hand ends
    /// here: its end is not what the next file begins with.
    fn move_on(&mut self, gone: bool) -> io::Result<()> {
        let next = segment::next(&self.names, self.number)?;
        let passed = next - self.number - 1;
        let damaged = self.source.as_ref().is_some_and(Source::is_damaged);
        self.lost += passed + u64::from(damaged);
        if (gone || damaged || passed > 0) && !self.line.is_empty() {
            let stamp = self.records.stamp_at(self.position().saturating_sub(1));
            self.head = Some(Head { stamp, complete: true, last_piece: true, behind: Behind::Line });
        }
        self.number = next;
        self.source = None;
        self.records = Records::default();
        self.at = 0;
        (self.start, self.end) = (0, 0);
        if self.behind == Behind::End {
            self.behind = Behind::Line;
        }
        Ok(())
    }
}

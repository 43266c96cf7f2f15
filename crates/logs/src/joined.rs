//! Entries: the lines that belong together, such as a message and the stack trace below it.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use regex_lite::Regex;

use crate::{Level, Line, Stream};

mod level_of;
mod traces;

pub use level_of::LevelOf;
use traces::Trace;

/// A longer entry comes in parts of so many lines.
const MOST_LINES: usize = 256;
/// A larger entry comes in parts of about this size, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// While one stream waits for the rest of its entry, so many bytes of the other wait with it, at most.
const MOST_WAITING: usize = 2 * MOST_BYTES;
/// An entry to which nothing came for so long, while the other stream went on, is whole.
const PAUSE: Duration = Duration::from_secs(1);
/// The level of an entry is told in one of so many lines.
const LEVEL_WITHIN: usize = 16;
/// A rule looks at so much of a line, in bytes.
const HEAD: usize = 4 << 10;

/// What begins an entry.
#[derive(Clone, Debug, Default)]
pub enum JoinRule {
    /// Every line, but for those that are indented or belong to a stack trace of one of the common languages.
    #[default]
    StackTraces,
    /// A line in which this is found.
    Start(Regex),
}

/// A start of entries that is no regular expression.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot join lines by `{pattern}`: {source}; give a regular expression that the first line of each entry matches"
)]
pub struct BadStart {
    /// What was given.
    pub pattern: String,
    /// Why it is none.
    pub source: regex_lite::Error,
}

/// Lines of one stream that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When its first line arrived. `None` where the index is lost.
    pub time: Option<SystemTime>,
    /// Which stream it came from.
    pub stream: Stream,
    /// The lines, with a line feed between each two of them.
    pub bytes: Vec<u8>,
    /// How many lines these are, or pieces of lines.
    pub lines: usize,
    /// False if the last line is not whole: see [`Line::complete`].
    pub complete: bool,
    /// True if the entry is too large to be given at once: the next one of this stream is its next part.
    pub more: bool,
}

/// Makes entries of lines.
///
/// Each stream is joined on its own; entries come in the order of their first lines. Nothing is lost, and nothing
/// changes places within a stream. What is held is bounded, and whoever follows a log calls [`flush`](Self::flush)
/// when nothing has come for a while.
///
/// ```
/// use abide_logs::{JoinRule, Joiner, Line};
///
/// let mut joiner = Joiner::new(&JoinRule::StackTraces);
/// for line in ["panic: boom", "", "goroutine 1 [running]:", "main.main()", "\t/srv/main.go:4 +0x25", "ready"] {
///     joiner.push(&Line { bytes: line.into(), ..Line::default() });
/// }
/// assert_eq!(joiner.pop().map(|entry| entry.lines), Some(5));
/// assert_eq!(joiner.pop(), None);
/// joiner.flush();
/// assert_eq!(joiner.pop().map(|entry| entry.bytes), Some(b"ready".to_vec()));
/// ```
#[derive(Debug)]
pub struct Joiner {
    rule: JoinRule,
    /// What has not been given yet, in the order of the first lines.
    slots: VecDeque<Slot>,
    /// How many slots have been given.
    given: u64,
    /// For each stream, what it is in the midst of.
    open: [Option<Open>; 2],
    /// How many lines were pushed.
    pushed: u64,
    /// How many bytes wait behind the first slot.
    waiting: usize,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    done: bool,
    /// Its first line's number among all that were pushed.
    first: u64,
}

/// An entry that may go on.
#[derive(Debug)]
struct Open {
    /// The number of its slot among all that ever were.
    slot: u64,
    trace: Trace,
    /// When its last line arrived.
    latest: Option<SystemTime>,
}

impl JoinRule {
    /// The rule of the spec's `logs.multiline.start`; without one, stack traces are known.
    pub fn new(start: Option<&str>) -> Result<Self, BadStart> {
        match start {
            None => Ok(Self::StackTraces),
            Some(pattern) => Regex::new(pattern)
                .map(Self::Start)
                .map_err(|source| BadStart { pattern: pattern.to_owned(), source }),
        }
    }
}

impl Entry {
    /// The level of the first of its lines that tells one.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        // A whole object may stand in several lines.
        let mut lines = self.bytes.split(|byte| *byte == b'\n').take(LEVEL_WITHIN);
        Level::of(&self.bytes).or_else(|| lines.find_map(Level::of))
    }
}

impl Joiner {
    /// A joiner that goes by `rule`.
    #[must_use]
    pub fn new(rule: &JoinRule) -> Self {
        Self {
            rule: rule.clone(),
            slots: VecDeque::new(),
            given: 0,
            open: [None, None],
            pushed: 0,
            waiting: 0,
        }
    }

    /// Takes the next line. Afterwards [`pop`](Self::pop) gives what became whole by it.
    pub fn push(&mut self, line: &Line) {
        self.close_other(line);
        let trace = match self.open[line.stream.index()].take() {
            Some(open) => match self.join(open, line) {
                Ok(open) => {
                    self.open[line.stream.index()] = Some(open);
                    self.pushed += 1;
                    return;
                }
                Err(trace) => trace,
            },
            None => self.rule.begin(&line.bytes, || Level::of(&line.bytes)),
        };
        self.begin(line, trace);
    }

    /// The next entry that is whole, or the next part of one.
    pub fn pop(&mut self) -> Option<Entry> {
        if !self.slots.front()?.done {
            return None;
        }
        let slot = self.slots.pop_front()?;
        self.given += 1;
        self.waiting -= self.slots.front().map_or(0, |slot| slot.entry.bytes.len());
        Some(slot.entry)
    }

    /// Ends every entry: [`pop`](Self::pop) gives all that is held.
    pub fn flush(&mut self) {
        for stream in Stream::BOTH {
            self.close(stream);
        }
    }

    /// How many of the last lines are not given, counted from the first line of the oldest entry that is held. To go
    /// on after a crash without a loss, begin with these.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.slots.front().map_or(0, |slot| self.pushed - slot.first)
    }

    fn begin(&mut self, line: &Line, trace: Trace) {
        let entry = Entry {
            time: line.time,
            stream: line.stream,
            bytes: line.bytes.clone(),
            lines: 1,
            complete: line.complete,
            more: false,
        };
        if !self.slots.is_empty() {
            self.waiting += entry.bytes.len();
        }
        let slot = self.given + self.slots.len() as u64;
        self.slots.push_back(Slot { entry, done: false, first: self.pushed });
        self.pushed += 1;
        self.open[line.stream.index()] = Some(Open { slot, trace, latest: line.time });
    }

    /// Adds `line` to the entry that is open; or ends it and gives what begins with the line.
    fn join(&mut self, mut open: Open, line: &Line) -> Result<Open, Trace> {
        let place = usize::try_from(open.slot - self.given).unwrap_or(usize::MAX);
        let Some(slot) = self.slots.get_mut(place) else {
            return Err(self.rule.begin(&line.bytes, || Level::of(&line.bytes)));
        };
        let entry = &mut slot.entry;
        let next = if entry.complete { self.rule.next(open.trace, &line.bytes) } else { Some(open.trace) };
        let Some(trace) = next else {
            slot.done = true;
            return Err(self.rule.begin(&line.bytes, || Level::of(&line.bytes)));
        };
        if entry.lines >= MOST_LINES || entry.bytes.len() + line.bytes.len() >= MOST_BYTES {
            slot.done = true;
            entry.more = true;
            return Err(trace);
        }
        let before = entry.bytes.len();
        if entry.complete {
            entry.bytes.push(b'\n');
        }
        entry.bytes.extend_from_slice(&line.bytes);
        entry.lines += 1;
        entry.complete = line.complete;
        if place > 0 {
            self.waiting += entry.bytes.len() - before;
        }
        open.trace = trace;
        open.latest = line.time;
        Ok(open)
    }

    /// Ends the entry of the other stream if this line has waited long enough for it.
    fn close_other(&mut self, line: &Line) {
        let other = Stream::BOTH[1 - line.stream.index()];
        let Some(open) = &self.open[other.index()] else { return };
        let silent = match (open.latest, line.time) {
            (Some(latest), Some(now)) => now.duration_since(latest).is_ok_and(|pause| pause >= PAUSE),
            _ => false,
        };
        let waits =
            open.slot == self.given && (self.waiting >= MOST_WAITING || self.slots.len() > MOST_LINES);
        if silent || waits {
            self.close(other);
        }
    }

    fn close(&mut self, stream: Stream) {
        let Some(open) = self.open[stream.index()].take() else { return };
        let place = usize::try_from(open.slot - self.given).unwrap_or(usize::MAX);
        if let Some(slot) = self.slots.get_mut(place) {
            slot.done = true;
        }
    }
}

/// What a rule looks at: the beginning of a line, as far as it is text.
fn head(bytes: &[u8]) -> &str {
    let head = &bytes[..bytes.len().min(HEAD)];
    match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    }
}

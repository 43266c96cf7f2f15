//! The level of each line, without waiting for the entry that it belongs to.

use super::{JoinRule, MOST_BYTES, MOST_LINES, head, traces::Trace};
use crate::Level;

/// Tells for each line of one stream the level of the entry that it belongs to, so that a stack trace is as important
/// as the message above it.
#[derive(Clone, Debug, Default)]
pub struct LevelOf {
    rule: JoinRule,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    trace: Trace,
    level: Option<Level>,
    lines: usize,
    bytes: usize,
    /// The last line was whole.
    complete: bool,
}

impl LevelOf {
    /// For the lines of one stream, entries of which begin as `rule` tells.
    #[must_use]
    pub fn new(rule: &JoinRule) -> Self {
        Self { rule: rule.clone(), open: None }
    }

    /// The level of `line`, or of the piece of one that is not `complete`: its own if it begins an entry, else that of
    /// the lines of its entry so far.
    pub fn of(&mut self, line: &[u8], complete: bool) -> Option<Level> {
        self.entry(line, complete).0
    }

    /// As [`of`](Self::of), and whether the line begins an entry.
    pub(crate) fn entry(&mut self, line: &[u8], complete: bool) -> (Option<Level>, bool) {
        let next = self.open.and_then(|open| match open.complete {
            false => Some(open.trace),
            true => self.rule.next(open.trace, line),
        });
        let begins = next.is_none();
        let open = match (self.open, next) {
            (Some(open), Some(trace)) if open.lines < MOST_LINES && open.bytes + line.len() < MOST_BYTES => {
                Open {
                    trace,
                    level: if open.complete { open.level.or_else(|| Level::of(line)) } else { open.level },
                    lines: open.lines + 1,
                    bytes: open.bytes + line.len() + 1,
                    complete,
                }
            }
            // The next part of an entry that is too long for one, or of a line, is as important as the one before.
            (Some(open), Some(trace)) => Open { trace, lines: 1, bytes: line.len(), complete, ..open },
            _ => {
                let level = Level::of(line);
                let trace = self.rule.begin(line, || level);
                Open { trace, level, lines: 1, bytes: line.len(), complete }
            }
        };
        self.open = Some(open);
        (open.level, begins)
    }
}

impl JoinRule {
    /// What an entry is that begins with `line`.
    pub(super) fn begin(&self, line: &[u8], level: impl FnOnce() -> Option<Level>) -> Trace {
        match self {
            Self::StackTraces => Trace::begin(line, level()),
            Self::Start(_) => Trace::Message,
        }
    }

    /// What an entry that is `trace` becomes by `line`; `None` if the line begins the next one.
    pub(super) fn next(&self, trace: Trace, line: &[u8]) -> Option<Trace> {
        match self {
            Self::StackTraces => trace.next(line),
            Self::Start(start) if start.is_match(head(line)) => None,
            Self::Start(_) => Some(Trace::Message),
        }
    }
}

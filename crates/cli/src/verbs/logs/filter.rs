//! Which lines are wanted.

use abide_logs::{Find, JoinRule, Level, LevelOf};
use regex::bytes::Regex;

/// The longest entry in lines and bytes that lines without a level of their own are traced back in.
const LOOK_BACK: usize = 64 << 10;

/// What a line must be to be wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// It matches, or with `inverted` does not.
    pub grep: Option<Regex>,
    pub inverted: bool,
    /// Its entry has this level or one above.
    pub level: Option<Level>,
    /// What makes an entry, for each service.
    pub rules: Vec<JoinRule>,
}

/// What is carried from line to line: the level of the entry in hand.
pub struct Seen(Option<LevelOf>);

impl Filter {
    /// Whether every line is wanted.
    pub fn is_empty(&self) -> bool {
        self.grep.is_none() && self.level.is_none()
    }

    /// Whether a line, which comes behind those that were seen, is wanted.
    pub fn takes(&self, seen: &mut Seen, line: &[u8], complete: bool) -> bool {
        // In any case, so that lines behind this one are known to belong to it.
        let high = match (self.level, &mut seen.0) {
            (Some(least), Some(levels)) => levels.of(line, complete).is_some_and(|level| level >= least),
            _ => true,
        };
        high && self.grep.as_ref().is_none_or(|grep| grep.is_match(line) != self.inverted)
    }
}

impl Find for Filter {
    type Seen = Seen;

    fn seen(&self, part: usize) -> Seen {
        let rule = self.rules.get(part).cloned().unwrap_or_default();
        Seen(self.level.map(|_| LevelOf::new(&rule)))
    }

    fn looks_back(&self) -> usize {
        if self.level.is_some() { LOOK_BACK } else { 0 }
    }

    fn find(&self, seen: &mut Seen, text: &[u8]) -> Option<usize> {
        if let (Some(grep), false, None) = (&self.grep, self.inverted, self.level) {
            // Behind the last line feed there is no line, though an empty expression matches there.
            return grep
                .find(text)
                .map(|found| found.start())
                .filter(|at| *at < text.len() || text.is_empty());
        }
        if self.is_empty() {
            return (!text.is_empty()).then_some(0);
        }
        let mut at = 0;
        while at < text.len() {
            let end = memchr::memchr(b'\n', &text[at..]).map(|length| at + length);
            if self.takes(seen, &text[at..end.unwrap_or(text.len())], end.is_some()) {
                return Some(at);
            }
            at = end.map_or(text.len(), |end| end + 1);
        }
        None
    }
}

//! One stream on its way: cut into lines, each of them judged, and freed of secrets.

use memchr::{memchr, memrchr};

use super::ansi::Strip;
use super::filter::Course;
use super::redact::{MASK, Redact, masked};
use super::utf16::Utf16;
use super::{Judge, Verdict};

/// A line is looked at as a whole up to this length in bytes, its end included; a longer one in parts.
pub(super) const LONGEST: usize = 64 << 10;
/// Of a part of a longer line, so much is looked at again with the next part. What an expression matches there is found
/// if it is not longer.
pub(super) const OVERLAP: usize = 16 << 10;

/// What one stream is in the midst of.
#[derive(Debug)]
pub struct Flow {
    pub(super) transcode: Option<Utf16>,
    pub(super) strip: Option<Strip>,
    pub(super) course: Option<Course>,
    /// The beginning of a line that has not ended; of a longer line, what is not given yet.
    held: Vec<u8>,
    /// So many bytes of `held` were given, and are there for what expressions see before a place.
    context: usize,
    /// The line that has not ended is longer than [`LONGEST`], and this becomes of it.
    long: Option<Fate>,
    /// Lines that were suppressed and are not told of yet.
    suppressed: u64,
    pub(super) formed: Vec<u8>,
    pub(super) kept: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep,
    Drop,
    /// A mask stands for all the rest of it.
    Mask,
}

impl Flow {
    pub(super) fn new(transcode: Option<Utf16>, strip: Option<Strip>, course: Option<Course>) -> Self {
        Self {
            transcode,
            strip,
            course,
            held: Vec::new(),
            context: 0,
            long: None,
            suppressed: 0,
            formed: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Appends to `out` what is kept of `bytes`, by whole lines.
    pub(super) fn lines(
        &mut self,
        mut bytes: &[u8],
        judge: &mut Judge,
        redact: Option<&Redact>,
        out: &mut Vec<u8>,
    ) {
        while !bytes.is_empty() {
            let taken = match (self.long, redact) {
                (Some(fate), redact) if fate != Fate::Keep || redact.is_none() => self.pass(fate, bytes, out),
                (Some(_), Some(redact)) => self.hold(bytes, judge, Some(redact), out),
                _ if self.held.is_empty() => match whole_lines(bytes) {
                    [] => self.hold(bytes, judge, redact, out),
                    lines => {
                        self.whole(lines, judge, redact, out);
                        lines.len()
                    }
                },
                _ => self.hold(bytes, judge, redact, out),
            };
            bytes = &bytes[taken..];
        }
    }

    /// The stream has ended: appends what is kept of a last line without an end.
    pub(super) fn last(&mut self, judge: &mut Judge, redact: Option<&Redact>, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        match (self.long, redact) {
            (Some(Fate::Keep), Some(redact)) => self.part(held, redact, true, out),
            (None, _) if !held.is_empty() => self.line(&held, judge, redact, out),
            _ => {}
        }
        self.tell(out);
    }

    /// Lines that all are whole, and none of them longer than [`LONGEST`].
    fn whole(&mut self, lines: &[u8], judge: &mut Judge, redact: Option<&Redact>, out: &mut Vec<u8>) {
        let redact = redact.filter(|redact| redact.may_match(lines));
        if redact.is_none() && judge.keeps_all() {
            return out.extend_from_slice(lines);
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            self.line(line, judge, redact, out);
            rest = after;
        }
    }

    /// A line with its end, if it has one.
    fn line(&mut self, line: &[u8], judge: &mut Judge, redact: Option<&Redact>, out: &mut Vec<u8>) {
        let text = without_end(line);
        if !self.judged(text, judge, out) {
            return;
        }
        match redact {
            Some(redact) => {
                redact.apply(text, out);
                out.extend_from_slice(&line[text.len()..]);
            }
            None => out.extend_from_slice(line),
        }
    }

    /// Whether a line that begins with `text` is kept.
    fn judged(&mut self, text: &[u8], judge: &mut Judge, out: &mut Vec<u8>) -> bool {
        match judge.of(self.course.as_mut(), text) {
            Verdict::Keep => {
                self.tell(out);
                true
            }
            Verdict::Drop => false,
            Verdict::Suppress => {
                self.suppressed += 1;
                false
            }
        }
    }

    /// Tells of what is missing.
    fn tell(&mut self, out: &mut Vec<u8>) {
        let (count, s) = match std::mem::take(&mut self.suppressed) {
            0 => return,
            1 => (1, ""),
            count => (count, "s"),
        };
        out.extend_from_slice(format!("[abide: {count} line{s} suppressed here]\n").as_bytes());
    }

    /// Adds to the line that has not ended, and goes on with it when it has, or is too long. Gives how much it took.
    fn hold(&mut self, bytes: &[u8], judge: &mut Judge, redact: Option<&Redact>, out: &mut Vec<u8>) -> usize {
        let room = &bytes[..bytes.len().min(LONGEST - self.held.len())];
        let end = memchr(b'\n', room);
        let taken = end.map_or(room.len(), |at| at + 1);
        self.held.extend_from_slice(&room[..taken]);
        if end.is_none() && self.held.len() < LONGEST {
            return taken;
        }
        let mut held = std::mem::take(&mut self.held);
        match (self.long, end, redact) {
            (None, Some(_), redact) => {
                self.line(&held, judge, redact, out);
                held.clear();
                self.held = held;
            }
            (None, None, redact) => {
                let keep = self.judged(&held, judge, out);
                self.long = Some(if keep { Fate::Keep } else { Fate::Drop });
                match redact.filter(|_| keep) {
                    Some(redact) => self.part(held, redact, false, out),
                    None if keep => out.extend_from_slice(&held),
                    None => {}
                }
            }
            (Some(_), _, Some(redact)) => self.part(held, redact, end.is_some(), out),
            // Without expressions nothing of a long line is held.
            (Some(_), _, None) => out.extend_from_slice(&held),
        }
        taken
    }

    /// A part of a long line, the `last` one or as much as fits. Keeps back what may belong to a match that goes on.
    fn part(&mut self, mut held: Vec<u8>, redact: &Redact, last: bool, out: &mut Vec<u8>) {
        let text = if last { without_end(&held) } else { &held };
        let places = redact.places(text, self.context);
        let mut cut = text.len();
        if !last {
            cut = boundary(text, text.len() - OVERLAP);
            cut = places.iter().find(|it| it.start < cut && it.end > cut).map_or(cut, |it| it.start);
        }
        if cut <= self.context && !last {
            // It fills all there is room for: nobody knows where it ends.
            out.extend_from_slice(MASK);
            self.context = 0;
            self.long = Some(Fate::Mask);
            return;
        }
        masked(text, self.context..cut, &places, out);
        if last {
            out.extend_from_slice(&held[cut..]);
            held.clear();
            self.context = 0;
            self.long = None;
        } else {
            let before = boundary(text, cut - 1);
            self.context = cut - before;
            held.drain(..before);
        }
        self.held = held;
    }

    /// The rest of a long line that needs no look. Gives how much it took.
    fn pass(&mut self, fate: Fate, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |at| at + 1);
        match fate {
            Fate::Keep => out.extend_from_slice(&bytes[..taken]),
            Fate::Mask => out.extend(end.map(|_| b'\n')),
            Fate::Drop => {}
        }
        if end.is_some() {
            self.long = None;
        }
        taken
    }
}

/// The lines that `bytes` begins with, as far as it is sure that they are whole and short.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let sure = &bytes[..bytes.len().min(LONGEST)];
    &sure[..memrchr(b'\n', sure).map_or(0, |at| at + 1)]
}

/// Without its line feed, and a carriage return before it.
fn without_end(line: &[u8]) -> &[u8] {
    match line {
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
        text => text,
    }
}

/// Where the character begins that `at` is in.
fn boundary(text: &[u8], at: usize) -> usize {
    let begins = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    (at.saturating_sub(3)..=at).rev().find(begins).unwrap_or(at)
}

//! What becomes of output between the pipe and the files: transcoded, stripped, filtered, limited, redacted.
//!
//! [`Refine`] stands for one service, and a [`Flow`] for one stream of one run of its program. With nothing of this in
//! the spec there is no [`Refine`], and output goes to the [`Capture`](crate::Capture) as it came.
//!
//! The stages, in this order:
//!
//! 1. UTF-16 becomes UTF-8 (`logs.encoding`).
//! 2. Escape sequences are taken out (`logs.ansi`).
//! 3. Lines below `logs.level` are dropped, but for the `logs.sample`. What continues an entry follows its first line; a
//!    line without a level is kept unless it continues a dropped one. `abide debug NAME on` lifts this stage.
//! 4. Lines beyond `logs.rate-limit` are dropped, and `[abide: 12 lines suppressed here]` stands where they are missing,
//!    once another line of the stream is kept or the stream has ended.
//! 5. What `logs.redact` matches becomes `***`.
//!
//! The last three work on lines, so a line is held in memory until it is whole. One longer than 64 KiB is judged by its
//! first 64 KiB and then given in parts; in these, what an expression matches is found up to a length of 16 KiB, and if a
//! match fills all of a part, the rest of the line is taken out with it. Bytes that are no UTF-8 stay as they are.
//!
//! How output is cut into chunks makes no difference.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use abide_spec::{Ansi, Logs, Pattern};

use crate::{BadStart, Stream};

mod ansi;
mod filter;
mod flow;
mod limit;
mod literal;
mod redact;
mod sample;
#[cfg(test)]
mod tests;
mod utf16;

use ansi::Strip;
use filter::{Course, Filter};
pub use flow::Flow;
use limit::Bucket;
use redact::Redact;
use utf16::Utf16;

/// Why a spec's `[logs]` cannot be followed. A spec that was checked has none of this.
#[derive(Debug, thiserror::Error)]
pub enum RefineError {
    /// An expression to redact by is none.
    #[error(
        "`logs.redact` has {pattern:?}, which is not a regular expression: {why}; correct it in the spec"
    )]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The expression that begins an entry is none.
    #[error(transparent)]
    Start(#[from] BadStart),
}

/// What becomes of the output of one service before it is kept.
#[derive(Debug)]
pub struct Refine {
    encoding: abide_spec::Encodings,
    ansi: Ansi,
    judge: Judge,
    redact: Option<Redact>,
}

/// How much was not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refined {
    /// Lines dropped for their level.
    pub filtered_lines: u64,
    /// Lines dropped by the rate limit.
    pub suppressed_lines: u64,
}

/// Tells how a [`Refine`] fares and switches it, from any thread, while it works.
#[derive(Clone, Debug, Default)]
pub struct RefineControl(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lifted: AtomicBool,
    filtered: AtomicU64,
    suppressed: AtomicU64,
}

impl RefineControl {
    /// Lines of all levels are kept while this is true.
    pub fn lift(&self, yes: bool) {
        self.0.lifted.store(yes, Relaxed);
    }

    /// What was not kept so far.
    #[must_use]
    pub fn refined(&self) -> Refined {
        Refined {
            filtered_lines: self.0.filtered.load(Relaxed),
            suppressed_lines: self.0.suppressed.load(Relaxed),
        }
    }
}

/// Decides which lines are kept.
#[derive(Debug)]
struct Judge {
    filter: Option<Filter>,
    limit: Option<Bucket>,
    control: RefineControl,
}

enum Verdict {
    Keep,
    Drop,
    Suppress,
}

impl Judge {
    fn keeps_all(&self) -> bool {
        self.filter.is_none() && self.limit.is_none()
    }

    fn of(&mut self, course: Option<&mut Course>, line: &[u8]) -> Verdict {
        let shared = &self.control.0;
        if let (Some(filter), Some(course)) = (&mut self.filter, course)
            && !filter.keeps(course, line, shared.lifted.load(Relaxed))
        {
            shared.filtered.fetch_add(1, Relaxed);
            return Verdict::Drop;
        }
        if self.limit.as_mut().is_some_and(|limit| !limit.take()) {
            shared.suppressed.fetch_add(1, Relaxed);
            return Verdict::Suppress;
        }
        Verdict::Keep
    }
}

impl Refine {
    /// As `logs` says; `None` if output is kept as it comes. `seed` is a random number, for the sample.
    pub fn new(logs: &Logs, seed: u64) -> Result<Option<Self>, RefineError> {
        let pattern = |pattern: &String| {
            pattern.parse::<Pattern>().map_err(|why| RefineError::Pattern { pattern: pattern.clone(), why })
        };
        let redact = Redact::new(logs.redact.iter().map(pattern).collect::<Result<_, _>>()?);
        let filter = Filter::new(logs, seed)?;
        let limit = logs.rate_limit.map(Bucket::new);
        let judge = Judge { filter, limit, control: RefineControl::default() };
        let raw = logs.encoding == abide_spec::Encodings::default() && logs.ansi == Ansi::Keep;
        if raw && judge.keeps_all() && redact.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { encoding: logs.encoding, ansi: logs.ansi, judge, redact }))
    }

    /// What tells and switches this.
    #[must_use]
    pub fn control(&self) -> RefineControl {
        self.judge.control.clone()
    }

    /// The beginning of a stream.
    #[must_use]
    pub fn begin(&self, stream: Stream) -> Flow {
        let encoding = match stream {
            Stream::Stdout => self.encoding.stdout,
            Stream::Stderr => self.encoding.stderr,
        };
        Flow::new(
            Utf16::new(encoding),
            (self.ansi == Ansi::Strip).then(Strip::default),
            self.judge.filter.as_ref().map(Filter::course),
        )
    }

    /// Takes `bytes`, which arrived from a stream at `now`, and gives what is to be kept now. `formed` is shown all of it
    /// as text, with nothing dropped: [`Encoding`](abide_spec::Encoding) and [`Ansi`] are already followed.
    pub fn push<'f>(
        &mut self,
        flow: &'f mut Flow,
        bytes: &'f [u8],
        now: Instant,
        formed: impl FnOnce(&[u8]),
    ) -> &'f [u8] {
        let mut text = std::mem::take(&mut flow.formed);
        text.clear();
        let is_formed = form(flow, bytes, &mut text);
        formed(if is_formed { &text } else { bytes });
        if self.judge.keeps_all() && self.redact.is_none() {
            flow.formed = text;
            return if is_formed { &flow.formed } else { bytes };
        }
        if let Some(limit) = &mut self.judge.limit {
            limit.fill(now);
        }
        let mut kept = std::mem::take(&mut flow.kept);
        kept.clear();
        flow.lines(if is_formed { &text } else { bytes }, &mut self.judge, self.redact.as_ref(), &mut kept);
        (flow.formed, flow.kept) = (text, kept);
        &flow.kept
    }

    /// The stream has ended at `now`: gives what is still to be kept. `formed` as in [`push`](Self::push).
    pub fn end(&mut self, mut flow: Flow, now: Instant, formed: impl FnOnce(&[u8])) -> Vec<u8> {
        let (mut text, mut rest) = (Vec::new(), Vec::new());
        if let Some(transcode) = &mut flow.transcode {
            transcode.end(&mut rest);
        }
        match &mut flow.strip {
            Some(strip) => {
                strip.push(&rest, &mut text);
                strip.end(&mut text);
            }
            None => text = rest,
        }
        formed(&text);
        if self.judge.keeps_all() && self.redact.is_none() {
            return text;
        }
        if let Some(limit) = &mut self.judge.limit {
            limit.fill(now);
        }
        let mut kept = Vec::new();
        flow.lines(&text, &mut self.judge, self.redact.as_ref(), &mut kept);
        flow.last(&mut self.judge, self.redact.as_ref(), &mut kept);
        kept
    }
}

/// Appends `bytes` as text to `out`; false if they are text as they are.
fn form(flow: &mut Flow, bytes: &[u8], out: &mut Vec<u8>) -> bool {
    match (&mut flow.transcode, &mut flow.strip) {
        (None, None) => return false,
        (Some(transcode), None) => transcode.push(bytes, out),
        (None, Some(strip)) => strip.push(bytes, out),
        (Some(transcode), Some(strip)) => {
            let mut text = Vec::with_capacity(bytes.len());
            transcode.push(bytes, &mut text);
            strip.push(&text, out);
        }
    }
    true
}

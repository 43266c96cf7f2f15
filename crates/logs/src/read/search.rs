//! Finding lines in a history that is too large to be read line by line.
//!
//! What is wanted is looked for in whole buffers, many lines at once; only the lines found are taken apart, dated and
//! put in order. Each stream is a [`Lane`](units::Lane) that is cut into [`Unit`](units::Unit)s, which are scanned on
//! as many threads as there are processors; a unit is small at first, so that the first lines come at once.

use std::io;

use super::{Line, Range, Reader};
use crate::{Error, index};

mod back;
mod forward;
mod lanes;
mod pool;
mod scan;
#[cfg(test)]
mod tests;
mod units;

use lanes::Lanes;

/// Knows the lines that are wanted. It is shared by threads that look in different places at the same time.
pub trait Find: Sync {
    /// What it carries from one line of a stream to those behind it.
    type Seen;

    /// What it carries at first, in the part with this number.
    fn seen(&self, part: usize) -> Self::Seen;

    /// How many bytes of what comes before a line it wants to have seen, at least, where they are there.
    fn looks_back(&self) -> usize {
        0
    }

    /// Any place in the first line of `text` that is wanted. `text` is lines of one stream, the last one with its line
    /// feed or without; each line is seen once, in order, those behind the one found in the next call.
    fn find(&self, seen: &mut Self::Seen, text: &[u8]) -> Option<usize>;
}

/// What a search tells.
#[derive(Debug)]
pub enum Found<'a> {
    /// A line of the part with this number.
    Line(usize, &'a Line),
    /// It will take a moment until there is more to tell.
    Pause,
}

/// Finds lines in parts of the logs of some services, oldest first, all streams of all of them merged in the order of arrival.
/// Ends early when `each` returns false.
pub fn search<F: Find>(
    parts: &[(Reader, Range)],
    find: &F,
    each: impl FnMut(Found<'_>) -> bool,
) -> Result<(), Error> {
    let lanes = Lanes::of(parts)?;
    forward::run(lanes, find, each)
}

/// Finds the last `n` lines, looking from the end backwards; they are told oldest first.
pub fn search_last<F: Find>(
    parts: &[(Reader, Range)],
    find: &F,
    n: usize,
    each: impl FnMut(Found<'_>) -> bool,
) -> Result<(), Error> {
    let lanes = Lanes::of(parts)?;
    back::run(lanes, find, n, each)
}

/// Fills `line` with what was found.
fn fill(line: &mut Line, stream: crate::Stream, hit: &scan::Hit, bytes: &[u8]) {
    line.bytes.clear();
    line.bytes.extend_from_slice(bytes);
    line.stream = stream;
    line.time = hit.stamp.and_then(|stamp| index::system_time(stamp.time));
    line.complete = hit.complete;
}

fn failed(reader: &Reader) -> impl FnOnce(io::Error) -> Error {
    Error::io("read the log in", &reader.dir)
}

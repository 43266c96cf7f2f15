//! Gives what arrives its time and its place in the order.

use std::time::SystemTime;

use crate::{
    Stream,
    index::{Stamp, nanoseconds},
};

/// The exactness of arrival times within one stream, in nanoseconds: what follows sooner shares the stamp.
const GRAIN: u64 = 10_000_000;

/// No stamp speaks for more bytes than this, so that seeking by time ends near the target.
const SPAN: usize = 1 << 20;

/// Hands out stamps.
#[derive(Debug)]
pub(crate) struct Stamper {
    last: Stamp,
    stream: Option<Stream>,
    bytes: usize,
}

impl Stamper {
    /// Goes on after `last`, the newest stamp in the files.
    pub fn after(last: Stamp) -> Self {
        Self { last, stream: None, bytes: 0 }
    }

    /// The stamp for `bytes` from `stream`, and whether it is a new one.
    pub fn stamp(&mut self, stream: Stream, bytes: usize, now: SystemTime) -> (Stamp, bool) {
        let time = nanoseconds(now);
        let same = self.stream == Some(stream)
            && time.checked_sub(self.last.time).is_some_and(|age| age < GRAIN)
            && self.bytes < SPAN;
        if same {
            self.bytes += bytes;
            return (self.last, false);
        }
        self.stream = Some(stream);
        self.bytes = bytes;
        // A clock that was set back must not turn the order around.
        self.last = Stamp { time, order: time.max(self.last.order + 1) };
        (self.last, true)
    }

    /// A stamp of its own for the end of a stream.
    pub fn end(&mut self, now: SystemTime) -> Stamp {
        self.stream = None;
        let time = nanoseconds(now);
        self.last = Stamp { time, order: time.max(self.last.order + 1) };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn stamps_are_shared_within_a_grain_and_never_across_streams() {
        let mut stamper = Stamper::after(Stamp::default());
        let at = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        let (first, new) = stamper.stamp(Stream::Stdout, 1, at(1000));
        assert!(new);
        assert_eq!(stamper.stamp(Stream::Stdout, 1, at(1009)), (first, false));
        let (other, new) = stamper.stamp(Stream::Stderr, 1, at(1009));
        assert!(new && other.order > first.order);
        let (back, new) = stamper.stamp(Stream::Stderr, 1, at(5));
        assert!(new && back.order > other.order && back.time < other.time);
        let (_, new) = stamper.stamp(Stream::Stderr, SPAN, at(5));
        assert!(!new);
        assert!(stamper.stamp(Stream::Stderr, 1, at(5)).1);
    }
}

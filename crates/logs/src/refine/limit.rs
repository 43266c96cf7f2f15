//! How many lines a service may write.

use std::time::{Duration, Instant};

use abide_spec::RateLimit;

/// A bucket that fills with time and from which each line takes.
///
/// Once it is empty it stays shut until a tenth of it is there again: so a flood leaves ten gaps in the time of the
/// limit, not one behind each line.
#[derive(Debug)]
pub(super) struct Bucket {
    /// What is in it. Of a line, there are as many parts as nanoseconds in the time of the limit.
    parts: u128,
    /// The parts that a line takes.
    line: u128,
    /// The parts that come each nanosecond.
    each: u128,
    /// The parts that fit.
    full: u128,
    shut: bool,
    filled: Option<Instant>,
}

impl Bucket {
    pub fn new(limit: RateLimit) -> Self {
        let line = limit.per.get().as_nanos().max(1);
        let each = u128::from(limit.lines.max(1));
        Self { parts: each * line, line, each, full: each * line, shut: false, filled: None }
    }

    /// Time has come to `now`.
    pub fn fill(&mut self, now: Instant) {
        let passed = self.filled.map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        self.filled = Some(now.max(self.filled.unwrap_or(now)));
        self.parts = self.full.min(self.parts.saturating_add(passed.as_nanos().saturating_mul(self.each)));
        self.shut &= self.parts < self.line.max(self.full / 10);
    }

    /// Takes a line; false if there is none.
    pub fn take(&mut self) -> bool {
        if self.parts < self.line {
            self.shut = true;
        }
        if !self.shut {
            self.parts -= self.line;
        }
        !self.shut
    }
}

#[cfg(test)]
mod tests {
    use abide_spec::Duration as Length;

    use super::*;

    fn bucket(lines: u32, per: u64) -> Bucket {
        Bucket::new(RateLimit { lines, per: Length::from_millis(per) })
    }

    /// How many lines of a steady flood are let through, and in how many stretches.
    fn flood(bucket: &mut Bucket, start: Instant, lines_a_second: u32, seconds: u32) -> (u32, u32) {
        let (mut taken, mut stretches, mut before) = (0, 0, false);
        for number in 0..lines_a_second * seconds {
            bucket.fill(start + Duration::from_secs(1) * number / lines_a_second);
            let open = bucket.take();
            taken += u32::from(open);
            stretches += u32::from(open && !before);
            before = open;
        }
        (taken, stretches)
    }

    #[test]
    fn what_is_within_the_limit_passes() {
        let (taken, stretches) = flood(&mut bucket(100, 1000), Instant::now(), 100, 20);
        assert_eq!((taken, stretches), (2000, 1));
    }

    #[test]
    fn a_flood_is_let_through_at_the_limit_with_few_gaps() {
        let (taken, stretches) = flood(&mut bucket(100, 1000), Instant::now(), 10_000, 20);
        // What may come at once, and what twenty seconds add.
        assert!((2080..=2120).contains(&taken), "{taken}");
        assert!(stretches <= 10 * 20 + 1, "{stretches}");
    }

    #[test]
    fn a_little_too_much_loses_a_little() {
        let (taken, _) = flood(&mut bucket(100, 1000), Instant::now(), 110, 100);
        assert!((10_000..=10_120).contains(&taken), "{taken} of 11000");
    }

    #[test]
    fn silence_gives_no_more_than_the_limit() {
        let (mut bucket, start) = (bucket(10, 1000), Instant::now());
        for hour in 0..3 {
            bucket.fill(start + Duration::from_secs(3600) * hour);
            assert_eq!((0..100).filter(|_| bucket.take()).count(), 10);
        }
    }

    #[test]
    fn time_that_stands_or_goes_back_gives_nothing() {
        let (mut bucket, start) = (bucket(1, 1000), Instant::now());
        let later = start + Duration::from_secs(5);
        bucket.fill(later);
        assert!(bucket.take() && !bucket.take());
        bucket.fill(start);
        assert!(!bucket.take());
        bucket.fill(later + Duration::from_millis(999));
        assert!(!bucket.take());
        bucket.fill(later + Duration::from_secs(1));
        assert!(bucket.take());
    }

    #[test]
    fn the_largest_limits_do_not_overflow() {
        let start = Instant::now();
        let mut most = Bucket::new(RateLimit { lines: u32::MAX, per: Length::from_secs(86_400) });
        let mut least = Bucket::new(RateLimit { lines: 1, per: Length::from_millis(1) });
        for bucket in [&mut most, &mut least] {
            bucket.fill(start);
            assert!(bucket.take());
            bucket.fill(start + Duration::from_secs(1 << 30));
            assert!(bucket.take());
        }
    }
}

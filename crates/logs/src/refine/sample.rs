//! Which of many are kept.

/// Keeps a share of all that it is asked about, exact and spread evenly, but without a beat: of each stretch that holds
/// one, a random one is taken. So whatever a program writes in a fixed order, each kind of it has its chance.
#[derive(Debug)]
pub(super) struct Sample {
    share: f64,
    asked: u64,
    /// How many stretches have begun.
    stretches: u64,
    /// Where the stretch ends, and which one of it is kept.
    end: u64,
    kept: u64,
    random: u64,
}

impl Sample {
    /// Of `share` (0 to 1), by the random number `seed`.
    pub fn new(share: f64, seed: u64) -> Self {
        Self { share, asked: 0, stretches: 0, end: 0, kept: 0, random: seed }
    }

    /// Whether the next one is kept.
    pub fn keeps(&mut self) -> bool {
        if self.share <= 0.0 {
            return false;
        }
        if self.asked == self.end {
            self.stretches += 1;
            let begin = self.end;
            self.end = ((self.stretches as f64 / self.share).ceil() as u64).max(begin + 1);
            self.kept = begin + self.random() % (self.end - begin);
        }
        self.asked += 1;
        self.asked - 1 == self.kept
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(share: f64, of: u64) -> Vec<u64> {
        let mut sample = Sample::new(share, 7);
        (0..of).filter(|_| sample.keeps()).collect()
    }

    #[test]
    fn shares_are_exact() {
        for (share, of, count) in [
            (0.0, 1000, 0),
            (1.0, 1000, 1000),
            (0.01, 10_000, 100),
            (0.5, 1000, 500),
            (0.3, 1000, 300),
            (0.75, 1000, 750),
        ] {
            assert_eq!(kept(share, of).len(), count, "{share} of {of}");
        }
        assert!(kept(f64::MIN_POSITIVE, 1000).is_empty());
    }

    #[test]
    fn there_is_no_beat() {
        // A program that always writes the same four lines.
        let mut each = [0; 4];
        kept(0.25, 40_000).into_iter().for_each(|number| each[number as usize % 4] += 1);
        assert!(each.iter().all(|count| (2000..3000).contains(count)), "{each:?}");
        // And still none is far from the next.
        let kept = kept(0.01, 100_000);
        assert!(kept.windows(2).all(|two| two[1] - two[0] < 200));
    }
}

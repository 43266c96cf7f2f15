//! How long to wait before something is tried again.

use std::time::Duration;

use crate::config::Retry;

/// Delays that grow with each failure in a row.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Delays by `retry`; `seed` makes them differ from those of other forwarders.
    pub fn new(retry: &Retry, seed: u64) -> Self {
        Self { initial: retry.initial.get(), max: retry.max.get(), failures: 0, random: seed | 1 }
    }

    /// The delay after one more failure; `after` is what the other side asked for, which counts even beyond the
    /// longest delay, but not beyond an hour.
    pub fn failed(&mut self, after: Option<Duration>) -> Duration {
        let grown = self.initial.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        let spread = self.spread();
        match after {
            // Everyone was told the same moment: a little later, each at its own.
            Some(after) => after.min(Duration::from_secs(3600)) + grown.mul_f64(0.2 * spread),
            None => grown.mul_f64(0.8 + 0.4 * spread),
        }
    }

    /// It worked: the next failure is a first one.
    pub fn worked(&mut self) {
        self.failures = 0;
    }

    /// A number from 0 to 1 (xorshift).
    fn spread(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn delays_grow_and_stay_within_their_bounds(
            initial in 1_u64..5_000, factor in 1_u64..1_000, seed: u64, failures in 1_usize..80,
        ) {
            let (first, max) = (Duration::from_millis(initial), Duration::from_millis(initial * factor));
            let retry = Retry { initial: first.into(), max: max.into(), give_up: None };
            let mut backoff = Backoff::new(&retry, seed);
            for n in 0..failures {
                let wanted = first.saturating_mul(2_u32.saturating_pow(u32::try_from(n).unwrap())).min(max);
                let delay = backoff.failed(None);
                prop_assert!(delay >= wanted.mul_f64(0.799) && delay <= wanted.mul_f64(1.201));
            }
            backoff.worked();
            prop_assert!(backoff.failed(None) <= first.mul_f64(1.201));
        }

        #[test]
        fn what_the_other_side_asks_for_is_waited_for(after in 0_u64..10_000, seed: u64) {
            let mut backoff = Backoff::new(&Retry::default(), seed);
            let asked = Duration::from_secs(after);
            let delay = backoff.failed(Some(asked));
            prop_assert!(delay >= asked.min(Duration::from_secs(3600)));
            prop_assert!(delay <= asked.min(Duration::from_secs(3600)) + Duration::from_secs(1));
        }
    }
}

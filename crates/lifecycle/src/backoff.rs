//! The delay before a restart, and the small deterministic randomness that spreads it.

use std::time::Duration;

use abide_spec::Delay;

/// The delay after the failure of this number (1 for the first), before jitter.
pub(crate) fn base_delay(delay: &Delay, failures: u32) -> Duration {
    let (initial, max) = (delay.initial.get(), delay.max.get());
    if initial.is_zero() {
        return Duration::ZERO;
    }
    // A factor below 1, or none at all, would shrink the delay; the spec refuses it, and here it means fixed.
    let factor = if delay.factor > 1.0 { delay.factor } else { 1.0 };
    let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = initial.as_secs_f64() * factor.powi(steps);
    // Too large for a span of time, infinite or no number: it has long passed the cap.
    Duration::try_from_secs_f64(seconds).unwrap_or(max).min(max)
}

/// The delay after the failure of this number, spread by jitter: within `base * (1 - jitter)` and
/// `base * (1 + jitter)`.
pub(crate) fn spread_delay(delay: &Delay, failures: u32, random: &mut Random) -> Duration {
    let base = base_delay(delay, failures);
    let jitter = if delay.jitter > 0.0 { delay.jitter.min(1.0) } else { return base };
    let part = base.as_secs_f64() * jitter * random.unit();
    let offset = Duration::try_from_secs_f64(part).unwrap_or(Duration::ZERO);
    if random.coin() { base.saturating_add(offset) } else { base.saturating_sub(offset) }
}

/// SplitMix64: eight bytes of state, the same numbers for the same seed on every machine. Only for spreading delays.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, and without, 1.
    fn unit(&mut self) -> f64 {
        // The 53 high bits fill the mantissa exactly.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn delay(initial: u64, factor: f64, max: u64, jitter: f64) -> Delay {
        let ms = abide_spec::Duration::from_millis;
        Delay { initial: ms(initial), factor, max: ms(max), jitter }
    }

    #[test]
    fn grows_by_the_factor_up_to_the_cap() {
        let d = Delay::default();
        let base: Vec<u128> = (1..=11).map(|n| base_delay(&d, n).as_millis()).collect();
        assert_eq!(base, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
    }

    #[test]
    fn factor_one_is_fixed_and_zero_is_at_once() {
        assert_eq!(base_delay(&delay(500, 1.0, 60_000, 0.0), 1_000_000).as_millis(), 500);
        let mut random = Random::new(1);
        assert_eq!(spread_delay(&delay(0, 2.0, 60_000, 0.5), 30, &mut random), Duration::ZERO);
    }

    #[test]
    fn absurd_settings_end_at_the_cap() {
        for factor in [f64::NAN, f64::INFINITY, f64::MAX, -3.0, 0.0] {
            for jitter in [f64::NAN, f64::INFINITY, -1.0, 0.3] {
                let most = abide_spec::Duration(Duration::MAX);
                let d = Delay { initial: most, factor, max: most, jitter };
                let _ = spread_delay(&d, u32::MAX, &mut Random::new(7));
                assert_eq!(base_delay(&delay(200, factor, 100, 0.0), u32::MAX).as_millis(), 100);
            }
        }
    }

    #[test]
    fn jitter_uses_its_whole_range() {
        let d = delay(1000, 1.0, 1000, 0.2);
        let mut random = Random::new(42);
        let all: Vec<u128> = (0..1000).map(|_| spread_delay(&d, 1, &mut random).as_millis()).collect();
        assert!(all.iter().any(|ms| *ms < 820) && all.iter().any(|ms| *ms > 1180), "{all:?}");
    }

    proptest! {
        #[test]
        fn stays_within_its_bounds(
            initial in 0u64..100_000, factor in 1.0f64..10.0, max in 0u64..10_000_000, jitter in 0.0f64..=1.0,
            failures in 0u32..200, seed: u64,
        ) {
            let d = delay(initial, factor, max, jitter);
            let base = base_delay(&d, failures).as_secs_f64();
            let spread = spread_delay(&d, failures, &mut Random::new(seed)).as_secs_f64();
            let nanosecond = 1e-9 + base * 1e-12;
            prop_assert!(spread >= base * (1.0 - jitter) - nanosecond);
            prop_assert!(spread <= base * (1.0 + jitter) + nanosecond);
            prop_assert!(spread <= d.max.get().as_secs_f64() * (1.0 + jitter) + nanosecond);
            prop_assert!(base_delay(&d, failures) <= base_delay(&d, failures + 1));
            prop_assert_eq!(spread_delay(&d, failures, &mut Random::new(seed)), spread_delay(&d, failures, &mut Random::new(seed)));
        }
    }
}

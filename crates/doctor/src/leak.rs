//! Whether something grows and grows: a line through samples, and how sure it is that it rises.

use std::time::Duration;

/// What was seen at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Since the first sample.
    pub at: Duration,
    /// Memory in bytes.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// A growth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// How much is added in a second.
    pub per_second: f64,
    /// From the first to the last sample, along the line.
    pub grown: f64,
    /// How sure it is that this is a growth and no chance, from 0 to 1.
    pub confidence: f64,
}

/// Fewer samples than this tell nothing.
const FEWEST: usize = 8;

/// A growth below this is taken for chance.
const SURE: f64 = 0.95;

/// The growth of a series of (time, value), if it is one: it rises by more than `least` along the whole series, by at least
/// a twentieth of where it began, and not by chance.
///
/// The measure is Kendall's: how many pairs of samples rise among all pairs. It asks for no shape, so neither a single jump
/// nor the teeth of a garbage collector make a leak of what stays where it is. Besides, the lowest values must rise too: in
/// each third of the series the lowest value is above that of the third before.
#[must_use]
pub fn growth(series: &[(Duration, u64)], least: u64) -> Option<Growth> {
    if series.len() < FEWEST {
        return None;
    }
    let (slope, begin, end) = line(series)?;
    let grown = end - begin;
    if slope <= 0.0 || grown < least as f64 || grown < begin.max(0.0) / 20.0 {
        return None;
    }
    let third = series.len() / 3;
    let lowest = |part: &[(Duration, u64)]| part.iter().map(|(_, value)| *value).min();
    let (first, middle) = (lowest(series.get(..third)?)?, lowest(series.get(third..2 * third)?)?);
    let last = lowest(series.get(2 * third..)?)?;
    if !(first < middle && middle < last) {
        return None;
    }
    let confidence = confidence(series);
    (confidence >= SURE).then_some(Growth { per_second: slope, grown, confidence })
}

/// The line of least squares: its slope, and its values at the first and last sample.
fn line(series: &[(Duration, u64)]) -> Option<(f64, f64, f64)> {
    let count = series.len() as f64;
    let (mut times, mut values) = (0.0, 0.0);
    for (at, value) in series {
        times += at.as_secs_f64();
        values += *value as f64;
    }
    let (time, value) = (times / count, values / count);
    let (mut spread, mut together) = (0.0, 0.0);
    for (at, one) in series {
        let distance = at.as_secs_f64() - time;
        spread += distance * distance;
        together += distance * (*one as f64 - value);
    }
    if spread <= 0.0 {
        return None;
    }
    let slope = together / spread;
    let along = |at: Duration| value + slope * (at.as_secs_f64() - time);
    Some((slope, along(series.first()?.0), along(series.last()?.0)))
}

/// One minus the chance that a series without a trend has as many rising pairs (Mann and Kendall, one-sided).
fn confidence(series: &[(Duration, u64)]) -> f64 {
    let mut score = 0_i64;
    for (index, (_, before)) in series.iter().enumerate() {
        for (_, after) in series.iter().skip(index + 1) {
            score += match after.cmp(before) {
                std::cmp::Ordering::Greater => 1,
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
            };
        }
    }
    let count = series.len() as f64;
    let variance = count * (count - 1.0) * (2.0 * count + 5.0) / 18.0;
    let score = score as f64;
    normal((score - score.signum()) / variance.sqrt())
}

/// The share of a normal distribution below `z`, exact to 1e-4 (Abramowitz and Stegun 26.2.17).
fn normal(z: f64) -> f64 {
    const FACTORS: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let sum = FACTORS.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let above = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum;
    if z >= 0.0 { 1.0 - above } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn series(count: u64, value: impl Fn(u64) -> u64) -> Vec<(Duration, u64)> {
        (0..count).map(|n| (Duration::from_secs(n), value(n))).collect()
    }

    /// Numbers without a pattern, always the same.
    fn noise(n: u64) -> u64 {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 44
    }

    #[test]
    fn a_leak_is_told_with_its_speed() {
        let found = growth(&series(60, |n| 100 * MIB + n * MIB), MIB).unwrap();
        assert!((found.per_second / MIB as f64 - 1.0).abs() < 0.01, "{found:?}");
        assert!(found.confidence > 0.999 && (found.grown / MIB as f64 - 59.0).abs() < 0.1, "{found:?}");
        let noisy = growth(&series(60, |n| 100 * MIB + n * MIB + noise(n)), MIB).unwrap();
        assert!(noisy.confidence > 0.99, "{noisy:?}");
    }

    #[test]
    fn what_stays_jumps_or_is_collected_is_no_leak() {
        assert_eq!(growth(&series(60, |_| 100 * MIB), MIB), None);
        assert_eq!(growth(&series(60, |n| 100 * MIB + noise(n)), MIB), None);
        assert_eq!(growth(&series(60, |n| if n < 30 { 100 * MIB } else { 160 * MIB }), MIB), None);
        // The teeth of a garbage collector.
        assert_eq!(growth(&series(60, |n| 100 * MIB + n % 12 * 8 * MIB), MIB), None);
        // A start that warms up and then stays.
        assert_eq!(growth(&series(60, |n| 100 * MIB + n.min(10) * 4 * MIB), MIB), None);
        assert_eq!(growth(&series(60, |n| 200 * MIB - n * MIB), MIB), None);
    }

    #[test]
    fn teeth_that_rise_are_a_leak() {
        let found = growth(&series(120, |n| 100 * MIB + n % 12 * 4 * MIB + n * 2 * MIB), MIB).unwrap();
        assert!((found.per_second / MIB as f64 - 2.0).abs() < 0.3, "{found:?}");
    }

    #[test]
    fn few_samples_or_little_growth_tell_nothing() {
        assert_eq!(growth(&series(7, |n| n * MIB), 1), None);
        assert_eq!(growth(&series(60, |n| 100 * MIB + n), MIB), None);
        assert_eq!(growth(&[], 1), None);
        assert_eq!(growth(&series(60, |n| 1000 * MIB + n * MIB / 2), MIB), None);
        let descriptors = growth(&series(20, |n| 10 + n), 10).unwrap();
        assert!((descriptors.per_second - 1.0).abs() < 1e-6);
        let one_moment: Vec<_> = (0..20).map(|n| (Duration::ZERO, n)).collect();
        assert_eq!(growth(&one_moment, 1), None);
    }
}

//! A snapshot of metrics: families, their kinds, and samples with labels.
//!
//! Names come from the code and are `'static`; what comes from outside stands in the values of labels alone, where it is
//! escaped.

/// Labels of a sample, in the order in which they are written: names and values.
pub type Labels = Vec<(&'static str, String)>;

/// All families at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// In the order in which they are written.
    pub families: Vec<Family>,
}

/// What belongs together under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name without what its kind adds to it (`_total`, `_info`, `_bucket`): `[a-z_][a-z0-9_]*`.
    pub name: &'static str,
    /// What it tells, in a sentence.
    pub help: &'static str,
    /// The unit, which the name ends with, in the plural: `seconds`, `bytes`.
    pub unit: Option<&'static str>,
    /// The samples, all of one kind.
    pub samples: Samples,
}

/// The samples of a family, whose kind this is.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// What goes up and down.
    Gauge(Vec<(Labels, f64)>),
    /// What only goes up, but for beginning anew.
    Counter(Vec<(Labels, Count)>),
    /// How often a measured value was how high.
    Histogram(Vec<(Labels, Histogram)>),
    /// What does not change while a process lives, told by labels.
    Info(Vec<Labels>),
    /// Which of several states hold, told by a label that is named as the family.
    StateSet(Vec<(Labels, Vec<(&'static str, bool)>)>),
}

/// A counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// How much so far.
    pub total: f64,
    /// When the count began, in seconds since 1970, where that is known.
    pub created: Option<f64>,
}

impl From<f64> for Count {
    fn from(total: f64) -> Self {
        Self { total, created: None }
    }
}

/// Counts of measured values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds that rise, each with how many values lay at or below it and above the one before. Those above the last
    /// bound are in `above`.
    pub buckets: Vec<(f64, u64)>,
    /// How many values lay above every bound.
    pub above: u64,
    /// The sum of all values.
    pub sum: f64,
}

impl Histogram {
    /// Nothing yet, with these upper bounds, which rise and are finite.
    #[must_use]
    pub fn new(bounds: &[f64]) -> Self {
        Self { buckets: bounds.iter().map(|bound| (*bound, 0)).collect(), above: 0, sum: 0.0 }
    }

    /// Counts a value.
    pub fn observe(&mut self, value: f64) {
        self.sum += value;
        match self.buckets.iter_mut().find(|(bound, _)| value <= *bound) {
            Some((_, count)) => *count += 1,
            None => self.above += 1,
        }
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum::<u64>() + self.above
    }
}

impl Family {
    const fn new(name: &'static str, help: &'static str, samples: Samples) -> Self {
        Self { name, help, unit: None, samples }
    }

    /// A family of gauges.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Samples::Gauge(Vec::new()))
    }

    /// A family of counters, named without `_total`.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Samples::Counter(Vec::new()))
    }

    /// A family of histograms.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Samples::Histogram(Vec::new()))
    }

    /// A family of infos, named without `_info`.
    #[must_use]
    pub const fn info(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Samples::Info(Vec::new()))
    }

    /// A family of state sets.
    #[must_use]
    pub const fn state_set(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Samples::StateSet(Vec::new()))
    }

    /// The same, with a unit that its name ends with.
    #[must_use]
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Adds a number: of a gauge, or of a counter whose beginning is not known. Other kinds are no numbers and stay as they
    /// are. A value that is not known is no sample.
    pub fn push<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: impl Into<Option<f64>>) {
        let Some(value) = value.into() else { return };
        match &mut self.samples {
            Samples::Gauge(samples) => samples.push((owned(labels), value)),
            Samples::Counter(samples) => samples.push((owned(labels), value.into())),
            Samples::Histogram(_) | Samples::Info(_) | Samples::StateSet(_) => {}
        }
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.samples {
            Samples::Gauge(samples) => samples.is_empty(),
            Samples::Counter(samples) => samples.is_empty(),
            Samples::Histogram(samples) => samples.is_empty(),
            Samples::Info(samples) => samples.is_empty(),
            Samples::StateSet(samples) => samples.is_empty(),
        }
    }
}

/// Labels as a sample keeps them.
#[must_use]
pub fn owned<const N: usize>(labels: [(&'static str, &str); N]) -> Labels {
    labels.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_value_once() {
        let mut histogram = Histogram::new(&[0.1, 1.0]);
        for value in [0.05, 0.1, 0.5, 1.0, 3.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.buckets, [(0.1, 2), (1.0, 2)]);
        assert_eq!((histogram.above, histogram.count()), (1, 5));
        assert!((histogram.sum - 4.65).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_known_is_no_sample() {
        let mut family = Family::gauge("x", "X.");
        family.push([], None);
        assert!(family.is_empty());
        family.push([], 1.0);
        assert!(!family.is_empty());
    }
}

//! Counts of what has been used, and how they are added up.

use std::time::Duration;

/// Microseconds of processor time for the program and for the system, bytes read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters([u64; 4]);

impl Counters {
    #[cfg_attr(
        not(any(target_os = "linux", windows)),
        expect(dead_code, reason = "nothing is told there yet")
    )]
    pub(crate) fn new(user: Duration, system: Duration, read: u64, written: u64) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self([micros(user), micros(system), read, written])
    }

    fn with(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let Self([a, b, c, d]) = self;
        let Self([e, f, g, h]) = other;
        Self([join(a, e), join(b, f), join(c, g), join(d, h)])
    }

    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// What is left, nothing being less than nothing.
    #[must_use]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    /// The processor time of another, and the bytes of this.
    #[must_use]
    pub(crate) fn with_cpu_of(self, other: Self) -> Self {
        let Self([_, _, read, written]) = self;
        let Self([user, system, _, _]) = other;
        Self([user, system, read, written])
    }

    /// Processor time: the program's, and the system's.
    pub(crate) fn cpu(self) -> (Duration, Duration) {
        let Self([user, system, _, _]) = self;
        (Duration::from_micros(user), Duration::from_micros(system))
    }

    /// Bytes read, and written.
    pub(crate) fn storage(self) -> (u64, u64) {
        let Self([_, _, read, written]) = self;
        (read, written)
    }
}

/// What a process has used: by itself, and by children that it has waited for. What is told as one is all the latter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) own: Counters,
    pub(crate) waited: Counters,
}

impl Spent {
    pub(crate) fn all(self) -> Counters {
        self.own.plus(self.waited)
    }
}

/// What is told of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Details {
    /// When it started, in whatever unit: tells it from a later one with the same id.
    pub(crate) started: u64,
    /// None when it has ended, and nobody has waited for it yet.
    pub(crate) threads: u32,
    pub(crate) resident: u64,
    pub(crate) spent: Spent,
    /// Whether the bytes in `spent` are told at all.
    pub(crate) tells_storage: bool,
    pub(crate) open_files: Option<u64>,
    pub(crate) open_files_limit: Option<u64>,
}

//! Lengths of time with a unit: `200ms`, `1m30s`, `1d`.

use std::str::FromStr;
use std::time::Duration as StdDuration;

use crate::text_value::text_value;

/// A length of time as a spec writes it: whole numbers with a unit, largest first: `200ms`, `10s`, `1m30s`, `1d`.
/// Units are `ns`, `us`, `ms`, `s`, `m`, `h`, `d` (24 hours). `0` needs no unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub StdDuration);

/// Why a text is no [`Duration`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("a duration cannot be empty; write a number and a unit, like \"10s\" (units: {UNITS})")]
    Empty,
    /// A number without a unit.
    #[error("duration `{text}`: {number} needs a unit, like \"{number}s\" (units: {UNITS})")]
    NoUnit {
        /// The whole text.
        text: String,
        /// The number that lacks one.
        number: u128,
    },
    /// A unit that does not exist.
    #[error("unknown unit `{unit}` in duration `{text}` (units: {UNITS})")]
    Unit {
        /// The whole text.
        text: String,
        /// What stands where a unit should.
        unit: String,
    },
    /// The same unit twice, or a smaller one before a larger.
    #[error("duration `{0}` must name each unit once, largest first, like \"1m30s\"")]
    Order(String),
    /// Neither digit nor unit.
    #[error(
        "`{0}` is not a duration; write a whole number and a unit, like \"10s\" or \"1m30s\" (units: {UNITS})"
    )]
    Malformed(String),
    /// More than 100 years.
    #[error("duration `{0}` is longer than 100 years")]
    TooLong(String),
}

const UNITS: &str = "ns, us, ms, s, m, h, d";

/// Each unit, largest first, in nanoseconds.
const SCALE: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// 100 years: far beyond any policy, and sums of it still fit into every clock.
const MAX_NANOS: u128 = 36_525 * 86_400_000_000_000;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(StdDuration::ZERO);

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(StdDuration::from_millis(millis))
    }

    /// So many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(StdDuration::from_secs(secs))
    }

    /// As the standard library's type.
    pub const fn get(self) -> StdDuration {
        self.0
    }

    /// Whether it is zero.
    pub const fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(DurationError::Empty);
        }
        if text.bytes().all(|b| b == b'0') {
            return Ok(Self::ZERO);
        }
        let mut rest = text;
        let mut nanos: u128 = 0;
        // Index into SCALE of the next unit that may still come.
        let mut allowed = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(DurationError::Malformed(text.to_owned()));
            }
            let number: u128 = rest[..digits].parse().map_err(|_| DurationError::TooLong(text.to_owned()))?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit = &rest[..letters];
            rest = &rest[letters..];
            if unit.is_empty() {
                return Err(DurationError::NoUnit { text: text.to_owned(), number });
            }
            let Some(index) =
                SCALE.iter().position(|(name, _)| *name == unit || (unit == "µs" && *name == "us"))
            else {
                // "1.5s": the dot stands where a unit should, but the unit is not what is wrong.
                return Err(match unit.starts_with('.') {
                    true => DurationError::Malformed(text.to_owned()),
                    false => DurationError::Unit { text: text.to_owned(), unit: unit.trim().to_owned() },
                });
            };
            if index < allowed {
                return Err(DurationError::Order(text.to_owned()));
            }
            allowed = index + 1;
            nanos = number
                .checked_mul(SCALE[index].1)
                .and_then(|part| nanos.checked_add(part))
                .filter(|sum| *sum <= MAX_NANOS)
                .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
        }
        Ok(Self(StdDuration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)))
    }
}

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        for (unit, scale) in SCALE {
            let count = nanos / scale;
            nanos %= scale;
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl From<StdDuration> for Duration {
    fn from(duration: StdDuration) -> Self {
        Self(duration)
    }
}

impl From<Duration> for StdDuration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

text_value!(Duration, "a duration, such as \"10s\"");

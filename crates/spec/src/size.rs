//! Amounts of bytes with a unit: `512MiB`, `1GB`.

use std::str::FromStr;

use crate::text_value::text_value;

/// An amount of bytes as a spec writes it: a whole number and a unit, such as `64KiB`, `512MiB` or `1GB`.
/// Units are `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024) and `KB`, `MB`, `GB`, `TB` (powers of 1000).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// Why a text is no [`Size`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Nothing there.
    #[error("a size cannot be empty; write a number and a unit, like \"64MiB\" (units: {UNITS})")]
    Empty,
    /// A number without a unit.
    #[error("size `{0}` needs a unit, like \"{0}MiB\" (units: {UNITS})")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("unknown unit `{unit}` in size `{text}` (units: {UNITS})")]
    Unit {
        /// The whole text.
        text: String,
        /// What stands where a unit should.
        unit: String,
    },
    /// Not a whole number with a unit.
    #[error("`{0}` is not a size; write a whole number and a unit, like \"64MiB\" (units: {UNITS})")]
    Malformed(String),
    /// More than 8 EiB.
    #[error("size `{0}` is larger than any disk or memory (at most 8 EiB)")]
    TooLarge(String),
}

const UNITS: &str = "B, KiB, MiB, GiB, TiB, KB, MB, GB, TB";

/// Each unit in bytes, the binary ones first because they are the ones written back.
const SCALE: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl Size {
    /// So many KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The amount in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let unit = text[digits..].trim_start();
        match (digits, unit) {
            (_, "") if text.is_empty() => return Err(SizeError::Empty),
            (0, _) => return Err(SizeError::Malformed(text.to_owned())),
            (_, "") if text.bytes().all(|b| b == b'0') => return Ok(Self(0)),
            (_, "") => return Err(SizeError::NoUnit(text.to_owned())),
            // "1.5GiB": the dot stands where a unit should, but the unit is not what is wrong.
            (_, unit) if unit.starts_with('.') => return Err(SizeError::Malformed(text.to_owned())),
            _ => {}
        }
        let Some((_, scale)) =
            SCALE.iter().find(|(name, _)| *name == unit || (unit == "kB" && *name == "KB"))
        else {
            return Err(SizeError::Unit { text: text.to_owned(), unit: unit.to_owned() });
        };
        text[..digits]
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*scale))
            .filter(|bytes| *bytes <= i64::MAX as u64)
            .map(Self)
            .ok_or_else(|| SizeError::TooLarge(text.to_owned()))
    }
}

impl std::fmt::Display for Size {
    /// Exact: the largest unit that divides the amount, binary before decimal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (unit, scale) in SCALE {
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

text_value!(Size, "a size, such as \"64MiB\"");

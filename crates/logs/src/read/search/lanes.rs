//! All streams of all services that are searched.

use std::ops::RangeInclusive;

use super::{super::Range, Reader, failed, units::Lane};
use crate::Error;

/// The streams that are searched.
#[derive(Debug)]
pub(super) struct Lanes<'a> {
    pub parts: &'a [(Reader, Range)],
    /// Each with the number of its part.
    pub lanes: Vec<(usize, Lane)>,
}

impl<'a> Lanes<'a> {
    pub fn of(parts: &'a [(Reader, Range)]) -> Result<Self, Error> {
        let mut lanes = Vec::new();
        for (number, (reader, range)) in parts.iter().enumerate() {
            for bounds in reader.bounds(range, false).map_err(failed(reader))? {
                lanes.push((number, Lane::new(bounds).map_err(failed(reader))?));
            }
        }
        Ok(Self { parts, lanes })
    }
}

/// The times that are wanted of a part, in nanoseconds since 1970.
pub(super) fn times((_, range): &(Reader, Range)) -> RangeInclusive<u64> {
    range.since()..=range.until()
}

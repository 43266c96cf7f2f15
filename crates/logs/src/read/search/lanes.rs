//! All streams of all services that are searched.

use super::{super::Range, Reader, failed, units::Lane};
use crate::Error;

/// The streams that are searched, and what of their lines is wanted.
#[derive(Debug)]
pub(super) struct Lanes<'a> {
    pub readers: &'a [Reader],
    /// Each with the number of its reader.
    pub lanes: Vec<(usize, Lane)>,
    /// Nanoseconds since 1970.
    pub since: u64,
    pub until: u64,
}

impl<'a> Lanes<'a> {
    pub fn of(readers: &'a [Reader], range: &Range) -> Result<Self, Error> {
        let mut lanes = Vec::new();
        for (number, reader) in readers.iter().enumerate() {
            for bounds in reader.bounds(range, false).map_err(failed(reader))? {
                lanes.push((number, Lane::new(bounds).map_err(failed(reader))?));
            }
        }
        Ok(Self { readers, lanes, since: range.since(), until: range.until() })
    }
}

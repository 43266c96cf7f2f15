//! The index beside each file: what arrived when, and in which order across the two streams.
//!
//! An index is a header and then records, each 32 bytes, little endian, with a CRC-32 in the last four:
//!
//! | bytes | header | record |
//! |---|---|---|
//! | 0..8 | `ABIDEIX` and the version, 1 | arrival: nanoseconds since 1970 |
//! | 8..16 | number of the file | order: grows through all files and both streams |
//! | 16..24 | zero | offset in the file |
//! | 24 | stream: 0 stdout, 1 stderr | kind |
//! | 25 | zero | flags |
//! | 26..28 | zero | zero |
//! | 28..32 | checksum of the 28 bytes before | checksum of the 28 bytes before |
//!
//! A record speaks for all bytes from its offset to the next record's. It is written before the bytes it speaks
//! of, so bytes that can be read have their record. As everything has one size, a damaged record costs itself
//! and nothing else. Readers pass over kinds and flags they do not know.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Stream;

/// The size of the header and of every record, in bytes.
pub(crate) const SLOT: usize = 32;

const MAGIC: [u8; 8] = *b"ABIDEIX\x01";

/// When something arrived and what it came after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Grows from stamp to stamp. As long as the clock runs forward it is the time.
    pub order: u64,
}

/// What begins at the offset of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output of the program.
    Output,
    /// Nothing for now: the stream ended.
    End,
    /// A line by Abide which says what was dropped.
    Gap,
    /// Something that a later version knows.
    Other(u8),
}

/// One record of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub stamp: Stamp,
    pub offset: u64,
    pub kind: Kind,
    /// The byte at the offset is a line feed that Abide put there to end what had no end.
    pub fresh_line: bool,
}

const FRESH_LINE: u8 = 1;

impl Record {
    pub fn encode(&self) -> [u8; SLOT] {
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(&self.stamp.time.to_le_bytes());
        slot[8..16].copy_from_slice(&self.stamp.order.to_le_bytes());
        slot[16..24].copy_from_slice(&self.offset.to_le_bytes());
        slot[24] = match self.kind {
            Kind::Output => 1,
            Kind::End => 2,
            Kind::Gap => 3,
            Kind::Other(kind) => kind,
        };
        slot[25] = if self.fresh_line { FRESH_LINE } else { 0 };
        seal(slot)
    }

    /// The record in `slot`, if it is whole.
    pub fn decode(slot: &[u8; SLOT]) -> Option<Self> {
        if !is_sealed(slot) {
            return None;
        }
        let kind = match slot[24] {
            0 => return None,
            1 => Kind::Output,
            2 => Kind::End,
            3 => Kind::Gap,
            other => Kind::Other(other),
        };
        Some(Self {
            stamp: Stamp { time: number(slot, 0), order: number(slot, 8) },
            offset: number(slot, 16),
            kind,
            fresh_line: slot[25] & FRESH_LINE != 0,
        })
    }

    /// The first byte whose arrival this record tells.
    pub fn covers_from(&self) -> u64 {
        // The line feed put in ends a line that arrived earlier.
        self.offset + u64::from(self.fresh_line)
    }
}

/// The first slot of the index of file `file`.
pub(crate) fn header(stream: Stream, file: u64) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[..8].copy_from_slice(&MAGIC);
    slot[8..16].copy_from_slice(&file.to_le_bytes());
    slot[24] = u8::from(stream == Stream::Stderr);
    seal(slot)
}

/// Nanoseconds since 1970; 0 for what is before, the largest number for what is beyond.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The reverse of [`nanoseconds`].
pub(crate) fn system_time(nanoseconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
}

fn number(slot: &[u8; SLOT], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&slot[at..at + 8]);
    u64::from_le_bytes(bytes)
}

fn seal(mut slot: [u8; SLOT]) -> [u8; SLOT] {
    let sum = checksum(&slot[..SLOT - 4]);
    slot[SLOT - 4..].copy_from_slice(&sum.to_le_bytes());
    slot
}

fn is_sealed(slot: &[u8; SLOT]) -> bool {
    slot[SLOT - 4..] == checksum(&slot[..SLOT - 4]).to_le_bytes()
}

/// CRC-32 as in zip and Ethernet.
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(!0, |sum, byte| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8))
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xEDB8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_no_damaged_one_does() {
        let record = Record {
            stamp: Stamp { time: 1_700_000_000_000_000_000, order: 1_700_000_000_000_000_001 },
            offset: 0x0123_4567_89AB,
            kind: Kind::Gap,
            fresh_line: true,
        };
        let slot = record.encode();
        assert_eq!(Record::decode(&slot), Some(record));
        for bit in 0..SLOT * 8 {
            let mut damaged = slot;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(Record::decode(&[0; SLOT]), None);
    }

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn times_of_any_kind_have_a_number() {
        assert_eq!(nanoseconds(UNIX_EPOCH - Duration::from_secs(1)), 0);
        let time = UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789);
        assert_eq!(system_time(nanoseconds(time)), Some(time));
    }
}

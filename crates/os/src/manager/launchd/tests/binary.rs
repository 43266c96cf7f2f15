//! A reader of binary property lists, written from the description of the format: what `plistutil` made of a property
//! list is read without the help of what wrote it.

use crate::manager::launchd::plist::Value;

/// Reads a whole binary property list.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let body = bytes.strip_prefix(b"bplist00").map(|_| bytes)?;
    let trailer = body.get(body.len().checked_sub(32)?..)?;
    let reader = Reader {
        bytes: body,
        offset_size: usize::from(trailer[6]),
        reference_size: usize::from(trailer[7]),
        table: usize::try_from(number(&trailer[24..32])?).ok()?,
    };
    reader.object(usize::try_from(number(&trailer[16..24])?).ok()?, 0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    table: usize,
}

fn number(bytes: &[u8]) -> Option<u64> {
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    (significant.count() <= 8).then(|| bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
}

impl Reader<'_> {
    fn at(&self, from: usize, length: usize) -> Option<&[u8]> {
        self.bytes.get(from..from.checked_add(length)?)
    }

    fn object(&self, index: usize, depth: usize) -> Option<Value> {
        if depth > 8 {
            return None;
        }
        let entry = self.at(self.table + index * self.offset_size, self.offset_size)?;
        let at = usize::try_from(number(entry)?).ok()?;
        let marker = *self.bytes.get(at)?;
        let (kind, low) = (marker >> 4, usize::from(marker & 15));
        if kind == 1 {
            return number(self.at(at + 1, 1 << low)?).map(Value::Integer);
        }
        if kind == 0 {
            return match marker {
                8 => Some(Value::Bool(false)),
                9 => Some(Value::Bool(true)),
                _ => None,
            };
        }
        let (count, from) = match low {
            15 => {
                let size = 1 << (self.bytes.get(at + 1)? & 15);
                (usize::try_from(number(self.at(at + 2, size)?)?).ok()?, at + 2 + size)
            }
            count => (count, at + 1),
        };
        match kind {
            5 => Some(Value::Text(String::from_utf8(self.at(from, count)?.to_vec()).ok()?)),
            6 => {
                let units: Vec<u16> = self
                    .at(from, count * 2)?
                    .chunks(2)
                    .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                    .collect();
                Some(Value::Text(String::from_utf16(&units).ok()?))
            }
            10 => Some(Value::List(self.references(from, count, depth)?)),
            13 => {
                let keys = self.references(from, count, depth)?;
                let values = self.references(from + count * self.reference_size, count, depth)?;
                let keys = keys.into_iter().map(|key| match key {
                    Value::Text(key) => Some(key),
                    _ => None,
                });
                Some(Value::Dict(
                    keys.zip(values).map(|(key, value)| Some((key?, value))).collect::<Option<_>>()?,
                ))
            }
            _ => None,
        }
    }

    fn references(&self, from: usize, count: usize, depth: usize) -> Option<Vec<Value>> {
        (0..count)
            .map(|index| {
                let reference = self.at(from + index * self.reference_size, self.reference_size)?;
                self.object(usize::try_from(number(reference)?).ok()?, depth + 1)
            })
            .collect()
    }
}

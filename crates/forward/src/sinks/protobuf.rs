//! As much of protobuf as OTLP and Loki need: written by hand, because that takes a page, borrows all that it writes, and
//! needs no generated code.

/// A field that holds bytes, text, or a message.
const LENGTH: u8 = 2;

/// Appends a number in as few bytes as it takes.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends field `number`, an unsigned number or an enum. As usual, 0 is not written.
pub(super) fn number(out: &mut Vec<u8>, number: u8, value: u64) {
    if value != 0 {
        out.push(number << 3);
        varint(out, value);
    }
}

/// Appends field `number`, an unsigned number of 64 bits.
pub(super) fn fixed64(out: &mut Vec<u8>, number: u8, value: u64) {
    out.push(number << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends field `number`, bytes or text.
pub(super) fn bytes(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends field `number`, a message, which `write` appends.
pub(super) fn message(out: &mut Vec<u8>, number: u8, write: impl FnOnce(&mut Vec<u8>)) {
    // Its length stands before it and is known behind it: most messages are short and leave one byte for it; longer ones
    // are moved, once.
    out.push(number << 3 | LENGTH);
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - at - 1;
    if length < 0x80 {
        out[at] = length as u8;
        return;
    }
    let mut digits = Vec::with_capacity(10);
    varint(&mut digits, length as u64);
    let more = digits.len() - 1;
    out.resize(out.len() + more, 0);
    out.copy_within(at + 1..at + 1 + length, at + 1 + more);
    out[at..at + digits.len()].copy_from_slice(&digits);
}

/// One field of a message that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// A number.
    Number(u64),
    /// Bytes, text or a message.
    Bytes(&'a [u8]),
}

/// Reads a message field by field. It ends where the message does, or where it is none.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    /// The field's number, and what it holds.
    type Item = (u64, Field<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => Field::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Number(u32::from_le_bytes(self.take(4)?.try_into().ok()?).into()),
            _ => return None,
        };
        Some((key >> 3, field))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(value: u64, time: u64, body: Vec<u8>, long in 0_usize..40_000) {
            let mut out = Vec::new();
            let filling = vec![7; long];
            number(&mut out, 1, value);
            fixed64(&mut out, 2, time);
            message(&mut out, 3, |out| {
                bytes(out, 1, &body);
                message(out, 2, |out| bytes(out, 1, &filling));
            });
            let mut fields = Fields(&out);
            if value != 0 {
                prop_assert_eq!(fields.next(), Some((1, Field::Number(value))));
            }
            prop_assert_eq!(fields.next(), Some((2, Field::Number(time))));
            let Some((3, Field::Bytes(inner))) = fields.next() else { panic!("no message") };
            prop_assert_eq!(fields.next(), None);
            let mut inner = Fields(inner);
            prop_assert_eq!(inner.next(), Some((1, Field::Bytes(&body))));
            let Some((2, Field::Bytes(innermost))) = inner.next() else { panic!("no message") };
            prop_assert_eq!(Fields(innermost).next(), Some((1, Field::Bytes(&filling))));
        }

        #[test]
        fn no_bytes_make_it_stumble(bytes: Vec<u8>) {
            prop_assert!(Fields(&bytes).count() <= bytes.len());
        }
    }
}

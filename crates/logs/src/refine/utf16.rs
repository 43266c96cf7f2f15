//! From UTF-16, as programs of Windows write it into pipes, to UTF-8.

use abide_spec::Encoding;

/// What stands for what is no character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// The byte order mark, read in the right order.
const MARK: u16 = 0xfeff;

/// Takes UTF-16 in pieces of any length and gives UTF-8.
///
/// A mark at the beginning is taken away. Half a pair of surrogates, and an odd last byte, become U+FFFD.
#[derive(Debug)]
pub(super) struct Utf16 {
    order: Order,
    begun: bool,
    /// The first byte of a unit whose second one has not come.
    odd: Option<u8>,
    /// The first half of a pair whose second one has not come.
    high: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
    /// Little until the mark tells otherwise.
    ByMark,
}

impl Utf16 {
    /// For a stream in `encoding`; `None` where bytes are kept as they come.
    pub fn new(encoding: Encoding) -> Option<Self> {
        let order = match encoding {
            Encoding::Raw => return None,
            Encoding::Utf16Le => Order::Little,
            Encoding::Utf16Be => Order::Big,
            Encoding::Utf16 => Order::ByMark,
        };
        Some(Self { order, begun: false, odd: None, high: None })
    }

    /// Appends what `bytes` say to `out`.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        if let (Some(first), [second, rest @ ..]) = (self.odd, bytes) {
            self.odd = None;
            bytes = rest;
            self.unit([first, *second], out);
        }
        let (pairs, odd) = bytes.as_chunks::<2>();
        out.reserve(pairs.len());
        let mut rest = pairs;
        while let [pair, after @ ..] = rest {
            self.unit(*pair, out);
            // Most of what programs write is ASCII.
            rest = &after[self.ascii(after, out)..];
        }
        if let [odd] = odd {
            self.odd = Some(*odd);
        }
    }

    /// Nothing follows: appends what stands for the rest.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let high = self.high.take().is_some();
        let odd = self.odd.take().is_some();
        for _ in 0..usize::from(high) + usize::from(odd) {
            out.extend_from_slice(REPLACEMENT);
        }
        self.begun = false;
    }

    fn unit(&mut self, pair: [u8; 2], out: &mut Vec<u8>) {
        let mut unit = match self.order {
            Order::Little | Order::ByMark => u16::from_le_bytes(pair),
            Order::Big => u16::from_be_bytes(pair),
        };
        if !self.begun {
            self.begun = true;
            if self.order == Order::ByMark {
                self.order = if unit == MARK.swap_bytes() { Order::Big } else { Order::Little };
                unit = if unit == MARK.swap_bytes() { MARK } else { unit };
            }
            if unit == MARK {
                return;
            }
        }
        if unit < 0x80 && self.high.is_none() {
            out.push(unit as u8);
        } else {
            self.character(unit, out);
        }
    }

    /// Takes the units up to the first that is not ASCII, and tells how many they are.
    fn ascii(&self, pairs: &[[u8; 2]], out: &mut Vec<u8>) -> usize {
        let (low, high) = if self.order == Order::Big { (1, 0) } else { (0, 1) };
        let before = out.len();
        if self.high.is_none() {
            let plain = |pair: &&[u8; 2]| pair[high] == 0 && pair[low] < 0x80;
            out.extend(pairs.iter().take_while(plain).map(|pair| pair[low]));
        }
        out.len() - before
    }

    fn character(&mut self, unit: u16, out: &mut Vec<u8>) {
        let code = match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00)
            }
            (half, unit) => {
                if half.is_some() {
                    out.extend_from_slice(REPLACEMENT);
                }
                if matches!(unit, 0xd800..=0xdbff) {
                    self.high = Some(unit);
                    return;
                }
                u32::from(unit)
            }
        };
        match char::from_u32(code) {
            Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None => out.extend_from_slice(REPLACEMENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(encoding: Encoding, bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut stage = Utf16::new(encoding).unwrap();
        let mut out = Vec::new();
        for chunk in bytes.chunks(chunk) {
            stage.push(chunk, &mut out);
        }
        stage.end(&mut out);
        out
    }

    fn text(encoding: Encoding, bytes: &[u8]) -> String {
        String::from_utf8(decoded(encoding, bytes, bytes.len().max(1))).unwrap()
    }

    #[test]
    fn orders_and_marks() {
        use Encoding::{Utf16 as ByMark, Utf16Be, Utf16Le};
        assert_eq!(text(Utf16Le, b"h\0i\0\r\0\n\0"), "hi\r\n");
        assert_eq!(text(Utf16Be, b"\0h\0i\0\r\0\n"), "hi\r\n");
        assert_eq!(text(ByMark, b"h\0i\0"), "hi");
        assert_eq!(text(ByMark, b"\xff\xfeh\0i\0"), "hi");
        assert_eq!(text(ByMark, b"\xfe\xff\0h\0i"), "hi");
        assert_eq!(text(Utf16Le, b"\xff\xfeh\0\xff\xfe"), "h\u{feff}", "only the first is a mark");
        assert_eq!(text(Utf16Be, b"\xfe\xff\0h"), "h");
        assert!(Utf16::new(Encoding::Raw).is_none());
    }

    #[test]
    fn what_is_no_character_is_replaced() {
        let le = |units: &[u16]| {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            text(Encoding::Utf16Le, &bytes)
        };
        assert_eq!(le(&[0x61, 0xd83d, 0xde00, 0x62]), "a😀b");
        assert_eq!(le(&[0x61, 0xd83d, 0x62]), "a\u{fffd}b", "a first half alone");
        assert_eq!(le(&[0xde00, 0x62]), "\u{fffd}b", "a second half alone");
        assert_eq!(le(&[0xd83d, 0xd83d, 0xde00]), "\u{fffd}😀");
        assert_eq!(le(&[0x61, 0xd83d]), "a\u{fffd}", "the end in the middle of a pair");
        assert_eq!(text(Encoding::Utf16Le, b"a\0b"), "a\u{fffd}", "an odd last byte");
        assert_eq!(text(Encoding::Utf16Le, b"a"), "\u{fffd}");
        assert_eq!(text(Encoding::Utf16Le, b"\x3d\xd8b"), "\u{fffd}\u{fffd}");
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(
            units in proptest::collection::vec(
                prop_oneof![any::<u16>(), 0xd800..0xe000_u16, 0x20..0x7f_u16], 1..80),
            big: bool,
            chunk in 1..9_usize,
        ) {
            prop_assume!(units[0] != MARK);
            let bytes: Vec<u8> =
                units.iter().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
            let encoding = if big { Encoding::Utf16Be } else { Encoding::Utf16Le };
            prop_assert_eq!(
                String::from_utf8(decoded(encoding, &bytes, chunk)).unwrap(),
                String::from_utf16_lossy(&units)
            );
        }

        #[test]
        fn text_comes_back(text: String, marked: bool, big: bool, chunk in 1..9_usize) {
            prop_assume!(marked || (!big && !text.starts_with(['\u{feff}', '\u{fffe}'])));
            let mark = marked.then_some(MARK);
            let units = mark.into_iter().chain(text.encode_utf16());
            let bytes: Vec<u8> =
                units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
            prop_assert_eq!(decoded(Encoding::Utf16, &bytes, chunk), text.into_bytes());
        }
    }
}

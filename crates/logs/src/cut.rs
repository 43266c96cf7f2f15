//! Where a file ends and the next begins. Pure: sizes and bytes in, a decision out.

use memchr::{memchr, memrchr};

/// What to do with the first bytes of what is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// So many of them go into the file being written...
    pub take: usize,
    /// ...and then a new file is begun.
    pub rotate: bool,
}

/// The file being written, as far as cutting is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    /// Bytes it may hold; 0 for any number.
    pub limit: u64,
    /// Bytes it holds.
    pub size: u64,
    /// Those of them that are a line without its end yet.
    pub line: u64,
    /// A new file is due at the next line, whatever the size.
    pub due: bool,
    /// The last bytes of that line, for characters that arrive in parts.
    pub tail: Tail,
}

impl Fill {
    /// Decides about the next of `bytes`, which must not be empty.
    ///
    /// A file is filled with whole lines up to its limit. A line that arrives in parts and turns out not to fit
    /// stays where it began; it alone may exceed the limit, and when it reaches the limit on its own, it is cut,
    /// between two characters where it is UTF-8.
    pub fn step(&self, bytes: &[u8]) -> Step {
        let length = bytes.len() as u64;
        let due = self.due && self.size > 0;
        if !due && (self.limit == 0 || self.size + length <= self.limit) {
            return Step { take: bytes.len(), rotate: false };
        }
        if due && self.line == 0 {
            return Step { take: 0, rotate: true };
        }
        if !due {
            let room = clamp(self.limit.saturating_sub(self.size), bytes);
            if let Some(end) = memrchr(b'\n', &bytes[..room]) {
                return Step { take: end + 1, rotate: true };
            }
            if self.line == 0 && self.size > 0 {
                return Step { take: 0, rotate: true };
            }
        }
        self.finish_line(bytes)
    }

    /// The line in hand goes on in this file.
    fn finish_line(&self, bytes: &[u8]) -> Step {
        let room = match self.limit {
            0 => bytes.len(),
            limit => clamp(limit.saturating_sub(self.line), bytes),
        };
        // The line end itself may come on top: a file that held nothing but it would help nobody.
        let reach = (room + 1).min(bytes.len());
        if let Some(end) = memchr(b'\n', &bytes[..reach]) {
            return Step { take: end + 1, rotate: true };
        }
        if room == bytes.len() {
            return Step { take: room, rotate: false };
        }
        let take = self.between_characters(bytes, room);
        // A character of which the rest is still to come is not cut either.
        Step { take, rotate: take < bytes.len() }
    }

    /// The place nearest to `at` that does not split a character.
    fn between_characters(&self, bytes: &[u8], at: usize) -> usize {
        let mut seen = self.tail;
        seen.push(&bytes[..at]);
        let (had, missing) = seen.unfinished();
        let follows = bytes[at..].iter().take(missing).take_while(|byte| is_continuation(**byte)).count();
        if missing == 0 || follows == 0 {
            return at;
        }
        match at.checked_sub(had) {
            Some(before) if before > 0 || self.line > 0 => before,
            // The character began in what is written already, or is all that there is: finish it.
            _ => at + follows,
        }
    }
}

/// The last three bytes of a line: enough to know an unfinished UTF-8 character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    bytes: [u8; 3],
    length: usize,
}

impl Tail {
    /// Goes on with `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in &bytes[bytes.len().saturating_sub(3)..] {
            if self.length == 3 {
                self.bytes.rotate_left(1);
                self.length = 2;
            }
            self.bytes[self.length] = byte;
            self.length += 1;
        }
    }

    /// Of a character at the very end that is not whole: how many bytes are there and how many are missing.
    fn unfinished(&self) -> (usize, usize) {
        for had in 1..=self.length {
            let byte = self.bytes[self.length - had];
            if !is_continuation(byte) {
                return (had, character_length(byte).saturating_sub(had));
            }
        }
        (0, 0)
    }
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// How long the UTF-8 character is that begins with `first`.
const fn character_length(first: u8) -> usize {
    match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    }
}

fn clamp(room: u64, bytes: &[u8]) -> usize {
    usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(limit: u64, size: u64, line: u64) -> Fill {
        Fill { limit, size, line, due: false, tail: Tail::default() }
    }

    fn step(take: usize, rotate: bool) -> Step {
        Step { take, rotate }
    }

    #[test]
    fn whole_lines_fill_a_file_up_to_its_limit() {
        assert_eq!(fill(10, 0, 0).step(b"abc\nabcde\n"), step(10, false));
        assert_eq!(fill(10, 0, 0).step(b"abc\nabcdef\n"), step(4, true));
        assert_eq!(fill(10, 8, 0).step(b"abc\n"), step(0, true));
        assert_eq!(fill(0, 1 << 40, 3).step(b"abc\n"), step(4, false));
    }

    #[test]
    fn a_line_in_hand_stays_in_its_file() {
        assert_eq!(fill(10, 9, 2).step(b"cd\nefg\n"), step(3, true));
        assert_eq!(fill(10, 9, 2).step(b"cd"), step(2, false));
    }

    #[test]
    fn a_line_longer_than_the_limit_is_cut_at_it() {
        assert_eq!(fill(4, 0, 0).step(b"abcdef\n"), step(4, true));
        assert_eq!(fill(4, 0, 0).step(b"abcd\n"), step(5, true));
        assert_eq!(fill(4, 4, 4).step(b"e"), step(0, true));
        assert_eq!(fill(4, 4, 4).step(b"\n"), step(1, true));
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let text = "ab\u{20AC}d".as_bytes();
        assert_eq!(fill(3, 0, 0).step(text), step(2, true));
        assert_eq!(fill(4, 0, 0).step(text), step(2, true));
        assert_eq!(fill(5, 0, 0).step(text), step(5, true));
        assert_eq!(fill(1, 0, 0).step("\u{20AC}x".as_bytes()), step(3, true));
        let mut tail = Tail::default();
        tail.push(&text[..3]);
        let rest = Fill { limit: 3, size: 3, line: 3, due: false, tail };
        assert_eq!(rest.step(&text[3..]), step(2, true));
        let mut begun = rest;
        begun.tail = Tail::default();
        begun.tail.push(&text[..3]);
        assert_eq!(begun.step(&text[3..4]), step(1, false));
        // What is not UTF-8 is cut exactly.
        assert_eq!(fill(3, 0, 0).step(b"ab\x80\x80\x80"), step(3, true));
        assert_eq!(fill(3, 0, 0).step(b"ab\xE2d\x80"), step(3, true));
    }

    #[test]
    fn a_file_that_is_due_ends_with_the_line_in_hand() {
        let due = |size, line| Fill { due: true, ..fill(100, size, line) };
        assert_eq!(due(0, 0).step(b"a\nb\n"), step(4, false));
        assert_eq!(due(5, 0).step(b"a\nb\n"), step(0, true));
        assert_eq!(due(5, 1).step(b"a\nb\n"), step(2, true));
        assert_eq!(due(5, 1).step(b"ab"), step(2, false));
    }
}

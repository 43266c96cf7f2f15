//! Takes out the escape sequences with which programs color a terminal.

use memchr::memchr;

const ESCAPE: u8 = 0x1b;

/// A control sequence that is longer is none.
const LONGEST_CONTROL: usize = 256;
/// A string for the terminal, such as a title or a link, that is longer is none.
const LONGEST_STRING: usize = 4096;

/// Takes output in pieces of any length and gives it without escape sequences (ECMA-48: control sequences, strings, and
/// those of two or three bytes).
///
/// What only looks like the beginning of one, or does not end within its bound, stays as it came.
#[derive(Debug, Default)]
pub(super) struct Strip {
    state: State,
    /// A sequence that has begun.
    begun: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After an escape.
    Escape,
    /// After an escape and a byte that says that more follow.
    Short,
    /// `ESC [`: parameters, then one byte that ends it.
    Control,
    /// `ESC ]` and the like: anything, until a bell or `ESC \`.
    String,
    /// After an escape in a string.
    StringEscape,
}

impl Strip {
    /// Appends to `out` what remains of `bytes`.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let [first, rest @ ..] = bytes {
            if self.state == State::Text {
                let text = memchr(ESCAPE, bytes).unwrap_or(bytes.len());
                out.extend_from_slice(&bytes[..text]);
                bytes = &bytes[text..];
                if let [escape, rest @ ..] = bytes {
                    self.begin(*escape);
                    bytes = rest;
                }
            } else if self.take(*first) {
                bytes = rest;
            } else {
                // It was none: this byte is looked at again, as text.
                self.end(out);
            }
        }
    }

    /// Nothing follows: appends what began like a sequence.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.begun);
        self.state = State::Text;
    }

    fn begin(&mut self, escape: u8) {
        self.begun.clear();
        self.begun.push(escape);
        self.state = State::Escape;
    }

    /// Takes the next byte of a sequence; false if it cannot be one.
    fn take(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (State::Escape, b'[') => State::Control,
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::String,
            (State::Escape | State::Short, 0x20..=0x2f) => State::Short,
            (State::Escape | State::Short, 0x30..=0x7e) => State::Text,
            (State::Control, 0x20..=0x3f) if self.begun.len() < LONGEST_CONTROL => State::Control,
            (State::Control, 0x40..=0x7e) => State::Text,
            (State::String, 0x07) => State::Text,
            (State::String, ESCAPE) => State::StringEscape,
            // A line break, or what cancels it: no string has that.
            (State::String, b'\n' | 0x18 | 0x1a) => return false,
            (State::String, _) if self.begun.len() < LONGEST_STRING => State::String,
            (State::StringEscape, b'\\') => State::Text,
            (State::StringEscape, _) => {
                // The escape ended the string and begins the next sequence.
                self.begin(ESCAPE);
                return self.take(byte);
            }
            _ => return false,
        };
        if self.state == State::Short && self.begun.len() >= LONGEST_CONTROL {
            return false;
        }
        match self.state {
            State::Text => self.begun.clear(),
            _ => self.begun.push(byte),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stripped(bytes: &[u8], chunk: usize) -> Vec<u8> {
        let (mut stage, mut out) = (Strip::default(), Vec::new());
        for chunk in bytes.chunks(chunk) {
            stage.push(chunk, &mut out);
        }
        stage.end(&mut out);
        out
    }

    #[track_caller]
    fn strips(bytes: &str, rest: &str) {
        for chunk in [1, 2, 3, usize::MAX] {
            assert_eq!(String::from_utf8(stripped(bytes.as_bytes(), chunk)).unwrap(), rest, "in {chunk}s");
        }
    }

    #[test]
    fn sequences_go() {
        strips("\x1b[31mred\x1b[0m \x1b[1;38;2;1;2;3mx\x1b[m", "red x");
        strips("\x1b[2K\x1b[1A\x1b[?25lhidden", "hidden");
        strips("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb");
        strips("\x1bPq#0\x1b\\a\x1b_x\x1b\\b\x1b^y\x07c\x1bXz\x1b\\d", "abcd");
        strips("\x1b7a\x1b8b\x1bMc\x1b=d\x1b(Be\x1b#8f\x1b%Gg", "abcdefg");
        strips("é\x1b[31m日\x1b[0m\n", "é日\n");
    }

    #[test]
    fn what_is_no_sequence_stays() {
        strips("a\x1b", "a\x1b");
        strips("a\x1b\nb", "a\x1b\nb");
        strips("a\x1b[31", "a\x1b[31");
        strips("a\x1b[31\nb", "a\x1b[31\nb");
        strips("\x1b]0;no end\nnext", "\x1b]0;no end\nnext");
        strips("\x1b\x1b[1mx", "\x1bx");
        strips("\x1b[3\x1b[1mx", "\x1b[3x");
        strips("\x1b]0;cut short\x1b[1mx", "x");
        strips("[31m", "[31m");
    }

    #[test]
    fn what_does_not_end_is_bounded() {
        let endless = format!("\x1b]{}", "x".repeat(100_000));
        assert_eq!(stripped(endless.as_bytes(), 1000), endless.as_bytes());
        let mut stage = Strip::default();
        let mut out = Vec::new();
        stage.push(endless.as_bytes(), &mut out);
        assert_eq!(out.len(), endless.len());
        let numbers = format!("\x1b[{}m", "1;".repeat(1000));
        assert_eq!(stripped(numbers.as_bytes(), 7), numbers.as_bytes());
        let intermediates = format!("\x1b{}B", " ".repeat(1000));
        assert_eq!(stripped(intermediates.as_bytes(), 7), intermediates.as_bytes());
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(
            pieces in proptest::collection::vec(prop_oneof![
                "\x1b\\[[0-9;]{0,4}[a-zA-Z]?", "\x1b[\\]P_][a-z]{0,4}(\x07|\x1b\\\\)?", "\x1b[ -~\x1b\n]?", "[a-z\n]{0,5}"], 0..20),
            chunk in 1..9_usize,
        ) {
            let bytes = pieces.concat().into_bytes();
            let whole = stripped(&bytes, usize::MAX);
            prop_assert_eq!(&stripped(&bytes, chunk), &whole);
            // Nothing but sequences goes: what has none stays.
            if !bytes.contains(&ESCAPE) {
                prop_assert_eq!(whole, bytes);
            }
        }
    }
}

//! The beginning of a line, word by word.

/// One step through a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `[`, `(` or `<`.
    Open(u8),
    /// `]`, `)` or `>`.
    Close,
    /// `|`.
    Bar,
    /// A quotation mark or a brace.
    Other(u8),
    /// What stands between these, spaces and colours.
    Word(&'a [u8]),
}

/// Goes through a line. Spaces and escape sequences are skipped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        self.space();
        let rest = self.rest();
        let token = match *rest.first()? {
            open @ (b'[' | b'(' | b'<') => Token::Open(open),
            b']' | b')' | b'>' => Token::Close,
            b'|' => Token::Bar,
            other @ (b'"' | b'{' | b'}') => Token::Other(other),
            _ => {
                let end = rest.iter().position(|byte| ends_word(*byte)).unwrap_or(rest.len());
                self.at += end;
                return Some(Token::Word(&rest[..end]));
            }
        };
        self.at += 1;
        Some(token)
    }

    pub(super) fn peek(mut self) -> Option<Token<'a>> {
        self.next()
    }

    /// Where the token that was given last ends.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What comes directly behind the token that was given last, whatever its colour.
    pub(super) fn behind(mut self) -> Option<u8> {
        self.colour();
        self.rest().first().copied()
    }

    /// What stands up to the next space, and its end.
    pub(super) fn run(mut self) -> (&'a [u8], usize) {
        self.space();
        let rest = self.rest();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        (&rest[..end], self.at + end)
    }

    /// Goes on at this place.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        loop {
            self.colour();
            if !self.rest().first().is_some_and(u8::is_ascii_whitespace) {
                return;
            }
            self.at += 1;
        }
    }

    /// Skips escape sequences, up to the letter that ends each.
    fn colour(&mut self) {
        while let [0x1b, rest @ ..] = self.rest() {
            let end = rest.iter().position(u8::is_ascii_alphabetic).map_or(rest.len(), |end| end + 1);
            self.at += 1 + end;
        }
    }
}

fn ends_word(byte: u8) -> bool {
    ENDS_WORD[usize::from(byte)]
}

/// Looked up, as this is asked of every byte.
const ENDS_WORD: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        ends[byte] = is_end(byte as u8);
        byte += 1;
    }
    ends
};

const fn is_end(byte: u8) -> bool {
    matches!(byte, b'[' | b'(' | b'<' | b']' | b')' | b'>' | b'|' | b'"' | b'{' | b'}' | 0x1b)
        || byte.is_ascii_whitespace()
}

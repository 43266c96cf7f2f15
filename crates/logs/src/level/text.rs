//! Levels in lines of text.

use memchr::{memchr, memmem, memrchr};

use super::{
    Level, json, logfmt,
    shapes::{is_calendar, is_time, is_zone, split, upper},
    token::{Token, Tokens},
    words,
};

/// So much of a line is looked at, in bytes.
const LOOK: usize = 256;
/// So many names of loggers, files and hosts may stand before a level.
const MOST_NAMES: usize = 4;

/// The level of `line`: see [`Level::of`].
pub(super) fn level(line: &[u8]) -> Option<Level> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let head = &line[..line.len().min(LOOK)];
    let head = memchr(b'\n', head).map_or(head, |end| &head[..end]);
    match first_words(head.trim_ascii_start()) {
        Some(level) => Some(level),
        None => Prefix::new(head).level(line),
    }
}

/// The levels of what only the beginning of a line can be.
fn first_words(head: &[u8]) -> Option<Level> {
    let starts = |words: &[u8]| head.starts_with(words);
    match *head.first()? {
        b'<' => {
            let end = head.iter().take(5).position(|byte| *byte == b'>')?;
            words::severity(std::str::from_utf8(&head[1..end]).ok()?.parse().ok()?)
        }
        b't' if starts(b"thread '") => memmem::find(head, b" panicked at ").map(|_| Level::Error),
        b't' if starts(b"terminate called ") => Some(Level::Fatal),
        b'T' if starts(b"Traceback (most recent call last)") => Some(Level::Error),
        b'E' if starts(b"Exception in thread ") => Some(Level::Error),
        b'U' if starts(b"Unhandled exception") || starts(b"Uncaught ") => Some(Level::Error),
        b'f' if starts(b"fatal error: ") => Some(Level::Fatal),
        b'F' if starts(b"Fatal error: ") => Some(Level::Fatal),
        b'P' if starts(b"PHP Fatal error: ") => Some(Level::Fatal),
        b'P' if starts(b"PHP Parse error: ") => Some(Level::Error),
        _ => None,
    }
}

/// What stands before a level.
struct Prefix<'a> {
    tokens: Tokens<'a>,
    /// No word has been skipped.
    first: bool,
    /// A time was skipped: what follows it is made by a logger.
    stamped: bool,
    /// Its month is a name, as syslog writes.
    month: bool,
    /// Something was skipped that begins sentences too, so that only a time makes it the prefix of a message.
    loose: bool,
    /// How many plain integers were skipped in a row.
    integers: usize,
    names: usize,
    redis: bool,
}

/// What to do with a word.
enum Step {
    Tells(Level),
    Skip,
    Stop,
}

impl<'a> Prefix<'a> {
    fn new(head: &'a [u8]) -> Self {
        Self {
            tokens: Tokens::new(head),
            first: true,
            stamped: false,
            month: false,
            loose: false,
            integers: 0,
            names: 0,
            redis: false,
        }
    }

    /// Skips what stands before messages until there is a level, or what can only be the message.
    fn level(mut self, line: &[u8]) -> Option<Level> {
        loop {
            let start = self.tokens;
            match self.tokens.next()? {
                Token::Open(open) => {
                    if let Some(level) = self.bracket(open)? {
                        return Some(level);
                    }
                }
                Token::Close | Token::Bar => {}
                Token::Other(b'{') if !self.loose || self.stamped => {
                    return json::level(&line[self.tokens.at() - 1..]);
                }
                Token::Other(_) => return None,
                Token::Word(word) => {
                    if let Some(equals) = word.iter().position(|byte| *byte == b'=')
                        && equals > 0
                        && (self.first || self.stamped)
                    {
                        return logfmt::level(&line[self.tokens.at() - word.len()..]);
                    }
                    match self.word(word, start) {
                        Step::Tells(level) => return Some(level),
                        Step::Skip => self.first = false,
                        Step::Stop => return None,
                    }
                }
            }
        }
    }

    /// Goes behind a bracket. `None` if what follows it is no prefix; else the level in it, if it is one.
    fn bracket(&mut self, open: u8) -> Option<Option<Level>> {
        let mut depth = 1;
        let mut times = true;
        let mut first = true;
        while depth > 0 {
            match self.tokens.next()? {
                Token::Open(_) => depth += 1,
                Token::Close => depth -= 1,
                Token::Bar | Token::Other(_) => {}
                Token::Word(word) => {
                    let last = self.tokens.peek() == Some(Token::Close);
                    if let Some(level) = self.in_bracket(word, first, times, last) {
                        return Some(Some(level));
                    }
                    if is_time(word) {
                        self.stamped = true;
                    } else if !is_calendar(word) {
                        times = false;
                        if open == b'<' && !word[0].is_ascii_digit() {
                            return None;
                        }
                    }
                    first = false;
                }
            }
        }
        Some(None)
    }

    fn in_bracket(&self, word: &[u8], first: bool, times: bool, last: bool) -> Option<Level> {
        let (name, rest) = split(word);
        if last && rest.is_empty() && (first || times) {
            return words::level(name);
        }
        if last && let Some(colon) = memrchr(b':', word) {
            // Apache: module and level.
            return words::level(&word[colon + 1..]);
        }
        if first
            && word.len() == 1
            && !last
            && matches!(self.tokens.peek(), Some(Token::Word([b'0'..=b'9', ..])))
        {
            return words::letter(word[0]);
        }
        let ends = matches!(rest, [] | [b':' | b'/' | b',', ..]);
        if times && ends && upper(name) { words::level(name) } else { None }
    }

    fn word(&mut self, word: &[u8], start: Tokens<'_>) -> Step {
        let integers = std::mem::take(&mut self.integers);
        match word[0] {
            b'0'..=b'9' => {
                if is_time(word) {
                    self.stamped = true;
                } else {
                    self.loose = true;
                    self.integers = integers + 1;
                }
                self.redis |=
                    self.first && matches!(word, [.., b'0'..=b'9', b':', b'M' | b'S' | b'C' | b'X']);
                return Step::Skip;
            }
            b'+' | b'-' if self.stamped && word.get(1).is_some_and(u8::is_ascii_digit) => return Step::Skip,
            first if first.is_ascii_punctuation() && word.iter().all(u8::is_ascii_punctuation) => {
                self.integers = integers;
                return match word[0] {
                    b'.' | b'-' if self.redis && self.stamped => Step::Tells(Level::Debug),
                    b'*' if self.redis && self.stamped => Step::Tells(Level::Info),
                    b'#' if self.redis && self.stamped => Step::Tells(Level::Warn),
                    _ => Step::Skip,
                };
            }
            _ => {}
        }
        if let Some(level) = self.tells(word, integers, start) {
            return if self.loose && !self.stamped { Step::Stop } else { Step::Tells(level) };
        }
        if is_calendar(word) {
            self.month |= !is_zone(word);
            self.loose = true;
            return Step::Skip;
        }
        self.name(word)
    }

    /// Skips a name that stands between a time and a level, or in a column of its own.
    fn name(&mut self, word: &[u8]) -> Step {
        match self.tokens.peek() {
            Some(Token::Bar) => return Step::Skip,
            Some(Token::Word(b"-" | b"--")) if self.stamped => return Step::Skip,
            _ => {}
        }
        if self.first && matches!(word, b"npm" | b"PHP") {
            return Step::Skip;
        }
        if !self.stamped || self.names >= MOST_NAMES {
            return Step::Stop;
        }
        self.names += 1;
        // How Kubernetes marks whole and cut lines.
        if matches!(word, b"stdout" | b"stderr")
            && let Some(Token::Word(b"F" | b"P")) = self.tokens.peek()
        {
            let (_, end) = self.tokens.run();
            self.tokens.skip_to(end);
            return Step::Skip;
        }
        // Syslog's host, and the program with its number: `host app[42]:`.
        let (next, end) = self.tokens.run();
        if self.names == 1 && next.ends_with(b":") && next.len() > 1 && (self.month || next.ends_with(b"]:"))
        {
            self.tokens.skip_to(end);
            return Step::Skip;
        }
        if self.tokens.behind() == Some(b'[') && next.ends_with(b"]:") {
            self.tokens.skip_to(end);
            return Step::Skip;
        }
        let inner = word.strip_suffix(b":").unwrap_or(word);
        let named = |byte: &u8| {
            byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'@' | b'/' | b'\\' | b'-' | b'$' | b':')
        };
        match inner {
            [.., b'.' | b',' | b'!' | b'?'] => Step::Stop,
            _ if inner.iter().any(named) => Step::Skip,
            _ => Step::Stop,
        }
    }

    /// The level that `word` tells at the place where one is expected.
    fn tells(&self, word: &[u8], integers: usize, before: Tokens<'_>) -> Option<Level> {
        let (name, rest) = split(word);
        let behind = self.tokens.behind();
        let colon = rest.first() == Some(&b':') || (rest.is_empty() && behind == Some(b':'));
        if upper(name) {
            let marked = colon || matches!(self.tokens.peek(), Some(Token::Bar | Token::Open(_)));
            if name == b"LOG" && (colon || (self.stamped && marked)) {
                return Some(Level::Info);
            }
            if rest.is_empty()
                && behind == Some(b'[')
                && let Some(level) = words::cut(name)
            {
                return Some(level);
            }
            let ends = matches!(rest, [] | [b':' | b',' | b'/' | b'!' | b';', ..]);
            if ends
                && (marked || !words::common(name))
                && let Some(level) = words::level(name)
            {
                return Some(level);
            }
        } else if rest == b":" || (rest.is_empty() && self.ends_column(behind, before)) {
            let mut upper = [0; 12];
            let upper = upper.get_mut(..name.len())?;
            upper.copy_from_slice(name);
            upper.make_ascii_uppercase();
            if (!words::common(upper) || upper == b"FAIL")
                && let Some(level) = words::level(upper)
            {
                return Some(level);
            }
        }
        match word {
            // glog: the letter and the day.
            [letter, b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => match self.tokens.peek() {
                Some(Token::Word(time @ [b'0'..=b'9', ..])) if time.contains(&b':') => words::letter(*letter),
                _ => None,
            },
            // Ruby: `E, [2024-…`.
            [letter, b','] if self.first && self.tokens.peek() == Some(Token::Open(b'[')) => {
                words::letter(*letter)
            }
            // Android: time, process, thread, letter, tag.
            [letter] if self.stamped && integers == 2 => words::letter(*letter),
            _ if self.first || self.stamped => failure(word, self.tokens),
            _ => None,
        }
    }

    /// Whether a word in lower case is set apart by more than a space: by what follows it, or by tabs after a time.
    fn ends_column(&self, behind: Option<u8>, before: Tokens<'_>) -> bool {
        match behind {
            Some(b':') => true,
            Some(b'[') => self.first,
            Some(b'\t') => self.stamped,
            _ => match self.tokens.peek() {
                Some(Token::Bar) => true,
                Some(Token::Word(b"-")) => self.stamped,
                _ => self.stamped && before.behind() == Some(b'\t'),
            },
        }
    }
}

/// The level of a word that names a failure: `TypeError:`, `java.io.IOException`, `production.ERROR:`.
fn failure(word: &[u8], behind: Tokens<'_>) -> Option<Level> {
    let name = word.strip_suffix(b":");
    if name.is_none() && behind.peek().is_some() {
        return None;
    }
    let name = name.unwrap_or(word);
    let last = memrchr(b'.', name).map_or(name, |dot| &name[dot + 1..]);
    if last.len() < name.len() && upper(last) {
        return words::level(last);
    }
    let named = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'));
    let fails = last.ends_with(b"Error") || last.ends_with(b"Exception");
    (named && fails && last[0].is_ascii_uppercase()).then_some(Level::Error)
}

//! Levels in lines of JSON.

use memchr::memchr2;

use super::{Level, words};

/// So much of an object is looked at, in bytes.
const LOOK: usize = 64 << 10;

/// What the keys of an object can say about its level.
#[derive(Clone, Copy)]
enum Key {
    /// A word, or a number as bunyan and pino (10 to 60) or GELF (0 to 7) count.
    Level,
    /// A number as syslog counts.
    Priority,
    /// A number as OpenTelemetry counts.
    Severity,
    /// A letter, as MongoDB writes.
    Letter,
}

/// The level of the object that `bytes` begin with, told by one of its own keys: those of objects in it, and what
/// only looks like a key inside a string, say nothing.
pub(super) fn level(bytes: &[u8]) -> Option<Level> {
    let mut json = Scan { bytes: &bytes[..bytes.len().min(LOOK)], at: 1 };
    loop {
        json.space();
        let key = match json.next()? {
            b'"' => json.string()?,
            b',' => continue,
            _ => return None,
        };
        json.space();
        if json.next()? != b':' {
            return None;
        }
        json.space();
        let value = json.value()?;
        if let Some(level) = known(key).and_then(|key| told(key, value)) {
            return Some(level);
        }
    }
}

fn known(key: &[u8]) -> Option<Key> {
    Some(match key {
        b"level" | b"lvl" | b"severity" | b"log.level" | b"log_level" | b"loglevel" | b"logLevel"
        | b"levelname" | b"level_name" | b"Level" | b"LEVEL" | b"LogLevel" | b"Severity"
        | b"SeverityText" | b"severity_text" | b"severityText" | b"@l" | b"@level" => Key::Level,
        b"PRIORITY" | b"priority" => Key::Priority,
        b"SeverityNumber" | b"severityNumber" | b"severity_number" => Key::Severity,
        b"s" => Key::Letter,
        _ => return None,
    })
}

fn told(key: Key, value: &[u8]) -> Option<Level> {
    let number = || std::str::from_utf8(value).ok()?.parse::<u8>().ok();
    match key {
        Key::Level => match number() {
            Some(severity @ 0..=7) => words::severity(severity),
            Some(number) => words::tens(number),
            None => word(value),
        },
        Key::Priority => match number() {
            Some(severity) => words::severity(severity),
            None => word(value),
        },
        Key::Severity => Level::ALL.get(usize::from(number()?.checked_sub(1)? / 4)).copied(),
        Key::Letter => match value {
            b"F" => Some(Level::Fatal),
            b"E" => Some(Level::Error),
            b"W" => Some(Level::Warn),
            b"I" => Some(Level::Info),
            [b'D', ..] if value.len() <= 2 => Some(Level::Debug),
            _ => None,
        },
    }
}

/// A word, perhaps with the distance to it, as slog writes: `INFO+2`.
fn word(value: &[u8]) -> Option<Level> {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| matches!(byte, b'+' | b'-')).unwrap_or(value.len());
    words::level(&value[..end])
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// The string whose quotation mark was just read, up to the next one that is not escaped.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        loop {
            self.at += memchr2(b'"', b'\\', &self.bytes[self.at..])?;
            if self.next()? == b'"' {
                return Some(&self.bytes[start..self.at - 1]);
            }
            self.next()?;
        }
    }

    /// The value that comes: a string without its quotation marks, or a number or a word as it stands; nothing of
    /// what has parts.
    fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        match self.next()? {
            b'"' => self.string(),
            b'{' | b'[' => self.parts().map(|()| &[][..]),
            _ => {
                let rest = &self.bytes[start..];
                let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t'));
                self.at = start + end?;
                Some(&self.bytes[start..self.at])
            }
        }
    }

    /// Goes behind the object or the list that has just begun.
    fn parts(&mut self) -> Option<()> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()? {
                b'"' => _ = self.string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }
}

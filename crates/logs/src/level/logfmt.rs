//! Levels in lines of logfmt: `time=… level=warn msg="…"`.

use memchr::{memchr, memchr2};

use super::{Level, words};

/// So much of a line is looked at, in bytes.
const LOOK: usize = 4 << 10;

/// The level of the pairs that `bytes` begin with. What stands inside a quoted value says nothing.
pub(super) fn level(bytes: &[u8]) -> Option<Level> {
    let mut rest = &bytes[..bytes.len().min(LOOK)];
    rest = memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b' ' | b'\t' | b'"'))?;
        let key = &rest[..end];
        if rest[end] != b'=' {
            rest = match rest[end] {
                b'"' => quoted(&rest[end + 1..])?.1,
                _ => &rest[end + 1..],
            };
            continue;
        }
        rest = &rest[end + 1..];
        let value;
        if let [b'"', behind @ ..] = rest {
            (value, rest) = quoted(behind)?;
        } else {
            let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
            (value, rest) = rest.split_at(end);
        }
        if matches!(key, b"level" | b"lvl" | b"severity" | b"loglevel" | b"log_level" | b"log.level") {
            let end = value
                .iter()
                .position(|byte| matches!(byte, b'+' | b'-' | b',' | b';'))
                .unwrap_or(value.len());
            if let Some(level) = words::level(&value[..end]) {
                return Some(level);
            }
        }
    }
    None
}

/// A quoted value, whose first quotation mark was read, and what comes behind it.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some((&bytes[..at], &bytes[at + 1..]));
        }
        at += 2;
    }
}

//! What words look like.

/// The letters (and the digit that some levels end with) that `word` begins with, and the rest.
pub(super) fn split(word: &[u8]) -> (&[u8], &[u8]) {
    word.split_at(word.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(word.len()))
}

pub(super) fn upper(word: &[u8]) -> bool {
    word.len() > 1 && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether a word is a date, a time or a moment, or an address, rather than a small number.
pub(super) fn is_time(word: &[u8]) -> bool {
    word[0].is_ascii_digit()
        && (word.len() >= 9 || word[1..].iter().any(|byte| matches!(byte, b':' | b'-' | b'/' | b'.')))
}

/// Whether a word is a part of a date.
pub(super) fn is_calendar(word: &[u8]) -> bool {
    is_zone(word)
        || matches!(
            word.strip_suffix(b",").unwrap_or(word),
            b"Jan"
                | b"Feb"
                | b"Mar"
                | b"Apr"
                | b"May"
                | b"Jun"
                | b"Jul"
                | b"Aug"
                | b"Sep"
                | b"Oct"
                | b"Nov"
                | b"Dec"
                | b"Mon"
                | b"Tue"
                | b"Wed"
                | b"Thu"
                | b"Fri"
                | b"Sat"
                | b"Sun"
        )
}

/// Whether a word is a zone, or a half of the day.
pub(super) fn is_zone(word: &[u8]) -> bool {
    matches!(
        word,
        b"AM"
            | b"PM"
            | b"UTC"
            | b"GMT"
            | b"CET"
            | b"CEST"
            | b"EST"
            | b"EDT"
            | b"CST"
            | b"CDT"
            | b"MST"
            | b"MDT"
            | b"PST"
            | b"PDT"
            | b"BST"
            | b"IST"
            | b"JST"
            | b"KST"
            | b"MSK"
            | b"EET"
            | b"EEST"
            | b"AEST"
            | b"AEDT"
    )
}

//! Writing arbitrary text into unit files so that systemd reads the same text back.
//!
//! Three different grammars meet in a unit file: the line (`\` at its end continues it, white space around the value
//! is lost), the words of command lines and lists (quotes and C escapes), and on top of both `%` specifiers, and in
//! command lines `$VARIABLE` too. The program's own arguments never stand in a unit (the supervisor reads the spec),
//! so these functions meet little more than paths and descriptions; they are exact all the same.

use std::fmt::Write as _;
use std::path::Path;

/// Free text of a whole value (`Description=`): one line, white space collapsed to what systemd keeps.
///
/// Control characters, line breaks among them, become spaces: no escape exists for them there.
#[must_use]
pub fn text(value: &str) -> String {
    let mut line = String::with_capacity(value.len());
    for c in value.trim().chars() {
        match c {
            '%' => line.push_str("%%"),
            c if c.is_control() => line.push(' '),
            c => line.push(c),
        }
    }
    keep_last_backslash(line)
}

/// The executable of a command line, its first word: always quoted, and variables are not expanded there.
#[must_use]
pub fn executable(value: &[u8]) -> String {
    words(value, false)
}

/// Whether systemd takes a path as an executable at all: whatever the quoting, it refuses quotes, backslashes and
/// control characters there.
#[must_use]
pub fn can_execute(path: &Path) -> bool {
    let refused = |c: char| c.is_control() || matches!(c, '"' | '\'' | '\\');
    path.to_str().is_some_and(|text| !text.chars().any(refused))
}

/// One argument of a command line (`ExecStart=`), any bytes but NUL.
#[must_use]
pub fn argument(value: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:,=".contains(byte);
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() && value.iter().all(plain) => text.to_owned(),
        _ => words(value, true),
    }
}

/// One word of a list that is no command line (`Environment=`), where a dollar sign is one.
#[must_use]
pub fn argument_without_variables(value: &[u8]) -> String {
    words(value, false)
}

fn words(value: &[u8], dollar: bool) -> String {
    let mut word = String::with_capacity(value.len() + 2);
    word.push('"');
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => word.push_str("\\\""),
                '\\' => word.push_str("\\\\"),
                '%' => word.push_str("%%"),
                '$' if dollar => word.push_str("$$"),
                '\n' => word.push_str("\\n"),
                '\t' => word.push_str("\\t"),
                '\r' => word.push_str("\\r"),
                c if c.is_ascii_control() => hex(&mut word, c as u8),
                c => word.push(c),
            }
        }
        for byte in chunk.invalid() {
            hex(&mut word, *byte);
        }
    }
    word.push('"');
    word
}

fn hex(to: &mut String, byte: u8) {
    let _ = write!(to, "\\x{byte:02x}");
}

/// A path that is the rest of a value without any quoting (`LoadCredential=ID:PATH`, `WorkingDirectory=`). `None`
/// when no unit file can say it: not UTF-8, control characters, white space at its end.
#[must_use]
pub fn rest_path(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    if text.is_empty() || text.chars().any(char::is_control) || text.ends_with(char::is_whitespace) {
        return None;
    }
    // A backslash at the end would swallow the next line, and white space put after it belongs to the path here.
    if text.ends_with('\\') {
        return None;
    }
    Some(text.replace('%', "%%"))
}

/// A path that is the rest of a value and is taken for a pattern of file names (`EnvironmentFile=`). `None` as above.
#[must_use]
pub fn pattern_path(path: &Path) -> Option<String> {
    let mut pattern = String::new();
    for c in rest_path(path)?.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    Some(pattern)
}

/// A path in a list of paths (`ReadWritePaths=`): quoted, but without C escapes. `None` when no unit file can say it.
#[must_use]
pub fn listed_path(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    let mut word = String::with_capacity(text.len() + 2);
    word.push('"');
    for c in text.chars() {
        match c {
            '"' => word.push_str("\\\""),
            '\\' => word.push_str("\\\\"),
            '%' => word.push_str("%%"),
            c => word.push(c),
        }
    }
    word.push('"');
    Some(word)
}

/// White space after a last backslash keeps the line from being continued and is itself dropped by systemd.
fn keep_last_backslash(mut line: String) -> String {
    if line.ends_with('\\') {
        line.push(' ');
    }
    line
}

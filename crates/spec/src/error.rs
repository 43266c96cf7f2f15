//! What is wrong with a spec, and where.

use std::ops::Range;

/// All that is wrong with a spec, in the order of the text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(pub Vec<SpecError>);

/// One thing that is wrong with a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The setting, like `stop.steps[0].wait`; empty for the whole spec.
    pub path: String,
    /// The bytes of the text it is about. `None` if it is about no place of the text.
    pub span: Option<Range<usize>>,
    /// The line, from 1; 0 without a span.
    pub line: usize,
    /// The column in characters, from 1; 0 without a span.
    pub column: usize,
}

/// Longest part of a user's text that is repeated in a message, in characters.
const MAX_MESSAGE: usize = 400;

impl SpecError {
    pub(crate) fn new(message: impl AsRef<str>, hint: Option<String>, path: String) -> Self {
        let hint = hint.map(|hint| printable(&hint));
        Self {
            message: printable(message.as_ref()),
            hint,
            path: printable(&path),
            span: None,
            line: 0,
            column: 0,
        }
    }

    pub(crate) fn at(mut self, text: &str, span: Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        self.line = text[..start].matches('\n').count() + 1;
        self.column = text[line_start..start].chars().count() + 1;
        self.span = Some(start..end);
        self
    }
}

/// The nearest place at or before `index` where a character begins.
pub(crate) fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// A text that cannot play tricks on a terminal and does not flood it: a spec may come from anywhere.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for (position, c) in text.chars().enumerate() {
        if position == MAX_MESSAGE {
            out.push('…');
            break;
        }
        if is_unsafe_to_print(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Control characters, and those that turn the direction of writing.
pub(crate) fn is_unsafe_to_print(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl std::fmt::Display for SpecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        } else if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Errors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}
impl std::error::Error for Errors {}

impl Errors {
    pub(crate) fn one(error: SpecError) -> Self {
        Self(vec![error])
    }

    /// Each error by itself.
    pub fn iter(&self) -> std::slice::Iter<'_, SpecError> {
        self.0.iter()
    }
}

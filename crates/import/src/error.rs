//! What is wrong with a source, and where: the errors of specs, with the text they are about.

use std::ops::Range;
use std::path::Path;

use abide_spec::{Errors, SpecError};

/// Why nothing can be made of a source: all that is wrong with it, and the text it was read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{errors}")]
pub struct ImportError {
    /// All that is wrong, in the order of the text.
    pub errors: Errors,
    /// The source as text: what a registry export in UTF-16 was decoded to.
    pub text: String,
}

impl ImportError {
    /// All errors with the line they stand on. `file` is the name to show.
    #[must_use]
    pub fn render(&self, file: &Path, color: bool) -> String {
        self.errors.render(file, &self.text, color)
    }

    pub(crate) fn whole(text: &str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            errors: Errors(vec![problem(message.into(), hint.map(str::to_owned), None)]),
            text: text.to_owned(),
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub message: String,
    pub hint: Option<String>,
    pub span: Option<Range<usize>>,
}

impl Problem {
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, span: Some(span) }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error for people, once the text is at hand.
    pub fn placed(self, text: &str) -> SpecError {
        let place = self.span.map(|span| place(text, span));
        problem(self.message, self.hint, place)
    }
}

struct Place {
    span: Range<usize>,
    line: usize,
    column: usize,
}

fn place(text: &str, span: Range<usize>) -> Place {
    let start = floor(text, span.start);
    let end = floor(text, span.end.max(start));
    let (line, column) = line_and_column(text, start);
    Place { span: start..end, line, column }
}

fn problem(message: String, hint: Option<String>, place: Option<Place>) -> SpecError {
    SpecError {
        message: printable(&message),
        hint: hint.map(|hint| printable(&hint)),
        path: String::new(),
        line: place.as_ref().map_or(0, |place| place.line),
        column: place.as_ref().map_or(0, |place| place.column),
        span: place.map(|place| place.span),
    }
}

/// Line and column, from 1, of a byte of a text.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The nearest place at or before `index` where a character begins.
pub(crate) fn floor(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Longest part of a source that is repeated in a message or a report, in characters.
const MAX_SHOWN: usize = 400;

/// A text that cannot play tricks on a terminal and does not flood it: a source may come from anywhere.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::new();
    for (position, c) in text.chars().enumerate() {
        if position == MAX_SHOWN {
            out.push('…');
            break;
        }
        let unsafe_to_print = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if unsafe_to_print => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

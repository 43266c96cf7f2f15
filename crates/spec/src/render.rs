//! Errors as a person reads them: the message, the line with carets under the place, the hint.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::{Errors, SpecError, floor_boundary, is_unsafe_to_print};

/// Widest part of a source line that is shown, in characters.
const MAX_WIDTH: usize = 120;

struct Style {
    error: &'static str,
    hint: &'static str,
    frame: &'static str,
    off: &'static str,
}

const PLAIN: Style = Style { error: "", hint: "", frame: "", off: "" };
const COLORED: Style = Style { error: "\x1b[1;31m", hint: "\x1b[36m", frame: "\x1b[34m", off: "\x1b[0m" };

impl Errors {
    /// All errors with the line of `text` they stand on. `file` is the name to show, `text` what was parsed.
    pub fn render(&self, file: &Path, text: &str, color: bool) -> String {
        let style = if color { COLORED } else { PLAIN };
        let mut out = String::new();
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                out.push('\n');
            }
            render(&mut out, error, file, text, &style);
        }
        out
    }
}

fn render(out: &mut String, error: &SpecError, file: &Path, text: &str, style: &Style) {
    let Style { error: red, hint: cyan, frame, off } = style;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{red}error:{off} {}", error.message);
    match &error.span {
        Some(span) => {
            let _ = writeln!(out, " {frame}-->{off} {}:{}:{}", file.display(), error.line, error.column);
            let (source, carets) = excerpt(text, span.clone());
            let gutter = error.line.to_string();
            let blank = " ".repeat(gutter.len());
            let _ = writeln!(out, "{frame} {gutter} |{off} {source}");
            let _ = writeln!(out, "{frame} {blank} |{off} {red}{carets}{off}");
        }
        None if error.path.is_empty() => {
            let _ = writeln!(out, " {frame}-->{off} {}", file.display());
        }
        None => {
            let _ = writeln!(out, " {frame}-->{off} {}: {}", file.display(), error.path);
        }
    }
    if let Some(hint) = &error.hint {
        let _ = writeln!(out, "\n{cyan}hint:{off} {hint}");
    }
}

/// The source line a span begins on, and a line of carets that goes below it.
fn excerpt(text: &str, span: std::ops::Range<usize>) -> (String, String) {
    let start = floor_boundary(text, span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let start = (start - line_start).min(line.len());
    let end = floor_boundary(line, span.end.saturating_sub(line_start)).clamp(start, line.len());

    // A window of a very long line that begins shortly before the place.
    let before = line[..start].chars().count();
    let skip = if before > MAX_WIDTH / 2 { before - MAX_WIDTH / 4 } else { 0 };
    let mut source = String::new();
    let mut carets = String::new();
    if skip > 0 {
        source.push('…');
        carets.push(' ');
    }
    for (position, (offset, c)) in line.char_indices().enumerate().skip(skip) {
        if position - skip >= MAX_WIDTH {
            source.push('…');
            break;
        }
        source.push(match c {
            '\t' => ' ',
            c if is_unsafe_to_print(c) => '\u{fffd}',
            c => c,
        });
        let mark = if offset >= start && offset < end { '^' } else { ' ' };
        carets.extend(std::iter::repeat_n(mark, columns(c)));
    }
    // Nothing to underline: the place is the end of the line, or between two characters.
    if !carets.contains('^') {
        let width: usize =
            line[..start].chars().skip(skip).map(columns).sum::<usize>() + usize::from(skip > 0);
        carets = " ".repeat(width) + "^";
    }
    (source, carets.trim_end().to_owned())
}

/// How many columns of a terminal a character takes; exact enough for carets.
fn columns(c: char) -> usize {
    match c as u32 {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

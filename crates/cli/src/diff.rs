//! A change of a text, as lines taken away and put in.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use crate::printer::{BAD, FAINT, GOOD};

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// The difference between two texts, indented, coloured where the terminal shows colours.
pub fn render(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut shown = String::new();
    for group in diff.grouped_ops(CONTEXT) {
        for op in group {
            for change in diff.iter_changes(&op) {
                let (sign, style) = match change.tag() {
                    ChangeTag::Delete => ("-", BAD),
                    ChangeTag::Insert => ("+", GOOD),
                    ChangeTag::Equal => (" ", FAINT),
                };
                let line = change.value().trim_end_matches('\n');
                // Writing to a string cannot fail.
                let _ = writeln!(shown, "    {style}{sign} {line}{style:#}");
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_what_differs() {
        let shown = anstream::adapter::strip_str(&super::render("a\nb\nc\n", "a\nB\nc\n")).to_string();
        assert_eq!(shown, "      a\n    - b\n    + B\n      c\n");
    }
}

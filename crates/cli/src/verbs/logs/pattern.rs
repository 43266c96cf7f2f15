//! The regular expression of `--grep`, made fit for being looked for in many lines at once.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look,
};

/// How large a regular expression may become, in bytes.
const SIZE: usize = 64 << 20;

/// A regular expression of which no match goes beyond a line, whatever it is looked for in: what matches one line on its
/// own matches it among others, and nothing else.
pub fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, String> {
    let parsed = ParserBuilder::new()
        .utf8(false)
        .multi_line(true)
        .case_insensitive(ignore_case)
        .build()
        .parse(pattern)
        .map_err(|error| error.to_string())?;
    // The text of a parsed expression has all that was said about letters in it.
    let within = within_line(parsed).to_string();
    RegexBuilder::new(&within)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .build()
        .map_err(|error| format!("it is too large: {error}"))
}

/// The same without whatever could match a line feed.
fn within_line(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        // A line may end with CR LF, as it does on Windows.
        HirKind::Look(Look::End | Look::EndLF | Look::EndCRLF) => Hir::look(Look::EndCRLF),
        HirKind::Look(Look::Start | Look::StartCRLF) => Hir::look(Look::StartLF),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(within_line(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => within_line(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(within_line).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(within_line).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines found in a text, looked for as a whole.
    fn found(pattern: &str, text: &str) -> Vec<usize> {
        let regex = compile(pattern, false).unwrap();
        text.split_inclusive('\n')
            .enumerate()
            .filter(|(_, line)| regex.is_match(line.as_bytes()))
            .for_each(drop);
        let mut lines = Vec::new();
        let mut at = 0;
        while let Some(found) = regex.find_at(text.as_bytes(), at) {
            assert!(!found.as_bytes().contains(&b'\n'), "{pattern}: {found:?}");
            if found.start() >= text.len() {
                break;
            }
            lines.push(text[..found.start()].matches('\n').count());
            at = text[found.start()..].find('\n').map_or(text.len(), |end| found.start() + end + 1);
        }
        lines
    }

    #[test]
    fn no_match_goes_beyond_a_line() {
        let text = "one two\nthree\r\n\nfour\nonefour\n";
        for (pattern, lines) in [
            ("one", &[0, 4][..]),
            ("o[^x]*f", &[4]),
            (r"two\sthree", &[]),
            (r"two\n", &[]),
            ("^three$", &[1]),
            (r"\Athree\z", &[1]),
            ("^$", &[2]),
            ("(?s)o.+e", &[0, 4]),
            ("(?-m)^four", &[3]),
            ("(one|three)+", &[0, 1, 4]),
            (r"\bfour\b", &[3]),
            ("", &[0, 1, 2, 3, 4]),
            ("x*", &[0, 1, 2, 3, 4]),
        ] {
            assert_eq!(found(pattern, text), lines, "{pattern}");
        }
    }

    #[test]
    fn capital_letters_count_unless_told_otherwise() {
        assert!(!compile("ERROR", false).unwrap().is_match(b"error"));
        assert!(compile("ERROR", true).unwrap().is_match(b"error"));
        assert!(compile("\u{e9}", true).unwrap().is_match("\u{c9}".as_bytes()));
        assert!(compile("(", false).is_err());
        assert!(compile(r"(?-u)\xff", false).unwrap().is_match(b"a\xff"));
        assert!(compile("(\\w{1000}){1000}", false).unwrap_err().contains("too large"));
    }
}

//! Puts `***` where secrets are.

use std::borrow::Cow;
use std::ops::Range;

use abide_spec::Pattern;

use super::literal::Literals;

/// What stands where something was taken out.
pub(super) const MASK: &[u8] = b"***";

/// So often an expression is tried in vain where it could begin, in one line, before the line is searched.
const TRIES: usize = 16;

/// The expressions of a service.
#[derive(Debug)]
pub(super) struct Redact(Vec<Expression>);

#[derive(Debug)]
struct Expression {
    pattern: Pattern,
    literals: Option<Literals>,
    /// The same at the beginning of a text only, where it is known what a match begins with: then it is tried there
    /// alone, which costs as much as the match is long, not the line.
    there: Option<Pattern>,
}

impl Expression {
    fn new(pattern: Pattern) -> Self {
        let literals = Literals::of(pattern.as_str());
        let begins = literals.as_ref().is_some_and(Literals::tell_beginning);
        let there = format!("^(?:{})", pattern.as_str()).parse().ok().filter(|_| begins);
        Self { pattern, literals, there }
    }

    fn may_match(&self, text: &[u8]) -> bool {
        self.literals.as_ref().is_none_or(|it| it.are_in(text))
    }

    /// The first match from `start` on. Tries in vain as often as `tries` says, and then searches, which takes longer,
    /// but never longer than the text.
    fn find(&self, text: &str, mut start: usize, tries: &mut usize) -> Option<Range<usize>> {
        let (Some(there), Some(literals)) = (&self.there, &self.literals) else {
            return self.pattern.find_at(text, start);
        };
        while *tries > 0 {
            let at = literals.beginning(text.as_bytes(), start)?;
            // An expression that begins with a character asks nothing of what stands before it.
            if let Some(found) = there.find_at(&text[at..], 0) {
                return Some(at..at + found.end);
            }
            *tries -= 1;
            start = text.ceil_char_boundary(at + 1);
        }
        self.pattern.find_at(text, start)
    }
}

impl Redact {
    /// `None` without expressions.
    pub fn new(patterns: Vec<Pattern>) -> Option<Self> {
        (!patterns.is_empty()).then(|| Self(patterns.into_iter().map(Expression::new).collect()))
    }

    /// Whether there may be something to take out of `text`, which can be of many lines. Fast.
    pub fn may_match(&self, text: &[u8]) -> bool {
        self.0.iter().any(|expression| expression.may_match(text))
    }

    /// What is to be taken out of `text` from `start` on: in order, apart from each other. `text` is a line or a part of
    /// one; it needs not be UTF-8.
    pub fn places(&self, text: &[u8], start: usize) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let mut view = None;
        for expression in self.0.iter().filter(|expression| expression.may_match(text)) {
            let view = view.get_or_insert_with(|| View::of(text));
            let (mut at, mut tries) = (view.shown(start), TRIES);
            while let Some(found) = expression.find(&view.text, at, &mut tries) {
                at = found.end;
                if found.is_empty() {
                    let Some(next) = view.text[at..].chars().next() else { break };
                    at += next.len_utf8();
                } else {
                    places.push(view.real(found.start)..view.real(found.end));
                }
            }
        }
        merged(places)
    }

    /// Appends the line or part of a line `text` without what is to be taken out.
    pub fn apply(&self, text: &[u8], out: &mut Vec<u8>) {
        masked(text, 0..text.len(), &self.places(text, 0), out);
    }
}

/// Appends `range` of `text` with a mask in each of `places`, which lie in it.
pub(super) fn masked(text: &[u8], range: Range<usize>, places: &[Range<usize>], out: &mut Vec<u8>) {
    let mut at = range.start;
    for place in places.iter().take_while(|place| place.end <= range.end) {
        out.extend_from_slice(&text[at..place.start]);
        out.extend_from_slice(MASK);
        at = place.end;
    }
    out.extend_from_slice(&text[at..range.end]);
}

/// In order, with those that overlap made one.
fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_unstable_by_key(|place| place.start);
    places.dedup_by(|next, before| {
        let overlap = next.start < before.end;
        if overlap {
            before.end = before.end.max(next.end);
        }
        overlap
    });
    places
}

/// Bytes as text in which expressions are looked for, and the way back.
struct View<'t> {
    text: Cow<'t, str>,
    /// Where valid text begins: in the view and in the bytes. Between two such places stands one U+FFFD for each
    /// invalid sequence.
    valid: Vec<(usize, usize)>,
}

impl<'t> View<'t> {
    fn of(bytes: &'t [u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self { text: text.into(), valid: Vec::new() };
        }
        let (mut text, mut valid, mut at) = (String::with_capacity(bytes.len()), Vec::new(), 0);
        for chunk in bytes.utf8_chunks() {
            valid.push((text.len(), at));
            text.push_str(chunk.valid());
            at += chunk.valid().len() + chunk.invalid().len();
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        valid.push((text.len(), at));
        Self { text: text.into(), valid }
    }

    /// The byte at which what begins at `shown` of the view begins.
    fn real(&self, shown: usize) -> usize {
        match self.valid[..self.valid.partition_point(|(view, _)| *view <= shown)].last() {
            Some((view, byte)) => byte + (shown - view),
            None => shown,
        }
    }

    /// The reverse of [`real`](Self::real), for the beginning of a character.
    fn shown(&self, real: usize) -> usize {
        match self.valid[..self.valid.partition_point(|(_, byte)| *byte <= real)].last() {
            // Inside an invalid sequence: behind it.
            Some((view, byte)) if !self.text.is_char_boundary(view + (real - byte)) => {
                self.text.ceil_char_boundary(view + (real - byte))
            }
            Some((view, byte)) => view + (real - byte),
            None => real,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redact(patterns: &[&str]) -> Redact {
        Redact::new(patterns.iter().map(|it| it.parse().unwrap()).collect()).unwrap()
    }

    fn applied(patterns: &[&str], line: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        redact(patterns).apply(line, &mut out);
        out
    }

    #[test]
    fn matches_become_stars() {
        let text =
            |patterns: &[&str], line: &str| String::from_utf8(applied(patterns, line.as_bytes())).unwrap();
        assert_eq!(text(&[r"password=\S+"], "a password=x b password=y"), "a *** b ***");
        assert_eq!(text(&[r"password=\S+"], "nothing here"), "nothing here");
        assert_eq!(text(&["abc", "bcd", "x"], "zabcdzx"), "z***z***", "those that overlap are one");
        assert_eq!(text(&["ab", "cd"], "abcd"), "******", "those that touch are two");
        assert_eq!(text(&[r"^\w+"], "one two"), "*** two");
        assert_eq!(text(&[r"\d*"], "a1b22c"), "a***b***c", "nothing is not taken out");
        assert_eq!(text(&["é+"], "aéé日é"), "a***日***");
        assert!(Redact::new(Vec::new()).is_none());
    }

    #[test]
    fn what_is_not_utf8_survives() {
        assert_eq!(applied(&[r"k=\w+"], b"\xff\xfe k=secret \x80\xc3"), b"\xff\xfe *** \x80\xc3");
        assert_eq!(applied(&[r"k=\S+"], b"k=\xffa\xc3 b"), b"*** b");
        assert_eq!(applied(&["."], b"\xff\0\xc3"), b"*********");
        assert_eq!(applied(&[r"^.k=\d"], b"\xffk=1\xff"), b"***\xff");
    }

    #[test]
    fn a_look_at_many_lines_is_enough() {
        let it = redact(&[r"token=\w+", "(?i)secret"]);
        assert!(
            !it.may_match(b"one\ntwo\nthree") && it.may_match(b"one\na SeCrEt\n") && it.may_match(b"token=")
        );
        assert!(redact(&[r"\d+"]).may_match(b""), "nothing is known of it");
    }

    proptest! {
        #[test]
        fn views_lead_back(bytes in proptest::collection::vec(prop_oneof![Just(b'a'), Just(0xff), Just(0xc3), Just(0xa9), Just(0xe6)], 0..20)) {
            let view = View::of(&bytes);
            for (shown, _) in view.text.char_indices() {
                let real = view.real(shown);
                prop_assert_eq!(view.shown(real), shown);
            }
            prop_assert_eq!(view.real(view.text.len()), bytes.len());
        }

        #[test]
        fn short_cuts_find_the_same(
            expression in "(ab|b|[(]b[|]a[)]|a[+]|a[?]|x|.|\\\\b|\\$){1,4}", any_case: bool, text in "[abxAB .é]{0,30}"
        ) {
            let expression = if any_case { format!("(?i){expression}") } else { expression };
            let Ok(pattern) = expression.parse::<Pattern>() else { return Ok(()) };
            let it = Redact::new(vec![pattern.clone()]).unwrap();
            let (mut wanted, mut at) = (Vec::new(), 0);
            while let Some(found) = pattern.find_at(&text, at) {
                at = found.end;
                if found.is_empty() {
                    let Some(next) = text[at..].chars().next() else { break };
                    at += next.len_utf8();
                } else {
                    wanted.push(found);
                }
            }
            prop_assert_eq!(it.places(text.as_bytes(), 0), wanted);
        }

        #[test]
        fn bytes_outside_of_matches_stay(bytes: Vec<u8>) {
            let it = redact(&[r"\d+"]);
            let mut wanted: Vec<u8> = Vec::new();
            for (index, byte) in bytes.iter().enumerate() {
                match byte {
                    b'0'..=b'9' if index > 0 && bytes[index - 1].is_ascii_digit() => {}
                    b'0'..=b'9' => wanted.extend(MASK),
                    _ => wanted.push(*byte),
                }
            }
            let mut out = Vec::new();
            it.apply(&bytes, &mut out);
            prop_assert_eq!(out, wanted);
        }
    }
}

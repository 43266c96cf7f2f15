//! What a text must contain for a regular expression to be found in it: so that most lines need no further look.
//!
//! Reads the syntax of `regex-lite` as far as needed. Where anything is unclear, nothing is known, and every line is
//! looked at: slower, never wrong.

use memchr::{memchr2_iter, memmem};

/// What every match of an expression contains.
#[derive(Debug)]
pub(super) struct Literals {
    /// One of these.
    within: Vec<Literal>,
    /// It begins with one of these, if that is known.
    first: Option<Vec<Literal>>,
}

#[derive(Debug)]
enum Literal {
    Exact(Box<memmem::Finder<'static>>),
    /// Upper and lower case of ASCII are the same. Looked for by the letter that is rarest in text, which is the one at
    /// this place.
    AnyCase(Vec<u8>, usize),
}

impl Literals {
    /// Of an expression that is valid; `None` if it tells none.
    pub fn of(expression: &str) -> Option<Self> {
        let (rest, any_case) = match expression.strip_prefix("(?i)") {
            Some(rest) => (rest, true),
            None => (expression, false),
        };
        let mut reader = Reader { rest, depth: 0 };
        let found = reader.alternation()?;
        if !reader.rest.is_empty() {
            return None;
        }
        let literals =
            |all: Vec<Vec<u8>>| all.into_iter().map(|bytes| Literal::new(bytes, any_case)).collect();
        Some(Self { within: literals(found.within?), first: found.first.map(literals) })
    }

    /// Whether one of them is in `text`.
    pub fn are_in(&self, text: &[u8]) -> bool {
        self.within.iter().any(|literal| literal.find(text).is_some())
    }

    /// Whether it is known what a match begins with.
    pub fn tell_beginning(&self) -> bool {
        self.first.is_some()
    }

    /// The first place from `start` on where a match can begin.
    pub fn beginning(&self, text: &[u8], start: usize) -> Option<usize> {
        let text = text.get(start..)?;
        let at = match &self.first {
            Some(first) => first.iter().filter_map(|literal| literal.find(text)).min()?,
            None => 0,
        };
        Some(start + at)
    }
}

impl Literal {
    fn new(bytes: Vec<u8>, any_case: bool) -> Self {
        /// Letters by how often they occur, most often first; what is no letter is rare.
        const OFTEN: &[u8] = b"etaoinsrhldcumfpgwybvkxjqz";
        if !any_case {
            return Self::Exact(Box::new(memmem::Finder::new(&bytes).into_owned()));
        }
        let rank =
            |byte: &u8| OFTEN.iter().position(|it| it.eq_ignore_ascii_case(byte)).unwrap_or(OFTEN.len());
        let rarest = (0..bytes.len()).max_by_key(|at| rank(&bytes[*at])).unwrap_or(0);
        Self::AnyCase(bytes, rarest)
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Exact(finder) => finder.find(text),
            Self::AnyCase(bytes, rarest) => {
                let letter = *bytes.get(*rarest)?;
                memchr2_iter(letter.to_ascii_lowercase(), letter.to_ascii_uppercase(), text)
                    .filter_map(|at| at.checked_sub(*rarest))
                    .find(|at| {
                        text.get(*at..*at + bytes.len()).is_some_and(|it| it.eq_ignore_ascii_case(bytes))
                    })
            }
        }
    }
}

/// Of these, one is in every match. `None`: nothing is known.
type OneOf = Option<Vec<Vec<u8>>>;

/// More alternatives than this are slower to look for than the expression.
const MOST: usize = 16;
/// Groups deeper than this are not looked into.
const DEEPEST: usize = 16;

/// All its functions give `None` for what they do not understand.
struct Reader<'e> {
    rest: &'e str,
    depth: usize,
}

/// What every match contains and begins with.
#[derive(Default)]
struct Found {
    within: OneOf,
    first: OneOf,
}

/// What a concatenation has told so far.
#[derive(Default)]
struct Sequence {
    found: Found,
    /// Something stands before what comes now.
    begun: bool,
    /// Characters in a row.
    run: String,
    /// Whether the last part is the last character of the run.
    last_is_character: bool,
}

impl Sequence {
    fn character(&mut self, character: char) {
        self.run.push(character);
        self.last_is_character = true;
    }

    fn other(&mut self) {
        let run = std::mem::take(&mut self.run).into_bytes();
        if !run.is_empty() {
            self.offer(Found { within: Some(vec![run.clone()]), first: Some(vec![run]) });
        }
        (self.begun, self.last_is_character) = (true, false);
    }

    /// Keeps what is rarer: that whose shortest is longer.
    fn offer(&mut self, found: Found) {
        let worth = |it: &OneOf| it.iter().flatten().map(Vec::len).min().unwrap_or(0);
        let few = |it: &OneOf| it.as_ref().is_some_and(|it| it.len() <= MOST);
        if few(&found.within) && worth(&found.within) > worth(&self.found.within) {
            self.found.within = found.within;
        }
        if !self.begun && few(&found.first) && worth(&found.first) > 0 {
            self.found.first = found.first;
        }
        self.begun = true;
    }
}

impl Reader<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Up to the end or a closing parenthesis.
    fn alternation(&mut self) -> Option<Found> {
        let both = |all: OneOf, more: OneOf| {
            let (mut all, more) = (all?, more?);
            all.extend(more);
            Some(all)
        };
        let mut all = self.concatenation()?;
        while self.eat("|") {
            let more = self.concatenation()?;
            all = Found { within: both(all.within, more.within), first: both(all.first, more.first) };
        }
        Some(all)
    }

    fn concatenation(&mut self) -> Option<Found> {
        let mut sequence = Sequence::default();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            match self.next()? {
                '(' => {
                    if !sequence.run.is_empty() {
                        sequence.other();
                    }
                    let inner = self.group()?;
                    match self.repetition()? {
                        Some(0) => sequence.begun = true,
                        _ => sequence.offer(inner),
                    }
                    sequence.last_is_character = false;
                    continue;
                }
                '[' => {
                    self.class()?;
                    sequence.other();
                }
                '.' | '^' | '$' => sequence.other(),
                '\\' => match self.next()? {
                    'd' | 's' | 'w' | 'D' | 'S' | 'W' | 'A' | 'z' | 'B' => sequence.other(),
                    'b' if !self.rest.starts_with('{') => sequence.other(),
                    't' => sequence.character('\t'),
                    escaped if escaped.is_ascii_punctuation() && !matches!(escaped, '<' | '>') => {
                        sequence.character(escaped);
                    }
                    _ => return None,
                },
                '*' | '+' | '?' | '{' => return None,
                character => sequence.character(character),
            }
            if let Some(least) = self.repetition()? {
                if least == 0 && sequence.last_is_character {
                    sequence.run.pop();
                }
                sequence.other();
            }
        }
        sequence.other();
        Some(sequence.found)
    }

    /// Behind its opening parenthesis.
    fn group(&mut self) -> Option<Found> {
        if self.eat("?P<") || self.eat("?<") {
            while self.next()? != '>' {}
        } else if self.eat("?") && !self.eat(":") {
            // Flags change how all that follows is read.
            return None;
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let inner = self.alternation()?;
        self.depth -= 1;
        self.eat(")").then_some(inner)
    }

    /// Behind its opening bracket.
    fn class(&mut self) -> Option<()> {
        self.eat("^");
        if !self.rest.starts_with('-') {
            self.eat("]");
        }
        loop {
            match self.next()? {
                ']' => return Some(()),
                '\\' => drop(self.next()?),
                '[' => {
                    self.rest = self.rest.split_once(":]")?.1;
                }
                _ => {}
            }
        }
    }

    /// How often at least what stands before is repeated, if it is.
    fn repetition(&mut self) -> Option<Option<u32>> {
        let least = if self.eat("*") || self.eat("?") {
            0
        } else if self.eat("+") {
            1
        } else if self.eat("{") {
            let (counts, rest) = self.rest.split_once('}')?;
            self.rest = rest;
            counts.split(',').next()?.trim().parse().ok()?
        } else {
            return Some(None);
        };
        self.eat("?");
        // A repetition of a repetition.
        (!self.rest.starts_with(['*', '+', '?', '{'])).then_some(Some(least))
    }
}

#[cfg(test)]
mod tests {
    use abide_spec::Pattern;
    use proptest::prelude::*;

    use super::*;

    fn told(expression: &str) -> Option<Vec<String>> {
        expression.parse::<Pattern>().unwrap();
        Literals::of(expression).map(|it| it.within.iter().map(text).collect())
    }

    fn text(literal: &Literal) -> String {
        match literal {
            Literal::Exact(finder) => String::from_utf8(finder.needle().to_vec()).unwrap(),
            Literal::AnyCase(bytes, _) => format!("~{}", String::from_utf8(bytes.clone()).unwrap()),
        }
    }

    #[test]
    fn beginnings_are_told() {
        for (expression, first) in [
            (r"password=\S+", "password="),
            (r"(?i)bearer\s+[\w.-]+", "~bearer"),
            (r"(password|token|secret)\s*[:=]\s*\S+", "password token secret"),
            (r"(?:api|access)[_-]?key=(?<key>\w+)", "api access"),
            ("ab?cdefg", "a"),
            ("a+bcdefg", "a"),
            ("((ab|cd)+x|ef)gh", "ab cd ef"),
        ] {
            let literals = Literals::of(expression).unwrap();
            let told: Vec<String> = literals.first.unwrap().iter().map(text).collect();
            assert_eq!(told.join(" "), first, "{expression}");
        }
        for expression in
            [r"\bpassword", "^xy", ".ab", "[x]ab", "(ab)?cd", "a?bc", "(ab|.)cd", "(|a)bc", "x*yz"]
        {
            assert!(Literals::of(expression).unwrap().first.is_none(), "{expression}");
        }
    }

    #[test]
    fn literals_are_told() {
        for (expression, literals) in [
            (r"password=\S+", "password="),
            (r"(?i)bearer\s+[\w.-]+", "~bearer"),
            (r"(password|token|secret)\s*[:=]\s*\S+", "password token secret"),
            (r"(?:api|access)[_-]?key=(?<key>\w+)", "key="),
            (r"AKIA[0-9A-Z]{16}", "AKIA"),
            (r"a+bcd?e*fgh{2}", "fgh"),
            (r"[^]x]ab[[:alpha:]y\]]cde", "cde"),
            (r"\$\{x\}", "${x}"),
            ("é+ß", "é"),
            (r"a|b", "a b"),
            ("x(ab)*y{0,3}zz", "zz"),
        ] {
            let literals: Vec<String> = literals.split(' ').map(str::to_owned).collect();
            assert_eq!(told(expression), Some(literals), "{expression}");
        }
    }

    #[test]
    fn what_is_unclear_tells_nothing() {
        for expression in
            [r"\d{16}", r"a|\d", "(?s)ab.", "a(?i)bc", r"\x61bc", "(ab)?", "a{2}{0}bcd", "(a|)", r"\<ab"]
        {
            assert_eq!(told(expression), None, "{expression}");
        }
    }

    #[test]
    fn case_is_looked_over_where_the_expression_says_so() {
        let literals = Literals::of("(?i)PassWord=x").unwrap();
        assert!(literals.are_in(b"my password=X") && literals.are_in(b"PPASSWORD=x"));
        assert!(!literals.are_in(b"password=") && !literals.are_in(b""));
    }

    /// Any expression of what people write.
    fn any_expression() -> impl Strategy<Value = String> {
        let atom = prop_oneof![
            "[ab:=]{1,3}",
            Just(".".to_owned()),
            Just(r"\d".to_owned()),
            Just("[ab]".to_owned()),
            Just("[^]b-]".to_owned()),
            Just(r"\.".to_owned()),
            Just("é".to_owned()),
            Just(r"\b".to_owned()),
        ];
        let repeated = |it: BoxedStrategy<String>| {
            (it, prop_oneof![4 => Just(""), 1 => Just("*"), 1 => Just("+?"), 1 => Just("?"), 1 => Just("{0,2}"), 1 => Just("{2}")])
                .prop_map(|(atom, times)| if atom == r"\b" { atom } else { atom + times })
        };
        repeated(atom.boxed()).prop_recursive(3, 12, 3, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|it| it.concat()),
                repeated(
                    proptest::collection::vec(inner, 1..4)
                        .prop_map(|it| format!("({})", it.join("|")))
                        .boxed()
                ),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_match_is_missed(expression in any_expression(), any_case: bool, text in "[abAB:=.1é ]{0,12}") {
            let expression = if any_case { format!("(?i){expression}") } else { expression };
            let pattern: Pattern = expression.parse().unwrap();
            if let (true, Some(literals)) = (pattern.is_match(&text), Literals::of(&expression)) {
                prop_assert!(literals.are_in(text.as_bytes()), "{:?}", literals);
                let found = pattern.find_at(&text, 0).map_or(0, |found| found.start);
                if literals.tell_beginning() {
                    let places = std::iter::successors(literals.beginning(text.as_bytes(), 0), |at| {
                        literals.beginning(text.as_bytes(), at + 1)
                    });
                    prop_assert!(places.into_iter().any(|at| at == found), "{:?} at {}", literals, found);
                }
            }
        }
    }
}

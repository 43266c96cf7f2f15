//! Patterns of service names.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A pattern of service names: `*` is any number of characters, `?` is one; a leading `!` takes out what matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pattern: Vec<char>,
    takes_out: bool,
}

impl Glob {
    /// The pattern that matches every name.
    #[must_use]
    pub fn any() -> Self {
        Self { pattern: vec!['*'], takes_out: false }
    }

    /// Whether what matches is taken out.
    #[must_use]
    pub const fn takes_out(&self) -> bool {
        self.takes_out
    }

    /// Whether a name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut p, mut n) = (0, 0);
        // Where the last `*` stood, and up to where it has taken: it takes one more whenever what follows does not fit.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match self.pattern.get(p) {
                Some('*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == name[n] => {
                    p += 1;
                    n += 1;
                }
                _ => {
                    let Some((at, taken)) = star else { return false };
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
            }
        }
        self.pattern[p..].iter().all(|c| *c == '*')
    }
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (takes_out, pattern) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-*?".contains(c);
        match pattern.chars().find(|c| !allowed(*c)) {
            _ if pattern.is_empty() => {
                Err("a pattern of service names cannot be empty; \"*\" is all of them".into())
            }
            Some(c) => Err(format!(
                "no service name has {c:?} in it; a pattern has letters, digits, `.`, `_`, `-`, and `*` and `?` for what \
                 may be anything"
            )),
            None => Ok(Self { pattern: pattern.chars().collect(), takes_out }),
        }
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_everywhere() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("*", "orders", true),
            ("orders", "orders", true),
            ("orders", "orders2", false),
            ("orders*", "orders2", true),
            ("*-api", "orders-api", true),
            ("*-api", "orders-apis", false),
            ("a*b*c", "aXbbYc", true),
            ("a*b*c", "acb", false),
            ("?b", "ab", true),
            ("?b", "b", false),
            ("**", "x", true),
        ] {
            assert_eq!(pattern.parse::<Glob>().unwrap().matches(name), wanted, "{pattern} {name}");
        }
        assert!("!a*".parse::<Glob>().unwrap().takes_out());
        assert!(
            "a b".parse::<Glob>().is_err() && "".parse::<Glob>().is_err() && "!".parse::<Glob>().is_err()
        );
    }

    /// What is meant, as slowly as it can be said.
    fn slow(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => slow(rest, name),
            (Some(('*', rest)), Some((_, fewer))) => slow(rest, name) || slow(pattern, fewer),
            (Some((p, rest)), Some((n, fewer))) => (*p == '?' || p == n) && slow(rest, fewer),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_is_meant(pattern in "[ab*?]{1,8}", name in "[ab]{0,8}") {
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(pattern.parse::<Glob>().unwrap().matches(&name), slow(&p, &n));
        }
    }
}

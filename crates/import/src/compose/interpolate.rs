//! `${NAME}`, `${NAME:-default}` and `$$` in the values of a Compose file.

use abide_spec::expand::escape;

use crate::variables::{Piece, Word, is_shell_name};

/// A value taken apart, and what is to be told of it.
pub(crate) struct Value {
    pub word: Word,
    pub told: Option<String>,
}

/// Takes a value apart. Variables that have a default get it: what Compose's own environment said is not known.
pub(crate) fn read(text: &str) -> Value {
    let mut word = Vec::new();
    let mut plain = String::new();
    let mut told = None;
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            plain.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{').and_then(closing);
        let (inside, after) = match braced {
            Some(found) => found,
            None => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                if !is_shell_name(&rest[..end]) {
                    plain.push('$');
                    continue;
                }
                (&rest[..end], &rest[end..])
            }
        };
        rest = after;
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let (name, operator) = inside.split_at(end);
        if !is_shell_name(name) {
            plain.push_str(&format!("${{{inside}}}"));
            continue;
        }
        if let Some(default) = operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-')) {
            let inner = read(default);
            if !plain.is_empty() {
                word.push(Piece::Text(std::mem::take(&mut plain)));
            }
            word.extend(inner.word);
            told = Some(format!("${{{name}}} has its default: what the .env of Compose said is not known"));
        } else if operator.starts_with(":+") || operator.starts_with('+') {
            told =
                Some(format!("${{{name}}} is taken as not set: what the .env of Compose said is not known"));
        } else {
            if !plain.is_empty() {
                word.push(Piece::Text(std::mem::take(&mut plain)));
            }
            word.push(Piece::Variable(name.to_owned()));
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        word.push(Piece::Text(plain));
    }
    Value { word, told }
}

/// What stands in the braces, and what after them; braces in them are passed over.
fn closing(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

impl Value {
    /// As the environment of a spec says it.
    pub fn env(&self) -> String {
        let parts = self.word.iter().map(|piece| match piece {
            Piece::Text(text) => escape(text),
            Piece::Variable(name) | Piece::Words(name) => format!("${{{name}}}"),
        });
        parts.collect()
    }

    /// As text; a variable in it is told to be unknown.
    pub fn text(&self) -> Result<String, String> {
        let mut out = String::new();
        for piece in &self.word {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(name) | Piece::Words(name) => {
                    return Err(format!("what ${{{name}}} comes to is not known: write it out"));
                }
            }
        }
        Ok(out)
    }
}

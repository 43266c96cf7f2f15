//! Words by the rules of a POSIX shell without expansions, as Python's `shlex.split` reads them: quotes, backslashes,
//! and, where wanted, comments.

use super::WordsError;

/// Takes a line apart.
pub(crate) fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some((_, '\'')) => break,
                        Some((_, c)) => word.push(c),
                        None => return Err(WordsError { at, message: "this ' is never closed" }),
                    }
                }
            }
            '"' => double(word.get_or_insert_default(), &mut chars, at)?,
            '\\' => match chars.next() {
                Some((_, c)) => word.get_or_insert_default().push(c),
                None => return Err(WordsError { at, message: "nothing follows this backslash" }),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn double(word: &mut String, chars: &mut std::str::CharIndices<'_>, at: usize) -> Result<(), WordsError> {
    let unclosed = WordsError { at, message: "this \" is never closed" };
    while let Some((_, c)) = chars.next() {
        match c {
            '"' => return Ok(()),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => word.push(c),
                Some((_, c)) => word.extend(['\\', c]),
                None => return Err(unclosed),
            },
            c => word.push(c),
        }
    }
    Err(unclosed)
}

/// One word, so that a shell and `shlex` read it back as it is.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What in a line only a shell would understand, if anything: variables, pipes, lists, patterns, redirections. The
/// answer is where it stands and what it is.
pub(crate) fn shellism(line: &str) -> Option<(usize, &'static str)> {
    let mut single = false;
    let mut double = false;
    let mut start = true;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let plain = !single && !double;
        match c {
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '\\' if !single => {
                chars.next();
            }
            '$' if !single => {
                let named = |c: &char| c.is_ascii_alphanumeric() || "_{(@*#?".contains(*c);
                if chars.peek().is_some_and(|(_, c)| named(c)) {
                    return Some((at, "a variable or a command substitution"));
                }
            }
            '`' if !single => return Some((at, "a command substitution")),
            '|' if plain => return Some((at, "a pipe")),
            '&' if plain => return Some((at, "a list of commands")),
            ';' if plain => return Some((at, "a list of commands")),
            '<' | '>' if plain => return Some((at, "a redirection")),
            '*' | '?' if plain => return Some((at, "a file name pattern")),
            '(' if plain => return Some((at, "a subshell")),
            '~' if plain && start => return Some((at, "a home folder")),
            '#' if plain && start => return Some((at, "a comment")),
            _ => {}
        }
        start = c == ' ' || c == '\t';
    }
    None
}

/// Whether the first word of a line is a variable set for the command alone: `PORT=80 ./server`.
pub(crate) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

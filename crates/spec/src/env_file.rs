//! Files of environment variables.
//!
//! One `KEY=VALUE` a line; empty lines and lines that begin with `#` are skipped, and `export ` may stand before a key.
//! A value is what follows the `=` to the end of the line, without the spaces around it, and backslashes in it are
//! plain characters. In `'single quotes'` everything is literal, dollar signs too. In `"double quotes"`, `\n`, `\"`,
//! `\\` and `\$` stand for a line break, a quote, a backslash and a dollar sign; another character after a backslash is
//! an error. After a closing quote only spaces and a `# comment` may follow. A value cannot go on over several lines.
//! Unquoted and double-quoted values are expanded as [`crate::expand`] says. When a key stands there twice, the last
//! one counts.

/// Why a text is no env-file. Values are not told: they may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct EnvFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No `=` in it.
    #[error("no `=`; write KEY=VALUE, or begin a comment with `#`")]
    NoEquals,
    /// What stands before the `=` cannot be a name.
    #[error("what stands before the `=` is not the name of a variable: it must be one word")]
    Key,
    /// A quote without its end.
    #[error("the {0} quote is not closed on this line; write \\n in double quotes for a line break")]
    Unclosed(&'static str),
    /// An escape that does not exist.
    #[error("`\\{0}` means nothing in double quotes; write \\\\ for a backslash, or use single quotes")]
    Escape(char),
    /// More text after the closing quote.
    #[error("text after the closing quote")]
    Trailing,
    /// A NUL byte.
    #[error("a NUL byte, which no environment can hold")]
    Nul,
}

/// Reads an env-file. The values are in the form that [`crate::expand::expand`] takes: a dollar sign that is literal
/// stands there as `$$`.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.trim_end().is_empty() || line.starts_with('#') {
            continue;
        }
        entries.push(entry(line).map_err(|problem| EnvFileError { line: index + 1, problem })?);
    }
    Ok(entries)
}

fn entry(line: &str) -> Result<(String, String), Problem> {
    if line.contains('\0') {
        return Err(Problem::Nul);
    }
    let (key, value) = line.split_once('=').ok_or(Problem::NoEquals)?;
    let key = key.strip_prefix("export ").unwrap_or(key).trim();
    if key.is_empty() || key.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')) {
        return Err(Problem::Key);
    }
    let value = value.trim_start();
    let (value, rest) = match value.chars().next() {
        Some('\'') => {
            let (literal, rest) = value[1..].split_once('\'').ok_or(Problem::Unclosed("single"))?;
            (crate::expand::escape(literal), rest)
        }
        Some('"') => double_quoted(&value[1..])?,
        _ => (value.trim_end().to_owned(), ""),
    };
    let comment = rest.trim_start();
    let is_comment = comment.starts_with('#') && rest.starts_with(char::is_whitespace);
    if comment.is_empty() || is_comment { Ok((key.to_owned(), value)) } else { Err(Problem::Trailing) }
}

/// The value, and what follows the closing quote.
fn double_quoted(text: &str) -> Result<(String, &str), Problem> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                Some((_, '$')) => value.push_str("$$"),
                Some((_, other)) => return Err(Problem::Escape(other)),
                None => return Err(Problem::Unclosed("double")),
            },
            c => value.push(c),
        }
    }
    Err(Problem::Unclosed("double"))
}

/// Writes a literal value so that an env-file holding it gives it back. The value must not contain NUL.
pub fn quote(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '"' | '\\' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

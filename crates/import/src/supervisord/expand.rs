//! `%(program_name)s`, `%(process_num)02d`, `%(ENV_HOME)s` and their like.

use crate::variables::Piece;

/// What is known of the process that a value belongs to.
pub(crate) struct Known<'a> {
    pub program: &'a str,
    pub number: u64,
    pub numprocs: u64,
}

/// Takes a value apart into text and variables of the environment. The error tells what cannot be known.
pub(crate) fn pieces(value: &str, known: &Known<'_>) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut text = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let Some((name, after)) = rest.strip_prefix('(').and_then(|it| it.split_once(')')) else {
            return Err("a `%` that is no %(name)s stands in it; `%%` is a percent sign".into());
        };
        let Some(letter) = after.find(|c: char| c.is_ascii_alphabetic()) else {
            return Err(format!("%({name}) is not finished: it ends in s or d"));
        };
        let format = &after[..=letter];
        rest = &after[letter + 1..];
        if let Some(variable) = name.strip_prefix("ENV_") {
            if !text.is_empty() {
                out.push(Piece::Text(std::mem::take(&mut text)));
            }
            out.push(Piece::Variable(variable.to_owned()));
            continue;
        }
        match name {
            "program_name" => text.push_str(known.program),
            "process_num" => text.push_str(&number(known.number, format)),
            "numprocs" => text.push_str(&number(known.numprocs, format)),
            "group_name" => text.push_str(known.program),
            "here" => return Err("%(here)s is the folder of the file: write it out".into()),
            "host_node_name" => {
                return Err("%(host_node_name)s is the name of the machine: write it out".into());
            }
            other => return Err(format!("%({other}) stands for nothing that supervisord knows")),
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        out.push(Piece::Text(text));
    }
    Ok(out)
}

/// `%02d` and the like.
fn number(number: u64, format: &str) -> String {
    let digits = format.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let width = digits.trim_start_matches('0').parse::<usize>().unwrap_or(0).min(20);
    if digits.starts_with('0') { format!("{number:0width$}") } else { format!("{number:>width$}") }
}

/// The value, if no variable is in it.
pub(crate) fn text(value: &str, known: &Known<'_>) -> Result<String, String> {
    let mut out = String::new();
    for piece in pieces(value, known)? {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Variable(name) | Piece::Words(name) => {
                return Err(format!("%(ENV_{name})s is known to the machine only: write it out"));
            }
        }
    }
    Ok(out)
}

/// The value as an environment of a spec says it.
pub(crate) fn env(value: &str, known: &Known<'_>) -> Result<String, String> {
    let parts = pieces(value, known)?.into_iter().map(|piece| match piece {
        Piece::Text(text) => abide_spec::expand::escape(&text),
        Piece::Variable(name) | Piece::Words(name) => format!("${{{name}}}"),
    });
    Ok(parts.collect())
}

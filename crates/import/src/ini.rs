//! Files of `[section]` and `key = value` with comments and continued lines, as `supervisord.conf` is.

use std::ops::Range;

use crate::error::Problem;

/// A section and its entries.
#[derive(Debug)]
pub(crate) struct Section {
    pub name: String,
    pub span: Range<usize>,
    pub entries: Vec<Pair>,
}

/// One `key = value`.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub key: String,
    pub value: String,
    /// The place of the key.
    pub span: Range<usize>,
    /// Where the value begins.
    pub value_at: usize,
}

/// Reads a file as Python's `ConfigParser` does for supervisord: keys without regard to case, `;` after a blank begins a
/// comment, a line that begins with a blank continues the value before it.
pub(crate) fn parse(text: &str) -> Result<Vec<Section>, Problem> {
    let mut sections: Vec<Section> = Vec::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let start = at;
        at += whole.len();
        let line = whole.trim_end();
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let here = start + indent;
        if indent > 0 {
            let Some(pair) = sections.last_mut().and_then(|section| section.entries.last_mut()) else {
                return Err(Problem::new(here..start + line.len(), "this line continues nothing")
                    .hint("a line that begins with a blank goes on with the value before it"));
            };
            pair.value.push('\n');
            pair.value.push_str(without_comment(trimmed));
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let Some((name, _)) = rest.split_once(']') else {
                return Err(Problem::new(here..start + line.len(), "this `[` is never closed"));
            };
            let span = here..here + name.len() + 2;
            sections.push(Section { name: name.trim().to_owned(), span, entries: Vec::new() });
            continue;
        }
        let Some(split) = line.find(['=', ':']) else {
            return Err(Problem::new(
                here..start + line.len(),
                "this line is neither a [section] nor a setting",
            )
            .hint("settings are written as key=value"));
        };
        let Some(section) = sections.last_mut() else {
            return Err(Problem::new(here..start + split, "this setting stands in no section")
                .hint("a line like [program:web] has to come before it"));
        };
        let key = line[..split].trim_end();
        let value = &line[split + 1..];
        let value_at = start + split + 1 + (value.len() - value.trim_start().len());
        section.entries.push(Pair {
            key: key.to_ascii_lowercase(),
            value: without_comment(value.trim_start()).to_owned(),
            span: start..start + key.len(),
            value_at,
        });
    }
    Ok(sections)
}

/// The value without ` ; comment`.
fn without_comment(value: &str) -> &str {
    if value.starts_with(';') {
        return "";
    }
    let end = value
        .match_indices(';')
        .find(|(at, _)| value[..*at].ends_with([' ', '\t']))
        .map_or(value.len(), |(at, _)| at);
    value[..end].trim_end()
}

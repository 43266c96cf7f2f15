//! JSON, and JavaScript files that hold one plain object: comments, unquoted keys, single quotes, template strings
//! without `${}`, trailing commas. Nothing is ever run: what would have to be is kept as [`Data::Computed`].

mod text;

use std::collections::HashMap;
use std::ops::Range;

use super::{Data, Key, MAX_DEPTH, MAX_NODES, Node};
use crate::error::Problem;

/// A file: its one object, and the statements around it, which are not run.
pub(crate) struct File {
    pub value: Node,
    pub statements: Vec<Range<usize>>,
}

/// Reads JSON, `module.exports = {…}`, `exports = …` or `export default {…}`.
pub(crate) fn parse(text: &str) -> Result<File, Problem> {
    let mut reader = Reader { text, at: 0, depth: 0, nodes: 0, constants: HashMap::new() };
    let mut statements = Vec::new();
    reader.blanks()?;
    let begins_as_value = matches!(reader.peek(), Some('{' | '['));
    if !begins_as_value {
        loop {
            reader.blanks()?;
            if reader.at >= text.len() {
                return Err(Problem::new(0..text.len().min(1), "there is no `module.exports = {…}` in it")
                    .hint("PM2 reads the object that `module.exports` is set to"));
            }
            if reader.export()? {
                break;
            }
            let start = reader.at;
            if !reader.constant()? {
                reader.at = start;
                reader.skip_statement()?;
                statements.push(start..reader.at);
            }
        }
    }
    reader.blanks()?;
    let value = reader.value(&[';'])?;
    loop {
        reader.blanks()?;
        if reader.eat(';') {
            continue;
        }
        if reader.at >= text.len() {
            break;
        }
        if begins_as_value {
            return Err(Problem::new(reader.at..reader.at + 1, "text after the end of the object"));
        }
        let start = reader.at;
        reader.skip_statement()?;
        statements.push(start..reader.at);
    }
    Ok(File { value, statements })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    nodes: usize,
    /// What `const NAME = …` set, where that needs not be run.
    constants: HashMap<String, Data>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn wrong(&self, message: impl Into<String>) -> Problem {
        let width = self.peek().map_or(0, char::len_utf8);
        Problem::new(self.at..self.at + width, message)
    }

    /// Blanks and comments.
    fn blanks(&mut self) -> Result<(), Problem> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            let first_line = self.at == 0 && trimmed.starts_with("#!");
            if trimmed.starts_with("//") || first_line {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if let Some(inside) = trimmed.strip_prefix("/*") {
                let end = inside.find("*/").ok_or_else(|| {
                    Problem::new(self.at..self.at + 2, "this comment is never closed")
                        .hint("close it with */")
                })?;
                self.at += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    /// Takes `module.exports =`, `exports =` or `export default`, if one is next.
    fn export(&mut self) -> Result<bool, Problem> {
        let start = self.at;
        for (word, needs_equals) in [("module.exports", true), ("exports", true), ("export default", false)] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                self.blanks()?;
                let named = self.peek().is_some_and(is_name);
                if !named && (!needs_equals || (self.eat('=') && self.peek() != Some('='))) {
                    return Ok(true);
                }
                self.at = start;
            }
        }
        Ok(false)
    }

    /// Takes `const NAME = VALUE`, if that is next and its value needs not be run.
    fn constant(&mut self) -> Result<bool, Problem> {
        let Some(rest) = self.rest().strip_prefix("const ") else { return Ok(false) };
        let name = rest.trim_start();
        let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
        let Some(value) = name[end..].trim_start().strip_prefix('=').filter(|value| !value.starts_with('='))
        else {
            return Ok(false);
        };
        self.at = self.text.len() - value.len();
        self.blanks()?;
        // What cannot be read matters only where it is used.
        let Ok(Some(data)) = self.literal() else {
            self.depth = 0;
            return Ok(false);
        };
        let line = self.rest().trim_start_matches([' ', '\t', '\r']);
        let over = line.is_empty() || line.starts_with([';', '\n']) || line.starts_with("//");
        if over && !matches!(data, Data::Computed(_)) {
            self.constants.insert(name[..end].to_owned(), data);
            return Ok(true);
        }
        Ok(false)
    }

    /// A statement that is not run: up to `;` or the end of the line, brackets and quotes balanced.
    fn skip_statement(&mut self) -> Result<(), Problem> {
        self.skip(|reader| matches!(reader.peek(), Some(';' | '\n')))?;
        if !self.eat(';') {
            self.eat('\n');
        }
        Ok(())
    }

    /// Passes over code until `end` outside of brackets and quotes.
    fn skip(&mut self, end: impl Fn(&Self) -> bool) -> Result<(), Problem> {
        let mut open: Vec<(char, usize)> = Vec::new();
        loop {
            let start = self.at;
            if open.is_empty() && end(self) {
                return Ok(());
            }
            let Some(c) = self.peek() else {
                return match open.last() {
                    Some((bracket, at)) => {
                        Err(Problem::new(*at..*at + 1, format!("this `{bracket}` is never closed")))
                    }
                    None => Ok(()),
                };
            };
            match c {
                '(' | '[' | '{' => {
                    open.push((c, start));
                    self.at += 1;
                }
                ')' | ']' | '}' => {
                    let fits = matches!(
                        (open.pop(), c),
                        (Some(('(', _)), ')') | (Some(('[', _)), ']') | (Some(('{', _)), '}')
                    );
                    if !fits {
                        return Err(self.wrong(format!("this `{c}` closes nothing")));
                    }
                    self.at += 1;
                }
                '"' | '\'' | '`' => {
                    self.string()?;
                }
                '/' if self.rest().starts_with("//") || self.rest().starts_with("/*") => {
                    // The end of the line ends a statement, so it is left where it is.
                    self.blanks_in_line()?;
                }
                c => self.at += c.len_utf8(),
            }
        }
    }

    fn blanks_in_line(&mut self) -> Result<(), Problem> {
        if self.rest().starts_with("//") {
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            Ok(())
        } else {
            self.blanks()
        }
    }

    /// A value, up to one of `ends`, a comma or a closing bracket.
    fn value(&mut self, ends: &[char]) -> Result<Node, Problem> {
        let start = self.at;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.wrong("too many values for a configuration"));
        }
        let data = self.literal()?;
        if let Some(data) = data {
            let end = self.at;
            self.blanks()?;
            let over = match self.peek() {
                None => true,
                Some(',' | '}' | ']') => true,
                Some(c) => ends.contains(&c) || (self.depth == 0 && ends.contains(&';')),
            };
            if over {
                return Ok(Node::new(data, start..end));
            }
        }
        // An expression: what it comes to is not known before it is run.
        self.at = start;
        self.skip(|reader| {
            matches!(reader.peek(), None | Some(',' | '}' | ']' | ')'))
                || reader.peek().is_some_and(|c| ends.contains(&c))
        })?;
        if self.at == start {
            let message =
                if self.peek().is_none() { "the file breaks off here" } else { "a value is missing here" };
            return Err(self.wrong(message));
        }
        let end = start + self.text[start..self.at].trim_end().len();
        let what = what_is_computed(&self.text[start..end]);
        Ok(Node::new(Data::Computed(what), start..end))
    }

    /// What needs not be run, if it is next.
    fn literal(&mut self) -> Result<Option<Data>, Problem> {
        Ok(Some(match self.peek() {
            Some('{') => self.map()?,
            Some('[') => self.list()?,
            Some('"' | '\'') => Data::Text(self.string()?.unwrap_or_default()),
            Some('`') => match self.string()? {
                Some(text) => Data::Text(text),
                None => Data::Computed("a template string with `${}` in it"),
            },
            Some(c) if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => {
                let number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
                let rest = self.rest();
                let text = &rest[..rest.find(|c| !number(c)).unwrap_or(rest.len())];
                let Some(value) = read_number(text) else { return Ok(None) };
                self.at += text.len();
                Data::Number(value)
            }
            Some(c) if is_name(c) => {
                let rest = self.rest();
                let word = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
                let data = match word {
                    "true" => Data::Bool(true),
                    "false" => Data::Bool(false),
                    "null" | "undefined" => Data::Null,
                    // An object could have been changed on the way; as the whole it is what it was.
                    word => match self.constants.get(word) {
                        Some(data) if self.depth == 0 || is_plain(data) => data.clone(),
                        _ => return Ok(None),
                    },
                };
                self.at += word.len();
                data
            }
            _ => return Ok(None),
        }))
    }

    fn deeper(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("brackets in brackets, too many for a configuration"));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Data, Problem> {
        let start = self.at;
        self.deeper()?;
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.blanks()?;
            if self.eat(']') {
                break;
            }
            if self.peek().is_none() {
                return Err(Problem::new(start..start + 1, "this `[` is never closed"));
            }
            entries.push(self.value(&[])?);
            self.separator(']', start)?;
        }
        self.depth -= 1;
        Ok(Data::List(entries))
    }

    fn map(&mut self) -> Result<Data, Problem> {
        let start = self.at;
        self.deeper()?;
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.blanks()?;
            if self.eat('}') {
                break;
            }
            if self.peek().is_none() {
                return Err(Problem::new(start..start + 1, "this `{` is never closed"));
            }
            entries.push(self.entry()?);
            self.separator('}', start)?;
        }
        self.depth -= 1;
        Ok(Data::Map(entries))
    }

    fn separator(&mut self, close: char, start: usize) -> Result<(), Problem> {
        self.blanks()?;
        if self.eat(',') || self.peek() == Some(close) {
            return Ok(());
        }
        match self.peek() {
            None => {
                let open = if close == ']' { '[' } else { '{' };
                Err(Problem::new(start..start + 1, format!("this `{open}` is never closed")))
            }
            Some(c) => Err(self.wrong(format!("`{c}` cannot stand here; a comma or `{close}` was expected"))),
        }
    }

    fn entry(&mut self) -> Result<(Key, Node), Problem> {
        let start = self.at;
        let text = match self.peek() {
            Some('"' | '\'') => self.string()?.unwrap_or_default(),
            Some(c) if is_name(c) => {
                let rest = self.rest();
                let word = rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())].to_owned();
                self.at += word.len();
                word
            }
            Some('.') if self.rest().starts_with("...") => {
                let value = self.value(&[])?;
                let span = value.span.clone();
                let what = Data::Computed("another object, spread into this one");
                return Ok((Key { text: "...".into(), span: span.clone() }, Node::new(what, span)));
            }
            _ => return Err(self.wrong("the name of a setting was expected here")),
        };
        let key = Key { text, span: start..self.at };
        self.blanks()?;
        if self.eat(':') {
            self.blanks()?;
            return Ok((key, self.value(&[])?));
        }
        // `{ name }` is short for `{ name: name }`, and `{ name() {…} }` is a function.
        self.skip(|reader| matches!(reader.peek(), None | Some(',' | '}')))?;
        let span = start..self.at;
        if self.peek().is_none() {
            return Err(Problem::new(key.span, "no value follows this name"));
        }
        Ok((key, Node::new(Data::Computed("a value that the program around it computes"), span)))
    }
}

/// What nothing can change once it is set.
fn is_plain(data: &Data) -> bool {
    matches!(data, Data::Text(_) | Data::Number(_) | Data::Bool(_) | Data::Null)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// A number as decimal text.
fn read_number(text: &str) -> Option<String> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|number| format!("{sign}{number}"));
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).ok().map(|number| format!("{sign}{number}"));
    }
    let number =
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok();
    number.then(|| format!("{sign}{digits}"))
}

fn what_is_computed(code: &str) -> &'static str {
    if code.starts_with("process.env") {
        "a variable of the environment that PM2 runs in"
    } else if code.starts_with("function") || code.contains("=>") {
        "a function"
    } else if code.starts_with("...") {
        "another object, spread into this one"
    } else if code.contains("__dirname") {
        "a path made from the folder of this file"
    } else if code.contains('(') {
        "the answer of a function"
    } else {
        "an expression"
    }
}

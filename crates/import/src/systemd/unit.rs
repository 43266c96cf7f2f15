//! Unit files: sections, keys, lines continued by a backslash, lists that an empty value clears.

use std::ops::Range;

use crate::error::Problem;
use crate::ledger::{Field, Ledger};

/// One setting of a unit.
#[derive(Clone)]
pub(crate) struct Setting<'l> {
    pub section: String,
    pub key: String,
    pub value: String,
    /// Where the value begins; nothing if it goes over several lines, so that places in it are not known.
    pub value_at: Option<usize>,
    pub field: Field<'l>,
}

/// A unit with all of its settings in the ledger.
pub(crate) struct Unit<'l> {
    pub settings: Vec<Setting<'l>>,
    /// The path in the first line, as `systemctl cat` writes it.
    pub path: Option<String>,
    /// It came with drop-ins.
    pub with_drop_ins: bool,
    sections: Vec<String>,
}

impl<'l> Unit<'l> {
    pub fn parse(ledger: &'l Ledger) -> Result<Self, Problem> {
        let mut unit = Self { settings: Vec::new(), path: None, with_drop_ins: false, sections: Vec::new() };
        let lines = lines(ledger.text());
        let mut index = 0;
        let mut section = String::new();
        while let Some((line, start)) = lines.get(index).copied() {
            index += 1;
            let trimmed = line.trim();
            if let Some(path) = trimmed.strip_prefix("# /").filter(|path| !path.contains(' ')) {
                if unit.path.is_none() {
                    unit.path = Some(format!("/{path}"));
                } else {
                    unit.with_drop_ins = true;
                }
            }
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let here = start + line.len() - line.trim_start().len();
            let span = here..start + line.trim_end().len();
            if let Some(rest) = trimmed.strip_prefix('[') {
                let Some(name) = rest.strip_suffix(']') else {
                    return Err(Problem::new(span, "this `[` is never closed"));
                };
                section = name.to_owned();
                unit.sections.push(section.clone());
                continue;
            }
            let Some(equals) = line.find('=') else {
                return Err(Problem::new(span, "this line is neither a [Section] nor a setting")
                    .hint("settings are written as Key=value; a comment begins with #"));
            };
            if section.is_empty() {
                return Err(Problem::new(span, "this setting stands in no section")
                    .hint("a line like [Service] has to come before it"));
            }
            let key = line[..equals].trim().to_owned();
            let first = &line[equals + 1..];
            let value_start = start + equals + 1 + (first.len() - first.trim_start().len());
            let (value, end) = continued(first, &lines, index);
            let single = end == index;
            index = end;
            let field = unit.enter(ledger, &section, &key, &value, here..here + key.len());
            let value_at = single.then_some(value_start);
            unit.settings.push(Setting { section: section.clone(), key, value, value_at, field });
        }
        Ok(unit)
    }

    fn enter(
        &self,
        ledger: &'l Ledger,
        section: &str,
        key: &str,
        value: &str,
        span: Range<usize>,
    ) -> Field<'l> {
        ledger.enter(None, format!("[{section}] {key}"), value, span)
    }

    pub fn has_section(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section == name)
    }

    /// The value that counts: the last one.
    pub fn last(&self, section: &str, key: &str) -> Option<&Setting<'l>> {
        let mut found: Vec<&Setting<'l>> = self.all(section, key);
        let last = found.pop();
        for earlier in found {
            earlier.field.left("it is set again below, and the last one counts");
        }
        last.filter(|setting| {
            if setting.value.is_empty() {
                setting.field.left("an empty value is none");
            }
            !setting.value.is_empty()
        })
    }

    /// The entries of a list, without those that an empty value clears.
    pub fn list(&self, section: &str, key: &str) -> Vec<&Setting<'l>> {
        let found = self.all(section, key);
        let cleared = found.iter().rposition(|setting| setting.value.is_empty());
        let Some(cleared) = cleared else { return found };
        for setting in &found[..cleared] {
            setting.field.left("an empty value below clears it");
        }
        found[cleared].field.left("it clears what came before it, and says nothing else");
        found[cleared + 1..].to_vec()
    }

    pub fn all(&self, section: &str, key: &str) -> Vec<&Setting<'l>> {
        self.settings.iter().filter(|setting| setting.section == section && setting.key == key).collect()
    }
}

impl Setting<'_> {
    /// True or false, as systemd writes it.
    pub fn truth(&self) -> Option<bool> {
        match self.value.to_ascii_lowercase().as_str() {
            "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
            "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
            _ => {
                self.field.bad(format!("`{}` must be yes or no, not `{}`", self.key, self.value), None);
                None
            }
        }
    }

    /// The words of a list.
    pub fn words(&self) -> Vec<String> {
        match crate::words::systemd::split(&self.value) {
            Ok(words) => words,
            Err(error) => {
                self.problem(error.at, error.message);
                Vec::new()
            }
        }
    }

    /// Something that is wrong at a place of the value.
    pub fn problem(&self, at: usize, message: &str) {
        match self.value_at {
            Some(start) => {
                let width =
                    self.value.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                self.field.ledger().problem(Problem::new(start + at..start + at + width, message));
            }
            None => self.field.bad(message, None),
        }
    }
}

fn lines(text: &str) -> Vec<(&str, usize)> {
    let mut at = 0;
    text.split_inclusive('\n')
        .map(|whole| {
            let start = at;
            at += whole.len();
            (whole.trim_end_matches(['\n', '\r']), start)
        })
        .collect()
}

/// A value with the lines that continue it, and the index of the line after them. Comments between them are passed over.
fn continued(first: &str, lines: &[(&str, usize)], mut index: usize) -> (String, usize) {
    let mut value = String::new();
    let mut line = first;
    loop {
        match line.strip_suffix('\\') {
            Some(begun) => {
                value.push_str(begun);
                value.push(' ');
            }
            None => {
                value.push_str(line);
                break;
            }
        }
        while lines.get(index).is_some_and(|(next, _)| next.trim_start().starts_with(['#', ';'])) {
            index += 1;
        }
        let Some((next, _)) = lines.get(index) else { break };
        index += 1;
        line = next;
    }
    (value.trim().to_owned(), index)
}

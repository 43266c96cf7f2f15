//! Every setting that a spec file has, in the ledger, to be marked by its path.

use abide_spec::{Spec, expand};
use toml_edit::{Document, Item, Table, TableLike, Value};

use crate::ledger::{Field, Ledger};

/// The settings of a spec file.
pub(super) struct Book<'l> {
    ledger: &'l Ledger,
    name: String,
    fields: Vec<(String, Field<'l>)>,
}

impl<'l> Book<'l> {
    pub fn open(ledger: &'l Ledger, spec: &Spec) -> Self {
        let mut book = Self { ledger, name: spec.name.to_string(), fields: Vec::new() };
        // What the spec was read from is TOML, so this reads it too.
        if let Ok(document) = Document::parse(ledger.text().to_owned()) {
            book.table(document.as_table(), "");
        }
        book
    }

    fn table(&mut self, table: &Table, path: &str) {
        self.entries(table, path);
    }

    fn entries(&mut self, table: &dyn TableLike, path: &str) {
        for (key, item) in table.iter() {
            let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let shown =
                if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") };
            let path = if path.is_empty() { shown } else { format!("{path}.{shown}") };
            let span = table.key(key).and_then(toml_edit::Key::span);
            self.item(item, &path, span);
        }
    }

    fn item(&mut self, item: &Item, path: &str, key: Option<std::ops::Range<usize>>) {
        match item {
            Item::None => {}
            Item::Table(table) => self.entries(table, path),
            Item::ArrayOfTables(tables) => {
                for (index, table) in tables.iter().enumerate() {
                    self.table(table, &format!("{path}[{index}]"));
                }
            }
            Item::Value(value) => self.value(value, path, key),
        }
    }

    fn value(&mut self, value: &Value, path: &str, key: Option<std::ops::Range<usize>>) {
        match value {
            Value::InlineTable(table) if !table.is_empty() => self.entries(table, path),
            Value::Array(array) if array.iter().any(Value::is_inline_table) => {
                for (index, value) in array.iter().enumerate() {
                    self.value(value, &format!("{path}[{index}]"), value.span());
                }
            }
            value => {
                let shown = value.to_string();
                let span = key.or_else(|| value.span()).unwrap_or(0..0);
                let field = self.ledger.enter(None, path, shown.trim(), span);
                if path.starts_with("program.env.") || path.starts_with("debug.") {
                    field.secret();
                }
                self.fields.push((path.to_owned(), field));
            }
        }
    }

    /// The settings of this path, or in it.
    fn at(&self, path: &str) -> impl Iterator<Item = Field<'l>> {
        self.fields
            .iter()
            .filter(move |(it, _)| {
                it == path || it.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
            })
            .map(|(_, field)| *field)
    }

    /// Whether the spec says anything about it.
    pub fn has(&self, path: &str) -> bool {
        self.at(path).next().is_some()
    }

    pub fn carried(&self, path: &str, to: &str) {
        self.at(path).for_each(|field| field.carried(to));
    }

    pub fn changed(&self, path: &str, to: &str, why: &str) {
        self.at(path).for_each(|field| field.changed(to, why));
    }

    /// What of it has no fate yet is left: what is said of a part comes before what is said of the whole.
    pub fn left(&self, path: &str, why: &str) {
        self.at(path).for_each(|field| field.left_unless_taken(why));
    }

    /// It is carried if the spec says it; else it is written because the tool's own default is another.
    pub fn carried_or_default(&self, path: &str, to: &str, why: &str) {
        if self.has(path) {
            self.carried(path, to);
        } else {
            self.ledger.default(Some(&self.name), path, to, why);
        }
    }

    pub fn default(&self, path: &str, to: &str, why: &str) {
        self.ledger.default(Some(&self.name), path, to, why);
    }

    /// What of it has no fate yet is left; and if the spec says nothing about it, its default is.
    pub fn left_or_lost(&self, path: &str, why: &str) {
        if self.has(path) {
            self.left(path, why);
        } else {
            self.ledger.lost(Some(&self.name), path, why);
        }
    }

    pub fn note(&self, text: &str) {
        self.ledger.note(text);
    }

    /// What no tool but Abide has, and what is about Abide itself.
    pub fn leave_common(&self) {
        self.left("accept", "it is about service managers that Abide plans for");
        self.left("register", "nothing is told to a fleet");
        self.left("debug", "there is nothing like `abide debug`");
        self.left("health", "nothing asks whether the program still works");
        self.left("logs", "output is kept by the tool's own rules");
        self.left("program.supervised", "the program is started without Abide");
    }
}

/// The environment of a spec with every `${NAME}` in the tool's own words; an error names what cannot be said.
pub(super) fn environment(
    spec: &Spec,
    mut variable: impl FnMut(&str) -> Option<String>,
) -> Vec<(String, Result<String, String>)> {
    let mut out = Vec::new();
    for (key, value) in &spec.program.env {
        let expanded = expand::expand(key, value, |name| variable(name)).map_err(|error| match error {
            expand::ExpandError::Unknown { unknown, .. } => unknown,
            other => other.to_string(),
        });
        out.push((key.clone(), expanded));
    }
    out
}

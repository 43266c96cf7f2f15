//! A map as a mapping reads it: each of its entries is in the ledger from the moment it is opened.

use std::collections::HashMap;

use super::{Data, Key, Node};
use crate::error::printable;
use crate::ledger::{Field, Ledger};

/// A map, with its entries in the ledger.
pub(crate) struct View<'l, 'n> {
    ledger: &'l Ledger,
    service: Option<String>,
    /// What stands before the names of its entries in the report.
    path: String,
    entries: Vec<Entry<'l, 'n>>,
}

/// One entry of a map.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'l, 'n> {
    pub key: &'n Key,
    pub node: &'n Node,
    pub field: Field<'l>,
}

impl<'l, 'n> View<'l, 'n> {
    /// Opens a map; anything else has no entries.
    pub fn open(ledger: &'l Ledger, service: Option<&str>, path: &str, node: &'n Node) -> Self {
        let mut entries: Vec<Entry<'l, 'n>> = Vec::new();
        let mut seen: HashMap<&str, Field<'l>> = HashMap::new();
        if let Data::Map(map) = &node.data {
            for (key, node) in map {
                let name = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
                let field = ledger.enter(service, name, &node.shown(), key.span.clone());
                if let Some(earlier) = seen.insert(&key.text, field) {
                    earlier.left("it is set again below, and the last one counts");
                }
                entries.push(Entry { key, node, field });
            }
        }
        Self { ledger, service: service.map(str::to_owned), path: path.to_owned(), entries }
    }

    /// The entry that counts.
    pub fn get(&self, key: &str) -> Option<Entry<'l, 'n>> {
        self.entries.iter().rev().find(|entry| entry.key.text == key).copied()
    }

    /// The first of several names of one setting.
    pub fn any(&self, keys: &[&str]) -> Option<Entry<'l, 'n>> {
        let found = keys.iter().find_map(|key| self.get(key))?;
        for key in keys {
            if let Some(other) = self.get(key).filter(|other| other.key.text != found.key.text) {
                other.field.left(format!("`{}` says the same", found.key.text));
            }
        }
        Some(found)
    }

    pub fn entries(&self) -> &[Entry<'l, 'n>] {
        &self.entries
    }

    /// Opens the map that an entry of an entry holds, whose own line stays in the ledger.
    pub fn descend_in(&self, entry: Entry<'l, 'n>, inner: &Entry<'l, 'n>) -> Self {
        let path = format!("{}.{}.{}", self.path, entry.key.text, inner.key.text);
        Self::open(self.ledger, self.service.as_deref(), &path, inner.node)
    }

    /// Opens the map that an entry holds: its own entries take its place in the ledger.
    pub fn descend(&self, entry: Entry<'l, 'n>) -> Self {
        let empty = matches!(&entry.node.data, Data::Map(entries) if entries.is_empty());
        if !empty {
            entry.field.group();
        }
        let path = if self.path.is_empty() {
            entry.key.text.clone()
        } else {
            format!("{}.{}", self.path, entry.key.text)
        };
        Self::open(self.ledger, self.service.as_deref(), &path, entry.node)
    }
}

impl<'l> Entry<'l, '_> {
    /// A word; anything else is told as wrong, or left if it is computed.
    pub fn word(&self) -> Option<String> {
        match &self.node.data {
            Data::Computed(what) => {
                self.computed(what);
                None
            }
            Data::Null => {
                self.field.left("it has no value");
                None
            }
            _ => self.node.word().or_else(|| {
                self.wrong("a text");
                None
            }),
        }
    }

    /// A whole number that is not negative.
    pub fn number(&self) -> Option<u64> {
        let word = self.word()?;
        let number = word.parse::<u64>().ok().or_else(|| {
            let number = word.parse::<f64>().ok()?;
            (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64)
        });
        if number.is_none() {
            self.wrong("a whole number");
        }
        number
    }

    /// True or false.
    pub fn truth(&self) -> Option<bool> {
        match &self.node.data {
            Data::Bool(yes) => Some(*yes),
            Data::Computed(_) | Data::Null => self.word().and(None),
            Data::Text(text) if text == "true" || text == "false" => Some(text == "true"),
            _ => {
                self.wrong("true or false");
                None
            }
        }
    }

    /// A list of words; one word is a list of one.
    pub fn words(&self) -> Option<Vec<String>> {
        let Data::List(entries) = &self.node.data else { return self.word().map(|word| vec![word]) };
        let mut words = Vec::new();
        for entry in entries {
            match (&entry.data, entry.word()) {
                (_, Some(word)) => words.push(word),
                (Data::Computed(what), None) => {
                    self.computed(what);
                    return None;
                }
                _ => {
                    self.field.ledger().problem(crate::error::Problem::new(
                        entry.span.clone(),
                        format!("an entry of `{}` must be a text, not {}", self.key.text, entry.kind()),
                    ));
                    return None;
                }
            }
        }
        Some(words)
    }

    /// It is left because it is only known once it was run.
    pub fn computed(&self, what: &str) {
        self.field.left(format!("{what}: only running the file would tell; write its value into the spec"));
    }

    /// It is not of the kind that it must be.
    pub fn wrong(&self, wanted: &str) {
        let problem = crate::error::Problem::new(
            self.node.span.clone(),
            format!("`{}` must be {wanted}, not {}", printable(&self.key.text), self.shown_wrong()),
        );
        self.field.ledger().problem(problem);
    }

    fn shown_wrong(&self) -> String {
        match &self.node.data {
            Data::Text(text) | Data::Number(text) => format!("`{}`", printable(text)),
            _ => self.node.kind().to_owned(),
        }
    }
}

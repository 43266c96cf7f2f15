//! Values with places: what JSON, plain JavaScript objects and YAML have in common.

pub(crate) mod js;
pub(crate) mod view;
pub(crate) mod yaml;

use std::ops::Range;

/// Deeper than this is no configuration but an attack on the stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// So many values may come of one file.
pub(crate) const MAX_NODES: usize = 50_000;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub data: Data,
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    /// Something that would have to be run to be known: what it is.
    Computed(&'static str),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a map and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub text: String,
    pub span: Range<usize>,
}

impl Node {
    pub fn new(data: Data, span: Range<usize>) -> Self {
        Self { data, span }
    }

    /// The entry of a map; the last one counts.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.data {
            Data::Map(entries) => entries.iter().rev().find(|(it, _)| it.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// As a word: text, numbers and truth values as they are written.
    pub fn word(&self) -> Option<String> {
        match &self.data {
            Data::Text(text) | Data::Number(text) => Some(text.clone()),
            Data::Bool(yes) => Some(yes.to_string()),
            _ => None,
        }
    }

    /// As a report shows it.
    pub fn shown(&self) -> String {
        match &self.data {
            Data::Null => "null".into(),
            Data::Bool(yes) => yes.to_string(),
            Data::Number(text) | Data::Text(text) => text.clone(),
            Data::Computed(what) => format!("({what})"),
            Data::List(entries) => {
                format!("[{}]", entries.iter().map(Self::shown).collect::<Vec<_>>().join(", "))
            }
            Data::Map(entries) => {
                format!(
                    "{{{}}}",
                    entries.iter().map(|(key, _)| key.text.as_str()).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }

    /// What it is, for errors.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "true or false",
            Data::Number(_) => "a number",
            Data::Text(_) => "a text",
            Data::Computed(what) => what,
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }
}

//! A spec as TOML, the way a person would have written it.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use crate::Spec;

/// A list longer than this, in characters, gets a line for each of its entries.
const MAX_LINE: usize = 100;

impl Spec {
    /// The spec as TOML. Settings that have their default are left out; sections stand in the order of the reference.
    /// What it gives for a spec that passes [`Spec::validate`], [`Spec::parse`] reads back as the same spec.
    pub fn to_toml(&self) -> String {
        let document = match toml_edit::ser::to_document(self) {
            Ok(document) => document,
            // Only what validation refuses: a path that is not Unicode, a number too large for TOML.
            Err(error) => return format!("# this spec cannot be written: {error}\n"),
        };
        let mut out = DocumentMut::new();
        for (key, item) in document.as_table().iter() {
            out.insert(key, section(item.clone()));
        }
        out.to_string()
    }
}

/// Tables at the top become sections, lists of tables become lists of sections; all below stays on one line.
fn section(item: Item) -> Item {
    match item {
        Item::Value(Value::InlineTable(table)) => Item::Table(header(table)),
        Item::Value(Value::Array(array)) if !array.is_empty() && array.iter().all(Value::is_inline_table) => {
            let mut sections = ArrayOfTables::new();
            for value in array {
                if let Value::InlineTable(table) = value {
                    sections.push(header(table));
                }
            }
            Item::ArrayOfTables(sections)
        }
        Item::Value(mut value) => {
            fold(&mut value);
            Item::Value(value)
        }
        other => other,
    }
}

fn header(inline: InlineTable) -> Table {
    let mut table = Table::new();
    for (key, mut value) in inline {
        fold(&mut value);
        table.insert(&key, Item::Value(value));
    }
    // `section` gave each key its own line; a blank one before the header sets the section apart.
    table.decor_mut().set_prefix("\n");
    table
}

/// Breaks a long list into lines.
fn fold(value: &mut Value) {
    let long = value.to_string().len() > MAX_LINE;
    if let Value::Array(array) = value
        && long
    {
        break_lines(array);
    }
}

fn break_lines(array: &mut Array) {
    for entry in array.iter_mut() {
        entry.decor_mut().set_prefix("\n  ");
    }
    array.set_trailing("\n");
    array.set_trailing_comma(true);
}

//! The reference page of the spec, from the schema of its types.

use std::fmt::Write as _;

use serde_json::Value;

use crate::schema::{property, schema};
use crate::settings::SETTINGS;

/// A spec that sets most of what can be set.
pub const EXAMPLE: &str = include_str!("reference/example.toml");

const BEGINNING: &str = include_str!("reference/beginning.md");
const END: &str = include_str!("reference/end.md");

/// The reference page as Markdown.
pub fn reference_markdown() -> String {
    let schema = schema();
    let mut out = BEGINNING.replace("{{EXAMPLE}}", EXAMPLE.trim_end());
    let mut section = None;
    let mut tables: Vec<&str> = Vec::new();
    for setting in SETTINGS {
        let (now, key) = match setting.split_once('.') {
            Some((section, key)) => (Some(section), key),
            None => (None, *setting),
        };
        if now != section || out.ends_with("{{TOP}}\n") {
            section = now;
            heading(&mut out, &schema, section);
        }
        // `delay.initial`: the table `delay` is told before the first of its keys.
        for (dot, _) in key.match_indices('.') {
            let table = &setting[..setting.len() - key.len() + dot];
            if !tables.contains(&table) {
                tables.push(table);
                row(&mut out, &schema, table, &key[..dot]);
            }
        }
        row(&mut out, &schema, setting, key);
    }
    out.push('\n');
    out.push_str(END);
    out
}

fn heading(out: &mut String, schema: &Value, section: Option<&str>) {
    // Writing to a String cannot fail.
    let _ = match section {
        None => {
            out.truncate(out.len() - "{{TOP}}\n".len());
            Ok(())
        }
        Some(name) => {
            let list = property(schema, name).is_some_and(|(it, _)| it.get("items").is_some());
            let title = if list { format!("[[{name}]]") } else { format!("[{name}]") };
            writeln!(out, "\n## `{title}`\n\n{}\n", section_description(schema, name))
        }
    };
    out.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
}

fn row(out: &mut String, schema: &Value, setting: &str, key: &str) {
    let Some((property, definition)) = property(schema, setting) else { return };
    let default = match property.get("default").filter(|it| !it.is_object()) {
        Some(value) => format!("`{value}`"),
        None if is_required(schema, setting) => "required".to_owned(),
        None => String::new(),
    };
    let mut meaning = description(schema, setting);
    for (word, text) in words(definition) {
        let _ = write!(meaning, "<br>`\"{word}\"`: {text}");
    }
    let kind = kind(schema, property);
    let _ = writeln!(
        out,
        "| `{key}` | {kind} | {default} | {} |",
        meaning.replace('|', "\\|").replace('\n', " ")
    );
}

fn description(schema: &Value, setting: &str) -> String {
    let text = property(schema, setting).and_then(|(it, definition)| {
        it.get("description").or_else(|| definition?.get("description")).and_then(Value::as_str)
    });
    text.unwrap_or_default().to_owned()
}

/// What a section is, from its type.
fn section_description(schema: &Value, section: &str) -> String {
    let Some((property, _)) = property(schema, section) else { return String::new() };
    let reference = property.get("$ref").or_else(|| property.get("items")?.get("$ref"));
    let definition = reference.and_then(|it| schema.pointer(it.as_str()?.strip_prefix('#')?));
    definition.and_then(|it| it.get("description")?.as_str()).unwrap_or_default().to_owned()
}

fn is_required(schema: &Value, setting: &str) -> bool {
    let (table, key) = setting.rsplit_once('.').unwrap_or(("", setting));
    let table = if table.is_empty() {
        Some(schema)
    } else {
        property(schema, table).and_then(|(it, to)| to.or(Some(it)))
    };
    let required = table.and_then(|it| it.get("required")).and_then(Value::as_array);
    required.is_some_and(|it| it.iter().any(|it| it == key))
}

/// The words that an enumeration can be, with what each means.
fn words(definition: Option<&Value>) -> Vec<(&str, &str)> {
    let choices = definition.and_then(|it| it.get("oneOf")).and_then(Value::as_array);
    choices
        .into_iter()
        .flatten()
        .filter_map(|it| Some((it.get("const")?.as_str()?, it.get("description")?.as_str()?)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// What kind of value a property takes, in words.
fn kind(schema: &Value, property: &Value) -> String {
    if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let definition = schema.pointer(reference.trim_start_matches('#'));
        let choices = words(definition);
        return match name {
            "Duration" => "duration".to_owned(),
            "Size" => "size".to_owned(),
            "Signal" => "signal".to_owned(),
            "HttpUrl" => "URL".to_owned(),
            "TcpAddress" => "`HOST:PORT`".to_owned(),
            "InheritEnv" => "`\"all\"`, `\"none\"` or list of texts".to_owned(),
            _ if !choices.is_empty() => {
                choices.iter().map(|(word, _)| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
            }
            _ if definition.is_some_and(|it| it.get("properties").is_some()) => "table".to_owned(),
            _ if definition.is_some_and(|it| it.get("anyOf").is_some()) => "table or `false`".to_owned(),
            _ => "text".to_owned(),
        };
    }
    match property.get("type").and_then(Value::as_str) {
        Some("array") => match kind(schema, &property["items"]).as_str() {
            one @ ("text" | "table" | "signal" | "whole number") => format!("list of {one}s"),
            one => format!("list of {one}"),
        },
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("number") => "number".to_owned(),
        Some("object") => "table of texts".to_owned(),
        _ if property.get("anyOf").is_some() => "table or `false`".to_owned(),
        _ => "text".to_owned(),
    }
}

//! Property lists in Apple's XML form, as far as launchd needs them.

use std::fmt::Write as _;

use crate::manager::MARKER;

/// A value of a property list. Dictionaries keep their order, so that the same spec always gives the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Bool(bool),
    Integer(u64),
    Text(String),
    List(Vec<Value>),
    Dict(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }
}

/// Whether an XML property list can carry this text: XML has no way to write control characters other than tab and
/// line ends, nor the two code points that end the basic plane.
pub(super) fn can_carry(text: &str) -> bool {
    text.chars().all(is_xml)
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// A whole file, with the line that says whose it is.
pub(super) fn document(root: &Value) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {MARKER} -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n"
    );
    push(&mut text, root, 0);
    text.push_str("</plist>\n");
    text
}

fn push(text: &mut String, value: &Value, depth: usize) {
    let indent = "\t".repeat(depth);
    let _ = match value {
        Value::Bool(true) => writeln!(text, "{indent}<true/>"),
        Value::Bool(false) => writeln!(text, "{indent}<false/>"),
        Value::Integer(number) => writeln!(text, "{indent}<integer>{number}</integer>"),
        Value::Text(value) => writeln!(text, "{indent}<string>{}</string>", escaped(value)),
        Value::List(values) if values.is_empty() => writeln!(text, "{indent}<array/>"),
        Value::List(values) => {
            let _ = writeln!(text, "{indent}<array>");
            for value in values {
                push(text, value, depth + 1);
            }
            writeln!(text, "{indent}</array>")
        }
        Value::Dict(entries) if entries.is_empty() => writeln!(text, "{indent}<dict/>"),
        Value::Dict(entries) => {
            let _ = writeln!(text, "{indent}<dict>");
            for (key, value) in entries {
                let _ = writeln!(text, "{indent}\t<key>{}</key>", escaped(key));
                push(text, value, depth + 1);
            }
            writeln!(text, "{indent}</dict>")
        }
    };
}

/// Text between two tags. A carriage return is written as a number: an XML reader takes a bare one for the end of a
/// line and makes a line feed of it. What XML cannot carry is left out here and found before ([`can_carry`]).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| is_xml(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // Needed after `]]` alone, and harmless elsewhere.
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

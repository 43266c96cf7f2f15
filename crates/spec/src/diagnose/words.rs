//! What readers say of a mistake, in the words of people who write specs.

use toml::de::DeValue;

use super::tree::Node;
use crate::error::SpecError;
use crate::path::{Path, Segment};
use crate::settings::SETTINGS;
use crate::suggest::nearest;

/// A text that is not TOML.
pub(super) fn syntax(error: &toml::de::Error, text: &str) -> SpecError {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    let rest = text.get(span.start..).unwrap_or("");
    let hint = if message.starts_with("string values must be quoted") {
        Some("put texts in quotes: \"like this\"".to_owned())
    } else if message.starts_with("missing escaped value") || message.contains("escape") {
        Some("in \"double quotes\" write \\\\ for a backslash, or use 'single quotes' for paths".to_owned())
    } else if message.starts_with("duplicate key") {
        let key: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
        Some(format!("each key and each [section] stands once; remove or merge one `{key}`"))
    } else {
        None
    };
    SpecError::new(message, hint, String::new()).at(text, span)
}

/// The key of a "missing field" message.
pub(super) fn missing_key(message: &str) -> Option<&str> {
    quoted(message.strip_prefix("missing field ")?)
}

/// Whether the span of a message is that of a key.
pub(super) fn is_about_key(message: &str) -> bool {
    message.starts_with("unknown field ")
}

/// Turns a reader's message about the setting at `path` into one with a hint.
pub(super) fn explain(message: &str, path: &Path, node: Option<&Node<'_>>) -> SpecError {
    if let Some(key) = missing_key(message) {
        return missing(path, key);
    }
    if let Some((key, rest)) = word_and_rest(message, "unknown field ", "`, expected ") {
        return unknown_key(path, key, &all_quoted(rest));
    }
    let setting = path.to_string();
    if let Some((word, rest)) = word_and_rest(message, "unknown variant ", "`, expected ") {
        let words = all_quoted(rest);
        let hint = match nearest(word, words.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("it can be {}", either(&words, '"')),
        };
        return SpecError::new(format!("`{setting}` cannot be \"{word}\""), Some(hint), setting);
    }
    for kind in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) =
            message.strip_prefix(kind).and_then(|it| it.split_once(", expected "))
        {
            return wrong_type(setting, found, expected, node);
        }
    }
    SpecError::new(message, unit_hint(message), setting)
}

/// What someone meant who wrote `10 sec` or `64 megabytes`.
fn unit_hint(message: &str) -> Option<String> {
    let (unit, rest) = word_and_rest(message, "unknown unit ", "` in ")?;
    let (kind, rest) = rest.split_once(' ')?;
    let text = quoted(rest)?;
    let number = text.strip_suffix(unit)?.trim_end();
    let unit = unit.to_lowercase();
    let meant = match (kind, unit.as_str()) {
        ("duration", "sec" | "secs" | "second" | "seconds") => "s",
        ("duration", "min" | "mins" | "minute" | "minutes") => "m",
        ("duration", "hr" | "hrs" | "hour" | "hours") => "h",
        ("duration", "day" | "days") => "d",
        ("duration", "msec" | "msecs" | "millis" | "millisecond" | "milliseconds") => "ms",
        ("size", "byte" | "bytes") => "B",
        ("size", "k" | "kb" | "kib" | "kilobyte" | "kilobytes") => "KiB",
        ("size", "m" | "mb" | "mib" | "megabyte" | "megabytes") => "MiB",
        ("size", "g" | "gb" | "gib" | "gigabyte" | "gigabytes") => "GiB",
        ("size", "t" | "tb" | "tib" | "terabyte" | "terabytes") => "TiB",
        _ => return None,
    };
    Some(format!("write \"{number}{meant}\""))
}

fn missing(path: &Path, key: &str) -> SpecError {
    let setting = path.child(key).to_string();
    let message = if path.0.is_empty() {
        format!("`{key}` is missing")
    } else {
        format!("{} lacks `{key}`", table(path))
    };
    let hint = match setting.as_str() {
        "name" => "begin the spec with name = \"my-service\"",
        "program" => "add [program] with command = [\"/srv/app/server\", \"--port\", \"9000\"]",
        "program.command" => "add command = [\"/srv/app/server\", \"--port\", \"9000\"]",
        "register.port" => "add the port the service answers on, like port = 9000",
        "logs.rate-limit.lines" => "say how many, like rate-limit = { lines = 1000, per = \"1s\" }",
        "logs.multiline.start" => "say what begins an entry, like start = '^[0-9]{4}-'",
        "debug.on.http.url" | "debug.off.http.url" => {
            "add where the program listens, like url = \"http://127.0.0.1:9000/loglevel\""
        }
        "debug.on" | "debug.off" => "give both `on` and `off`, like { signal = \"USR1\" }",
        _ => "add it",
    };
    SpecError::new(message, Some(hint.to_owned()), setting)
}

fn unknown_key(path: &Path, key: &str, valid: &[&str]) -> SpecError {
    let parent = Path(path.0.split_last().map_or(&[][..], |(_, parents)| parents).to_vec());
    let place = if parent.0.is_empty() {
        "at the top of a spec".to_owned()
    } else {
        format!("in {}", table(&parent))
    };
    let hint = match (nearest(key, valid.iter().copied()), elsewhere(key)) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, Some(setting)) => match setting.rsplit_once('.') {
            Some((section, key)) => format!("`{key}` belongs to [{section}]"),
            None => format!("`{setting}` belongs to the top of the spec, before the first [section]"),
        },
        (None, None) => format!("keys that can stand here: {}", valid.join(", ")),
    };
    SpecError::new(format!("unknown key `{key}` {place}"), Some(hint), path.to_string())
}

/// The setting of another table that has exactly this key, if there is only one.
fn elsewhere(key: &str) -> Option<&'static str> {
    let key = key.replace('_', "-");
    let mut same =
        SETTINGS.iter().copied().filter(|setting| setting.rsplit('.').next() == Some(key.as_str()));
    match (same.next(), same.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn wrong_type(setting: String, found: &str, expected: &str, node: Option<&Node<'_>>) -> SpecError {
    let wanted = match expected {
        "a string" | "path string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list in [ ]",
        "a map" => "a table",
        "u16" => "a whole number from 1 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number, 0 or more",
        "i64" | "i32" => "a whole number",
        "f64" => "a number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    // Values of the environment may be secrets, and errors are logged.
    let secret = setting.contains("env.");
    let text = match node.map(|node| node.get_ref()).filter(|_| !secret) {
        Some(DeValue::String(text)) => Some(text.to_string()),
        Some(DeValue::Integer(number)) => Some(number.to_string()),
        Some(DeValue::Float(number)) => Some(number.to_string()),
        Some(DeValue::Boolean(yes)) => Some(yes.to_string()),
        _ => None,
    };
    let is_text = found.starts_with("string ");
    let is_number = found.starts_with("integer ") || found.starts_with("floating point ");
    let shown = match (&text, found) {
        (Some(text), _) if is_text => format!("the text {text:?}"),
        (Some(text), _) if is_number => format!("the number {text}"),
        (Some(text), _) => text.clone(),
        _ if secret => "a value of another kind".to_owned(),
        (None, "map") => "a table".to_owned(),
        (None, "sequence") => "a list".to_owned(),
        (None, other) => other.to_owned(),
    };
    let hint = text.and_then(|text| match wanted {
        it if is_number && it.starts_with("a duration") => Some(format!("write \"{text}s\" for seconds")),
        it if is_number && it.starts_with("a size") => Some(format!("write \"{text}MiB\"")),
        "a text in quotes" if !is_text => Some(format!("write \"{text}\"")),
        "a list in [ ]" if is_text => Some(as_list(&setting, &text)),
        "true or false" if is_text && matches!(text.as_str(), "true" | "false") => {
            Some(format!("write {text} without quotes"))
        }
        it if is_text && it.contains("number") && text.parse::<f64>().is_ok() => {
            Some(format!("write {text} without quotes"))
        }
        _ => None,
    });
    SpecError::new(format!("`{setting}` must be {wanted}, not {shown}"), hint, setting)
}

/// A text as the list it was meant to be: a command is cut at its spaces.
fn as_list(setting: &str, text: &str) -> String {
    let is_command = setting.ends_with("command") || setting.ends_with("exec");
    match is_command && text.contains(' ') && !text.contains(['"', '\'']) {
        true => format!(
            "write {:?}: the program and each argument as a string of its own",
            text.split_whitespace().collect::<Vec<_>>()
        ),
        false => format!("write [{text:?}]"),
    }
}

/// A table as its header is written: `[stop]`, `[[health]]`, `start.ready`.
fn table(path: &Path) -> String {
    match path.0.as_slice() {
        [Segment::Key(section)] => format!("[{section}]"),
        [Segment::Key(section), Segment::Index(_)] => format!("[[{section}]]"),
        _ => format!("`{path}`"),
    }
}

fn either(words: &[&str], quote: char) -> String {
    words.iter().map(|word| format!("{quote}{word}{quote}")).collect::<Vec<_>>().join(", ")
}

/// What stands in the first pair of backticks.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('`')?.split_once('`').map(|(word, _)| word)
}

/// The word in backticks between a prefix and what follows it. The word itself may contain anything.
fn word_and_rest<'m>(message: &'m str, prefix: &str, then: &str) -> Option<(&'m str, &'m str)> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.rsplit_once(then)
}

/// All that stands in pairs of backticks.
fn all_quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

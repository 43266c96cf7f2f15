//! From text to a checked configuration. All that is wrong with its values is told at once; a text that is no TOML, or
//! has a key that does not exist, is told of its first mistake.

use std::ops::Range;

use abide_spec::{Errors, SpecError};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, checks};

/// Largest file that is read, in bytes. It is written by people; what is larger is some other file.
const MAX_BYTES: usize = 1 << 20;

/// Most sinks of one file: each has a thread.
const MAX_SINKS: usize = 64;

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// What is wrong, with line and column and what to do about it.
    pub fn parse(text: &str) -> Result<Self, Errors> {
        if text.len() > MAX_BYTES {
            let message = format!("the file has {} bytes; at most 1 MiB is read", text.len());
            return Err(Errors(vec![error(message, Some("is this the right file?".into()), "", text, None)]));
        }
        let config: Self = toml::from_str(text).map_err(|told| Errors(vec![explained(&told, text)]))?;
        let tree = DeTable::parse(text).ok();
        let mut errors: Vec<SpecError> = checks::issues(&config)
            .into_iter()
            .map(|issue| {
                let span = tree.as_ref().and_then(|tree| place(tree, issue.sink, issue.key));
                let path = match (issue.sink, issue.key) {
                    (Some(index), "") => format!("sink[{index}]"),
                    (Some(index), key) => format!("sink[{index}].{key}"),
                    (None, key) => key.to_owned(),
                };
                error(issue.message, issue.hint, &path, text, span)
            })
            .collect();
        if config.sinks.len() > MAX_SINKS {
            let message = format!("there are {} sinks; at most {MAX_SINKS} are run", config.sinks.len());
            errors.push(error(message, None, "sink", text, None));
        }
        if errors.is_empty() {
            return Ok(config);
        }
        errors.sort_by_key(|error| error.span.as_ref().map_or(0, |span| span.start));
        Err(Errors(errors))
    }

    /// [`Config::parse`] for bytes that may not be text at all.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Errors> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(told) => {
                let offset = told.valid_up_to();
                let line = bytes[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
                let message = format!("the file is not UTF-8: offset {offset} (line {line})");
                Err(Errors(vec![error(message, Some("save the file as UTF-8".into()), "", "", None)]))
            }
        }
    }
}

/// Where a key of a sink stands; the sink itself where the key is not there.
fn place(tree: &Spanned<DeTable<'_>>, sink: Option<usize>, key: &str) -> Option<Range<usize>> {
    let Some(index) = sink else { return tree.get_ref().get_key_value(key).map(|(key, _)| key.span()) };
    let DeValue::Array(sinks) = tree.get_ref().get("sink")?.get_ref() else { return None };
    let mut node = sinks.get(index)?;
    let mut span = node.span();
    for part in key.split('.').filter(|part| !part.is_empty()) {
        let found = match node.get_ref() {
            DeValue::Table(table) => table.get(part),
            DeValue::Array(array) => part.parse::<usize>().ok().and_then(|at| array.get(at)),
            _ => None,
        };
        let Some(found) = found else { break };
        node = found;
        span = node.span();
    }
    Some(span)
}

/// A reader's message in the words of people who write such files.
fn explained(told: &toml::de::Error, text: &str) -> SpecError {
    let message = told.message();
    let quoted =
        |rest: &str| -> Vec<String> { rest.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let words = quoted(rest);
        let (key, valid) = words.split_first().map_or(("", &[][..]), |(key, valid)| (key.as_str(), valid));
        let hint = abide_spec::nearest(key, valid.iter().map(String::as_str)).map_or_else(
            || format!("keys that can stand here: {}", valid.join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        return error(format!("unknown key `{key}`"), Some(hint), key, text, told.span());
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let words = quoted(rest);
        let (word, valid) = words.split_first().map_or(("", &[][..]), |(word, valid)| (word.as_str(), valid));
        let hint = abide_spec::nearest(word, valid.iter().map(String::as_str)).map_or_else(
            || format!("it can be {}", valid.join(", ")),
            |meant| format!("did you mean \"{meant}\"?"),
        );
        return error(format!("it cannot be \"{word}\""), Some(hint), "", text, told.span());
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let key = quoted(rest).into_iter().next().unwrap_or_default();
        let hint = match key.as_str() {
            "name" => "add name = \"collector\"; its queue and its status are kept under it".to_owned(),
            "kind" => "add kind = \"otlp\", or journald, syslog, eventlog, loki, clickhouse".to_owned(),
            _ => "add it".to_owned(),
        };
        return error(format!("a [[sink]] lacks `{key}`"), Some(hint), &key, text, told.span());
    }
    let hint = message
        .starts_with("string values must be quoted")
        .then(|| "put texts in quotes: \"like this\"".to_owned());
    error(message.to_owned(), hint, "", text, told.span())
}

fn error(
    message: String,
    hint: Option<String>,
    path: &str,
    text: &str,
    span: Option<Range<usize>>,
) -> SpecError {
    let printable = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(400).collect()
    };
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let span = span.map(|span| floor(span.start)..floor(span.end.max(span.start)));
    let (line, column) = span.as_ref().map_or((0, 0), |span| {
        let before = &text[..span.start];
        let begun = before.rfind('\n').map_or(0, |feed| feed + 1);
        (before.matches('\n').count() + 1, before[begun..].chars().count() + 1)
    });
    SpecError {
        message: printable(&message),
        hint: hint.map(|hint| printable(&hint)),
        path: printable(path),
        span,
        line,
        column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{From, Kind};

    fn first(text: &str) -> (String, usize, usize) {
        let errors = Config::parse(text).unwrap_err();
        let error = &errors.0[0];
        (error.to_string(), error.line, error.column)
    }

    const OTLP: &str = "[[sink]]\nname = \"c\"\nkind = \"otlp\"\nurl = \"http://127.0.0.1:4318\"\n";

    #[test]
    fn defaults_are_what_the_document_says() {
        let config = Config::parse(OTLP).unwrap();
        let sink = &config.sinks[0];
        assert_eq!((sink.kind, sink.from, sink.multiline, sink.events), (Kind::Otlp, From::Now, true, false));
        assert_eq!(sink.queue, abide_spec::Size::mib(1024));
        assert!(sink.wants("anything") && sink.takes(abide_logs::Stream::Stderr));
    }

    #[test]
    fn services_are_chosen_by_the_last_pattern_that_matches() {
        let config =
            Config::parse(&format!("{OTLP}services = [\"*\", \"!noisy-*\", \"noisy-1\"]\n")).unwrap();
        let wants = |name| config.sinks[0].wants(name);
        assert!(wants("web") && !wants("noisy-2") && wants("noisy-1"));
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_a_way_out() {
        for (text, line, column, words) in [
            ("[[sink]\n", 1, 8, ""),
            ("[[sink]]\nnmae = \"c\"\n", 2, 1, "did you mean `name`"),
            ("[[sink]]\nname = \"c\"\nkind = \"otpl\"\n", 3, 8, "did you mean \"otlp\""),
            ("[[sink]]\nname = \"c\"\n", 1, 1, "lacks `kind`"),
            ("[[sink]]\nname = \"a b\"\nkind = \"otlp\"\n", 2, 8, "' '"),
            ("[[sink]]\nname = \"c\"\nkind = \"otlp\"\n", 1, 1, "url"),
            (&format!("{OTLP}level = \"loud\"\n"), 5, 9, "loud"),
            (&format!("{OTLP}queue = \"1 elephant\"\n"), 5, 9, "elephant"),
            (&format!("{OTLP}facility = \"daemon\"\n"), 5, 12, "syslog"),
            (&format!("{OTLP}headers = {{ authorization = \"x\" }}\n"), 5, 11, "token-file"),
            (&format!("{OTLP}{OTLP}"), 6, 8, "twice"),
            (&OTLP.replace("http:", "ftp:"), 4, 7, "http://"),
        ] {
            let (told, at, from) = first(text);
            assert_eq!((at, from), (line, column), "{text}: {told}");
            assert!(told.contains(words), "{text}: {told}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_values_is_told_at_once() {
        let text =
            format!("{OTLP}facility = \"daemon\"\ndatabase = \"otel\"\n[sink.tls]\ncert = \"/c.pem\"\n");
        let errors = Config::parse(&text).unwrap_err();
        assert_eq!(errors.0.len(), 4, "{errors}");
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert!(Config::from_bytes(b"a = \xff").unwrap_err().to_string().contains("UTF-8"));
        assert!(Config::parse("").unwrap().sinks.is_empty());
    }
}

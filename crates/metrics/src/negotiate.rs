//! Which text a reader asks for by its `Accept`.
//!
//! What is asked for is answered with its own type and version, and with the escaping that was asked for: all names of
//! Abide are plain, so that each escaping leaves them as they are. Nothing is refused: whoever asks for something else, or
//! for nothing, gets the text format 0.0.4, as Prometheus has it.

use crate::encode::Format;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How the metrics are written.
    pub format: Format,
    /// The value of `Content-Type`.
    pub content_type: String,
}

/// What can be answered, by type and version as a reader may ask for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    OpenMetrics(&'static str),
    Plain(&'static str),
}

const FALLBACK: Offer = Offer::Plain("0.0.4");

/// Chooses by the values of `Accept`, which may be several, by commas or by lines.
#[must_use]
pub fn negotiate<'a>(accept: impl IntoIterator<Item = &'a str>) -> Answer {
    let mut best: Option<(u16, Offer, Option<&'static str>)> = None;
    for range in accept.into_iter().flat_map(|value| value.split(',')) {
        let Some((quality, offer, escaping)) = Range::parse(range).and_then(|range| range.offer()) else {
            continue;
        };
        // Of equals the first.
        if quality > 0 && best.is_none_or(|(before, ..)| quality > before) {
            best = Some((quality, offer, escaping));
        }
    }
    let (_, offer, escaping) = best.unwrap_or((0, FALLBACK, None));
    let (format, kind, version) = match offer {
        Offer::OpenMetrics(version) => (Format::OpenMetrics, "application/openmetrics-text", version),
        Offer::Plain(version) => (Format::Prometheus, "text/plain", version),
    };
    let escaping = escaping.map(|escaping| format!("; escaping={escaping}")).unwrap_or_default();
    Answer { format, content_type: format!("{kind}; version={version}; charset=utf-8{escaping}") }
}

/// One of the things that are asked for.
struct Range<'a> {
    kind: &'a str,
    /// In thousandths.
    quality: u16,
    version: Option<&'a str>,
    escaping: Option<&'a str>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self { kind: parts.next()?, quality: 1000, version: None, escaping: None };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                range.quality = quality(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value);
            } else if name.eq_ignore_ascii_case("escaping") {
                range.escaping = Some(value);
            }
        }
        Some(range)
    }

    /// What we have for it: its quality, what it is, and the escaping to be told.
    fn offer(&self) -> Option<(u16, Offer, Option<&'static str>)> {
        let is = |kind: &str| self.kind.eq_ignore_ascii_case(kind);
        let offer = if is("application/openmetrics-text") {
            match self.version {
                None | Some("1.0.0") => Offer::OpenMetrics("1.0.0"),
                // The same text, as those who read only this version need it.
                Some("0.0.1") => Offer::OpenMetrics("0.0.1"),
                Some(_) => return None,
            }
        } else if is("text/plain") {
            match self.version {
                None | Some("0.0.4") => FALLBACK,
                // The older format with names of any characters, which ours need not.
                Some("1.0.0") => Offer::Plain("1.0.0"),
                Some(_) => return None,
            }
        } else if is("text/*") || is("*/*") {
            FALLBACK
        } else {
            return None;
        };
        let has_escaping = matches!(offer, Offer::OpenMetrics("1.0.0") | Offer::Plain("1.0.0"));
        Some((self.quality, offer, self.escaping.filter(|_| has_escaping).and_then(escaping)))
    }
}

/// The known ways of escaping, as Prometheus writes them.
fn escaping(asked: &str) -> Option<&'static str> {
    match asked {
        // What its documentation says, and what it sends.
        "allow-utf-8" | "allow-utf8" => Some("allow-utf-8"),
        "underscores" => Some("underscores"),
        "dots" => Some("dots"),
        "values" => Some("values"),
        _ => None,
    }
}

/// A quality in thousandths; `None` where it is none.
fn quality(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{part:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(accept: &str) -> String {
        let answer = negotiate([accept]);
        let is_open = answer.content_type.starts_with("application/openmetrics-text");
        assert_eq!(is_open, answer.format == Format::OpenMetrics);
        answer.content_type
    }

    #[test]
    fn each_reader_gets_what_it_asks_for() {
        let old = "text/plain; version=0.0.4; charset=utf-8";
        let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        for (accept, wanted) in [
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            // Prometheus 2.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                open,
            ),
            (
                "application/openmetrics-text; version=1.0.0; escaping=allow-utf8",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            (
                "text/plain;version=1.0.0;escaping=underscores",
                "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
            ),
            ("text/plain;version=1.0.0;escaping=made-up", "text/plain; version=1.0.0; charset=utf-8"),
            (
                "application/openmetrics-text;version=0.0.1",
                "application/openmetrics-text; version=0.0.1; charset=utf-8",
            ),
            ("APPLICATION/OpenMetrics-Text", open),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.4", old),
            ("application/openmetrics-text;q=0, text/plain;q=0.001", old),
            ("application/openmetrics-text;q=0", old),
            ("application/openmetrics-text;version=2.0.0", old),
            // A browser, curl, somebody who wants something else, and nobody.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", old),
            ("*/*", old),
            ("application/json", old),
            ("", old),
        ] {
            assert_eq!(answer(accept), wanted, "{accept}");
        }
        assert_eq!(negotiate([]).content_type, old);
        assert_eq!(negotiate(["text/plain;q=0.1", "application/openmetrics-text"]).content_type, open);
    }

    #[test]
    fn qualities_are_told_from_nonsense() {
        for (text, wanted) in [
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("0.75", Some(750)),
            ("0.", Some(0)),
            ("0", Some(0)),
            ("1.1", None),
            ("2", None),
            ("-1", None),
            ("0.1234", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(quality(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_answered(accept in any::<String>()) {
            let answer = negotiate([accept.as_str()]);
            prop_assert!(answer.content_type.is_ascii() && !answer.content_type.contains(['\r', '\n']));
        }
    }
}

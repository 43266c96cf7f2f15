//! A snapshot as text: OpenMetrics 1.0.0, and the text format 0.0.4 of Prometheus.
//!
//! Both name every sample alike, so that a query does not depend on which of them was read.

use std::fmt::Write;

use crate::model::{Family, Histogram, Samples, Snapshot};

/// A text that metrics are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
}

/// The snapshot as text. Families without samples are left out.
#[must_use]
pub fn encode(snapshot: &Snapshot, format: Format) -> String {
    let mut text = String::with_capacity(snapshot.families.len() * 512);
    for family in snapshot.families.iter().filter(|family| !family.is_empty()) {
        head(&mut text, family, format);
        body(&mut text, family, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn head(text: &mut String, family: &Family, format: Format) {
    let (kind, old_kind, suffix) = match family.samples {
        Samples::Gauge(_) => ("gauge", "gauge", ""),
        Samples::Counter(_) => ("counter", "counter", "_total"),
        Samples::Histogram(_) => ("histogram", "histogram", ""),
        Samples::Info(_) => ("info", "gauge", "_info"),
        Samples::StateSet(_) => ("stateset", "gauge", ""),
    };
    // The older format describes samples by their own names.
    let (kind, suffix) = match format {
        Format::OpenMetrics => (kind, ""),
        Format::Prometheus => (old_kind, suffix),
    };
    let name = family.name;
    let mut line = |word: &str, told: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "# {word} {name}{suffix} {told}");
    };
    let mut help = String::new();
    escape(&mut help, family.help, format == Format::OpenMetrics);
    line("HELP", &help);
    line("TYPE", kind);
    if let (Some(unit), Format::OpenMetrics) = (family.unit, format) {
        line("UNIT", unit);
    }
}

type Borrowed<'a> = &'a [(&'static str, String)];

fn body(text: &mut String, family: &Family, format: Format) {
    let name = family.name;
    match &family.samples {
        Samples::Gauge(samples) => {
            for (labels, value) in samples {
                sample(text, (name, ""), labels, None, *value);
            }
        }
        Samples::Counter(samples) => {
            for (labels, count) in samples {
                sample(text, (name, "_total"), labels, None, count.total);
                // To the older format this would be a sample of another family.
                if let (Some(created), Format::OpenMetrics) = (count.created, format) {
                    sample(text, (name, "_created"), labels, None, created);
                }
            }
        }
        Samples::Histogram(samples) => {
            for (labels, histogram) in samples {
                buckets(text, name, labels, histogram);
            }
        }
        Samples::Info(samples) => {
            for labels in samples {
                sample(text, (name, "_info"), labels, None, 1.0);
            }
        }
        Samples::StateSet(samples) => {
            for (labels, states) in samples {
                for (state, holds) in states {
                    sample(text, (name, ""), labels, Some((name, state)), f64::from(u8::from(*holds)));
                }
            }
        }
    }
}

fn buckets(text: &mut String, name: &str, labels: Borrowed<'_>, histogram: &Histogram) {
    let mut so_far = 0;
    for (bound, count) in &histogram.buckets {
        so_far += count;
        sample(text, (name, "_bucket"), labels, Some(("le", &bound_text(*bound))), so_far as f64);
    }
    let count = histogram.count() as f64;
    sample(text, (name, "_bucket"), labels, Some(("le", "+Inf")), count);
    sample(text, (name, "_sum"), labels, None, histogram.sum);
    sample(text, (name, "_count"), labels, None, count);
}

/// A bound as both formats may have it: with a point or an exponent always, so that one bound is one label.
fn bound_text(bound: f64) -> String {
    let text = number(bound);
    if text.contains(['.', 'e', 'I', 'N']) { text } else { text + ".0" }
}

fn sample(
    text: &mut String,
    (name, suffix): (&str, &str),
    labels: Borrowed<'_>,
    last: Option<(&str, &str)>,
    value: f64,
) {
    text.push_str(name);
    text.push_str(suffix);
    let labels = labels.iter().map(|(name, value)| (*name, value.as_str())).chain(last);
    let mut between = '{';
    for (label, value) in labels {
        text.push(between);
        text.push_str(label);
        text.push_str("=\"");
        escape(text, value, true);
        text.push('"');
        between = ',';
    }
    if between == ',' {
        text.push('}');
    }
    text.push(' ');
    text.push_str(&number(value));
    text.push('\n');
}

/// A number as both formats have it. Very large and very small ones get an exponent, as nobody wants 300 digits.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    match value.abs() {
        0.0 | 1e-6..1e17 => value.to_string(),
        _ => format!("{value:e}"),
    }
}

/// Line ends and backslashes are escaped, and quotation marks where the text stands in such. Other control characters are
/// no text, and readers do not agree on them: each becomes U+FFFD.
fn escape(into: &mut String, text: &str, quotes: bool) {
    for character in text.chars() {
        match character {
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '"' if quotes => into.push_str("\\\""),
            '\u{2028}' | '\u{2029}' => into.push('\u{FFFD}'),
            other if other.is_control() => into.push('\u{FFFD}'),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests;

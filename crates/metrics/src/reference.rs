//! The page `docs/metrics.md`: every metric and every alert, made from what the crate tells.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::model::{Family, Labels, Samples};
use crate::{rules, services};

const HEAD: &str = "# Metrics

What Abide tells of services, to Prometheus and whatever reads as it does. The text is OpenMetrics 1.0.0 or the older text
format 0.0.4, as the reader asks for it; both name every sample alike. What is not known is left out: a sample that is missing
and a zero are two things. Times are seconds since 1970.

Beside this page, made from the same code: dashboards for Grafana in [`crates/metrics/dashboards`](../crates/metrics/dashboards)
(import them and choose the data source) and alerts for Prometheus in [`crates/metrics/rules`](../crates/metrics/rules).

";

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(HEAD);
    text.push_str("## Metrics\n\n| metric | kind | labels | what it tells |\n|---|---|---|---|\n");
    for family in services::snapshot(&services::example()).families {
        let (kind, suffix, labels) = told(&family);
        let labels: Vec<String> = labels.into_iter().map(|label| format!("`{label}`")).collect();
        let (name, help, labels) = (family.name, family.help, labels.join(", "));
        // Writing to a string does not fail.
        let _ = writeln!(text, "| `{name}{suffix}` | {kind} | {labels} | {help} |");
    }
    text.push_str("\nThe values of labels that stand for one of several:\n\n");
    let words: [(&str, Vec<&str>); 5] = [
        ("`state`", services::State::ALL.iter().map(|word| word.as_str()).collect()),
        ("`reason` of restarts", services::RestartReason::ALL.iter().map(|word| word.as_str()).collect()),
        ("`kind` of exits", services::ExitKind::ALL.iter().map(|word| word.as_str()).collect()),
        ("`reason` of dropped lines", services::DropReason::ALL.iter().map(|word| word.as_str()).collect()),
        ("`stream`", services::Stream::ALL.iter().map(|word| word.as_str()).collect()),
    ];
    for (label, words) in words {
        let _ = writeln!(text, "- {label}: {}", words.join(", "));
    }
    text.push_str("\n## Alerts\n\n| alert | severity | holds for | what is so |\n|---|---|---|---|\n");
    for alert in rules::all() {
        let summary = alert.summary.replace("{{ $labels.", "").replace(" }}", "");
        let _ = writeln!(text, "| `{}` | {} | {} | {summary} |", alert.name, alert.severity, alert.hold);
    }
    text
}

fn told(family: &Family) -> (&'static str, &'static str, BTreeSet<&'static str>) {
    fn names<'a>(all: impl IntoIterator<Item = &'a Labels>) -> BTreeSet<&'static str> {
        all.into_iter().flatten().map(|(name, _)| *name).collect()
    }
    match &family.samples {
        Samples::Gauge(samples) => ("gauge", "", names(samples.iter().map(|(labels, _)| labels))),
        Samples::Counter(samples) => ("counter", "_total", names(samples.iter().map(|(labels, _)| labels))),
        Samples::Histogram(samples) => ("histogram", "", names(samples.iter().map(|(labels, _)| labels))),
        Samples::Info(samples) => ("info", "_info", names(samples)),
        Samples::StateSet(samples) => ("state set", "", names(samples.iter().map(|(labels, _)| labels))),
    }
}

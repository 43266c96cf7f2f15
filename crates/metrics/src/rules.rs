//! Alerts as code: `rules/abide.yml` for Prometheus, and `rules/abide.test.yml`, with which `promtool test rules` tries
//! them. Both are made from here, and a test holds them to it.

mod alerts;

use std::fmt::Write;

/// A rule that alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// When it alerts, in PromQL.
    pub expression: &'static str,
    /// How long that must hold: `5m`.
    pub hold: &'static str,
    /// `critical`: somebody is to look now; `warning`: soon.
    pub severity: &'static str,
    /// What is so, with `{{ $labels.… }}` in it.
    pub summary: &'static str,
    /// What to do next.
    pub next: &'static str,
    cases: Vec<Case>,
}

/// What an alert is tried with: series that are read once a minute.
#[derive(Clone, Debug, PartialEq)]
struct Case {
    /// Each with its values, as promtool has them: `0x5 1x10`.
    series: Vec<(&'static str, &'static str)>,
    /// At which minute it is looked.
    at: u32,
    /// The labels of the alert that is there then; nothing where there must be none.
    fires: Option<Vec<(&'static str, &'static str)>>,
}

/// All alerts.
#[must_use]
pub fn all() -> Vec<Alert> {
    alerts::all()
}

/// A text in quotation marks, as YAML has it too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The rule file.
#[must_use]
pub fn rules_file() -> String {
    let mut text = String::from(
        "# Made from crates/metrics of Abide: UPDATE=1 cargo test -p abide-metrics --test generated\ngroups:\n  - name: abide\n    rules:\n",
    );
    for alert in all() {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          severity: {}\n        annotations:\n          summary: {}\n          description: {}\n",
            alert.name,
            quoted(alert.expression),
            alert.hold,
            alert.severity,
            quoted(alert.summary),
            quoted(alert.next),
        );
    }
    text
}

/// What `promtool test rules` reads.
#[must_use]
pub fn tests_file() -> String {
    let mut text = String::from(
        "# Made from crates/metrics of Abide: UPDATE=1 cargo test -p abide-metrics --test generated\nrule_files:\n  - abide.yml\nevaluation_interval: 1m\ntests:\n",
    );
    for alert in all() {
        for case in &alert.cases {
            text.push_str("  - interval: 1m\n    input_series:\n");
            for (series, values) in &case.series {
                let _ =
                    writeln!(text, "      - series: {}\n        values: {}", quoted(series), quoted(values));
            }
            let _ = write!(
                text,
                "    alert_rule_test:\n      - eval_time: {}m\n        alertname: {}\n        exp_alerts:",
                case.at, alert.name
            );
            match &case.fires {
                Some(labels) => expected(&mut text, &alert, labels),
                None => text.push_str(" []\n"),
            }
        }
    }
    text
}

fn expected(text: &mut String, alert: &Alert, labels: &[(&str, &str)]) {
    let _ = write!(text, "\n          - exp_labels:\n              severity: {}\n", alert.severity);
    for (name, value) in labels {
        let _ = writeln!(text, "              {name}: {}", quoted(value));
    }
    let filled = |template: &str| {
        labels.iter().fold(template.to_owned(), |told, (name, value)| {
            told.replace(&format!("{{{{ $labels.{name} }}}}"), value)
        })
    };
    let _ = write!(
        text,
        "            exp_annotations:\n              summary: {}\n              description: {}\n",
        quoted(&filled(alert.summary)),
        quoted(&filled(alert.next)),
    );
}

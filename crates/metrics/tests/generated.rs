//! What is generated from the code is current, and its queries are right: each is PromQL, and names only what Abide tells.
//! `UPDATE=1 cargo test -p abide-metrics --test generated` renews the files.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::path::Path;

use abide_metrics::{dashboards, reference, rules, services};
use promql_parser::parser::{self, Expr};
use promql_parser::util::{ExprVisitor, walk_expr};

fn assert_current(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        found == wanted,
        "{file} is out of date; run UPDATE=1 cargo test -p abide-metrics --test generated"
    );
}

#[test]
fn dashboards_are_current() {
    for dashboard in dashboards::all() {
        let json = serde_json::to_string_pretty(&dashboard.json()).unwrap() + "\n";
        assert_current(&format!("dashboards/{}.json", dashboard.name), &json);
    }
}

#[test]
fn rules_are_current() {
    assert_current("rules/abide.yml", &rules::rules_file());
    assert_current("rules/abide.test.yml", &rules::tests_file());
}

#[test]
fn reference_is_current() {
    assert_current("../../docs/metrics.md", &reference::markdown());
}

struct Names(BTreeSet<String>);

impl ExprVisitor for Names {
    type Error = ();

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, ()> {
        let selector = match expression {
            Expr::VectorSelector(selector) => Some(selector),
            Expr::MatrixSelector(selector) => Some(&selector.vs),
            _ => None,
        };
        if let Some(selector) = selector {
            self.0.insert(selector.name.clone().unwrap_or_else(|| panic!("{expression} names no metric")));
        }
        Ok(true)
    }
}

/// The metrics that a query names, with Grafana's own words filled in.
fn names(query: &str) -> BTreeSet<String> {
    let query = query.replace("$__rate_interval", "5m");
    let expression = parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut names = Names(BTreeSet::new());
    walk_expr(&mut names, &expression).unwrap();
    names.0
}

#[test]
fn queries_name_only_what_there_is_and_dashboards_show_nearly_all_of_it() {
    let known: BTreeSet<String> = services::sample_names().into_iter().collect();
    let mut shown = BTreeSet::new();
    for dashboard in dashboards::all() {
        for query in dashboard.queries().into_iter().chain(dashboard.variable_series()) {
            let names = names(query);
            assert!(!names.is_empty(), "{query}");
            let strangers: Vec<_> = names.difference(&known).collect();
            assert!(strangers.is_empty(), "{}: {strangers:?} of {query}", dashboard.name);
            shown.extend(names);
        }
    }
    for alert in rules::all() {
        let mut names = names(alert.expression);
        // Prometheus' own.
        names.remove("up");
        let strangers: Vec<_> = names.difference(&known).collect();
        assert!(strangers.is_empty(), "{}: {strangers:?}", alert.name);
    }
    for name in [
        "abide_service_state",
        "abide_service_cpu_seconds_total",
        "abide_healthcheck_up",
        "abide_log_lines_total",
    ] {
        assert!(shown.contains(name), "no dashboard shows {name}");
    }
}

#[test]
fn panels_lie_beside_each_other() {
    for dashboard in dashboards::all() {
        let json = dashboard.json();
        let panels = json["panels"].as_array().unwrap();
        let place =
            |panel: &serde_json::Value| ["x", "y", "w", "h"].map(|at| panel["gridPos"][at].as_u64().unwrap());
        for (at, one) in panels.iter().enumerate() {
            let [x, y, width, height] = place(one);
            assert!(x + width <= 24);
            for other in &panels[at + 1..] {
                let [other_x, other_y, other_width, other_height] = place(other);
                let apart = x + width <= other_x
                    || other_x + other_width <= x
                    || y + height <= other_y
                    || other_y + other_height <= y;
                assert!(apart, "{} and {}", one["title"], other["title"]);
            }
        }
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len());
    }
}

//! What is written is read back by a parser of its own, and is what the formats' specifications have.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Count, Labels, owned};

/// A sample as it was read: its name, its labels and its value.
type Read = (String, BTreeMap<String, String>, f64);

/// Reads a line of samples strictly.
fn read_sample(line: &str) -> Option<Read> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !is_name(name) {
        return None;
    }
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, tail) = rest.split_once("=\"")?;
            if !is_name(label) {
                return None;
            }
            let mut value = String::new();
            let mut characters = tail.char_indices();
            let end = loop {
                match characters.next()? {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match characters.next()?.1 {
                        'n' => '\n',
                        same @ ('\\' | '"') => same,
                        _ => return None,
                    }),
                    (_, other) => value.push(other),
                }
            };
            if labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            rest = &tail[end + 1..];
            if let Some(tail) = rest.strip_prefix('}') {
                rest = tail;
                break;
            }
            rest = rest.strip_prefix(',')?;
        }
    }
    let value = rest.strip_prefix(' ')?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        value => value.parse().ok()?,
    };
    Some((name.to_owned(), labels, value))
}

fn read(text: &str) -> Vec<Read> {
    let lines = text.split_terminator('\n').filter(|line| !line.starts_with('#'));
    lines.map(|line| read_sample(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

/// What becomes of a value that holds what cannot be told.
fn told(value: &str) -> String {
    value
        .chars()
        .map(
            |c| {
                if c != '\n' && (c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
                    '\u{FFFD}'
                } else {
                    c
                }
            },
        )
        .collect()
}

fn one_of_each() -> Snapshot {
    let mut up = Family::gauge("abide_up", "Whether \"it\" is up,\nor \\ not.");
    up.push([("service", "a\"b\\c\nd")], 1.0);
    let mut cpu = Family::counter("abide_cpu_seconds", "Processor time.").unit("seconds");
    cpu.push([], 1.5);
    if let Samples::Counter(samples) = &mut cpu.samples {
        samples.push((owned([("mode", "user")]), Count { total: 3.0, created: Some(1e9) }));
    }
    let mut latency = Family::histogram("abide_latency_seconds", "How long.").unit("seconds");
    let mut histogram = Histogram::new(&[0.005, 1.0]);
    histogram.observe(0.001);
    histogram.observe(7.0);
    latency.samples = Samples::Histogram(vec![(owned([("check", "tcp")]), histogram)]);
    let mut build = Family::info("abide_build", "The build.");
    build.samples = Samples::Info(vec![owned([("version", "1")])]);
    let mut mode = Family::state_set("abide_mode", "The mode.");
    mode.samples = Samples::StateSet(vec![(Vec::new(), vec![("calm", true), ("busy", false)])]);
    let nothing = Family::gauge("abide_nothing", "Nothing.");
    Snapshot { families: vec![up, cpu, latency, build, mode, nothing] }
}

#[test]
fn openmetrics_is_as_specified() {
    let wanted = r#"# HELP abide_up Whether \"it\" is up,\nor \\ not.
# TYPE abide_up gauge
abide_up{service="a\"b\\c\nd"} 1
# HELP abide_cpu_seconds Processor time.
# TYPE abide_cpu_seconds counter
# UNIT abide_cpu_seconds seconds
abide_cpu_seconds_total 1.5
abide_cpu_seconds_total{mode="user"} 3
abide_cpu_seconds_created{mode="user"} 1000000000
# HELP abide_latency_seconds How long.
# TYPE abide_latency_seconds histogram
# UNIT abide_latency_seconds seconds
abide_latency_seconds_bucket{check="tcp",le="0.005"} 1
abide_latency_seconds_bucket{check="tcp",le="1.0"} 1
abide_latency_seconds_bucket{check="tcp",le="+Inf"} 2
abide_latency_seconds_sum{check="tcp"} 7.001
abide_latency_seconds_count{check="tcp"} 2
# HELP abide_build The build.
# TYPE abide_build info
abide_build_info{version="1"} 1
# HELP abide_mode The mode.
# TYPE abide_mode stateset
abide_mode{abide_mode="calm"} 1
abide_mode{abide_mode="busy"} 0
# EOF
"#;
    assert_eq!(encode(&one_of_each(), Format::OpenMetrics), wanted);
}

#[test]
fn the_older_format_names_every_sample_alike() {
    let text = encode(&one_of_each(), Format::Prometheus);
    for line in [
        "# HELP abide_up Whether \"it\" is up,\\nor \\\\ not.",
        "# TYPE abide_cpu_seconds_total counter",
        "# TYPE abide_build_info gauge",
        "# TYPE abide_mode gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(!text.contains("# UNIT") && !text.contains("# EOF"));
    let mut openmetrics = read(&encode(&one_of_each(), Format::OpenMetrics));
    openmetrics.retain(|(name, ..)| !name.ends_with("_created"));
    assert_eq!(read(&text), openmetrics);
}

#[test]
fn nothing_is_still_a_text() {
    assert_eq!(encode(&Snapshot::default(), Format::OpenMetrics), "# EOF\n");
    assert_eq!(encode(&Snapshot::default(), Format::Prometheus), "");
}

const NAMES: [&str; 3] = ["first", "second", "third"];

fn labels() -> impl Strategy<Value = Labels> {
    let values = prop_oneof![any::<String>(), r#"[a"\\\n\r\t\x00{},= #]{0,12}"#];
    prop::collection::vec(values, 0..4).prop_map(|values| NAMES.into_iter().zip(values).collect())
}

fn is_same(one: f64, other: f64) -> bool {
    one == other || (one.is_nan() && other.is_nan())
}

proptest! {
    #[test]
    fn what_is_written_reads_back(samples in prop::collection::vec((labels(), any::<f64>()), 1..8)) {
        let mut family = Family::gauge("abide_any", "Anything.");
        family.samples = Samples::Gauge(samples.clone());
        let snapshot = Snapshot { families: vec![family] };
        for format in [Format::OpenMetrics, Format::Prometheus] {
            let text = encode(&snapshot, format);
            // As many lines as there are samples, for whoever counts lines in whatever way.
            prop_assert_eq!(text.lines().count(), samples.len() + if format == Format::OpenMetrics { 3 } else { 2 });
            let found = read(&text);
            prop_assert_eq!(found.len(), samples.len());
            for ((name, found, value), (labels, wanted)) in found.into_iter().zip(&samples) {
                prop_assert_eq!(name, "abide_any");
                let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), told(value)));
                prop_assert_eq!(found, labels.collect::<BTreeMap<_, _>>());
                prop_assert!(is_same(value, *wanted), "{} is not {}", value, wanted);
            }
        }
    }

    #[test]
    fn help_is_one_line(help in any::<String>()) {
        let help: &'static str = Box::leak(help.into_boxed_str());
        let mut family = Family::gauge("abide_any", help);
        family.push([], 0.0);
        let snapshot = Snapshot { families: vec![family] };
        for format in [Format::OpenMetrics, Format::Prometheus] {
            let text = encode(&snapshot, format);
            let line = text.lines().next().unwrap_or_default();
            let written = line.strip_prefix("# HELP abide_any ").unwrap();
            let mut found = String::new();
            let mut characters = written.chars();
            while let Some(character) = characters.next() {
                found.push(match character {
                    '\\' => match characters.next().unwrap() {
                        'n' => '\n',
                        same => same,
                    },
                    other => other,
                });
            }
            prop_assert_eq!(found, told(help));
        }
    }

    #[test]
    fn buckets_rise_to_the_count(values in prop::collection::vec(-1.0_f64..20.0, 0..50)) {
        let mut histogram = Histogram::new(&[0.1, 1.0, 10.0]);
        values.iter().for_each(|value| histogram.observe(*value));
        let mut family = Family::histogram("abide_any", "Anything.");
        family.samples = Samples::Histogram(vec![(Vec::new(), histogram)]);
        let found = read(&encode(&Snapshot { families: vec![family] }, Format::OpenMetrics));
        let counts: Vec<f64> = found.iter().filter(|(name, ..)| name.ends_with("_bucket")).map(|(.., value)| *value).collect();
        prop_assert!(counts.is_sorted());
        prop_assert_eq!(counts.last().copied(), Some(values.len() as f64));
        for (bound, count) in [0.1, 1.0, 10.0].into_iter().zip(counts) {
            prop_assert_eq!(values.iter().filter(|value| **value <= bound).count() as f64, count);
        }
    }
}

use super::*;
use crate::encode::{Format, encode};
use crate::model::Samples;

fn text(readings: &Readings) -> String {
    encode(&snapshot(readings), Format::OpenMetrics)
}

#[test]
fn one_state_holds_at_a_time() {
    let text = text(&example());
    for service in ["orders", "payments", "worker"] {
        let of = format!("abide_service_state{{service=\"{service}\",");
        let states: Vec<&str> = text.lines().filter(|line| line.starts_with(&of)).collect();
        assert_eq!(states.len(), State::ALL.len());
        assert_eq!(states.iter().filter(|line| line.ends_with(" 1")).count(), 1);
    }
    assert!(text.contains("abide_service_state{service=\"orders\",state=\"running\"} 1\n"));
    assert!(text.contains("abide_service_last_exit_code{service=\"payments\"} 137\n"));
    assert!(text.contains("abide_service_cpu_seconds_total{service=\"orders\",mode=\"user\"} 81.25\n"));
    assert!(text.contains("abide_log_lines_total{service=\"orders\",stream=\"stderr\",level=\"none\"} 4\n"));
}

#[test]
fn what_is_not_known_is_left_out() {
    let services = vec![ServiceReading::new("quiet", State::Stopped)];
    let text = text(&Readings { services, ..Readings::default() });
    let names: std::collections::BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let wanted = ["abide_agent_services", "abide_build_info", "abide_service_info", "abide_service_state"];
    assert!(names.into_iter().eq(wanted), "{text}");
}

#[test]
fn names_and_units_are_as_they_are_to_be() {
    let snapshot = snapshot(&example());
    let mut seen = std::collections::HashSet::new();
    for family in &snapshot.families {
        let name = family.name;
        assert!(seen.insert(name), "{name} is told twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert!(name.starts_with("abide_") || name.starts_with("process_"), "{name}");
        assert!(family.help.ends_with('.') && family.help.len() > 10, "{name}: {}", family.help);
        for suffix in ["_total", "_info", "_bucket", "_count", "_sum", "_created"] {
            assert!(!name.ends_with(suffix), "{name}");
        }
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        assert_eq!(family.unit, unit, "{name}");
        assert!(!family.is_empty(), "the example tells nothing of {name}");
        assert!(!matches!(family.samples, Samples::StateSet(_)), "{name}: not alike in both formats");
    }
}

#[test]
fn what_has_not_happened_yet_is_counted_as_nothing() {
    let text = text(&example());
    let count = |reason: &str, count: u64| {
        let line =
            format!("abide_service_restarts_total{{service=\"payments\",reason=\"{reason}\"}} {count}\n");
        assert!(text.contains(&line), "{line} in {text}");
    };
    count("unhealthy", 5);
    count("exited", 0);
    assert!(!text.contains("abide_service_restarts_total{service=\"worker\""), "nothing is known of it");
}

#[test]
fn words_and_what_they_stand_for() {
    for state in State::ALL {
        assert_eq!(State::from_word(state.as_str()), Some(*state));
    }
    assert_eq!(State::from_word("elsewhere"), None);
}

//! The alerts themselves, each with what it is tried with.

use super::{Alert, Case};

const ORDERS: &[(&str, &str)] = &[("job", "abide"), ("instance", "h1"), ("service", "orders")];

fn fires(at: u32, series: &[(&'static str, &'static str)], labels: &[(&'static str, &'static str)]) -> Case {
    Case { series: series.to_vec(), at, fires: Some(labels.to_vec()) }
}

fn silent(at: u32, series: &[(&'static str, &'static str)]) -> Case {
    Case { series: series.to_vec(), at, fires: None }
}

pub(super) fn all() -> Vec<Alert> {
    let mut all = of_life();
    all.extend(of_usage());
    all.extend(of_logs());
    all.push(agent_gone());
    all
}

fn of_life() -> Vec<Alert> {
    const EXITED: &str =
        r#"abide_service_restarts_total{job="abide",instance="h1",service="orders",reason="exited"}"#;
    const ASKED: &str =
        r#"abide_service_restarts_total{job="abide",instance="h1",service="orders",reason="asked"}"#;
    const FAILED: &str = r#"abide_service_state{job="abide",instance="h1",service="orders",state="failed"}"#;
    const RUNNING: &str =
        r#"abide_service_state{job="abide",instance="h1",service="orders",state="running"}"#;
    const STOPPED: &str =
        r#"abide_service_state{job="abide",instance="h1",service="orders",state="stopped"}"#;
    const STARTING: &str =
        r#"abide_service_state{job="abide",instance="h1",service="orders",state="starting"}"#;
    const HEALTHY: &str = r#"abide_service_healthy{job="abide",instance="h1",service="orders"}"#;
    const READY: &str = r#"abide_service_ready{job="abide",instance="h1",service="orders"}"#;
    vec![
        Alert {
            name: "AbideServiceCrashLooping",
            expression: r#"sum by (job, instance, service) (increase(abide_service_restarts_total{reason!="asked"}[10m])) > 3"#,
            hold: "0m",
            severity: "warning",
            summary: "{{ $labels.service }} on {{ $labels.instance }} was restarted more than three times in ten minutes",
            next: "`abide events {{ $labels.service }}` tells why each time, `abide logs {{ $labels.service }}` what it said",
            cases: vec![
                fires(12, &[(EXITED, "0+1x20")], ORDERS),
                silent(12, &[(EXITED, "0x8 1x10")]),
                silent(12, &[(ASKED, "0+1x20")]),
            ],
        },
        Alert {
            name: "AbideServiceFailed",
            expression: r#"max by (job, instance, service) (abide_service_state{state="failed"}) == 1"#,
            hold: "1m",
            severity: "critical",
            summary: "{{ $labels.service }} on {{ $labels.instance }} failed and is not started again",
            next: "`abide status {{ $labels.service }}` tells why; `abide start {{ $labels.service }}` tries once more",
            cases: vec![fires(8, &[(FAILED, "0x5 1x10")], ORDERS), silent(8, &[(FAILED, "0x3 1 0x10")])],
        },
        Alert {
            name: "AbideServiceUnhealthy",
            expression: r#"max by (job, instance, service) (abide_service_healthy) == 0 and on (job, instance, service) max by (job, instance, service) (abide_service_state{state=~"running|starting"}) == 1"#,
            hold: "2m",
            severity: "warning",
            summary: "{{ $labels.service }} on {{ $labels.instance }} is unhealthy",
            next: "`abide status {{ $labels.service }}` tells which health check fails and what it saw",
            cases: vec![
                fires(9, &[(HEALTHY, "1x5 0x10"), (RUNNING, "1x20")], ORDERS),
                silent(9, &[(HEALTHY, "1x5 0 1x10"), (RUNNING, "1x20")]),
                silent(9, &[(HEALTHY, "0x20"), (RUNNING, "0x20"), (STOPPED, "1x20")]),
            ],
        },
        Alert {
            name: "AbideServiceNotReady",
            expression: r#"max by (job, instance, service) (abide_service_ready) == 0 and on (job, instance, service) max by (job, instance, service) (abide_service_state{state=~"running|starting|backing-off"}) == 1"#,
            hold: "15m",
            severity: "warning",
            summary: "{{ $labels.service }} on {{ $labels.instance }} is to run and has not been ready for a quarter of an hour",
            next: "`abide events {{ $labels.service }}` tells what its start waits for",
            cases: vec![
                fires(18, &[(READY, "0x30"), (STARTING, "1x30")], ORDERS),
                silent(18, &[(READY, "0x10 1 0x20"), (STARTING, "1x30")]),
                silent(18, &[(READY, "0x30"), (STARTING, "0x30"), (STOPPED, "1x30")]),
            ],
        },
    ]
}

fn of_usage() -> Vec<Alert> {
    const SET: &str =
        r#"abide_service_memory_bytes{job="abide",instance="h1",service="orders",type="working_set"}"#;
    const LIMIT: &str = r#"abide_service_memory_limit_bytes{job="abide",instance="h1",service="orders"}"#;
    const KILLS: &str = r#"abide_service_oom_kills_total{job="abide",instance="h1",service="orders"}"#;
    const FILES: &str = r#"abide_service_open_fds_ratio{job="abide",instance="h1",service="orders"}"#;
    vec![
        Alert {
            name: "AbideServiceMemoryNearLimit",
            expression: r#"max by (job, instance, service) (abide_service_memory_bytes{type="working_set"}) / on (job, instance, service) max by (job, instance, service) (abide_service_memory_limit_bytes) > 0.9"#,
            hold: "5m",
            severity: "warning",
            summary: "{{ $labels.service }} on {{ $labels.instance }} uses more than nine tenths of the memory it may have",
            next: "raise `limits.memory` of its spec, or find what it keeps: past the limit the kernel kills it",
            cases: vec![
                fires(7, &[(SET, "950x20"), (LIMIT, "1000x20")], ORDERS),
                silent(7, &[(SET, "850x20"), (LIMIT, "1000x20")]),
                silent(7, &[(SET, "950x20")]),
            ],
        },
        Alert {
            name: "AbideServiceOutOfMemory",
            expression: r#"max by (job, instance, service) (increase(abide_service_oom_kills_total[15m])) > 0"#,
            hold: "0m",
            severity: "warning",
            summary: "the kernel killed a process of {{ $labels.service }} on {{ $labels.instance }} for want of memory",
            next: "raise `limits.memory` of its spec, or find what it keeps",
            cases: vec![fires(10, &[(KILLS, "0x8 1x10")], ORDERS), silent(10, &[(KILLS, "1x20")])],
        },
        Alert {
            name: "AbideServiceOpenFilesNearLimit",
            expression: r#"max by (job, instance, service) (abide_service_open_fds_ratio) > 0.9"#,
            hold: "5m",
            severity: "warning",
            summary: "a process of {{ $labels.service }} on {{ $labels.instance }} has opened nine tenths of the files it may",
            next: "raise `limits.open-files` of its spec, or find what it does not close",
            cases: vec![fires(7, &[(FILES, "0.95x20")], ORDERS), silent(7, &[(FILES, "0.5x20")])],
        },
    ]
}

fn of_logs() -> Vec<Alert> {
    const LOST: &str =
        r#"abide_log_dropped_lines_total{job="abide",instance="h1",service="orders",reason="lost"}"#;
    const FILTERED: &str =
        r#"abide_log_dropped_lines_total{job="abide",instance="h1",service="orders",reason="filtered"}"#;
    const AGE: &str = r#"abide_export_queue_oldest_age_seconds{job="abide",instance="h1",sink="otlp"}"#;
    vec![
        Alert {
            name: "AbideLogLinesLost",
            expression: r#"sum by (job, instance, service) (increase(abide_log_dropped_lines_total{reason="lost"}[15m])) > 0"#,
            hold: "0m",
            severity: "warning",
            summary: "lines of {{ $labels.service }} on {{ $labels.instance }} were lost: the disk does not keep up",
            next: "`abide status {{ $labels.service }}` tells what hinders; a full disk does, too",
            cases: vec![
                fires(10, &[(LOST, "0x8 5x10")], ORDERS),
                silent(10, &[(LOST, "5x20"), (FILTERED, "0+9x20")]),
            ],
        },
        Alert {
            name: "AbideExportStalled",
            expression: r#"max by (job, instance, sink) (abide_export_queue_oldest_age_seconds) > 600"#,
            hold: "5m",
            severity: "warning",
            summary: "{{ $labels.instance }} cannot send logs to {{ $labels.sink }}: the oldest have waited for ten minutes",
            next: "`abide forward status` tells what the sink answers, `abide forward test` tries it",
            cases: vec![
                fires(7, &[(AGE, "900x20")], &[("job", "abide"), ("instance", "h1"), ("sink", "otlp")]),
                silent(7, &[(AGE, "30x20")]),
            ],
        },
    ]
}

fn agent_gone() -> Alert {
    const UP: &str = r#"up{job="abide",instance="h1"}"#;
    const BUILD: &str = r#"abide_build_info{job="abide",instance="h1",version="0.1.0"}"#;
    Alert {
        name: "AbideAgentGone",
        expression: r#"up == 0 and on (job, instance) count_over_time(abide_build_info[1d]) > 0"#,
        hold: "5m",
        severity: "critical",
        summary: "the agent on {{ $labels.instance }} does not answer any more",
        next: "its services go on without it; look whether the host is up, then at `abide status abide-agent` there",
        cases: vec![
            fires(20, &[(UP, "1x10 0x20"), (BUILD, "1x10")], &[("job", "abide"), ("instance", "h1")]),
            silent(14, &[(UP, "1x10 0x20"), (BUILD, "1x10")]),
            // What never was an agent of Abide.
            silent(20, &[(UP, "1x10 0x20")]),
        ],
    }
}

//! One service, on all hosts that have it.

use super::{Dashboard, Look, Panel, Row, Variable};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "abide-service",
        title: "Abide / Service",
        variables: vec![
            Variable {
                name: "service",
                label: "Service",
                series: "abide_service_info",
                values_of: "service",
                several: false,
            },
            Variable {
                name: "host",
                label: "Host",
                series: r#"abide_service_info{service="$service"}"#,
                values_of: "instance",
                several: true,
            },
        ],
        rows: vec![now(), life(), usage(), health(), logs()],
    }
}

fn now() -> Row {
    Row {
        title: "$service",
        width: 4,
        height: 4,
        panels: vec![
            Panel::new("Running", Look::Stat, "none").query(
                r#"sum(abide_service_state{service="$service", instance=~"$host", state="running"})"#,
                "",
            ),
            Panel::new("Not running", Look::Stat, "none")
                .query(
                    r#"count(abide_service_state{service="$service", instance=~"$host", state="running"} == 0) or vector(0)"#,
                    "",
                )
                .red_from(1),
            Panel::new("Ready", Look::Stat, "none")
                .query(r#"sum(abide_service_ready{service="$service", instance=~"$host"})"#, ""),
            Panel::new("Unhealthy", Look::Stat, "none")
                .query(
                    r#"count(abide_service_healthy{service="$service", instance=~"$host"} == 0) or vector(0)"#,
                    "",
                )
                .red_from(1),
            Panel::new("Up, the one that is newest", Look::Stat, "s").query(
                r#"time() - max(abide_service_start_time_seconds{service="$service", instance=~"$host"})"#,
                "",
            ),
            Panel::new("Versions", Look::Stat, "none").query(
                r#"count by (version) (abide_service_info{service="$service", instance=~"$host"})"#,
                "{{version}}",
            ),
        ],
    }
}

fn life() -> Row {
    Row {
        title: "Life",
        width: 8,
        height: 8,
        panels: vec![
            Panel::new("States", Look::Lines, "none").query(
                r#"sum by (state) (abide_service_state{service="$service", instance=~"$host"}) > 0"#,
                "{{state}}",
            ),
            Panel::new("Restarts", Look::Lines, "short").query(
                r#"sum by (instance, reason) (increase(abide_service_restarts_total{service="$service", instance=~"$host"}[$__rate_interval]))"#,
                "{{instance}}: {{reason}}",
            ),
            Panel::new("Ends", Look::Lines, "short").query(
                r#"sum by (instance, kind) (increase(abide_service_exits_total{service="$service", instance=~"$host"}[$__rate_interval]))"#,
                "{{instance}}: {{kind}}",
            ),
            Panel::new("How it ended last", Look::Table, "none").query(
                r#"max by (instance) (abide_service_last_exit_code{service="$service", instance=~"$host"})"#,
                "",
            ),
            Panel::new("In its state for", Look::Lines, "s").query(
                r#"time() - abide_service_state_timestamp_seconds{service="$service", instance=~"$host"}"#,
                "{{instance}}",
            ),
            Panel::new("Killed for want of memory", Look::Lines, "short").query(
                r#"increase(abide_service_oom_kills_total{service="$service", instance=~"$host"}[$__rate_interval])"#,
                "{{instance}}",
            ),
        ],
    }
}

fn usage() -> Row {
    Row {
        title: "What it uses",
        width: 8,
        height: 8,
        panels: vec![
            Panel::new("Processor time", Look::Lines, "percentunit").query(
                r#"sum by (instance, mode) (rate(abide_service_cpu_seconds_total{service="$service", instance=~"$host"}[$__rate_interval]))"#,
                "{{instance}} {{mode}}",
            ),
            Panel::new("Memory", Look::Lines, "bytes")
                .query(
                    r#"abide_service_memory_bytes{service="$service", instance=~"$host"}"#,
                    "{{instance}} {{type}}",
                )
                .query(
                    r#"abide_service_memory_limit_bytes{service="$service", instance=~"$host"}"#,
                    "{{instance}} limit",
                ),
            Panel::new("Storage", Look::Lines, "Bps").query(
                r#"rate(abide_service_io_bytes_total{service="$service", instance=~"$host"}[$__rate_interval])"#,
                "{{instance}} {{direction}}",
            ),
            Panel::new("Processes and threads", Look::Lines, "short")
                .query(r#"abide_service_processes{service="$service", instance=~"$host"}"#, "{{instance}} processes")
                .query(r#"abide_service_threads{service="$service", instance=~"$host"}"#, "{{instance}} threads"),
            Panel::new("Open files", Look::Lines, "short")
                .query(r#"abide_service_open_fds{service="$service", instance=~"$host"}"#, "{{instance}}")
                .query(r#"abide_service_max_fds{service="$service", instance=~"$host"}"#, "{{instance}} limit"),
        ],
    }
}

fn health() -> Row {
    Row {
        title: "Health checks",
        width: 8,
        height: 8,
        panels: vec![
            Panel::new("Passing", Look::Lines, "none").query(
                r#"min by (instance, check) (abide_healthcheck_up{service="$service", instance=~"$host"})"#,
                "{{instance}} {{check}}",
            ),
            Panel::new("Failed answers", Look::Lines, "cps").query(
                r#"sum by (instance, check) (rate(abide_healthcheck_results_total{service="$service", instance=~"$host", result="failed"}[$__rate_interval]))"#,
                "{{instance}} {{check}}",
            ),
            Panel::new("How long the slowest twentieth takes", Look::Lines, "s").query(
                r#"histogram_quantile(0.95, sum by (instance, check, le) (rate(abide_healthcheck_duration_seconds_bucket{service="$service", instance=~"$host"}[$__rate_interval])))"#,
                "{{instance}} {{check}}",
            ),
        ],
    }
}

fn logs() -> Row {
    Row {
        title: "Logs",
        width: 8,
        height: 8,
        panels: vec![
            Panel::new("Lines by level", Look::Lines, "cps").query(
                r#"sum by (level) (rate(abide_log_lines_total{service="$service", instance=~"$host"}[$__rate_interval]))"#,
                "{{level}}",
            ),
            Panel::new("Bytes by stream", Look::Lines, "Bps").query(
                r#"sum by (instance, stream) (rate(abide_log_bytes_total{service="$service", instance=~"$host"}[$__rate_interval]))"#,
                "{{instance}} {{stream}}",
            ),
            Panel::new("Lines not kept", Look::Lines, "cps").query(
                r#"sum by (instance, reason) (rate(abide_log_dropped_lines_total{service="$service", instance=~"$host"}[$__rate_interval]))"#,
                "{{instance}}: {{reason}}",
            ),
        ],
    }
}

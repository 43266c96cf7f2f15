//! All services of the chosen hosts at one glance.

use super::{Dashboard, Look, Panel, Row, Variable};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "abide-host",
        title: "Abide / Hosts",
        variables: vec![Variable {
            name: "host",
            label: "Host",
            series: "abide_build_info",
            values_of: "instance",
            several: true,
        }],
        rows: vec![overview(), attention(), usage(), logs(), agent()],
    }
}

fn overview() -> Row {
    let stat = |title| Panel::new(title, Look::Stat, "none");
    Row {
        title: "Services",
        width: 4,
        height: 4,
        panels: vec![
            stat("Hosts").query(r#"count(abide_build_info{instance=~"$host"})"#, ""),
            stat("Running").query(r#"sum(abide_service_state{instance=~"$host", state="running"})"#, ""),
            stat("Failed").query(r#"sum(abide_service_state{instance=~"$host", state="failed"})"#, "").red_from(1),
            stat("Backing off")
                .query(r#"sum(abide_service_state{instance=~"$host", state="backing-off"})"#, "")
                .red_from(1),
            stat("Unhealthy")
                .query(r#"count(abide_service_healthy{instance=~"$host"} == 0) or vector(0)"#, "")
                .red_from(1),
            stat("Restarts, last hour")
                .query(r#"sum(increase(abide_service_restarts_total{instance=~"$host", reason!="asked"}[1h])) or vector(0)"#, "")
                .red_from(3),
        ],
    }
}

fn attention() -> Row {
    Row {
        title: "Needs attention",
        width: 12,
        height: 8,
        panels: vec![
            Panel::new("Failed, backing off, or in an unknown state", Look::Table, "none").query(
                r#"max by (instance, service, state) (abide_service_state{instance=~"$host", state=~"failed|backing-off|unknown"} == 1)"#,
                "",
            ),
            Panel::new("Restarts by service", Look::Lines, "short").query(
                r#"sum by (instance, service, reason) (increase(abide_service_restarts_total{instance=~"$host"}[$__rate_interval])) > 0"#,
                "{{instance}} {{service}}: {{reason}}",
            ),
        ],
    }
}

fn usage() -> Row {
    Row {
        title: "What they use",
        width: 12,
        height: 8,
        panels: vec![
            Panel::new("Processor time, ten most", Look::Lines, "percentunit").query(
                r#"topk(10, sum by (instance, service) (rate(abide_service_cpu_seconds_total{instance=~"$host"}[$__rate_interval])))"#,
                "{{instance}} {{service}}",
            ),
            Panel::new("Memory, ten most", Look::Lines, "bytes").query(
                r#"topk(10, abide_service_memory_bytes{instance=~"$host", type="resident"})"#,
                "{{instance}} {{service}}",
            ),
            Panel::new("Memory of its limit", Look::Lines, "percentunit").query(
                r#"abide_service_memory_bytes{instance=~"$host", type="working_set"} / ignoring (type) abide_service_memory_limit_bytes{instance=~"$host"}"#,
                "{{instance}} {{service}}",
            ),
            Panel::new("Open files of the limit", Look::Lines, "percentunit")
                .query(r#"topk(10, abide_service_open_fds_ratio{instance=~"$host"})"#, "{{instance}} {{service}}"),
        ],
    }
}

fn logs() -> Row {
    Row {
        title: "Logs",
        width: 8,
        height: 8,
        panels: vec![
            Panel::new("Lines kept", Look::Lines, "cps").query(
                r#"sum by (instance, service) (rate(abide_log_lines_total{instance=~"$host"}[$__rate_interval]))"#,
                "{{instance}} {{service}}",
            ),
            Panel::new("Lines not kept", Look::Lines, "cps").query(
                r#"sum by (instance, service, reason) (rate(abide_log_dropped_lines_total{instance=~"$host"}[$__rate_interval])) > 0"#,
                "{{instance}} {{service}}: {{reason}}",
            ),
            Panel::new("Age of what waits to be sent", Look::Lines, "s").query(
                r#"abide_export_queue_oldest_age_seconds{instance=~"$host"}"#,
                "{{instance}} {{sink}}",
            ),
        ],
    }
}

fn agent() -> Row {
    Row {
        title: "The agents themselves",
        width: 8,
        height: 6,
        panels: vec![
            Panel::new("Processor time", Look::Lines, "percentunit").query(
                r#"rate(process_cpu_seconds_total{instance=~"$host"}[$__rate_interval]) and on (instance) abide_build_info"#,
                "{{instance}}",
            ),
            Panel::new("Memory", Look::Lines, "bytes").query(
                r#"process_resident_memory_bytes{instance=~"$host"} and on (instance) abide_build_info"#,
                "{{instance}}",
            ),
            Panel::new("How long a look at all services takes", Look::Lines, "s")
                .query(r#"abide_agent_look_duration_seconds{instance=~"$host"}"#, "{{instance}}"),
        ],
    }
}

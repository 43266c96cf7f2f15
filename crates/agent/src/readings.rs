//! What is known of services as metrics: pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use abide_metrics::sd::{TargetGroup, label_name};
use abide_metrics::services::{
    AgentReading, Built, DropReason, LastExit, ProcessReading, Readings, RestartReason, ServiceReading,
    State, UsageReading,
};
use abide_os::usage::Usage;
use abide_spec::Exit;

use crate::sample::Sample;
use crate::view::{Seen, Snapshot};

/// The key of `register.meta` under which a service names the port of its own metrics.
const METRICS_PORT: &str = "metrics-port";
/// The same for the path, where it is not `/metrics`.
const METRICS_PATH: &str = "metrics-path";

/// Everything that is known at one moment. `started`: when the agent began.
pub fn of(snapshot: &Snapshot, sample: &Sample, started: SystemTime, scrapes: u64) -> Readings {
    let services =
        snapshot.services.iter().map(|(name, seen)| service(seen, sample.usage.get(name))).collect();
    let own = sample.own.as_ref();
    let agent = AgentReading {
        built: Built { version: env!("CARGO_PKG_VERSION").into(), ..Built::default() },
        process: ProcessReading {
            start_time: seconds(started),
            cpu: own.map(|own| (own.cpu_user + own.cpu_system).as_secs_f64()),
            resident: own.map(|own| own.resident),
            open_files: own.and_then(|own| own.open_files),
            open_files_limit: own.and_then(|own| own.open_files_limit),
            threads: own.map(|own| own.threads.into()),
        },
        look_duration: sample.counts.took.map(|took| took.as_secs_f64()),
        looks: Some(sample.counts.looks),
        look_errors: Some(sample.counts.errors),
        scrapes: Some(scrapes),
    };
    Readings { agent, services, sinks: Vec::new() }
}

/// One service.
fn service(seen: &Seen, usage: Option<&Usage>) -> ServiceReading {
    let status = &seen.known.status;
    let state = State::from_word(&status.state).unwrap_or(State::Unknown);
    let reading = ServiceReading::new(seen.name.as_str(), state);
    // A service without a supervisor, or one that never ran: nobody has counted anything.
    if status.supervisor.pid == 0 {
        return ServiceReading { usage: usage.map(used), ..reading };
    }
    let logs = &status.logs;
    ServiceReading {
        manager: Some(status.supervisor.manager.clone()),
        ready: Some(status.ready),
        healthy: Some(status.healthy),
        since: time(&status.since),
        started: status.started.as_deref().and_then(time),
        restarts: Some(vec![(RestartReason::Unknown, status.restarts)]),
        last_exit: status.last_exit.map(|exit| match exit {
            Exit::Code(code) => LastExit::Code(code),
            Exit::Signal(signal) => LastExit::Signal(signal),
        }),
        usage: usage.map(used),
        dropped_lines: Some(vec![
            (DropReason::Lost, logs.lost_lines),
            (DropReason::Suppressed, logs.suppressed_lines),
            (DropReason::Filtered, logs.filtered_lines),
        ]),
        lost_bytes: Some(logs.lost_bytes),
        log_trouble: Some(logs.trouble.is_some()),
        ..reading
    }
}

fn used(usage: &Usage) -> UsageReading {
    let charged = usage.charged;
    UsageReading {
        processes: usage.processes.into(),
        threads: usage.threads.into(),
        cpu_user: usage.cpu_user.as_secs_f64(),
        cpu_system: usage.cpu_system.as_secs_f64(),
        resident: usage.resident,
        charged: charged.map(|charged| charged.bytes),
        working_set: charged.map(|charged| charged.working_set()),
        peak: charged.and_then(|charged| charged.peak),
        memory_limit: charged.and_then(|charged| charged.limit),
        oom_kills: charged.map(|charged| charged.oom_kills),
        open_files: usage.open_files,
        open_files_limit: usage.open_files_limit,
        open_files_share: usage.open_files_share,
        read_bytes: usage.read_bytes,
        written_bytes: usage.written_bytes,
    }
}

/// Where the metrics of the services themselves are, for Prometheus: those that name a port for them in `register.meta`.
/// `host`: the name of this machine.
pub fn targets(snapshot: &Snapshot, host: &str) -> Vec<TargetGroup> {
    snapshot.services.values().filter_map(|seen| target(seen, host)).collect()
}

fn target(seen: &Seen, host: &str) -> Option<TargetGroup> {
    let register = seen.spec.as_ref()?.register.as_ref()?;
    let port: u16 = register.meta.get(METRICS_PORT)?.parse().ok()?;
    let address = register.address.as_deref().unwrap_or(host);
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let mut group = TargetGroup { targets: vec![format!("{address}:{port}")], ..TargetGroup::default() };
    group.labels.insert("service".into(), seen.name.to_string());
    group.labels.insert("host".into(), host.to_owned());
    if let Some(path) = register.meta.get(METRICS_PATH) {
        group.labels.insert("__metrics_path__".into(), path.clone());
    }
    for (key, value) in &register.meta {
        if key != METRICS_PORT && key != METRICS_PATH {
            group.labels.insert(format!("__meta_abide_{}", label_name(key)), value.clone());
        }
    }
    if !register.tags.is_empty() {
        // With commas at both ends, so that a rule finds a whole tag.
        group.labels.insert("__meta_abide_tags".into(), format!(",{},", register.tags.join(",")));
    }
    Some(group)
}

fn time(text: &str) -> Option<f64> {
    seconds(text.parse::<jiff::Timestamp>().ok()?.into())
}

fn seconds(time: SystemTime) -> Option<f64> {
    time.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use abide_host::{Home, Known};
    use abide_os::paths::Layout;
    use abide_spec::Spec;

    use super::*;

    fn seen(spec: &str) -> Seen {
        let spec = Spec::parse(spec).unwrap();
        let home = Home::Project(Layout::project(std::path::Path::new("/nowhere")));
        let known = Known::nothing(&spec.name, &home, "why".into());
        Seen { name: spec.name.clone(), home, known, spec: Some(Arc::new(spec)) }
    }

    fn snapshot(seen: Seen) -> Snapshot {
        Snapshot { services: [(seen.name.clone(), Arc::new(seen))].into() }
    }

    #[test]
    fn what_nobody_has_counted_is_left_out() {
        let reading = service(&seen("name = \"a\"\nprogram.command = [\"/bin/a\"]"), None);
        assert_eq!(reading, ServiceReading::new("a", State::Unknown));
    }

    #[test]
    fn a_supervisor_counts() {
        let mut seen = seen("name = \"a\"\nprogram.command = [\"/bin/a\"]");
        let status = &mut seen.known.status;
        status.state = "running".into();
        status.since = "1970-01-01T00:01:40.500Z".into();
        status.restarts = 3;
        status.supervisor.pid = 7;
        status.last_exit = Some(Exit::Signal(9));
        let reading = service(&seen, Some(&Usage { threads: 4, ..Usage::default() }));
        assert_eq!((reading.state, reading.since), (State::Running, Some(100.5)));
        assert_eq!(reading.restarts, Some(vec![(RestartReason::Unknown, 3)]));
        assert_eq!(reading.last_exit, Some(LastExit::Signal(9)));
        assert_eq!(reading.usage.unwrap().threads, 4);
    }

    #[test]
    fn targets_are_those_that_name_a_port() {
        let with = |meta: &str| {
            let spec = format!(
                "name = \"a\"\nprogram.command = [\"/bin/a\"]\n[register]\nport = 80\ntags = [\"x\", \"y\"]\nmeta = {{ {meta} }}"
            );
            targets(&snapshot(seen(&spec)), "h1")
        };
        assert_eq!(with("team = \"b\""), []);
        assert_eq!(with("metrics-port = \"many\""), []);
        let found = with("metrics-port = \"9100\", metrics-path = \"/m\", \"the team\" = \"b\"");
        assert_eq!(found[0].targets, ["h1:9100"]);
        let labels: Vec<_> = found[0].labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            labels,
            [
                "__meta_abide_tags=,x,y,",
                "__meta_abide_the_team=b",
                "__metrics_path__=/m",
                "host=h1",
                "service=a"
            ]
        );
    }
}

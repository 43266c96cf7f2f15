//! What is told of each service.

use super::readings::{DropReason, ExitKind, LastExit, RestartReason, ServiceReading, State, UsageReading};
use crate::model::{Family, Samples, owned};

/// Upper bounds in seconds for how long a health check's answer takes.
pub const CHECK_BOUNDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const fn flag(flag: bool) -> f64 {
    if flag { 1.0 } else { 0.0 }
}

/// A count for each word, if any is known. A counter that first appears with its first event hides that event: how much it
/// rose is told from the sample before.
fn of_all<W: Copy + PartialEq>(all: &[W], counts: Option<&[(W, u64)]>) -> Vec<(W, f64)> {
    let Some(counts) = counts else { return Vec::new() };
    let count =
        |word: W| counts.iter().filter(|(known, _)| *known == word).map(|(_, count)| *count).sum::<u64>();
    all.iter().map(|word| (*word, count(*word) as f64)).collect()
}

pub(super) fn families(services: &[ServiceReading]) -> Vec<Family> {
    let mut families = life(services);
    families.extend(usage(services));
    families.extend(checks(services));
    families.extend(logs(services));
    families
}

fn life(services: &[ServiceReading]) -> Vec<Family> {
    let mut state = Family::gauge(
        "abide_service_state",
        "What the service does: 1 for the state that holds, 0 for all others.",
    );
    let mut info = Family::info(
        "abide_service",
        "The version, the revision of the spec and the manager of the service.",
    );
    let mut ready = Family::gauge("abide_service_ready", "Whether the program has shown that it is ready.");
    let mut healthy = Family::gauge("abide_service_healthy", "Whether no health check of the program fails.");
    let mut since = Family::gauge(
        "abide_service_state_timestamp_seconds",
        "When the state that holds began, in seconds since 1970.",
    )
    .unit("seconds");
    let mut started = Family::gauge(
        "abide_service_start_time_seconds",
        "When the program that runs now was started, in seconds since 1970.",
    )
    .unit("seconds");
    let mut restarts =
        Family::counter("abide_service_restarts", "How often the program was started again, by the reason.");
    let mut exits = Family::counter("abide_service_exits", "How often the program ended, by the way it did.");
    let mut last_exit = Family::gauge(
        "abide_service_last_exit_code",
        "The code the program ended with last; 128 and its number for a signal, as shells tell it.",
    );
    let mut infos = Vec::new();
    for service in services {
        let name = service.name.as_str();
        for at in State::ALL {
            state.push([("service", name), ("state", at.as_str())], flag(*at == service.state));
        }
        let told = |text: &Option<String>| text.clone().unwrap_or_default();
        let (version, revision, manager) =
            (told(&service.version), told(&service.revision), told(&service.manager));
        infos.push(owned([
            ("service", name),
            ("version", &version),
            ("revision", &revision),
            ("manager", &manager),
        ]));
        ready.push([("service", name)], service.ready.map(flag));
        healthy.push([("service", name)], service.healthy.map(flag));
        since.push([("service", name)], service.since);
        started.push([("service", name)], service.started);
        for (reason, count) in of_all(RestartReason::ALL, service.restarts.as_deref()) {
            restarts.push([("service", name), ("reason", reason.as_str())], count);
        }
        for (kind, count) in of_all(ExitKind::ALL, service.exits.as_deref()) {
            exits.push([("service", name), ("kind", kind.as_str())], count);
        }
        last_exit
            .push([("service", name)], service.last_exit.map(LastExit::shell_code).map(|code| code as f64));
    }
    info.samples = Samples::Info(infos);
    vec![state, info, ready, healthy, since, started, restarts, exits, last_exit]
}

fn usage(services: &[ServiceReading]) -> Vec<Family> {
    let mut processes = Family::gauge("abide_service_processes", "Processes that live.");
    let mut threads = Family::gauge("abide_service_threads", "Threads of all processes.");
    let mut cpu =
        Family::counter("abide_service_cpu_seconds", "Processor time spent, by whom it was spent for.")
            .unit("seconds");
    let mut memory = Family::gauge(
        "abide_service_memory_bytes",
        "Memory: resident, summed over the processes; charged to the control group, its working set and its peak.",
    )
    .unit("bytes");
    let mut limit = Family::gauge("abide_service_memory_limit_bytes", "The most memory that may be charged.")
        .unit("bytes");
    let mut oom = Family::counter("abide_service_oom_kills", "Processes killed for want of memory.");
    let mut open =
        Family::gauge("abide_service_open_fds", "Open files of all processes; handles on Windows.");
    let mut most =
        Family::gauge("abide_service_max_fds", "How many open files all processes together may have.");
    let mut share = Family::gauge(
        "abide_service_open_fds_ratio",
        "How near that process is to its own limit of open files that is nearest, from 0 to 1.",
    );
    let mut storage =
        Family::counter("abide_service_io_bytes", "Bytes read from storage and written there.").unit("bytes");
    for service in services {
        let Some(usage) = &service.usage else { continue };
        let of = [("service", service.name.as_str())];
        let by = |name, value| [of[0], (name, value)];
        let number = |value: Option<u64>| value.map(|value| value as f64);
        processes.push(of, usage.processes as f64);
        threads.push(of, usage.threads as f64);
        cpu.push(by("mode", "user"), usage.cpu_user);
        cpu.push(by("mode", "system"), usage.cpu_system);
        for (kind, value) in memory_kinds(usage) {
            memory.push(by("type", kind), number(value));
        }
        limit.push(of, number(usage.memory_limit));
        oom.push(of, number(usage.oom_kills));
        open.push(of, number(usage.open_files));
        most.push(of, number(usage.open_files_limit));
        share.push(of, usage.open_files_share);
        storage.push(by("direction", "read"), number(usage.read_bytes));
        storage.push(by("direction", "write"), number(usage.written_bytes));
    }
    vec![processes, threads, cpu, memory, limit, oom, open, most, share, storage]
}

fn memory_kinds(usage: &UsageReading) -> [(&'static str, Option<u64>); 4] {
    [
        ("resident", Some(usage.resident)),
        ("charged", usage.charged),
        ("working_set", usage.working_set),
        ("peak", usage.peak),
    ]
}

fn checks(services: &[ServiceReading]) -> Vec<Family> {
    let mut up = Family::gauge("abide_healthcheck_up", "Whether the health check passes.");
    let mut results =
        Family::counter("abide_healthcheck_results", "Answers of the health check, by what they were.");
    let mut durations = Family::histogram(
        "abide_healthcheck_duration_seconds",
        "How long the answers of the health check took.",
    )
    .unit("seconds");
    let mut histograms = Vec::new();
    for service in services {
        for check in &service.checks {
            let of = [("service", service.name.as_str()), ("check", check.name.as_str())];
            up.push(of, check.up.map(flag));
            for (result, count) in [("passed", check.passed), ("failed", check.failed)] {
                results.push([of[0], of[1], ("result", result)], count.map(|count| count as f64));
            }
            histograms.extend(check.duration.clone().map(|histogram| (owned(of), histogram)));
        }
    }
    durations.samples = Samples::Histogram(histograms);
    vec![up, results, durations]
}

fn logs(services: &[ServiceReading]) -> Vec<Family> {
    let mut lines = Family::counter("abide_log_lines", "Lines of output kept, by stream and level.");
    let mut bytes = Family::counter("abide_log_bytes", "Bytes of output kept, by stream.").unit("bytes");
    let mut dropped =
        Family::counter("abide_log_dropped_lines", "Lines of output that were not kept, by the reason.");
    let mut lost = Family::counter(
        "abide_log_dropped_bytes",
        "Bytes of output that were not kept because the disk did not keep up.",
    )
    .unit("bytes");
    let mut trouble =
        Family::gauge("abide_log_trouble", "Whether something hinders the capture of output now.");
    for service in services {
        let of = ("service", service.name.as_str());
        for log in &service.logs {
            let stream = ("stream", log.stream.as_str());
            for (level, count) in &log.lines {
                let level = if level.is_empty() { "none" } else { level };
                lines.push([of, stream, ("level", level)], *count as f64);
            }
            bytes.push([of, stream], log.bytes.map(|bytes| bytes as f64));
        }
        for (reason, count) in of_all(DropReason::ALL, service.dropped_lines.as_deref()) {
            dropped.push([of, ("reason", reason.as_str())], count);
        }
        lost.push([of], service.lost_bytes.map(|bytes| bytes as f64));
        trouble.push([of], service.log_trouble.map(flag));
    }
    vec![lines, bytes, dropped, lost, trouble]
}

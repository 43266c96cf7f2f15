//! What the agent tells of itself: its build, its process by the usual names, and what telling costs.

use super::readings::AgentReading;
use crate::model::{Family, Samples, owned};

pub(super) fn families(agent: &AgentReading, services: usize) -> Vec<Family> {
    let mut build = Family::info("abide_build", "The version and the build of the agent.");
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    build.samples = Samples::Info(vec![owned([
        ("version", &agent.built.version),
        ("revision", &told(&agent.built.revision)),
        ("target", &told(&agent.built.target)),
    ])]);
    let number = |value: Option<u64>| value.map(|value| value as f64);
    let process = &agent.process;
    let single = |mut family: Family, value: Option<f64>| {
        family.push([], value);
        family
    };
    vec![
        build,
        single(
            Family::gauge("abide_agent_services", "Services that the agent knows."),
            Some(services as f64),
        ),
        single(
            Family::gauge(
                "abide_agent_look_duration_seconds",
                "How long the last look at all services took.",
            )
            .unit("seconds"),
            agent.look_duration,
        ),
        single(Family::counter("abide_agent_looks", "Looks at all services."), number(agent.looks)),
        single(
            Family::counter("abide_agent_look_errors", "Looks that could not tell everything."),
            number(agent.look_errors),
        ),
        single(
            Family::counter("abide_agent_scrapes", "How often the metrics were read."),
            number(agent.scrapes),
        ),
        single(
            Family::gauge("process_start_time_seconds", "When the agent was started, in seconds since 1970.")
                .unit("seconds"),
            process.start_time,
        ),
        single(
            Family::counter(
                "process_cpu_seconds",
                "Processor time of the agent, the system's for it included.",
            )
            .unit("seconds"),
            process.cpu,
        ),
        single(
            Family::gauge("process_resident_memory_bytes", "Memory of the agent.").unit("bytes"),
            number(process.resident),
        ),
        single(Family::gauge("process_open_fds", "Open files of the agent."), number(process.open_files)),
        single(
            Family::gauge("process_max_fds", "How many open files the agent may have."),
            number(process.open_files_limit),
        ),
        single(Family::gauge("process_threads", "Threads of the agent."), number(process.threads)),
    ]
}

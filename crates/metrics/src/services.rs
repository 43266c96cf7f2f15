//! The families that Abide tells, made of what is known of services, of what is forwarded, and of the agent.
//!
//! What is not known is left out: a sample that is missing and a zero are two things.

mod agent;
mod readings;
mod service;
mod sinks;

pub use readings::{
    AgentReading, Built, CheckReading, DropReason, ExitKind, LastExit, LogReading, ProcessReading,
    RestartReason, ServiceReading, SinkReading, State, Stream, UsageReading,
};

use crate::model::Snapshot;

/// Everything that is known at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// The agent that tells it.
    pub agent: AgentReading,
    /// The services of the host.
    pub services: Vec<ServiceReading>,
    /// Where their logs are sent.
    pub sinks: Vec<SinkReading>,
}

/// The families of it, in an order that does not change.
#[must_use]
pub fn snapshot(readings: &Readings) -> Snapshot {
    let mut families = agent::families(&readings.agent, readings.services.len());
    families.extend(service::families(&readings.services));
    families.extend(sinks::families(&readings.sinks));
    Snapshot { families }
}

/// A host with three services of which as much is known as can be: one that is well, one that fails and one that is
/// starting. For documents, tests, and whoever wants to see what is told.
#[must_use]
pub fn example() -> Readings {
    readings::example()
}

/// The names of all samples that there can be, as they are in the text.
#[must_use]
pub fn sample_names() -> Vec<String> {
    let text = crate::encode::encode(&snapshot(&example()), crate::encode::Format::Prometheus);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut names: Vec<String> =
        lines.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;

//! What the driver has to do: the machine's outputs.

use crate::Record;

/// An output of the machine. The driver carries out the actions of one step in order, and feeds their outcome back as
/// [`Event`](crate::Event)s.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Execute the program. Answered by exactly one of [`Event::Spawned`](crate::Event::Spawned) (before any other
    /// event of that process) and [`Event::SpawnFailed`](crate::Event::SpawnFailed).
    Spawn {
        /// 1 for a start that was asked for, one more for each automatic restart since.
        attempt: u32,
    },
    /// Run `policy.steps[index]` of the stop ladder. Answered by
    /// [`Event::StepFailed`](crate::Event::StepFailed) when it cannot be run.
    StopStep {
        /// Index into [`Policy::steps`](crate::Policy::steps) of [`Machine::policy`](crate::Machine::policy).
        index: usize,
    },
    /// Kill every process of the program's tree that is still alive. Answered by
    /// [`Event::TreeGone`](crate::Event::TreeGone) once none is left, at once when none was.
    KillTree,
    /// Begin probing for readiness; report [`Event::Ready`](crate::Event::Ready). The time-out is the machine's.
    ProbeReadiness,
    /// Begin probing health, from a fresh state; report changes.
    ProbeHealth,
    /// End all probing. Answers of probes begun earlier must not be delivered after this.
    CancelProbes,
    /// Suspend every process of the tree.
    Suspend,
    /// Let every process of the tree go on.
    Resume,
    /// Make the program reload, as the spec says.
    RunReload,
    /// Write this to the service's events.
    Record(Record),
}

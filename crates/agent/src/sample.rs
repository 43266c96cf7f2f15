//! What services use, looked at when somebody asks: whoever asks at intervals sets the pace, and nobody else pays.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use abide_os::usage::{Meter, Processes, Usage};
use abide_spec::Name;

use crate::view::Snapshot;

/// Looks at processes, and makes counters of what it sees.
#[derive(Debug, Default)]
pub struct Sampler {
    meters: BTreeMap<Name, Meter>,
    counts: Counts,
}

/// How the looking itself goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Looks so far.
    pub looks: u64,
    /// Those of them that saw nothing.
    pub errors: u64,
    /// How long the last one took.
    pub took: Option<Duration>,
}

/// What one look has seen.
#[derive(Debug, Default)]
pub struct Sample {
    /// By service; nothing of those whose program does not run and never has since the agent began.
    pub usage: BTreeMap<Name, Usage>,
    /// Of the agent itself.
    pub own: Option<Usage>,
    /// How the looking goes.
    pub counts: Counts,
}

impl Sampler {
    /// Looks at the programs of all services at once.
    pub fn look(&mut self, snapshot: &Snapshot) -> Sample {
        let began = Instant::now();
        self.counts.looks += 1;
        let Ok(processes) = Processes::look() else {
            self.counts.errors += 1;
            return Sample { counts: self.counts, ..Sample::default() };
        };
        // Whose service has gone has no counter any more.
        self.meters.retain(|name, _| snapshot.services.contains_key(name));
        let mut usage = BTreeMap::new();
        for (name, seen) in &snapshot.services {
            let program = seen.known.status.pid;
            if program.is_none() && !self.meters.contains_key(name) {
                continue;
            }
            let meter = self.meters.entry(name.clone()).or_default();
            usage.insert(name.clone(), meter.read(&processes, program));
        }
        let own = processes.usage(&[std::process::id()]);
        self.counts.took = Some(began.elapsed());
        Sample { usage, own: Some(own), counts: self.counts }
    }
}

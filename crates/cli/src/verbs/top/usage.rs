//! What services use, sample by sample.

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use abide_os::usage::{Meter, Processes};

use super::news::Id;
use super::past::Sample;

/// Takes samples of services.
#[derive(Debug, Default)]
pub struct Sampler {
    meters: BTreeMap<Id, Meter>,
}

impl Sampler {
    /// A sample of each service, whose program is the process given; nothing for those that do not run.
    ///
    /// # Errors
    /// Fails when the operating system does not list its processes.
    pub fn take<'a>(
        &mut self,
        programs: impl IntoIterator<Item = (&'a Id, Option<u32>)>,
    ) -> io::Result<Vec<(Id, Option<Sample>)>> {
        let processes = Processes::look()?;
        let at = Instant::now();
        let before = std::mem::take(&mut self.meters);
        let mut samples = Vec::new();
        for (id, program) in programs {
            // What is gone is forgotten, and counted from nothing should it come again.
            let mut meter = before.get(id).cloned().unwrap_or_default();
            let usage = meter.read(&processes, program);
            let sample = program.filter(|_| usage.processes > 0).map(|_| Sample {
                at,
                cpu: usage.cpu_user + usage.cpu_system,
                memory: usage.resident,
            });
            self.meters.insert(id.clone(), meter);
            samples.push((id.clone(), sample));
        }
        Ok(samples)
    }
}

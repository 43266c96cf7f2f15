//! The steps, one module each: pure functions from a scene to findings.

mod access;
mod clock;
mod disk;
mod exits;
mod health;
mod logs;
mod manager;
mod peers;
mod phrases;
mod ports;
mod program;
mod resources;
mod spec;

use crate::finding::{Finding, Severity, Step};
use crate::scene::Scene;

pub(crate) use disk::{of as disk_findings, seen as disk_seen};

/// What is wrong with a service, the worst first, the likeliest cause first among these.
#[must_use]
pub fn diagnose(scene: &Scene) -> Vec<Finding> {
    let mut found = Vec::new();
    manager::find(scene, &mut found);
    spec::find(scene, &mut found);
    program::find(scene, &mut found);
    exits::find(scene, &mut found);
    access::find(scene, &mut found);
    ports::find(scene, &mut found);
    health::find(scene, &mut found);
    peers::find(scene, &mut found);
    disk::find(scene, &mut found);
    resources::find(scene, &mut found);
    clock::find(scene, &mut found);
    logs::find(scene, &mut found);
    for finding in &mut found {
        finding.title = crate::words::plain(&finding.title);
        finding.evidence = finding.evidence.iter().map(|line| crate::words::plain(line)).collect();
    }
    found.sort_by_key(Finding::rank);
    found
}

/// Whether a text is one of those that programs of all kinds say when something is wrong.
pub(crate) fn is_known_trouble(text: &str) -> bool {
    phrases::of(text).is_some()
}

/// A step, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// The step.
    pub step: Step,
    /// The worst that it found; nothing where all is well.
    pub worst: Option<Severity>,
    /// What was looked at, in a few words; empty where there was nothing to look at.
    pub seen: String,
}

/// Every step with what it looked at.
#[must_use]
pub fn checked(scene: &Scene, findings: &[Finding]) -> Vec<Checked> {
    let seen = |step| match step {
        Step::Manager => manager::seen(scene),
        Step::Spec => spec::seen(scene),
        Step::Program => program::seen(scene),
        Step::Access => access::seen(scene),
        Step::Ports => ports::seen(scene),
        Step::Health => health::seen(scene),
        Step::Peers => peers::seen(scene),
        Step::Disk => disk::seen(&scene.disks),
        Step::Resources => resources::seen(scene),
        Step::Clock => clock::seen(scene),
        Step::Logs => logs::seen(scene),
    };
    let worst = |step| findings.iter().filter(|one| one.step == step).map(|one| one.severity).max();
    Step::ALL.map(|step| Checked { step, worst: worst(step), seen: crate::words::plain(&seen(step)) }).into()
}

//! Whether the spec is valid, can be honoured here, and is what runs.

use abide_os::manager::Level;

use super::access;
use crate::finding::{Finding, Step};
use crate::scene::{Applied, Scene, SpecSeen};

const STEP: Step = Step::Spec;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    match &scene.spec {
        SpecSeen::Absent | SpecSeen::Valid { .. } => {}
        SpecSeen::Invalid { file, errors } => {
            let mut finding = Finding::error("spec-invalid", STEP, 70, "its spec is not valid")
                .next(format!("abide check {}", file.display()));
            let more = errors.len().saturating_sub(5);
            finding.evidence.extend(errors.iter().take(5).cloned());
            finding.evidence.extend((more > 0).then(|| format!("and {more} more")));
            found.push(finding);
        }
        // Everybody may look, and not everybody may read: that is no fault of the service.
        SpecSeen::Unreadable { denied: true, .. } => {}
        SpecSeen::Unreadable { file, why, .. } => found.push(
            Finding::error("spec-unreadable", STEP, 60, "its spec cannot be read")
                .seen(format!("{}: {why}", file.display()))
                .next(format!("ls -l {}", file.display())),
        ),
    }
    if let (Applied::Differs(changes), SpecSeen::Valid { file, .. }) = (&scene.applied, &scene.spec) {
        let restart = match &scene.known.project {
            Some(folder) => format!("end `abide up` in {} and begin it again", folder.display()),
            None => format!("abide apply {}", file.display()),
        };
        let title = match &scene.known.project {
            Some(_) => "its spec was changed, and what runs was not",
            None => "what is installed is not what its spec says",
        };
        let mut finding = Finding::warning("spec-not-applied", STEP, 45, title).next(restart);
        if scene.known.project.is_none() {
            finding.next.insert(0, format!("abide plan {}", file.display()));
        }
        finding.evidence.extend(changes.iter().take(8).cloned());
        found.push(finding);
    }
    for one in scene.preflight.iter().filter(|one| access::id(one).is_none() && one.level == Level::Error) {
        let finding =
            Finding::error("spec-not-honoured", STEP, 40, "a setting cannot be honoured on this machine");
        found.push(access::told(finding, one, scene));
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    match (&scene.spec, &scene.applied) {
        (SpecSeen::Valid { file, .. }, Applied::Same) => format!("{}, valid and applied", file.display()),
        (SpecSeen::Valid { file, .. }, _) => format!("{}, valid", file.display()),
        _ => String::new(),
    }
}

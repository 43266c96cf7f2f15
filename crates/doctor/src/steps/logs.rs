//! What the program printed since its last start: the first error, and the place that a stack trace names.

use abide_logs::Level;

use super::phrases;
use crate::finding::{Finding, Step};
use crate::scene::{Said, Scene};
use crate::trace;

const STEP: Step = Step::Logs;

/// So many frames of a trace are told.
const FRAMES: usize = 4;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    let errors = &scene.output.errors;
    // The first of each kind: what comes after it mostly comes of it.
    let mut told: Vec<&'static str> = Vec::new();
    let mut told_of: Vec<*const Said> = Vec::new();
    for said in errors {
        let Some(phrase) = phrases::of(&said.text).filter(|phrase| !told.contains(&phrase.id)) else {
            continue;
        };
        told.push(phrase.id);
        told_of.push(said);
        let finding = finding(scene, phrase.id, phrase.likelihood, phrase.title.to_owned());
        found
            .push(with_trace(finding.seen(first_line(&said.text)), said).next(phrase.next).next(more(scene)));
    }
    let is_untold = |said: &&Said| !told_of.contains(&std::ptr::from_ref(*said));
    if let Some((said, trace)) =
        errors.iter().filter(is_untold).find_map(|said| Some((said, trace::read(&said.text)?)))
    {
        let place = trace.culprit().map(|frame| format!(" at {frame}")).unwrap_or_default();
        let title = format!("{} failed{place}", trace.language.name());
        let finding = finding(scene, "log-trace", 81, title);
        found.push(with_trace(finding.seen(&trace.what), said).next(more(scene)));
        return;
    }
    if !told.is_empty() {
        return;
    }
    if let Some(first) = errors.iter().find(|said| said.level.is_some_and(|level| level >= Level::Error)) {
        let count = errors.len();
        let finding = finding(scene, "log-error", 62, "the program printed an error".to_owned());
        found.push(
            finding
                .seen(first_line(&first.text))
                .maybe_seen((count > 1).then(|| format!("{} more since its start", count - 1)))
                .next(more(scene)),
        );
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    if scene.output.lines == 0 {
        return String::new();
    }
    format!("no error in {} lines since its start", scene.output.lines)
}

/// A fault in a program that ails; worth a look in one that does well.
fn finding(scene: &Scene, id: &'static str, likelihood: u8, title: String) -> Finding {
    if scene.ails() {
        Finding::error(id, STEP, likelihood, title)
    } else {
        Finding::warning(id, STEP, likelihood / 2, title)
    }
}

fn more(scene: &Scene) -> String {
    format!("{} --level error", scene.abide("logs"))
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}

fn with_trace(mut finding: Finding, said: &Said) -> Finding {
    let Some(trace) = trace::read(&said.text) else { return finding };
    if !finding.evidence.contains(&trace.what) {
        finding.evidence.push(trace.what.clone());
    }
    let frames = trace.frames.iter().take(FRAMES).map(|frame| format!("at {frame}"));
    finding.evidence.extend(frames);
    if let Some(culprit) = trace.culprit().filter(|frame| frame.file.is_some()) {
        finding.next.push(format!("look at {culprit}"));
    }
    finding
}

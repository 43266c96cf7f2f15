//! Whether the program runs, and if not, what became of it.

use std::time::{Duration, SystemTime};

use abide_lifecycle::{FailReason, Next, Record, StopReason};

use super::manager::{spec_file, start};
use crate::finding::{Finding, Step};
use crate::scene::{Happened, Scene};
use crate::words;

const STEP: Step = Step::Program;

/// So many ends of the program, within [`LOOP`], are a loop.
const OFTEN: usize = 3;
/// In this time.
const LOOP: Duration = Duration::from_secs(600);

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    let status = &scene.known.status;
    // A supervisor that died took the program with it: that is told as its own.
    if status.orphaned {
        return;
    }
    match status.state.as_str() {
        "failed" => found.push(failed(scene)),
        "stopped" => found.push(stopped(scene)),
        "waiting" => found.push(
            Finding::warning("waiting", STEP, 40, "it waits for the services that it starts after")
                .maybe_seen(status.why.clone())
                .next("abide status"),
        ),
        _ => {}
    }
    if let Some(finding) = crash_loop(scene) {
        found.push(finding);
    }
    let Some(last) = last_trouble(scene) else { return };
    match last.record.as_ref() {
        Some(Record::SpawnFailed { message, .. }) if status.pid.is_none() => found.push(
            Finding::error("cannot-start", STEP, 92, "the program cannot be executed")
                .seen(message)
                .next(format!("abide check {}", spec_file(scene))),
        ),
        Some(Record::NotReady { timeout, .. }) if !status.ready => found.push(
            Finding::error("not-ready", STEP, 52, "the program does not become ready in time")
                .seen(format!("not ready within {}", words::span(*timeout)))
                .maybe_seen(ready_question(scene))
                .next(scene.abide("logs"))
                .next("give it longer with `start.ready.timeout`, if it is slow and not stuck"),
        ),
        Some(Record::LeftBehind { .. } | Record::KilledAgain { .. }) => found.push(
            Finding::error("wont-die", STEP, 70, "processes of the program cannot be killed")
                .seen(&last.text)
                .next("ps -eo pid,stat,wchan:20,args | grep ' D'   (they wait for a disk or a network file system)"),
        ),
        _ => {}
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    let status = &scene.known.status;
    let how = match (status.state.as_str(), status.ready, status.healthy) {
        ("running", true, true) => " (ready)",
        ("running", true, false) => " (unhealthy)",
        ("running", false, _) => " (not ready)",
        _ => "",
    };
    let since = words::moment(&status.since).and_then(|time| words::since(time, scene.now));
    let since = since.map(|span| format!(" for {}", words::span(span))).unwrap_or_default();
    let pid = status.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
    let restarts = if status.restarts == 0 {
        String::new()
    } else {
        format!(", restarted {}", words::times(status.restarts))
    };
    format!("{}{how}{since}{pid}{restarts}", status.state)
}

fn ready_question(scene: &Scene) -> Option<String> {
    let ready = scene.valid_spec()?.start.ready.as_ref()?;
    Some(format!("it is ready when this is good: {}", ready.probe))
}

fn failed(scene: &Scene) -> Finding {
    let status = &scene.known.status;
    let reason = scene.recent().iter().rev().find_map(|event| match &event.record {
        Some(Record::Failed { reason }) => Some(reason),
        _ => None,
    });
    let finding = match reason {
        Some(FailReason::GaveUp { .. }) => {
            Finding::error("gave-up", STEP, 44, "it failed too often, and is no longer restarted")
        }
        _ if status
            .why
            .as_deref()
            .is_some_and(|why| why.contains("giving up") || why.contains("gave up")) =>
        {
            Finding::error("gave-up", STEP, 44, "it failed too often, and is no longer restarted")
        }
        Some(FailReason::WontDie { .. }) => {
            Finding::error("wont-die", STEP, 90, "processes of the program cannot be killed")
        }
        _ => Finding::error("failed", STEP, 42, "it failed, and is not restarted"),
    };
    finding
        .maybe_seen(status.why.clone())
        .maybe_seen(status.last_exit.map(|exit| format!("the program ended with {exit}")))
        .next(scene.abide("logs"))
        .next(start(scene))
}

fn stopped(scene: &Scene) -> Finding {
    let status = &scene.known.status;
    let reason = scene.recent().iter().rev().find_map(|event| match &event.record {
        Some(Record::Stopped { why }) => Some(*why),
        _ => None,
    });
    let title = match reason {
        Some(StopReason::Asked | StopReason::Shutdown) => "it is stopped: somebody stopped it",
        Some(StopReason::Finished) => "it is stopped: the program finished",
        _ => "it is stopped",
    };
    Finding::warning("stopped", STEP, 60, title).maybe_seen(status.why.clone()).next(start(scene))
}

/// The program ended by itself, soon, again and again.
fn crash_loop(scene: &Scene) -> Option<Finding> {
    let is_recent = |event: &&Happened| {
        event.time.and_then(|time| words::since(time, scene.now)).is_some_and(|ago| ago <= LOOP)
    };
    let ends: Vec<(&Happened, Duration)> = scene
        .recent()
        .iter()
        .filter(is_recent)
        .filter_map(|event| match &event.record {
            Some(Record::Exited { after, next, .. }) => {
                let is_failure =
                    !matches!(next, Next::Finish | Next::AsAsked | Next::Restart { failure: false, .. });
                is_failure.then_some((event, *after))
            }
            _ => None,
        })
        .collect();
    // One that has since run for longer than it ever did before has come to rest.
    let longest = ends.iter().map(|(_, after)| *after).max()?;
    let runs = scene.known.status.started.as_deref().and_then(words::moment);
    let at_rest = runs
        .and_then(|time| words::since(time, scene.now))
        .is_some_and(|up| up > longest.saturating_mul(3) && up > Duration::from_secs(30));
    if ends.len() < OFTEN || at_rest {
        return None;
    }
    let (last, _) = ends.last()?;
    let first: Option<SystemTime> = ends.first().and_then(|(event, _)| event.time);
    let span = first.zip(last.time).and_then(|(first, last)| last.duration_since(first).ok());
    let within = span.map(|span| format!(" within {}", words::span(span))).unwrap_or_default();
    let title = format!("the program ended {}{within}", words::times(ends.len() as u64));
    Some(
        Finding::error("crash-loop", STEP, 46, title)
            .seen(format!("last: {}", last.text))
            .maybe_seen(scene.known.status.next_start.as_ref().map(|next| format!("next try at {next}")))
            .next(scene.abide("logs"))
            .next(scene.abide("events")),
    )
}

/// The newest event that tells of trouble, unless the program has been ready since.
fn last_trouble(scene: &Scene) -> Option<&Happened> {
    let is_trouble = |record: &Record| {
        matches!(
            record,
            Record::SpawnFailed { .. }
                | Record::NotReady { .. }
                | Record::LeftBehind { .. }
                | Record::KilledAgain { .. }
        )
    };
    let mut newest = scene.recent().iter().rev();
    newest
        .find(|event| {
            event.record.as_ref().is_some_and(|it| is_trouble(it) || matches!(it, Record::Ready { .. }))
        })
        .filter(|event| event.record.as_ref().is_some_and(is_trouble))
}

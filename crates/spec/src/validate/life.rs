//! The life of a program: readiness, `[[health]]`, `[restart]`, `[stop]`, `[reload]` and `[debug]`.

use std::collections::BTreeSet;

use super::Findings;
use super::program::positive;
use super::texts::{command, env, file};
use crate::path::{Path, at};
use crate::{
    Act, DebugSwitch, Duration, Family, Health, HttpRequest, KillScope, Method, Probe, Ready, Reload,
    Restart, Spec, Stop, StopAction,
};

pub(super) fn check(spec: &Spec, found: &mut Findings) {
    for (index, it) in spec.health.iter().enumerate() {
        health(found, &at!["health", index], it);
    }
    restart(found, &spec.restart);
    stop(found, &spec.stop);
    match &spec.reload {
        Some(Reload::Command(it)) => command(found, &at!["reload", "command"], it),
        Some(Reload::Signal(_)) | None => {}
    }
    if let Some(DebugSwitch { on, off }) = &spec.debug {
        act(found, &at!["debug", "on"], on);
        act(found, &at!["debug", "off"], off);
    }
}

pub(super) fn ready(found: &mut Findings, at: &Path, ready: &Ready) {
    if let Probe::LogSilence(_) = ready.probe {
        found
            .add(at.clone(), "`log-silence` cannot tell that a program is ready")
            .hint("use `log` with the text of a line it writes");
    }
    probe(found, at, &ready.probe);
    positive(found, at.child("timeout"), ready.timeout);
    positive(found, at.child("every"), ready.every);
}

fn health(found: &mut Findings, at: &Path, health: &Health) {
    if let Probe::Log(_) = health.probe {
        found
            .add(at.clone(), "`log` cannot tell that a program is healthy")
            .hint("use `log-silence` with the longest time without output");
    }
    probe(found, at, &health.probe);
    positive(found, at.child("every"), health.every);
    positive(found, at.child("timeout"), health.timeout);
    if let Some(age) = health.max_age {
        positive(found, at.child("max-age"), age);
    }
    for (key, count) in [("unhealthy-after", health.unhealthy_after), ("healthy-after", health.healthy_after)]
    {
        if count == 0 {
            found.add(at.child(key), format!("`{key}` must be at least 1"));
        }
    }
}

fn probe(found: &mut Findings, at: &Path, probe: &Probe) {
    let at = at.child(probe.key());
    match probe {
        Probe::Exec(it) => command(found, &at, it),
        Probe::File(path) => file(found, at, path),
        Probe::Log(text) if text.is_empty() => {
            found
                .add(at, "the text to look for cannot be empty")
                .hint("an empty text would be in every line");
        }
        Probe::Log(text) if text.contains(['\n', '\r']) => {
            found
                .add(at, "the text to look for contains a line break")
                .hint("output is searched line by line");
        }
        Probe::LogSilence(limit) => positive(found, at, *limit),
        Probe::Http(_) | Probe::Tcp(_) | Probe::Notify | Probe::Log(_) => {}
    }
}

fn restart(found: &mut Findings, restart: &Restart) {
    let delay = at!["restart", "delay"];
    let factor = restart.delay.factor;
    if !(1.0..=1000.0).contains(&factor) {
        found
            .add(delay.child("factor"), format!("`factor` must be from 1 to 1000, not {factor}"))
            .hint("1 is a fixed delay, 2 doubles it after each failure");
    }
    let jitter = restart.delay.jitter;
    if !(0.0..=1.0).contains(&jitter) {
        found
            .add(delay.child("jitter"), format!("`jitter` must be from 0 to 1, not {jitter}"))
            .hint("0.1 means up to 10 % more or less");
    }
    let (initial, max) = (restart.delay.initial, restart.delay.max);
    if max < initial {
        found
            .add(delay.child("max"), format!("`max` ({max}) is shorter than `initial` ({initial})"))
            .hint("for a fixed delay set factor = 1")
            .involves([delay.child("initial"), delay.child("max")]);
    }
    if let Some(give_up) = restart.give_up {
        let at = at!["restart", "give-up"];
        if give_up.after == 0 {
            found
                .add(at.child("after"), "`after` must be at least 1")
                .hint("give-up = false never gives up; when = \"never\" never restarts");
        }
        positive(found, at.child("within"), give_up.within);
    }
    let codes = in_both(&restart.codes.always, &restart.codes.never).map(|code| format!("exit code {code}"));
    let signals =
        in_both(&restart.signals.always, &restart.signals.never).map(|signal| format!("signal {signal}"));
    for (key, twice) in [("codes", codes), ("signals", signals)] {
        if let Some(end) = twice {
            found
                .add(at!["restart", key], format!("{end} is in both `always` and `never`"))
                .hint("remove it from one of them");
        }
    }
}

fn in_both<'a, T: Ord>(always: &'a [T], never: &[T]) -> Option<&'a T> {
    let never: BTreeSet<&T> = never.iter().collect();
    always.iter().find(|it| never.contains(it))
}

/// More steps than this no one waits for.
const MAX_STEPS: usize = 32;

fn stop(found: &mut Findings, stop: &Stop) {
    let at = at!["stop", "steps"];
    if stop.steps.len() > MAX_STEPS {
        found.add(at.clone(), format!("{} steps; at most {MAX_STEPS} are allowed", stop.steps.len()));
        return;
    }
    for (index, step) in stop.steps.iter().enumerate() {
        if let StopAction::Command(it) = &step.action {
            command(found, &at.child(index).child("command"), it);
        }
        let tree_is_dead = |family: Family| {
            let kills = |step: &crate::StopStep| {
                step.action == StopAction::Kill(KillScope::Tree) && step.applies_to(family)
            };
            stop.steps[..index].iter().any(kills)
        };
        let mut families =
            [Family::Unix, Family::Windows].into_iter().filter(|family| step.applies_to(*family)).peekable();
        if families.peek().is_some() && families.all(tree_is_dead) {
            found
                .add(
                    at.child(index),
                    "this step is never reached: kill = \"tree\" before it leaves nothing to stop",
                )
                .hint("move kill = \"tree\" to the end")
                .involves([at.clone()]);
        }
        if step.wait > MAX_WAIT {
            found.add(
                at.child(index).child("wait"),
                format!("a step can wait at most {MAX_WAIT}, not {}", step.wait),
            );
        }
    }
}

/// A stop that takes longer is a stop that hangs.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

fn act(found: &mut Findings, at: &Path, act: &Act) {
    match act {
        Act::Command(it) => command(found, &at.child("command"), it),
        Act::Env(it) => env(found, &at.child("env"), it),
        Act::Http(it) => request(found, &at.child("http"), it),
        Act::Signal(_) => {}
    }
}

/// More than this no one sends to change a level.
const MAX_BODY: usize = 64 * 1024;

fn request(found: &mut Findings, at: &Path, request: &HttpRequest) {
    positive(found, at.child("timeout"), request.timeout);
    if request.timeout > Duration::from_secs(60) {
        found
            .add(
                at.child("timeout"),
                format!("an answer can be waited for at most 1m, not {}", request.timeout),
            )
            .hint("the supervisor goes on with its work meanwhile, but `abide debug` waits for the answer");
    }
    if let Some(body) = &request.body {
        if request.method == Method::Get {
            found
                .add(at.child("body"), "a GET request has no body")
                .hint("write what is wanted into the url, or use method = \"PUT\" or \"POST\"")
                .involves([at.child("method")]);
        }
        if body.len() > MAX_BODY {
            found.add(at.child("body"), format!("`body` has {} bytes; at most 64 KiB are sent", body.len()));
        }
    }
    let kind = &request.content_type;
    if kind.is_empty() || kind.len() > 128 || !kind.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        found
            .add(at.child("content-type"), format!("{kind:?} is not a kind of content"))
            .hint("write it like \"application/json\"");
    }
}

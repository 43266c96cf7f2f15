//! Dependencies, restarts, health and the end of a service of Compose.

use abide_spec::{Duration, GiveUp, Health, Probe, Signal, Spec, Then, When};

use super::interpolate;
use crate::draft;
use crate::ledger::Ledger;
use crate::tree::Data;
use crate::tree::view::{Entry, View};

pub(super) fn map(ledger: &Ledger, spec: &mut Spec, view: &View<'_, '_>, names: &[String]) {
    depends(spec, view, names);
    restart(ledger, spec, view);
    if let Some(entry) = view.get("healthcheck") {
        health(spec, view, entry);
    }
    stop(spec, view);
}

/// `1m30s`, `500ms`, `10s`; a plain number is seconds.
fn time(entry: &Entry<'_, '_>) -> Option<Duration> {
    let word = entry.word()?;
    let mut total = 0.0;
    let mut rest = word.trim();
    let mut good = !rest.is_empty();
    while good && !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let factor = match &rest[digits..letters] {
            "" | "s" => Some(1.0),
            "us" => Some(1e-6),
            "ms" => Some(1e-3),
            "m" => Some(60.0),
            "h" => Some(3600.0),
            _ => None,
        };
        match rest[..digits].parse::<f64>().ok().zip(factor) {
            Some((number, factor)) => total += number * factor,
            None => good = false,
        }
        rest = &rest[letters..];
    }
    if good && total < 1e9 {
        return Some(draft::from_seconds(total));
    }
    entry.wrong("a time like \"10s\" or \"1m30s\"");
    None
}

fn depends(spec: &mut Spec, view: &View<'_, '_>, names: &[String]) {
    let Some(entry) = view.get("depends_on") else { return };
    match &entry.node.data {
        Data::Map(_) => {
            for one in view.descend(entry).entries() {
                if depend(spec, one, &one.key.text, names) {
                    conditions(view, entry, one);
                }
            }
        }
        _ => {
            for name in entry.words().unwrap_or_default() {
                if depend(spec, &entry, &name, names) {
                    entry.field.carried("start.after");
                }
            }
        }
    }
}

/// How another service is waited for.
fn conditions(view: &View<'_, '_>, entry: Entry<'_, '_>, one: &Entry<'_, '_>) {
    one.field.carried("start.after");
    for detail in view.descend_in(entry, one).entries() {
        match (detail.key.text.as_str(), detail.node.word().as_deref()) {
            ("condition", Some("service_completed_successfully")) => {
                detail
                    .field
                    .changed("start.after", "it is waited for until it is up, not until it has ended");
            }
            ("condition", _) => detail.field.carried("start.after"),
            ("required", _) => detail.field.left("a service that is waited for has to be there"),
            ("restart", _) => detail.field.left("a service is not restarted with another one"),
            _ => {}
        }
    }
}

fn depend(spec: &mut Spec, entry: &Entry<'_, '_>, name: &str, names: &[String]) -> bool {
    if !names.iter().any(|known| known == name) {
        let to = format!("{name} is not taken over: put what takes its place on the host into start.after");
        if spec.start.after.is_empty() {
            entry.field.left(to)
        } else {
            entry.field.changed("start.after", to)
        }
        return false;
    }
    let Some(name) = draft::name(name) else { return false };
    if name != spec.name && !spec.start.after.iter().any(|known| known == name.as_str()) {
        spec.start.after.push(name.to_string());
    }
    true
}

fn restart(ledger: &Ledger, spec: &mut Spec, view: &View<'_, '_>) {
    let name = spec.name.as_str().to_owned();
    let entry = view.get("restart");
    let word = entry.and_then(|entry| entry.word().map(|word| (word, entry)));
    match &word {
        None => {
            if view.get("deploy").is_none_or(|deploy| deploy.node.get("restart_policy").is_none()) {
                spec.restart.when = When::Never;
                let why = "without it a container is not restarted, so it is \"never\"";
                ledger.default(Some(&name), "restart", "restart.when", why);
            }
        }
        Some((word, entry)) => match word.split_once(':').unwrap_or((word, "")) {
            ("no" | "false", _) => {
                spec.restart.when = When::Never;
                entry.field.carried("restart.when");
            }
            ("always" | "unless-stopped", _) => {
                spec.restart.when = When::Always;
                spec.restart.give_up = None;
                entry.field.carried("restart.when, restart.give-up");
            }
            ("on-failure", "") => {
                spec.restart.when = When::OnFailure;
                spec.restart.give_up = None;
                entry.field.carried("restart.when, restart.give-up");
            }
            ("on-failure", count) => match count.parse::<u32>() {
                Ok(after @ 1..) => {
                    spec.restart.when = When::OnFailure;
                    spec.restart.give_up = Some(GiveUp { after, ..GiveUp::default() });
                    entry
                        .field
                        .changed("restart.when, restart.give-up", "so many restarts within 10 minutes");
                }
                _ => entry.wrong("on-failure:COUNT with a whole number"),
            },
            _ => entry.wrong("no, always, unless-stopped or on-failure"),
        },
    }
}

/// What Docker does unless told otherwise.
const EVERY: Duration = Duration::from_secs(30);

fn health(spec: &mut Spec, view: &View<'_, '_>, entry: Entry<'_, '_>) {
    if !matches!(entry.node.data, Data::Map(_)) {
        entry.wrong("a map of settings");
        return;
    }
    let check = view.descend(entry);
    if let Some(disable) = check.get("disable")
        && disable.truth() == Some(true)
    {
        for one in check.entries() {
            one.field.left("the check is disabled");
        }
        return;
    }
    let Some(test) = check.get("test") else {
        for one in check.entries() {
            one.field.left("the check itself is in the image");
        }
        return;
    };
    let Some((command, why)) = test_command(&test) else {
        for one in check.entries() {
            one.field.left_unless_taken("there is no check");
        }
        return;
    };
    let mut health = Health::new(Probe::Exec(command));
    health.every = EVERY;
    health.timeout = EVERY;
    health.then = Then::Report;
    match why {
        Some(why) => test.field.changed("health", why),
        None => test
            .field
            .carried_with("health", "an unhealthy container is told, not restarted: then = \"report\""),
    }
    for (key, slot) in [
        ("interval", &mut health.every),
        ("timeout", &mut health.timeout),
        ("start_period", &mut health.initial_delay),
    ] {
        if let Some(one) = check.get(key)
            && let Some(time) = time(&one)
        {
            if time.is_zero() && key != "start_period" {
                one.field.left("0 is the default");
            } else {
                *slot = time;
                one.field.carried("health");
            }
        }
    }
    if let Some(one) = check.get("retries")
        && let Some(count) = one.number()
    {
        health.unhealthy_after = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        one.field.carried("health");
    }
    if let Some(one) = check.get("start_interval") {
        one.field.left("the first question is asked after the initial delay");
    }
    spec.health.push(health);
}

/// The command of a check; nothing if it is switched off or cannot be told.
fn test_command(test: &Entry<'_, '_>) -> Option<(Vec<String>, Option<String>)> {
    let through = |line: &str| {
        // What Compose leaves to the shell is written with two dollar signs.
        let value = interpolate::read(line);
        let script: String = value
            .word
            .iter()
            .map(|piece| match piece {
                crate::variables::Piece::Text(text) => text.clone(),
                crate::variables::Piece::Variable(name) | crate::variables::Piece::Words(name) => {
                    format!("${{{name}}}")
                }
            })
            .collect();
        (vec!["/bin/sh".into(), "-c".into(), script], value.told)
    };
    let words = match &test.node.data {
        Data::List(_) => test.words()?,
        _ => return Some(through(&test.word()?)),
    };
    match words.split_first() {
        Some((first, _)) if first == "NONE" => {
            test.field.left("there is no check");
            None
        }
        Some((first, [line])) if first == "CMD-SHELL" => Some(through(line)),
        Some((first, rest)) if first == "CMD" && !rest.is_empty() => {
            let mut command = Vec::new();
            let mut told = None;
            for word in rest {
                let value = interpolate::read(word);
                told = told.or_else(|| value.told.clone());
                match value.text() {
                    Ok(text) => command.push(text),
                    Err(why) => {
                        test.field.left(why);
                        return None;
                    }
                }
            }
            Some((command, told))
        }
        _ => {
            test.wrong("a text, or a list that begins with CMD, CMD-SHELL or NONE");
            None
        }
    }
}

fn stop(spec: &mut Spec, view: &View<'_, '_>) {
    let signal = view.get("stop_signal").and_then(|entry| {
        let signal = draft::signal(entry.field, &entry.word()?)?;
        entry.field.carried("stop.steps");
        Some(signal)
    });
    let wait = view.get("stop_grace_period").and_then(|entry| {
        let wait = time(&entry)?;
        entry.field.carried("stop.steps");
        Some(wait)
    });
    if signal.is_some() || wait.is_some() {
        let wait = wait.unwrap_or(Duration::from_secs(10));
        spec.stop.steps = vec![draft::signal_step(signal.unwrap_or(Signal::TERM), wait)];
    }
}

/// `deploy.restart_policy`.
pub(super) fn policy(spec: &mut Spec, view: &View<'_, '_>) {
    if let Some(entry) = view.get("condition")
        && let Some(word) = entry.word()
    {
        spec.restart.when = match word.as_str() {
            "none" => When::Never,
            "on-failure" => When::OnFailure,
            "any" => When::Always,
            _ => {
                entry.wrong("none, on-failure or any");
                return;
            }
        };
        entry.field.carried("restart.when");
    } else {
        spec.restart.when = When::Always;
    }
    spec.restart.give_up = None;
    if let Some(entry) = view.get("delay")
        && let Some(delay) = time(&entry)
    {
        draft::fixed_delay(spec, delay);
        entry.field.carried("restart.delay");
    }
    let window = view.get("window").and_then(|entry| {
        let window = time(&entry)?;
        entry.field.changed("restart.give-up", "so many restarts within this time");
        Some(window)
    });
    if let Some(entry) = view.get("max_attempts")
        && let Some(count) = entry.number()
        && let Some(after) = u32::try_from(count).ok().filter(|count| *count > 0)
    {
        let within = window.filter(|window| !window.is_zero()).unwrap_or(GiveUp::default().within);
        spec.restart.give_up = Some(GiveUp { after, within });
        entry.field.changed("restart.give-up", "so many restarts within a time, and not in a row");
    }
}

//! What happens when the program ends by itself.

use std::time::Duration;

use serde_json::Value;

use crate::behaviour::{Behaviour, Need, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;
use crate::service::Service;
use abide_machine::wait_for;

pub const LIST: &[Behaviour] = &[
    now("restart-after-crash", "a program that ends with a failure is started again", &[], after_crash),
    now("restart-after-kill", "a program that is killed is started again", &[], after_kill),
    now("restart-never", "with `when = \"never\"` a crash is the end", &[], never),
    now("restart-on-failure-clean-end", "with `on-failure` an exit code of 0 is the end", &[], clean_end),
    now("restart-always", "with `always` an exit code of 0 is followed by a restart", &[], always),
    now("success-codes", "an exit code declared a success is not a failure", &[], success_codes),
    now("exit-code-rules", "exit codes can be excluded from restart, and demand it", &[], code_rules),
    now("signal-rules", "signals can be excluded from restart", &[Need::Signals], signal_rules),
    now(
        "gives-up",
        "a program that dies at once again and again is given up, and the service fails",
        &[],
        gives_up,
    ),
    now(
        "start-after-giving-up",
        "a service that was given up starts again when told to",
        &[],
        start_after_giving_up,
    ),
    now("backoff-grows", "the delay before a restart grows by the factor", &[], backoff_grows),
    now("failures-are-forgotten", "after a stable time the delay begins anew", &[], forgotten),
    now("stop-during-backoff", "`stop` during the delay prevents the restart", &[], stop_in_backoff),
    now("never-two-copies", "through crashes and restarts there is never more than one copy", &[], one_copy),
    now("held-pipe-no-delay", "a grandchild that holds the pipes does not delay the restart", &[], held_pipe),
];

/// A service that ends when told over HTTP.
fn steered(c: &Context, restart: &str) -> Result<(Service, u16), crate::behaviour::Fault> {
    let port = c.port()?;
    let service = c
        .service(&["say", "started", "http", &port.to_string(), "graceful", "0"])
        .with(&format!("[start]\nready = {{ http = \"http://127.0.0.1:{port}/healthz\", every = \"50ms\" }}\n[restart]\n{restart}"));
    c.run(&service)?;
    Ok((service, port))
}

fn after_crash(c: &Context) -> Outcome {
    let (service, port) = steered(c, "when = \"on-failure\"")?;
    let before = c.pid(&service.name)?;
    let _ = c.get(port, "/exit?3");
    let status = c.wait_another(&service.name, before)?;
    ensure!(status["restarts"] == 1, "not one restart: {status}");
    let told = c.told(&service.name)?;
    ensure!(told.contains("code 3"), "the events do not tell the exit code:\n{told}");
    Ok(())
}

fn after_kill(c: &Context) -> Outcome {
    let (service, _) = steered(c, "delay = { initial = \"0s\" }")?;
    let before = c.pid(&service.name)?;
    c.kill(before)?;
    c.wait_another(&service.name, before)?;
    ensure!(c.processes(&service).len() == 1, "not one process: {:?}", c.processes(&service));
    if !c.backend.windows() {
        let told = c.told(&service.name)?;
        ensure!(told.contains("KILL"), "the events do not tell the signal:\n{told}");
    }
    Ok(())
}

/// Waits until the service has ended for good after `command`, and checks that it was started so many times.
fn ends_after(c: &Context, service: &Service, state: &str, starts: usize) -> Outcome {
    c.wait_status(&service.name, state, |status| status["state"] == state)?;
    // A restart that should not come would be due by now: the delay is 0.
    let more = wait_for(Duration::from_millis(700), || {
        c.peek(&service.name).is_some_and(|status| status["state"] != state)
    });
    ensure!(!more, "it was started again: {:?}", c.peek(&service.name));
    let seen = c.printed(&service.name)?.matches("started").count();
    ensure!(seen == starts, "started {seen} times, not {starts}");
    ensure!(c.abide(&["status", &service.name])?.code == Some(3), "`status` does not end with 3");
    c.nothing_runs(service)
}

fn never(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "sleep", "200", "exit", "3"])
        .with("[restart]\nwhen = \"never\"\ndelay = { initial = \"0s\" }");
    c.try_run(&service)?;
    c.wait_status(&service.name, "ended", |status| {
        status["state"] == "stopped" || status["state"] == "failed"
    })?;
    let state = c.status(&service.name)?["state"].as_str().unwrap_or_default().to_owned();
    ends_after(c, &service, &state, 1)
}

fn clean_end(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "sleep", "200", "exit", "0"])
        .with("[restart]\ndelay = { initial = \"0s\" }");
    c.try_run(&service)?;
    ends_after(c, &service, "stopped", 1)
}

fn always(c: &Context) -> Outcome {
    let (service, port) = steered(c, "when = \"always\"")?;
    let before = c.pid(&service.name)?;
    let _ = c.get(port, "/exit?0");
    c.wait_another(&service.name, before).map(drop)
}

fn success_codes(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "sleep", "200", "exit", "42"])
        .with("[restart]\nsuccess-codes = [0, 42]\ndelay = { initial = \"0s\" }");
    c.try_run(&service)?;
    ends_after(c, &service, "stopped", 1)
}

fn code_rules(c: &Context) -> Outcome {
    let rules = "codes = { never = [77], always = [0] }\ndelay = { initial = \"0s\" }";
    let (service, port) = steered(c, rules)?;
    let before = c.pid(&service.name)?;
    let _ = c.get(port, "/exit?0");
    c.wait_another(&service.name, before)?;
    let _ = c.get(port, "/exit?77");
    let ended = c.wait_status(&service.name, "ended", |status| {
        status["state"] == "stopped" || status["state"] == "failed"
    })?;
    ends_after(c, &service, ended["state"].as_str().unwrap_or_default(), 2)
}

fn signal_rules(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "sleep", "200", "raise", "15"])
        .with("[restart]\nwhen = \"always\"\nsignals = { never = [\"TERM\"] }\ndelay = { initial = \"0s\" }");
    c.try_run(&service)?;
    let ended = c.wait_status(&service.name, "ended", |status| {
        status["state"] == "stopped" || status["state"] == "failed"
    })?;
    ends_after(c, &service, ended["state"].as_str().unwrap_or_default(), 1)
}

const GIVE_UP: &str = "delay = { initial = \"0s\" }\ngive-up = { after = 3, within = \"1m\" }";

fn gives_up(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "exit", "5"]).with(&format!("[restart]\n{GIVE_UP}"));
    c.try_run(&service)?;
    let status = c.wait_state(&service.name, "failed")?;
    let starts = c.printed(&service.name)?.matches("started").count();
    ensure!((3..=4).contains(&starts), "{starts} starts with give-up after 3");
    ensure!(status["pid"].is_null(), "a failed service tells a pid: {status}");
    let told = c.told(&service.name)?;
    ensure!(told.contains("code 5") && told.contains("failed"), "the events do not say why:\n{told}");
    ends_after(c, &service, "failed", starts)
}

fn start_after_giving_up(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "exit", "5"]).with(&format!("[restart]\n{GIVE_UP}"));
    // An `up` ends when its last service has; another one keeps it.
    let keeper = c.named("keeper-of-giving-up", &["graceful", "0"]);
    c.try_run_all(&[&service, &keeper])?;
    c.wait_state(&service.name, "failed")?;
    let before = c.printed(&service.name)?.matches("started").count();
    let output = c.abide(&["start", &service.name])?;
    c.wait_state(&service.name, "failed")?;
    let after = c.printed(&service.name)?.matches("started").count();
    ensure!(
        after > before,
        "`start` did not try again ({before} starts before and after): {}",
        output.errors()
    );
    ensure!(after - before == before, "the second round made {} starts, the first {before}", after - before);
    Ok(())
}

/// Milliseconds of the day of an event.
fn millis(event: &Value) -> Option<i64> {
    let time = event["time"].as_str()?.split_once('T')?.1.trim_end_matches('Z');
    let mut parts = time.split(':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some(((hours * 60.0 + minutes) * 60_000.0 + seconds * 1000.0) as i64)
}

fn backoff_grows(c: &Context) -> Outcome {
    let service = c.service(&["exit", "1"]).with(
        "[restart]\ndelay = { initial = \"200ms\", factor = 3.0, max = \"1500ms\", jitter = 0.0 }\ngive-up = { after = 4, within = \"1m\" }",
    );
    c.try_run(&service)?;
    c.wait_state(&service.name, "failed")?;
    let events = c.events(&service.name)?;
    let mut ended = None;
    let mut delays = Vec::new();
    for event in &events {
        match event["record"]["kind"].as_str() {
            Some("exited") => ended = millis(event),
            Some("started") => delays
                .extend(ended.take().zip(millis(event)).map(|(from, to)| (to - from).rem_euclid(86_400_000))),
            _ => {}
        }
    }
    let wanted: &[i64] = &[200, 600, 1500, 1500];
    ensure!(delays.len() >= 3, "too few restarts to judge: {delays:?}");
    for (index, (delay, wanted)) in delays.iter().zip(wanted).enumerate() {
        // The time of starting a process on a busy machine comes on top.
        ensure!(
            *delay >= wanted - 20 && *delay < wanted + 400,
            "delay {} is {delay} ms, not {wanted} ms: {delays:?}",
            index + 1
        );
    }
    Ok(())
}

fn forgotten(c: &Context) -> Outcome {
    let (service, port) = steered(c, "delay = { initial = \"0s\" }\nreset-after = \"1s\"")?;
    let mut before = c.pid(&service.name)?;
    let _ = c.get(port, "/exit?1");
    let status = c.wait_another(&service.name, before)?;
    ensure!(status["failures"] == 1, "one failure is counted as {}", status["failures"]);
    before = c.pid(&service.name)?;
    let forgotten = wait_for(SOON, || c.peek(&service.name).is_some_and(|status| status["failures"] == 0));
    ensure!(forgotten, "after 1 s the failure is not forgotten: {}", c.status(&service.name)?);
    ensure!(c.pid(&service.name)? == before, "the process was replaced meanwhile");
    Ok(())
}

fn stop_in_backoff(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "exit", "1"])
        .with("[restart]\ndelay = { initial = \"10m\", max = \"10m\", jitter = 0.0 }");
    c.try_run(&service)?;
    let status = c.wait_state(&service.name, "backing-off")?;
    ensure!(status["next-start"].is_string(), "the status does not tell when it is started next: {status}");
    // It comes back before anything could have waited for the delay.
    c.ok(&["stop", &service.name])?;
    ensure!(c.abide(&["status", &service.name])?.code == Some(3), "not stopped");
    Ok(())
}

fn one_copy(c: &Context) -> Outcome {
    let (service, _) = steered(c, "delay = { initial = \"0s\" }\ngive-up = false")?;
    for _ in 0..5 {
        let before = c.pid(&service.name)?;
        c.kill(before)?;
        let mut most = 0;
        let replaced = wait_for(SOON, || {
            most = most.max(c.processes(&service).len());
            c.peek(&service.name).is_some_and(|status| {
                status["ready"] == true && status["pid"].as_u64().is_some_and(|pid| pid != before)
            })
        });
        ensure!(replaced, "not restarted");
        ensure!(most <= 1, "{most} copies at the same time");
    }
    Ok(())
}

fn held_pipe(c: &Context) -> Outcome {
    let service = c
        .service(&["deaf-grandchildren", "2", "say", "ready now"])
        .with("[start]\nready = { log = \"ready now\" }\n[restart]\ndelay = { initial = \"0s\" }");
    c.run(&service)?;
    let before = c.pid(&service.name)?;
    c.kill(before)?;
    c.wait_another(&service.name, before)?;
    let told = c.events(&service.name)?;
    let at = |kind: &str| told.iter().rev().find(|event| event["record"]["kind"] == kind).and_then(millis);
    let (Some(exited), Some(started)) = (at("exited"), at("started")) else {
        return Err(format!("no events of the restart: {told:?}").into());
    };
    let delay = (started - exited).rem_euclid(86_400_000);
    ensure!(delay < 1000, "the restart took {delay} ms");
    let count = c.processes(&service).len();
    ensure!(
        count == 3,
        "{count} processes instead of the program and 2 grandchildren: {:?}",
        c.processes(&service)
    );
    Ok(())
}

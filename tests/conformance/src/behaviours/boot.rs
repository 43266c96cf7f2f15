//! Around a restart of the machine, and the order of starting.

use serde_json::Value;

use crate::behaviour::{Behaviour, Fault, Need, Outcome, now, restart};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    restart(
        "boot-starts-auto",
        "an `auto` service runs again after a restart of the machine",
        &[Need::Boot],
        auto,
        auto_again,
    ),
    restart(
        "boot-leaves-manual",
        "a `manual` service is not started by a restart of the machine",
        &[Need::Boot],
        manual,
        manual_still,
    ),
    restart(
        "boot-leaves-disabled",
        "a `disabled` service is started neither at boot nor by `start`",
        &[Need::Boot],
        disabled,
        disabled_still,
    ),
    restart(
        "boot-starts-delayed",
        "a `delayed` service runs some time after the restart of the machine",
        &[Need::Boot],
        delayed,
        auto_again,
    ),
    restart(
        "boot-keeps-stop",
        "a service that was stopped by hand and is `auto` runs again after a restart",
        &[Need::Boot],
        stopped,
        auto_again,
    ),
    restart(
        "boot-keeps-logs",
        "logs and events reach back over a restart of the machine",
        &[Need::Boot],
        auto,
        logs_still,
    ),
    restart(
        "boot-order",
        "at boot a service starts after the ones it names are ready",
        &[Need::Boot],
        order,
        order_held,
    ),
    now("up-order", "in `up` a service starts after the ones it names are ready", &[Need::Up], up_order),
    now(
        "start-starts-dependencies",
        "`start` first starts what the service comes after",
        &[Need::Manager],
        dependencies,
    ),
];

fn auto(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "graceful", "0"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "started").map(drop)
}

fn auto_again(c: &Context) -> Outcome {
    c.wait_ready(c.name)?;
    let printed = c.printed(c.name)?;
    ensure!(printed.matches("started").count() == 2, "not started twice: {printed}");
    Ok(())
}

fn logs_still(c: &Context) -> Outcome {
    auto_again(c)?;
    let starts = c.count(c.name, "started")?;
    ensure!(starts == 2, "the events tell {starts} starts, not 2");
    Ok(())
}

fn manual(c: &Context) -> Outcome {
    c.run(&c.service(&["say", "started", "graceful", "0"]).with("[start]\nmode = \"manual\""))
}

fn manual_still(c: &Context) -> Outcome {
    ensure!(c.abide(&["status", c.name])?.code == Some(3), "it runs");
    ensure!(c.printed(c.name)?.matches("started").count() == 1, "it was started");
    c.ok(&["start", c.name])?;
    c.wait_ready(c.name).map(drop)
}

fn disabled(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "graceful", "0"]).with("[start]\nmode = \"disabled\"");
    let file = c.write_spec(&service)?;
    c.ok(&["apply", &file])?;
    let output = c.abide(&["start", &service.name])?;
    ensure!(!output.ok(), "`start` starts a disabled service");
    ensure!(
        output.errors().contains("disabled"),
        "the error does not say that it is disabled: {}",
        output.errors()
    );
    c.nothing_runs(&service)
}

fn disabled_still(c: &Context) -> Outcome {
    ensure!(c.abide(&["status", c.name])?.code == Some(3), "it runs");
    Ok(())
}

fn delayed(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "graceful", "0"]).with("[start]\nmode = \"delayed\"");
    if c.backend.manager().is_some() {
        // What a service manager cannot do is refused with the field's name, never dropped.
        let output = c.abide(&["plan", &c.write_spec(&service)?])?;
        ensure!(
            !output.ok() && output.errors().contains("start.mode"),
            "not refused by name: {}",
            output.all()
        );
        return Err(Fault::NotHere("no delayed start; the plan refuses it by the field's name".into()));
    }
    c.run(&service)?;
    c.wait_printed(&service.name, "started").map(drop)
}

fn stopped(c: &Context) -> Outcome {
    auto(c)?;
    c.ok(&["stop", c.name]).map(drop)
}

/// The moment of the last event of this kind.
fn last(c: &Context, name: &str, kind: &str) -> Result<String, Fault> {
    let events = c.events(name)?;
    let event: Option<&Value> = events.iter().rev().find(|event| event["record"]["kind"] == kind);
    let time = event.and_then(|event| event["time"].as_str());
    Ok(time.ok_or_else(|| format!("{name} has no event {kind}: {events:?}"))?.to_owned())
}

fn pair(c: &Context) -> (crate::service::Service, crate::service::Service) {
    let first = c
        .named(&format!("{}-b", c.name), &["sleep", "900", "say", "open", "graceful", "0"])
        .with("[start]\nready = { log = \"open\" }");
    let second = c
        .named(&format!("{}-a", c.name), &["say", "started", "graceful", "0"])
        .with(&format!("[start]\nafter = [\"{}-b\"]", c.name));
    (first, second)
}

fn order(c: &Context) -> Outcome {
    let (first, second) = pair(c);
    c.bring_up(&[&first, &second])?;
    c.wait_ready(&first.name)?;
    c.wait_ready(&second.name).map(drop)
}

fn order_held(c: &Context) -> Outcome {
    let (first, second) = (format!("{}-b", c.name), format!("{}-a", c.name));
    if c.backend.wine() {
        let registered = super::install::registered(c, &second)?;
        ensure!(
            registered.contains("DependOnService") && registered.contains(&first),
            "not registered: {registered}"
        );
        return Err(Fault::NotHere(
            "Wine's service manager does not follow dependencies; they are registered".into(),
        ));
    }
    c.wait_ready(&first)?;
    c.wait_ready(&second)?;
    let (ready, started) = (last(c, &first, "ready")?, last(c, &second, "started")?);
    ensure!(started >= ready, "{second} started at {started}, before {first} was ready at {ready}");
    Ok(())
}

fn up_order(c: &Context) -> Outcome {
    order(c)?;
    order_held(c)
}

fn dependencies(c: &Context) -> Outcome {
    let (first, second) = pair(c);
    c.bring_up(&[&first, &second])?;
    c.ok(&["stop", &second.name])?;
    c.ok(&["stop", &first.name])?;
    c.ok(&["start", &second.name])?;
    if !c.backend.wine() {
        c.wait_ready(&first.name)?;
    }
    order_held(c)
}

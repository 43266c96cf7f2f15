//! How the program is ended.

use std::time::Duration;

use crate::behaviour::{Behaviour, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;
use crate::service::list;

pub const LIST: &[Behaviour] = &[
    now("stop-is-graceful", "a stopped program is asked first, and its last words are kept", &[], graceful),
    now(
        "stop-second-step",
        "when the first step of the ladder does not help, the second does",
        &[],
        second_step,
    ),
    now("stop-by-command", "a step of the ladder can be a command", &[], by_command),
    now("stop-hung", "a program that ignores every request is killed at the end of the ladder", &[], hung),
    now(
        "stop-kills-grandchildren",
        "`stop` ends orphaned grandchildren in sessions of their own",
        &[],
        grandchildren,
    ),
    now(
        "restart-kills-grandchildren",
        "after a crash no grandchild of the old program is left",
        &[],
        old_grandchildren,
    ),
    now("stop-while-starting", "`stop` ends a program that is not ready yet", &[], while_starting),
    now(
        "stop-all-of-up",
        "ending `up` stops every service gracefully and leaves no process",
        &[Need::Up],
        all_of_up,
    ),
    now(
        "no-signal-to-neighbours",
        "a Ctrl-C to one program reaches neither supervisor nor neighbours",
        &[Need::Console],
        neighbours,
    ),
];

/// The request that the platform's first step makes.
fn usual_request(c: &Context) -> &'static str {
    if c.backend.windows() { "asked to stop by ctrl-c" } else { "asked to stop by TERM" }
}

fn graceful(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "300", "say", "working"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "working")?;
    c.ok(&["stop", &service.name])?;
    let printed = c.printed(&service.name)?;
    ensure!(printed.contains(usual_request(c)), "the program saw no {:?}:\n{printed}", usual_request(c));
    ensure!(printed.contains("bye"), "the last words are missing:\n{printed}");
    let told = c.told(&service.name)?;
    ensure!(told.contains("stopped by step 1"), "the events do not tell the step:\n{told}");
    let status = c.status(&service.name)?;
    ensure!(status["state"] == "stopped", "not stopped: {status}");
    Ok(())
}

fn second_step(c: &Context) -> Outcome {
    let nothing = list(&[&c.backend.fixture(), "exit", "0"]);
    let (second, request) =
        if c.backend.windows() { ("event = \"ctrl-c\"", "ctrl-c") } else { ("signal = \"INT\"", "INT") };
    let service = c.service(&["graceful", "0", "say", "working"]).with(&format!(
        "[stop]\nsteps = [{{ command = {nothing}, wait = \"600ms\" }}, {{ {second}, wait = \"10s\" }}]"
    ));
    c.run(&service)?;
    c.wait_printed(&service.name, "working")?;
    c.ok(&["stop", &service.name])?;
    let printed = c.printed(&service.name)?;
    ensure!(
        printed.contains(&format!("asked to stop by {request}")),
        "the second step did not come:\n{printed}"
    );
    let told = c.told(&service.name)?;
    ensure!(told.contains("stopped by step 2"), "the events do not tell the step:\n{told}");
    Ok(())
}

fn by_command(c: &Context) -> Outcome {
    let port = c.port()?.to_string();
    let command = list(&[&c.backend.fixture(), "ask", &port, "/exit?0"]);
    let service = c
        .service(&["deaf", "http", &port])
        .with(&format!("[start]\nready = {{ tcp = \"127.0.0.1:{port}\" }}\n[stop]\nsteps = [{{ command = {command}, wait = \"10m\" }}]"));
    c.run(&service)?;
    c.ok(&["stop", &service.name])?;
    c.nothing_runs(&service)
}

fn hung(c: &Context) -> Outcome {
    let service = c.service(&["deaf", "say", "deaf"]).with(
        "[stop]\nsteps = [{ signal = \"TERM\", wait = \"500ms\" }, { event = \"ctrl-c\", wait = \"500ms\" }, { kill = \"tree\" }]",
    );
    c.run(&service)?;
    c.wait_printed(&service.name, "deaf")?;
    let output = c.ok(&["stop", &service.name])?;
    ensure!(
        output.took >= Duration::from_millis(450),
        "killed after {:?}, before its time was over",
        output.took
    );
    let left = c.processes(&service);
    ensure!(left.is_empty(), "processes after `stop`: {left:?}");
    let told = c.told(&service.name)?;
    ensure!(told.contains("kill"), "the events do not tell that it was killed:\n{told}");
    ensure!(
        c.status(&service.name)?["state"] == "stopped",
        "a service that was stopped by a kill is not `stopped`"
    );
    Ok(())
}

fn grandchildren(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0", "deaf-grandchildren", "3"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "left 3")?;
    ensure!(c.processes(&service).len() == 4, "not 4 processes: {:?}", c.processes(&service));
    c.ok(&["stop", &service.name])?;
    let left = c.processes(&service);
    ensure!(left.is_empty(), "processes after `stop`: {left:?}");
    Ok(())
}

fn old_grandchildren(c: &Context) -> Outcome {
    let service = c
        .service(&["deaf-grandchildren", "2", "say", "all there"])
        .with("[start]\nready = { log = \"all there\" }\n[restart]\ndelay = { initial = \"100ms\" }");
    c.run(&service)?;
    let old: Vec<u32> = c.processes(&service).iter().map(|process| process.pid).collect();
    ensure!(old.len() == 3, "not 3 processes: {:?}", c.processes(&service));
    let before = c.pid(&service.name)?;
    c.kill(before)?;
    c.wait_another(&service.name, before)?;
    let now = c.processes(&service);
    ensure!(
        !now.iter().any(|process| old.contains(&process.pid)),
        "processes of the old program are left: {now:?}"
    );
    ensure!(now.len() == 3, "not 3 processes: {now:?}");
    Ok(())
}

fn while_starting(c: &Context) -> Outcome {
    let service = c
        .service(&["graceful", "0", "say", "busy"])
        .with("[start]\nready = { log = \"never\", timeout = \"60s\" }");
    let mut start = None;
    if c.backend.foreground() {
        c.bring_up(&[&service])?;
    } else {
        let file = c.write_spec(&service.clone().with("mode = \"manual\""))?;
        c.ok(&["apply", &file])?;
        let mut command = c.abide_command(&["start", &service.name]);
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        start = Some(command.spawn().map_err(|error| error.to_string())?);
    }
    c.wait_printed(&service.name, "busy")?;
    let stopped = c.ok(&["stop", &service.name]);
    if let Some(mut start) = start {
        let ended =
            abide_machine::wait_child(&mut start, crate::context::SOON).map_err(|error| error.to_string())?;
        if ended.is_none() {
            let _ = start.kill();
        }
        ensure!(ended.is_some(), "`start` hangs although the service was stopped");
        ensure!(
            ended != Some(Some(0)),
            "`start` succeeds although the service was stopped before it was ready"
        );
    }
    stopped?;
    ensure!(c.abide(&["status", &service.name])?.code == Some(3), "not stopped");
    c.nothing_runs(&service)
}

fn all_of_up(c: &Context) -> Outcome {
    let one = c.named("up-one", &["graceful", "200"]);
    let two = c.named("up-two", &["graceful", "200", "deaf-grandchildren", "1"]);
    c.bring_up(&[&one, &two])?;
    c.wait_ready(&one.name)?;
    c.wait_ready(&two.name)?;
    c.wait_printed(&two.name, "left 1")?;
    let pid = c.up_pid().ok_or_else(|| "no `up` runs".to_owned())?;
    if c.backend.windows() {
        return Err(crate::behaviour::Fault::NotHere(
            "a Ctrl-C cannot be sent to another console from here".into(),
        ));
    }
    let _ = std::process::Command::new("kill").args(["-INT", &pid.to_string()]).status();
    let code = c.up_ends(Duration::from_secs(20));
    ensure!(code.is_some(), "`up` did not end within 20 s after an interrupt");
    ensure!(code == Some(Some(0)), "`up` ended with {code:?}: {}", c.up_output());
    for service in [&one, &two] {
        let left = c.processes(service);
        ensure!(left.is_empty(), "processes are left: {left:?}");
        ensure!(c.printed(&service.name)?.contains("bye"), "{} was not stopped gracefully", service.name);
    }
    Ok(())
}

fn neighbours(c: &Context) -> Outcome {
    let one = c.named("neighbour-one", &["graceful", "0"]);
    let two = c.named("neighbour-two", &["graceful", "0", "say", "here"]);
    c.bring_up(&[&one, &two])?;
    c.wait_ready(&one.name)?;
    c.wait_printed(&two.name, "here")?;
    let supervisor = c.status(&two.name)?["supervisor"]["pid"].clone();
    c.ok(&["stop", &one.name])?;
    ensure!(!c.printed(&two.name)?.contains("asked"), "the neighbour was asked to stop too");
    let status = c.status(&two.name)?;
    ensure!(
        status["state"] == "running" && status["supervisor"]["pid"] == supervisor,
        "the neighbour is disturbed: {status}"
    );
    Ok(())
}

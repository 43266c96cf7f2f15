//! The death of the supervisor, and what the service manager is told.

use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now(
        "supervisor-killed",
        "a supervisor that is killed is started again, with one copy of the program",
        &[Need::Manager],
        killed,
    ),
    now("program-dies-with-supervisor", "a program does not outlive its supervisor unseen", &[], no_orphan),
    now(
        "status-without-supervisor",
        "status, events and logs can be read with the supervisor dead",
        &[],
        readable,
    ),
    now(
        "failure-reaches-manager",
        "the service manager learns that the program failed, and its exit code",
        &[Need::Manager],
        failure,
    ),
    now(
        "native-logs",
        "what happens to the service is told in the system's own event log",
        &[Need::Manager],
        native_logs,
    ),
];

fn supervisor(c: &Context, name: &str) -> Result<u64, Fault> {
    let status = c.status(name)?;
    Ok(status["supervisor"]["pid"]
        .as_u64()
        .ok_or_else(|| format!("the status names no supervisor: {status}"))?)
}

fn killed(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "graceful", "0", "deaf-grandchildren", "1"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "left 1")?;
    let before = supervisor(c, &service.name)?;
    let program = c.pid(&service.name)?;
    c.kill(before)?;
    if c.backend.wine() {
        let gone = abide_machine::wait_for(crate::context::SOON, || c.processes(&service).is_empty());
        ensure!(gone, "the program outlives its supervisor: {:?}", c.processes(&service));
        return Err(Fault::NotHere(
            "Wine's service manager carries out no failure actions, and its kernel keeps a killed service process listed; \
             the program ended with it".into()));
    }
    c.wait_status(&service.name, "supervised anew", |status| {
        status["state"] == "running"
            && status["supervisor"]["pid"].as_u64().is_some_and(|pid| pid != before)
            && status["pid"].as_u64().is_some_and(|pid| pid != program)
    })?;
    let count = abide_machine::wait_for(crate::context::SOON, || c.processes(&service).len() == 2);
    ensure!(count, "not one program and one grandchild: {:?}", c.processes(&service));
    c.ok(&["stop", &service.name])?;
    c.nothing_runs(&service)
}

fn no_orphan(c: &Context) -> Outcome {
    let service = c.service(&["deaf", "say", "here"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "here")?;
    let old: Vec<u32> = c.processes(&service).iter().map(|process| process.pid).collect();
    let supervisor = supervisor(c, &service.name)?;
    c.kill(supervisor)?;
    let gone = abide_machine::wait_for(crate::context::SOON, || {
        !c.processes(&service).iter().any(|p| old.contains(&p.pid))
    });
    ensure!(gone, "the program outlives its supervisor: {:?}", c.processes(&service));
    Ok(())
}

fn readable(c: &Context) -> Outcome {
    let service = c.service(&["say", "words", "graceful", "0"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "words")?;
    if c.backend.foreground() {
        let pid = c.up_pid().ok_or_else(|| "no `up` runs".to_owned())?;
        c.kill(u64::from(pid))?;
        c.up_ends(crate::context::SOON);
    } else {
        c.ok(&["stop", &service.name])?;
    }
    let output = c.abide(&["status", &service.name])?;
    ensure!(output.code == Some(3), "`status` ends with {:?}, not 3", output.code);
    let status = c.status(&service.name)?;
    ensure!(
        status["state"] == "stopped" && status["pid"].is_null(),
        "the status tells something else: {status}"
    );
    ensure!(c.printed(&service.name)?.contains("words"), "the logs cannot be read");
    ensure!(!c.events(&service.name)?.is_empty(), "the events cannot be read");
    Ok(())
}

fn failure(c: &Context) -> Outcome {
    let service = c.service(&["sleep", "300", "exit", "7"]).with("[restart]\nwhen = \"never\"");
    c.try_run(&service)?;
    c.wait_state(&service.name, "failed")?;
    let (question, answers): (&[&str], &[&str]) = match c.backend.manager().map(|manager| manager.failed) {
        Some(Ok(answer)) => answer,
        Some(Err(why)) => return Err(Fault::NotHere(why.into())),
        None => (&["sc", "query", "NAME"], &["STOPPED", ": 7 "]),
    };
    let mut words = String::new();
    let told = abide_machine::wait_for(crate::context::SOON, || {
        words = c.ask_manager(question, &service.name).map(|output| output.all()).unwrap_or_default();
        answers.iter().all(|answer| words.contains(answer))
    });
    ensure!(told, "the service manager says: {words}");
    Ok(())
}

fn native_logs(c: &Context) -> Outcome {
    let service =
        c.service(&["say", "private words", "sleep", "300", "exit", "7"]).with("[restart]\nwhen = \"never\"");
    c.try_run(&service)?;
    c.wait_state(&service.name, "failed")?;
    let Some(manager) = c.backend.manager() else {
        return Err(Fault::NotHere("Wine keeps no event log that could be read back".into()));
    };
    let mut words = String::new();
    let told = abide_machine::wait_for(crate::context::SOON, || {
        words = c.ask_manager(manager.log, &service.name).map(|output| output.text()).unwrap_or_default();
        words.contains("exited with code 7")
    });
    ensure!(told, "the log does not tell it: {words}");
    ensure!(!words.contains("private words"), "the program's output is in the log: {words}");
    Ok(())
}

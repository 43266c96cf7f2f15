//! Start, stop, restart, status, reload, debug, pause.

use std::process::Stdio;
use std::time::Duration;

use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;
use crate::service::list;
use abide_machine::{run, wait_child};

pub const LIST: &[Behaviour] = &[
    now("start-waits", "`start` returns when the service is ready, not before", &[], start_waits),
    now(
        "start-twice",
        "`start` of a running service and `stop` of a stopped one do nothing and succeed",
        &[],
        start_twice,
    ),
    now("stop-waits", "`stop` returns when no process of the service is left", &[], stop_waits),
    now("restart-replaces", "`restart` replaces the process: one before, one after", &[], restart_replaces),
    now(
        "status-exit-codes",
        "`status` ends with 0 when running, 3 when stopped, 4 when unknown",
        &[],
        exit_codes,
    ),
    now(
        "status-json",
        "`status --json` tells state, readiness, process, restarts and last exit",
        &[],
        status_json,
    ),
    now("status-lists-all", "`status` without a name lists every service", &[], status_list),
    now(
        "verbs-on-unknown-service",
        "verbs on a service that does not exist say so and end with 5",
        &[],
        unknown,
    ),
    now(
        "reload-by-signal",
        "`reload` sends the signal of the spec and keeps the process",
        &[Need::Signals],
        reload_signal,
    ),
    now(
        "reload-by-command",
        "`reload` runs the command of the spec and keeps the process",
        &[],
        reload_command,
    ),
    now("reload-undefined", "`reload` without a reload action says what to write", &[], reload_undefined),
    now(
        "debug-by-signal",
        "`debug on` and `off` send the signals of the spec and show in the status",
        &[Need::Signals],
        debug_signal,
    ),
    now(
        "debug-by-environment",
        "`debug on` restarts the program with other variables, `off` takes them back",
        &[],
        debug_environment,
    ),
    now(
        "pause-and-continue",
        "the service manager can pause and continue the program",
        &[Need::Pause],
        pause,
    ),
    now("services-are-independent", "what happens to one service does not touch another", &[], independent),
    now("odd-names", "a name with dots, dashes and underscores works everywhere", &[], odd_names),
    now(
        "many-verbs-at-once",
        "concurrent verbs on one service end well, with one copy of the program",
        &[],
        at_once,
    ),
    now(
        "native-start-and-stop",
        "the service manager's own start and stop do what Abide's do",
        &[Need::Manager],
        native,
    ),
    now("version-json", "`version --json` tells version, commit, build time and target", &[], version),
];

fn start_waits(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "early", "sleep", "800", "say", "late", "graceful", "0"])
        .with("[start]\nready = { log = \"late\" }");
    c.run(&service)?;
    c.ok(&["stop", &service.name])?;
    let output = c.ok(&["start", &service.name])?;
    let status = c.status(&service.name)?;
    ensure!(output.took >= Duration::from_millis(600), "`start` came back after {:?}", output.took);
    ensure!(status["state"] == "running" && status["ready"] == true, "`start` came back too early: {status}");
    Ok(())
}

fn start_twice(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    c.ok(&["start", &service.name])?;
    ensure!(c.pid(&service.name)? == pid, "a second `start` replaced the process");
    c.ok(&["stop", &service.name])?;
    c.ok(&["stop", &service.name]).map(drop)
}

fn stop_waits(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "700"]);
    c.run(&service)?;
    let output = c.ok(&["stop", &service.name])?;
    ensure!(output.took >= Duration::from_millis(500), "`stop` came back after {:?}", output.took);
    let left = c.processes(&service);
    ensure!(left.is_empty(), "processes after `stop`: {left:?}");
    ensure!(c.abide(&["status", &service.name])?.code == Some(3), "a stopped service is not told with 3");
    Ok(())
}

fn restart_replaces(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "graceful", "0"]);
    c.run(&service)?;
    let before = c.pid(&service.name)?;
    c.ok(&["restart", &service.name])?;
    let status = c.status(&service.name)?;
    ensure!(
        status["state"] == "running" && status["pid"].is_u64(),
        "`restart` came back too early: {status}"
    );
    ensure!(status["pid"].as_u64() != Some(before), "the process is the same");
    ensure!(c.processes(&service).len() == 1, "not one process: {:?}", c.processes(&service));
    ensure!(c.printed(&service.name)?.matches("started").count() == 2, "not started twice");
    // A restart of what is stopped starts it.
    c.ok(&["stop", &service.name])?;
    c.ok(&["restart", &service.name])?;
    c.wait_ready(&service.name).map(drop)
}

fn exit_codes(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    ensure!(c.abide(&["status", &service.name])?.code == Some(0), "running is not 0");
    c.ok(&["stop", &service.name])?;
    ensure!(c.abide(&["status", &service.name])?.code == Some(3), "stopped is not 3");
    ensure!(c.abide(&["status", "no-such-service"])?.code == Some(4), "unknown is not 4");
    Ok(())
}

fn status_json(c: &Context) -> Outcome {
    let port = c.port()?;
    let service = c
        .service(&["http", &port.to_string()])
        .with(&format!("[start]\nready = {{ http = \"http://127.0.0.1:{port}/healthz\" }}"));
    c.run(&service)?;
    let status = c.status(&service.name)?;
    ensure!(status["schema"] == "abide.status/1", "no schema: {status}");
    ensure!(status["name"] == service.name.as_str(), "no name: {status}");
    let pid = c.pid(&service.name)?;
    ensure!(c.get(port, "/pid")?.1 == pid.to_string(), "the pid is not the program's: {status}");
    for key in ["ready", "healthy"] {
        ensure!(status[key] == true, "{key} is not true: {status}");
    }
    ensure!(status["restarts"] == 0, "restarts is not 0: {status}");
    ensure!(status["since"].is_string() && status["started"].is_string(), "no times: {status}");
    let _ = c.get(port, "/exit?9");
    let status = c.wait_another(&service.name, pid)?;
    ensure!(status["restarts"] == 1, "restarts is not 1: {status}");
    ensure!(status["last-exit"].to_string().contains('9'), "no last exit: {status}");
    ensure!(status["supervisor"]["pid"].is_u64(), "no supervisor: {status}");
    Ok(())
}

fn status_list(c: &Context) -> Outcome {
    let one = c.named("list-one", &["graceful", "0"]);
    let two = c.named("list-two", &["graceful", "0"]);
    c.bring_up(&[&one, &two])?;
    c.wait_ready("list-one")?;
    c.wait_ready("list-two")?;
    let words = c.abide(&["status"])?.text();
    for name in ["list-one", "list-two"] {
        ensure!(
            words.lines().any(|line| line.contains(name) && line.contains("running")),
            "no line for {name}: {words}"
        );
    }
    let json = c.abide(&["status", "--json"])?.text();
    ensure!(json.contains("list-one") && json.contains("list-two"), "not all are in the JSON: {json}");
    Ok(())
}

fn unknown(c: &Context) -> Outcome {
    if c.backend.foreground() {
        c.run(&c.service(&["graceful", "0"]))?;
    }
    for verb in
        [&["start"][..], &["stop"], &["restart"], &["reload"], &["debug", "on"], &["logs"], &["events"]]
    {
        let mut arguments = vec![verb[0], "no-such-service"];
        arguments.extend(&verb[1..]);
        let output = c.abide(&arguments)?;
        ensure!(output.code == Some(5), "`{}` ends with {:?}, not 5", arguments.join(" "), output.code);
        let words = output.errors();
        ensure!(words.contains("no-such-service") && words.contains("hint:"), "not helpful: {words}");
        ensure!(output.stdout.is_empty(), "an error on standard output: {}", output.text());
    }
    Ok(())
}

fn reload_signal(c: &Context) -> Outcome {
    let service = c.service(&["listen", "say", "listening"]).with("[reload]\nsignal = \"HUP\"");
    c.run(&service)?;
    c.wait_printed(&service.name, "listening")?;
    let pid = c.pid(&service.name)?;
    c.ok(&["reload", &service.name])?;
    c.wait_printed(&service.name, "got HUP")?;
    ensure!(c.pid(&service.name)? == pid, "the process was replaced");
    Ok(())
}

fn reload_command(c: &Context) -> Outcome {
    let file = c.path("reloaded");
    let command = list(&[&c.backend.fixture(), "touch", &file, "exit", "0"]);
    let service = c
        .service(&["graceful", "0"])
        .with(&format!("[reload]\ncommand = {command}"))
        .with(&c.backend.may_write(&c.folder));
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    c.ok(&["reload", &service.name])?;
    let ran = abide_machine::wait_for(Duration::from_secs(5), || c.backend.exists(&file));
    ensure!(ran, "the command did not run");
    ensure!(c.pid(&service.name)? == pid, "the process was replaced");
    Ok(())
}

fn reload_undefined(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    let output = c.abide(&["reload", &service.name])?;
    ensure!(!output.ok(), "`reload` without an action succeeds");
    ensure!(
        output.errors().contains("[reload]"),
        "the error does not say what to write: {}",
        output.errors()
    );
    ensure!(c.pid(&service.name)? == pid, "the process was replaced");
    Ok(())
}

fn debug_signal(c: &Context) -> Outcome {
    let service = c
        .service(&["listen", "say", "listening"])
        .with("[debug]\non = { signal = \"USR1\" }\noff = { signal = \"USR2\" }");
    c.run(&service)?;
    c.wait_printed(&service.name, "listening")?;
    c.ok(&["debug", &service.name, "on"])?;
    c.wait_printed(&service.name, "got USR1")?;
    ensure!(c.status(&service.name)?["debug"] == true, "the status does not tell that debug is on");
    c.ok(&["debug", &service.name, "off"])?;
    c.wait_printed(&service.name, "got USR2")?;
    ensure!(c.status(&service.name)?["debug"] == false, "the status does not tell that debug is off");
    Ok(())
}

fn debug_environment(c: &Context) -> Outcome {
    let service = c
        .service(&["env", "LEVEL", "graceful", "0"])
        .program("env = { LEVEL = \"info\" }")
        .with("[debug]\non = { env = { LEVEL = \"debug\" } }\noff = { env = { LEVEL = \"info\" } }");
    c.run(&service)?;
    c.wait_printed(&service.name, "env LEVEL=696e666f")?;
    c.ok(&["debug", &service.name, "on"])?;
    c.wait_printed(&service.name, "env LEVEL=6465627567")?;
    c.wait_ready(&service.name)?;
    c.ok(&["debug", &service.name, "off"])?;
    let again = abide_machine::wait_for(crate::context::SOON, || {
        c.printed(&service.name).is_ok_and(|text| text.matches("env LEVEL=696e666f").count() == 2)
    });
    ensure!(again, "after `debug off` the program has not got its old variable back");
    Ok(())
}

fn pause(c: &Context) -> Outcome {
    let service = c.service(&["chatter", "1", "50"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "line")?;
    let pid = c.pid(&service.name)?;
    // As `sc pause` and `sc continue` do, which Wine's `sc` lacks.
    let fixture = c.backend.fixture();
    let output = c.backend.ask(&[&fixture, "control", &service.name, "2"])?;
    ensure!(output.ok(), "pause: {}", output.all());
    c.wait_state(&service.name, "paused")?;
    let length = |c: &Context| c.printed(&service.name).map(|text| text.len());
    // What was in the pipe arrives; then it is quiet.
    std::thread::sleep(Duration::from_millis(300));
    let before = length(c)?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(length(c)? == before, "a paused program goes on writing");
    let output = c.backend.ask(&[&fixture, "control", &service.name, "3"])?;
    ensure!(output.ok(), "continue: {}", output.all());
    c.wait_state(&service.name, "running")?;
    ensure!(c.pid(&service.name)? == pid, "the process was replaced");
    let goes_on = abide_machine::wait_for(Duration::from_secs(5), || length(c).is_ok_and(|now| now > before));
    ensure!(goes_on, "a continued program is silent");
    Ok(())
}

fn independent(c: &Context) -> Outcome {
    let one = c.named("independent-one", &["graceful", "0"]);
    let two = c.named("independent-two", &["graceful", "0", "listen"]);
    c.bring_up(&[&one, &two])?;
    c.wait_ready(&one.name)?;
    c.wait_ready(&two.name)?;
    let other = c.pid(&two.name)?;
    let first = c.pid(&one.name)?;
    c.kill(first)?;
    c.wait_another(&one.name, first)?;
    c.ok(&["restart", &one.name])?;
    c.ok(&["stop", &one.name])?;
    ensure!(c.pid(&two.name)? == other, "the other service's process was replaced");
    ensure!(!c.printed(&two.name)?.contains("asked"), "the other service was asked to stop");
    ensure!(c.status(&two.name)?["restarts"] == 0, "the other service was restarted");
    Ok(())
}

fn odd_names(c: &Context) -> Outcome {
    for name in ["9.odd_name-x.v2", "UPPER.Case_1", "a"] {
        let service = c.named(name, &["say", "odd", "graceful", "0"]);
        c.run(&service)?;
        c.wait_printed(name, "odd")?;
        c.ok(&["restart", name])?;
        c.ok(&["stop", name])?;
        c.nothing_runs(&service)?;
        if c.backend.foreground() {
            c.clean_up();
        }
    }
    Ok(())
}

fn at_once(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "50"]);
    c.run(&service)?;
    let mut running = Vec::new();
    for verb in ["restart", "stop", "start", "restart", "stop", "restart", "start", "stop"] {
        let child = c
            .abide_command(&[verb, &service.name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        running.push((verb, child));
    }
    for (verb, mut child) in running {
        let ended = wait_child(&mut child, Duration::from_secs(60)).map_err(|error| error.to_string())?;
        if ended.is_none() {
            let _ = child.kill();
            return Err(Fault::Failed(format!("`{verb}` never came back")));
        }
        ensure!(c.processes(&service).len() <= 1, "two copies run: {:?}", c.processes(&service));
    }
    c.ok(&["start", &service.name])?;
    c.wait_ready(&service.name)?;
    ensure!(c.processes(&service).len() == 1, "not one process: {:?}", c.processes(&service));
    Ok(())
}

fn native(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "100"]);
    c.run(&service)?;
    let (stop, start): (&[&str], &[&str]) = match c.backend.manager() {
        Some(manager) => (manager.stop, manager.start),
        None => (&["sc", "stop", "NAME"], &["sc", "start", "NAME"]),
    };
    let output = c.ask_manager(stop, &service.name)?;
    ensure!(output.ok(), "{}: {}", stop.join(" "), output.all());
    c.wait_state(&service.name, "stopped")?;
    c.nothing_runs(&service)?;
    ensure!(c.printed(&service.name)?.contains("bye"), "the program was not stopped gracefully");
    let output = c.ask_manager(start, &service.name)?;
    ensure!(output.ok(), "{}: {}", start.join(" "), output.all());
    c.wait_ready(&service.name).map(drop)
}

fn version(c: &Context) -> Outcome {
    let output = run(c.backend.abide().args(["version", "--json"]), crate::backend::VERB_LIMIT)
        .map_err(|e| e.to_string())?;
    let value: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("no JSON: {error}: {}", output.all()))?;
    for key in ["version", "commit", "target"] {
        ensure!(value[key].as_str().is_some_and(|text| !text.is_empty()), "{key} is missing: {value}");
    }
    ensure!(value.to_string().contains("buil"), "the build time is missing: {value}");
    Ok(())
}

//! Readiness and health.

use std::time::Duration;

use crate::backend::Kind;
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;
use crate::service::{Service, list, quoted};
use abide_machine::wait_for;

pub const LIST: &[Behaviour] = &[
    now("ready-by-http", "ready when a URL answers well", &[], by_http),
    now("ready-by-tcp", "ready when a port accepts connections", &[], by_tcp),
    now("ready-by-log", "ready when a line of output contains a text", &[], by_log),
    now("ready-by-notify", "ready when the program says so by sd_notify", &[Need::Notify], by_notify),
    now("ready-by-file", "ready when a file appears", &[], by_file),
    now("ready-by-command", "ready when a command succeeds", &[], by_command),
    now(
        "not-ready-in-time",
        "a program that is not ready in time has failed, and `start` says so",
        &[],
        too_late,
    ),
    now(
        "starting-is-seen",
        "while the program is not ready, the status and the service manager say: starting",
        &[],
        starting,
    ),
    now(
        "dies-before-ready",
        "a program that dies before it is ready is restarted like any other",
        &[],
        dies_early,
    ),
    now(
        "status-text",
        "what the program says of itself by sd_notify shows in the status",
        &[Need::Notify],
        status_text,
    ),
    now("health-by-http", "a program whose health URL fails is restarted", &[], health_http),
    now("health-by-heartbeat", "a program whose heartbeat file grows old is restarted", &[], heartbeat),
    now("health-by-command", "a program whose health command fails is restarted", &[], health_command),
    now(
        "health-report-only",
        "with `then = \"report\"` an unhealthy program is told and left alone",
        &[],
        report_only,
    ),
];

/// The program does `before` for a while, then `after` that makes it ready.
fn becomes_ready(c: &Context, service: Service) -> Outcome {
    c.run(&service)?;
    c.ok(&["stop", &service.name])?;
    let output = c.ok(&["start", &service.name])?;
    let status = c.status(&service.name)?;
    ensure!(status["ready"] == true, "not ready after `start`: {status}");
    ensure!(
        output.took >= Duration::from_millis(500),
        "`start` came back after {:?}, before the program was ready",
        output.took
    );
    let told = c.told(&service.name)?;
    ensure!(told.contains("ready after"), "the events do not tell when it became ready:\n{told}");
    Ok(())
}

fn ready(how: &str) -> String {
    format!("[start]\nready = {{ {how}, timeout = \"15s\", every = \"50ms\" }}")
}

fn by_http(c: &Context) -> Outcome {
    let port = c.port()?.to_string();
    let how = format!("http = \"http://127.0.0.1:{port}/healthz\"");
    becomes_ready(c, c.service(&["sleep", "700", "http", &port]).with(&ready(&how)))
}

fn by_tcp(c: &Context) -> Outcome {
    let port = c.port()?.to_string();
    let how = format!("tcp = \"127.0.0.1:{port}\"");
    becomes_ready(c, c.service(&["sleep", "700", "tcp", &port]).with(&ready(&how)))
}

fn by_log(c: &Context) -> Outcome {
    let steps =
        ["say", "not yet", "sleep", "700", "part", "now it ", "sleep", "50", "say", "is open for work"];
    becomes_ready(c, c.service(&steps).with("[start]\nready = { log = \"it is open\" }"))
}

fn by_notify(c: &Context) -> Outcome {
    becomes_ready(
        c,
        c.service(&["sleep", "700", "notify", "READY=1"]).with("[start]\nready = { notify = true }"),
    )
}

fn by_file(c: &Context) -> Outcome {
    let file = c.path("is-ready");
    let service = c
        .service(&["sleep", "700", "touch", &file])
        .with(&ready(&format!("file = {}", quoted(&file))))
        .with(&c.backend.may_write(&c.folder));
    c.run(&service)?;
    c.ok(&["stop", &service.name])?;
    std::fs::remove_file(c.backend.outside(&file)).map_err(|error| format!("{file}: {error}"))?;
    becomes_ready_again(c, &service)
}

fn becomes_ready_again(c: &Context, service: &Service) -> Outcome {
    let output = c.ok(&["start", &service.name])?;
    ensure!(output.took >= Duration::from_millis(500), "`start` came back after {:?}", output.took);
    ensure!(c.status(&service.name)?["ready"] == true, "not ready after `start`");
    Ok(())
}

fn by_command(c: &Context) -> Outcome {
    // The command tries to listen on the program's port: as long as it can, the program is not there, and it exits with 1.
    let port = c.port()?.to_string();
    let probe = list(&[&c.backend.fixture(), "expect-tcp", &port]);
    becomes_ready(c, c.service(&["sleep", "700", "tcp", &port]).with(&ready(&format!("exec = {probe}"))))
}

fn too_late(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "graceful", "0"])
        .with("[start]\nready = { log = \"never said\", timeout = \"700ms\" }\n[restart]\nwhen = \"never\"");
    if c.backend.foreground() {
        c.bring_up(&[&service])?;
    } else {
        let file = c.write_spec(&service)?;
        let applied = c.abide(&["apply", &file])?;
        let output = if applied.ok() { c.abide(&["start", &service.name])? } else { applied };
        ensure!(!output.ok(), "`start` succeeds though the program was never ready");
        let words = output.all().to_lowercase();
        ensure!(words.contains("ready"), "the error does not say that the program was not ready: {words}");
    }
    c.wait_state(&service.name, "failed")?;
    let told = c.told(&service.name)?;
    ensure!(told.contains("not ready within"), "the events do not say so:\n{told}");
    c.nothing_runs(&service)
}

fn starting(c: &Context) -> Outcome {
    let service = c
        .service(&["sleep", "3000", "say", "open", "graceful", "0"])
        .with("[start]\nready = { log = \"open\" }");
    c.run(&service)?;
    c.ok(&["stop", &service.name])?;
    let mut start = c
        .abide_command(&["start", &service.name])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let looked = look_at_starting(c, &service);
    let ended = abide_machine::wait_child(&mut start, SOON).map_err(|error| error.to_string())?;
    looked?;
    ensure!(ended == Some(Some(0)), "`start` did not succeed: {ended:?}");
    Ok(())
}

fn look_at_starting(c: &Context, service: &Service) -> Outcome {
    let status = c.wait_state(&service.name, "starting")?;
    ensure!(status["ready"] == false, "ready while starting: {status}");
    let (question, answers): (&[&str], &[&str]) = match c.backend.kind() {
        Kind::Foreground => return Ok(()),
        Kind::Container(manager) => match manager.starting {
            Ok(answer) => answer,
            // What Abide itself says was seen; the rest is not the service manager's to tell.
            Err(_) => return Ok(()),
        },
        Kind::Scm => (&["sc", "query", "NAME"], &["START_PENDING"]),
    };
    let words = c.ask_manager(question, &service.name)?.all();
    for answer in answers {
        ensure!(words.contains(answer), "the service manager does not say {answer}: {words}");
    }
    Ok(())
}

fn dies_early(c: &Context) -> Outcome {
    let service = c
        .service(&["say", "started", "sleep", "100", "exit", "6"])
        .with("[start]\nready = { log = \"never\" }\n[restart]\ndelay = { initial = \"0s\" }\ngive-up = { after = 2, within = \"1m\" }");
    c.try_run(&service)?;
    c.wait_state(&service.name, "failed")?;
    let told = c.told(&service.name)?;
    ensure!(told.contains("before it was ready"), "the events do not say so:\n{told}");
    Ok(())
}

fn status_text(c: &Context) -> Outcome {
    let service = c
        .service(&["notify", "READY=1\nSTATUS=counting sheep", "graceful", "0"])
        .with("[start]\nready = { notify = true }");
    c.run(&service)?;
    c.wait_status(&service.name, "telling what the program said", |status| {
        status["text"] == "counting sheep"
    })?;
    ensure!(
        c.abide(&["status", &service.name])?.text().contains("counting sheep"),
        "`status` does not show it"
    );
    Ok(())
}

fn broken_is_restarted(c: &Context, service: &Service, port: u16) -> Outcome {
    c.run(service)?;
    let before = c.pid(&service.name)?;
    // Healthy for several checks first.
    std::thread::sleep(Duration::from_millis(700));
    ensure!(c.pid(&service.name)? == before, "a healthy program was restarted");
    c.get(port, "/break")?;
    c.wait_another(&service.name, before)?;
    let told = c.told(&service.name)?;
    ensure!(told.contains("unhealthy"), "the events do not say why:\n{told}");
    Ok(())
}

fn health_http(c: &Context) -> Outcome {
    let port = c.port()?;
    let service = c
        .service(&["http", &port.to_string(), "graceful", "0"])
        .with(&ready(&format!("tcp = \"127.0.0.1:{port}\"")))
        .with(&format!(
            "[[health]]\nhttp = \"http://127.0.0.1:{port}/healthz\"\nevery = \"150ms\"\nunhealthy-after = 2"
        ));
    broken_is_restarted(c, &service, port)
}

fn heartbeat(c: &Context) -> Outcome {
    let port = c.port()?;
    let file = c.path("heartbeat");
    let service = c
        .service(&["beat", &file, "50", "http", &port.to_string(), "graceful", "0"])
        .with(&ready(&format!("tcp = \"127.0.0.1:{port}\"")))
        .with(&format!(
            "[[health]]\nfile = {}\nmax-age = \"500ms\"\nevery = \"150ms\"\nunhealthy-after = 2",
            quoted(&file)
        ))
        .with(&c.backend.may_write(&c.folder));
    broken_is_restarted(c, &service, port)
}

fn health_command(c: &Context) -> Outcome {
    let port = c.port()?;
    let probe = list(&[&c.backend.fixture(), "expect-healthy", &port.to_string()]);
    let service = c
        .service(&["http", &port.to_string(), "graceful", "0"])
        .with(&ready(&format!("tcp = \"127.0.0.1:{port}\"")))
        .with(&format!(
            "[[health]]\nexec = {probe}\nevery = \"200ms\"\ntimeout = \"5s\"\nunhealthy-after = 2"
        ));
    broken_is_restarted(c, &service, port)
}

fn report_only(c: &Context) -> Outcome {
    let port = c.port()?;
    let service = c.service(&["http", &port.to_string(), "graceful", "0"]).with(&ready(&format!("tcp = \"127.0.0.1:{port}\""))).with(&format!(
        "[[health]]\nhttp = \"http://127.0.0.1:{port}/healthz\"\nevery = \"150ms\"\nunhealthy-after = 2\nthen = \"report\""
    ));
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    c.get(port, "/break")?;
    c.wait_status(&service.name, "unhealthy", |status| status["healthy"] == false)?;
    c.get(port, "/heal")?;
    let healed = wait_for(SOON, || c.peek(&service.name).is_some_and(|status| status["healthy"] == true));
    ensure!(healed, "it does not become healthy again");
    if c.pid(&service.name)? != pid {
        return Err(Fault::Failed("the process was replaced".into()));
    }
    Ok(())
}

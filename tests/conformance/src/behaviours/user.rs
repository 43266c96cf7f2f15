//! The user's own services (`--user`), tried as a plain user of the machine.

use std::time::Duration;

use abide_machine::{Output, run, wait_for};

use crate::backend::VERB_LIMIT;
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now, restart};
use crate::context::{Context, SOON};
use crate::ensure;
use crate::service::list;

pub const LIST: &[Behaviour] = &[
    restart(
        "user-service",
        "a user's own service is installed without rights, runs as the user, is back after a restart of the machine, \
         and leaves nothing behind",
        &[Need::Boot],
        installed,
        back_and_gone,
    ),
    now(
        "user-refusal",
        "where users have no services of their own, `--user` says so",
        &[Need::Manager],
        refusal,
    ),
];

/// The user of the machine, and the folder that `abide` keeps nothing in but what belongs to that user.
const USER: &str = "walker";
const HOME: &str = "/home/walker";

/// Where service managers serve users. The others refuse, which is a behaviour of its own.
fn served(c: &Context) -> Result<(), Fault> {
    match c.backend.manager() {
        Some(manager) if manager.machine.name() == "systemd" => Ok(()),
        Some(_) => Err(Fault::NotHere("no services of users".into())),
        None => Err(Fault::NotHere("tried with the tests of its own platform".into())),
    }
}

/// Runs a command as the user, with what a session of theirs would have.
fn ask(c: &Context, words: &[&str]) -> Result<Output, Fault> {
    let mut command = c.backend.native("runuser");
    command.args([
        "-u",
        USER,
        "--",
        "env",
        "USER=walker",
        "LOGNAME=walker",
        "XDG_RUNTIME_DIR=/run/user/1000",
    ]);
    command.arg(format!("HOME={HOME}")).args(words);
    let output = run(&mut command, VERB_LIMIT).map_err(|error| format!("{}: {error}", words[0]))?;
    c.note(format!("$ ({USER}) {}\n{}", words.join(" "), output.all()));
    Ok(output)
}

/// The same, which has to succeed.
fn ok(c: &Context, words: &[&str]) -> Result<String, Fault> {
    let output = ask(c, words)?;
    ensure!(output.ok(), "`{}` ended with {:?}: {}", words.join(" "), output.code, output.all());
    Ok(output.text())
}

/// The process of the service, once it runs and is ready.
fn running(c: &Context, but: u64) -> Result<u64, Fault> {
    let (mut last, mut pid) = (String::new(), None);
    let seen = wait_for(SOON, || {
        last = ask(c, &["abide", "--user", "status", "user-service", "--json"])
            .map_or_else(|error| error.to_string(), |output| output.all());
        let value: serde_json::Value = serde_json::from_str(&last).unwrap_or_default();
        pid = value["pid"].as_u64().filter(|pid| value["ready"] == true && *pid != but);
        pid.is_some()
    });
    ensure!(seen, "the user's service does not run within {SOON:?}: {last}");
    Ok(pid.unwrap_or_default())
}

fn lingers(c: &Context) -> bool {
    c.backend.exists("/var/lib/systemd/linger/walker")
}

fn installed(c: &Context) -> Outcome {
    served(c)?;
    ensure!(!lingers(c), "{USER} lingers already");
    let command = [&c.backend.fixture(), "say", "begun", "who", "env", "STATE_DIRECTORY", "graceful", "0"];
    let file = format!("{HOME}/user-service.toml");
    let text = format!("name = \"user-service\"\n[program]\ncommand = {}\n", list(&command));
    std::fs::write(c.backend.outside(&file), text).map_err(|error| error.to_string())?;

    let plan = ok(c, &["abide", "--user", "plan", &file])?;
    for part in ["loginctl enable-linger walker", "/home/walker/.config/systemd/user/user-service.service"] {
        ensure!(plan.contains(part), "the plan does not tell {part:?}:\n{plan}");
    }
    ensure!(!lingers(c), "a plan has changed the machine");
    ok(c, &["abide", "--user", "apply", &file])?;
    ensure!(lingers(c), "nothing starts the user's services at boot");
    let first = running(c, 0)?;
    let again = ok(c, &["abide", "--user", "apply", &file])?;
    ensure!(again.contains("is as the spec says"), "applying twice changes something: {again}");

    let printed = ok(c, &["abide", "--user", "logs", "user-service", "--stream", "stdout"])?;
    let state = format!("{HOME}/.local/state/abide/state/user-service/data");
    let state: String = state.bytes().map(|byte| format!("{byte:02x}")).collect();
    for part in ["begun", &format!("env STATE_DIRECTORY={state}")] {
        ensure!(printed.contains(part), "the program did not print {part:?}:\n{printed}");
    }
    let owner = ok(c, &["ps", "-o", "user=", "-p", &first.to_string()])?;
    ensure!(owner.trim() == USER, "it runs as {owner}");

    // Those of the machine know nothing of it, and say where it is.
    let other = ask(c, &["abide", "stop", "user-service"])?;
    ensure!(other.code == Some(5) && other.errors().contains("--user"), "{}", other.all());
    let all = ok(c, &["abide", "status"])?;
    ensure!(all.contains("your own services") && all.contains("user-service"), "{all}");

    ok(c, &["kill", "-KILL", &first.to_string()])?;
    let second = running(c, first)?;
    ok(c, &["abide", "--user", "restart", "user-service"])?;
    running(c, second)?;
    ok(c, &["abide", "--user", "stop", "user-service"])?;
    let stopped = ask(c, &["abide", "--user", "status", "user-service"])?;
    ensure!(stopped.code == Some(3), "stopped, its status ends with {:?}", stopped.code);
    Ok(())
}

fn back_and_gone(c: &Context) -> Outcome {
    served(c)?;
    running(c, 0)?;
    ok(c, &["abide", "--user", "uninstall", "user-service"])?;
    let gone = wait_for(Duration::from_secs(10), || !lingers(c));
    ensure!(gone, "lingering, which the first service switched on, outlives the last one");
    let left = c.backend.ask(&[
        "find",
        HOME,
        "/run/user",
        "-path",
        "*abide*",
        "-o",
        "-name",
        "user-service.service",
    ])?;
    ensure!(left.text().trim().is_empty(), "left behind:\n{}", left.text());
    Ok(())
}

fn refusal(c: &Context) -> Outcome {
    if served(c).is_ok() || c.backend.windows() {
        return Err(Fault::NotHere("users have services of their own here".into()));
    }
    let service = c.service(&["graceful", "0"]);
    let file = c.write_spec(&service)?;
    let output = c.abide(&["apply", "--user", &file])?;
    ensure!(output.code == Some(1), "it ended with {:?}", output.code);
    for part in ["has no services of a user's own", "leave `--user` out"] {
        ensure!(output.errors().contains(part), "it does not say {part:?}: {}", output.errors());
    }
    Ok(())
}

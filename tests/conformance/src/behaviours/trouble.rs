//! Bad input and broken surroundings: a clear message, and nothing changed.

use std::process::{Command, Stdio};

use crate::backend::Manager;
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;
use crate::service::quoted;
use abide_machine::{Output, wait_child};

use super::install::traces;

pub const LIST: &[Behaviour] = &[
    now("bad-key", "a misspelt key is shown with its line and the key that was meant", &[], key),
    now("bad-unit", "a duration or size with a wrong unit is shown with the units there are", &[], unit),
    now("bad-toml", "a file that is no TOML is shown with line and column", &[], toml),
    now("bad-utf8", "a file that is not UTF-8 is refused with the place of the first such byte", &[], utf8),
    now("bad-size", "a spec of 10 MB is refused with its size", &[], size),
    now("bad-names", "names with a slash, NUL, too long or reserved on Windows are refused", &[], names),
    now("bad-duplicate", "two specs of one name are refused, with both files", &[], duplicate),
    now("bad-cycle", "services that come after each other are refused, with the circle", &[], cycle),
    now("bad-empty-command", "an empty command is refused", &[], empty_command),
    now(
        "bad-relative-command",
        "a relative path is refused where no folder is known, with the absolute one",
        &[Need::Manager],
        relative,
    ),
    now(
        "bad-missing-command",
        "a command that is not found is refused with the folders that were searched",
        &[],
        missing,
    ),
    now(
        "bad-not-executable",
        "a program that cannot be executed is refused",
        &[Need::UnixFiles],
        not_executable,
    ),
    now("bad-working-folder", "a working folder that does not exist is refused", &[], working_folder),
    now("bad-env-file", "an environment file that cannot be read is refused", &[], env_file),
    now("bad-port-in-use", "a port that another program holds is told", &[], port_in_use),
    now(
        "bad-unreachable-program",
        "a program that its account cannot reach is found at plan, with the ways out",
        &[Need::UnixFiles, Need::Manager],
        unreachable,
    ),
    now(
        "jit-profile",
        "for a runtime that compiles while it runs, the fitting profile is chosen and said",
        &[Need::UnixFiles, Need::Manager],
        jit,
    ),
    now(
        "foreign-service",
        "a service that something else has installed is left alone",
        &[Need::Manager],
        foreign,
    ),
    now(
        "half-removed-service",
        "a half-removed service can be repaired by `apply` and removed by `uninstall`",
        &[Need::Manager],
        half_removed,
    ),
    now(
        "failed-apply-rolls-back",
        "when a step of `apply` fails, everything is as before",
        &[Need::Manager],
        rolls_back,
    ),
    now(
        "full-disk-at-apply",
        "on a full disk `apply` says so and leaves everything as before",
        &[Need::UnixFiles, Need::Manager],
        full_disk,
    ),
    now(
        "no-privilege",
        "without the privilege a verb says the exact command to use and touches nothing",
        &[Need::UnixFiles, Need::Manager],
        no_privilege,
    ),
    now(
        "two-applies-at-once",
        "two `apply` of one service at once both end well or say that the other is at work",
        &[Need::Manager],
        two_applies,
    ),
];

/// The verb that makes a spec known.
fn try_apply(c: &Context, files: &[&str]) -> Result<Output, Fault> {
    let verb = if c.backend.foreground() { "up" } else { "apply" };
    c.abide(&[&[verb], files].concat())
}

/// `apply` (or `up`) refuses with exit code `code` and all of `words`, and nothing is changed.
fn refused(c: &Context, name: &str, files: &[&str], code: i32, words: &[&str]) -> Outcome {
    c.forget_later(name);
    let before = traces(c, name)?;
    let output = try_apply(c, files)?;
    ensure!(output.code == Some(code), "ended with {:?}, not {code}: {}", output.code, output.errors());
    says(&output, words)?;
    let after = traces(c, name)?;
    ensure!(before == after, "something changed: {before:?} became {after:?}");
    if c.backend.foreground() {
        ensure!(c.peek(name).is_none_or(|status| status["pid"].is_null()), "it runs");
    } else {
        ensure!(c.abide(&["status", name])?.code == Some(4), "the service is known");
    }
    Ok(())
}

/// The error is there, on standard error, with all of `words`.
fn says(output: &Output, words: &[&str]) -> Outcome {
    let text = output.errors();
    ensure!(text.contains("error"), "no error on standard error: {text}");
    for word in words {
        ensure!(
            text.to_lowercase().contains(&word.to_lowercase()),
            "the message does not contain {word:?}: {text}"
        );
    }
    Ok(())
}

/// A bad spec: `check` tells it, and `apply` refuses it in the same way.
fn bad_spec(c: &Context, name: &str, text: impl AsRef<[u8]>, words: &[&str]) -> Outcome {
    let file = c.write("bad.toml", text)?;
    let output = c.abide(&["check", &file])?;
    ensure!(output.code == Some(6), "`check` ended with {:?}, not 6: {}", output.code, output.errors());
    says(&output, words)?;
    ensure!(output.errors().contains("bad.toml"), "the file is not named: {}", output.errors());
    refused(c, name, &[&file], 6, words)
}

fn key(c: &Context) -> Outcome {
    let text = c.service(&["graceful", "0"]).with("[restart]\nwhenn = \"always\"").toml();
    let line = text.lines().position(|line| line.starts_with("whenn")).unwrap_or_default() + 1;
    bad_spec(c, c.name, &text, &["whenn", "`when`", &format!(":{line}:1")])?;
    let text = c.service(&["graceful", "0"]).with("[restrat]\nwhen = \"always\"").toml();
    bad_spec(c, c.name, &text, &["restrat", "`restart`"])
}

fn unit(c: &Context) -> Outcome {
    let with = |table: &str| c.service(&["graceful", "0"]).with(table).toml();
    bad_spec(c, c.name, with("[restart]\nreset-after = \"10 parsecs\""), &["10 parsecs", "ms"])?;
    bad_spec(c, c.name, with("[logs]\nrotate = { size = \"10 parsecs\" }"), &["10 parsecs", "MiB"])?;
    bad_spec(c, c.name, with("[limits]\nmemory = \"-5MiB\""), &["-5MiB"])
}

fn toml(c: &Context) -> Outcome {
    bad_spec(c, c.name, format!("name = \"{}\"\n[program\ncommand = [", c.name), &[":2:"])
}

fn utf8(c: &Context) -> Outcome {
    let mut text = c.service(&["graceful", "0"]).toml().into_bytes();
    text.extend_from_slice(b"# caf\xe9\n");
    let at = text.len() - 2;
    bad_spec(c, c.name, text, &["UTF-8", &at.to_string()])
}

fn size(c: &Context) -> Outcome {
    let text = c.service(&["graceful", "0"]).toml() + &"# filler\n".repeat(10 * 1024 * 1024 / 9);
    bad_spec(c, c.name, text, &["MiB"])
}

fn names(c: &Context) -> Outcome {
    let long = "x".repeat(65);
    for (name, word) in [
        ("a/b", "/"),
        ("../up", ""),
        ("a\\b", ""),
        ("nul\0byte", ""),
        ("", "empty"),
        (&long, "64"),
        ("CON", "device"),
        ("com1.txt", "device"),
        ("dot.", "dot"),
        ("with space", ""),
        ("-dash", ""),
    ] {
        let text = c.service(&["graceful", "0"]).toml().replacen(&quoted(c.name), &quoted(name), 1);
        let file = c.write("bad.toml", text)?;
        let output = c.abide(&["check", &file])?;
        ensure!(output.code == Some(6), "`check` of the name {name:?} ended with {:?}", output.code);
        says(&output, &["name", word])?;
        if !name.contains('\0') && !name.is_empty() && !name.starts_with('-') {
            let output = c.abide(&["status", name])?;
            ensure!(output.code != Some(0), "`status` accepts the name {name:?}");
        }
    }
    Ok(())
}

fn duplicate(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    let one = c.write("one.toml", service.toml())?;
    let two = c.write("two.toml", service.toml())?;
    refused(c, c.name, &[&one, &two], 6, &["one.toml", "two.toml", c.name])
}

fn cycle(c: &Context) -> Outcome {
    let make = |name: &str, after: &str| {
        let service = c.named(name, &["graceful", "0"]).with(&format!("[start]\nafter = [\"{after}\"]"));
        c.write(&format!("{name}.toml"), service.toml())
    };
    let files = [make("cycle-a", "cycle-b")?, make("cycle-b", "cycle-c")?, make("cycle-c", "cycle-a")?];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    refused(c, "cycle-a", &files, 6, &["cycle-a", "cycle-b", "cycle-c"])?;
    let one = c.write(
        "self.toml",
        c.named("cycle-self", &["graceful", "0"]).with("[start]\nafter = [\"cycle-self\"]").toml(),
    )?;
    refused(c, "cycle-self", &[&one], 6, &["cycle-self"])
}

fn empty_command(c: &Context) -> Outcome {
    bad_spec(c, c.name, format!("name = {}\n[program]\ncommand = []\n", quoted(c.name)), &["command"])?;
    bad_spec(c, c.name, format!("name = {}\n[program]\ncommand = [\"\"]\n", quoted(c.name)), &["command"])?;
    bad_spec(c, c.name, format!("name = {}\n[program]\n", quoted(c.name)), &["command"])?;
    bad_spec(c, c.name, format!("name = {}\n", quoted(c.name)), &["program"])
}

fn relative(c: &Context) -> Outcome {
    let separator = if c.backend.windows() { '\\' } else { '/' };
    let command = format!("bin{separator}server");
    let file = c.write(
        "bad.toml",
        format!("name = {}\n[program]\ncommand = [{}]\n", quoted(c.name), quoted(&command)),
    )?;
    refused(c, c.name, &[&file], 6, &[&command, &c.path(&command)])
}

fn missing(c: &Context) -> Outcome {
    let text = format!("name = {}\n[program]\ncommand = [\"no-such-program-anywhere\"]\n", quoted(c.name));
    let file = c.write("bad.toml", text)?;
    let folder = if c.backend.windows() { "system32" } else { "/usr/bin" };
    refused(c, c.name, &[&file], 6, &["no-such-program-anywhere", folder])?;
    let absent = c.path("absent-program");
    let text = format!("name = {}\n[program]\ncommand = [{}]\n", quoted(c.name), quoted(&absent));
    let file = c.write("bad.toml", text)?;
    refused(c, c.name, &[&file], 6, &[&absent])
}

fn not_executable(c: &Context) -> Outcome {
    let program = c.write("not-executable", "#!/bin/sh\n")?;
    let text = format!("name = {}\n[program]\ncommand = [{}]\n", quoted(c.name), quoted(&program));
    let file = c.write("bad.toml", text)?;
    refused(c, c.name, &[&file], 6, &[&program, "execut"])
}

fn working_folder(c: &Context) -> Outcome {
    let absent = c.path("absent-folder");
    let service = c.service(&["graceful", "0"]).program(&format!("working-dir = {}", quoted(&absent)));
    let file = c.write_spec(&service)?;
    refused(c, c.name, &[&file], 6, &[&absent])
}

fn env_file(c: &Context) -> Outcome {
    let absent = c.path("absent.env");
    let service = c.service(&["graceful", "0"]).program(&format!("env-file = {}", quoted(&absent)));
    let file = c.write_spec(&service)?;
    refused(c, c.name, &[&file], 6, &[&absent])?;
    // A folder can be opened and not read.
    let service = c.service(&["graceful", "0"]).program(&format!("env-file = {}", quoted(&c.folder)));
    let file = c.write_spec(&service)?;
    refused(c, c.name, &[&file], 6, &[&c.folder])
}

fn port_in_use(c: &Context) -> Outcome {
    let port = c.port()?;
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    let service = c
        .service(&["http", &port.to_string(), "graceful", "0"])
        .with(&format!("[start]\nready = {{ tcp = \"127.0.0.1:{port}\", timeout = \"3s\" }}\n[restart]\nwhen = \"never\"\n[register]\nport = {port}"));
    // The probe must not take the other program's port for a sign of life of this one.
    if c.backend.foreground() {
        let file = c.write_spec(&service)?;
        let output = c.abide(&["up", &file])?;
        ensure!(!output.ok(), "`up` succeeds");
        says(&output, &[&format!("port {port}")])?;
    } else {
        c.try_run(&service)?;
    }
    let told = abide_machine::wait_for(crate::context::SOON, || {
        c.peek(&service.name).is_none_or(|status| status["state"] == "failed" || status["state"] == "stopped")
    });
    drop(holder);
    ensure!(told, "the service counts as running: {}", c.status(&service.name)?);
    let words = c.report();
    ensure!(words.contains(&format!("port {port}")), "nowhere is it told that port {port} is in use");
    Ok(())
}

fn unreachable(c: &Context) -> Outcome {
    // A home folder is closed to others, and hidden by default.
    let home = format!("/home/{}", c.name);
    let program = format!("{home}/bin/server");
    let made = c.backend.ask(&[
        "sh",
        "-c",
        &format!("mkdir -p {home}/bin && cp {} {program} && chmod 700 {home}", c.backend.fixture()),
    ])?;
    ensure!(made.ok(), "{}", made.all());
    let text = format!(
        "name = {}\n[program]\ncommand = [{}, \"graceful\", \"0\"]\n",
        quoted(c.name),
        quoted(&program)
    );
    let file = c.write("bad.toml", text)?;
    let output = c.abide(&["plan", &file])?;
    ensure!(!output.ok(), "`plan` accepts it");
    says(&output, &[&program, "hint"])?;
    refused(c, c.name, &[&file], 6, &[&program])
}

fn jit(c: &Context) -> Outcome {
    for runtime in ["node", "java", "dotnet"] {
        let program = c.path(runtime);
        let copied = c.backend.ask(&["cp", &c.backend.fixture(), &program])?;
        ensure!(copied.ok(), "{}", copied.all());
        let text = format!(
            "name = {}\n[program]\ncommand = [{}, \"graceful\", \"0\"]\n",
            quoted(c.name),
            quoted(&program)
        );
        let file = c.write("spec.toml", text)?;
        let output = c.ok(&["plan", &file])?;
        ensure!(output.all().contains("jit"), "the plan for {runtime} does not say `jit`: {}", output.all());
        let json = c.ok(&["plan", "--json", &file])?.text();
        ensure!(!json.contains("MemoryDenyWriteExecute=yes"), "the unit for {runtime} forbids what it needs");
    }
    Ok(())
}

fn foreign(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    let file = c.write_spec(&service)?;
    match c.backend.manager() {
        Some(manager) => {
            let (path, text) = manager.foreign(c.name);
            let file = c.backend.outside(&path);
            let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
            folder
                .and_then(|()| std::fs::write(&file, text))
                .map_err(|error| format!("{}: {error}", file.display()))?;
            let done = c.backend.ask(&["chmod", "755", &path])?;
            ensure!(done.ok(), "{}", done.all());
            reread(c, manager)?;
        }
        None => {
            let other = r"C:\windows\system32\svchost.exe -k other";
            let made = c.backend.ask(&["sc", "create", c.name, "binPath=", other, "start=", "demand"])?;
            ensure!(made.ok(), "{}", made.all());
        }
    }
    let outcome = left_alone(c, &file, &service.command[0]);
    match c.backend.manager() {
        Some(manager) => {
            for command in manager.discard {
                let _ = c.ask_manager(command, c.name);
            }
            reread(c, manager)?;
        }
        None => drop(c.backend.ask(&["sc", "delete", c.name])),
    }
    outcome
}

/// Every verb refuses to touch what something else has installed.
fn left_alone(c: &Context, file: &str, program: &str) -> Outcome {
    for arguments in [&["apply", file][..], &["install", c.name, "--", program], &["uninstall", c.name]] {
        let output = c.abide(arguments)?;
        ensure!(!output.ok(), "`{}` takes a foreign service over", arguments[0]);
        ensure!(
            output.errors().contains("something else"),
            "`{}` does not say why: {}",
            arguments[0],
            output.errors()
        );
    }
    match c.backend.manager() {
        Some(manager) => {
            let (path, text) = manager.foreign(c.name);
            let now = std::fs::read_to_string(c.backend.outside(&path)).unwrap_or_default();
            ensure!(now == text, "the foreign service was changed: {now}");
        }
        None => {
            let now = super::install::registered(c, c.name)?;
            ensure!(now.contains("svchost.exe -k other"), "the foreign service was changed: {now}");
        }
    }
    Ok(())
}

/// Tells the service manager that its files were changed by hand.
fn reread(c: &Context, manager: &Manager) -> Outcome {
    if !manager.reread.is_empty() {
        let told = c.backend.ask(manager.reread)?;
        ensure!(told.ok(), "{}", told.all());
    }
    Ok(())
}

fn half_removed(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    for repair in ["apply", "uninstall"] {
        c.run(&service)?;
        c.ok(&["stop", c.name])?;
        match c.backend.manager() {
            Some(manager) => {
                let definition = c.backend.outside(&manager.definition(c.name));
                std::fs::remove_file(&definition).map_err(|e| format!("{}: {e}", definition.display()))?;
                reread(c, manager)?;
            }
            None => drop(c.backend.ask(&["sc", "delete", c.name])?),
        }
        if repair == "apply" {
            c.ok(&["apply", &c.write_spec(&service)?])?;
            c.ok(&["start", c.name])?;
            c.wait_ready(c.name)?;
        }
        c.ok(&["uninstall", c.name])?;
        c.nothing_runs(&service)?;
        let traces = traces(c, c.name)?;
        ensure!(traces.is_empty(), "left behind: {traces:?}");
    }
    Ok(())
}

fn rolls_back(c: &Context) -> Outcome {
    let Some(manager) = c.backend.manager() else {
        return Err(Fault::NotHere("Wine offers no way to make one step fail".into()));
    };
    let service = c.service(&["say", "started", "graceful", "0"]);
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    let stored = format!("/etc/abide/services/{}.toml", c.name);
    let before = std::fs::read(c.backend.outside(&stored)).unwrap_or_default();
    // The last of the files that `apply` writes: a mount point can be neither replaced nor removed.
    let definition = manager.definition(c.name);
    let done = c.backend.ask(&["mount", "--bind", &definition, &definition])?;
    ensure!(done.ok(), "{}", done.all());
    let outcome = (|| {
        let changed = service.clone().with(
            "[restart]\nwhen = \"always\"\n[limits]\nopen-files = 999\n[start]\nafter = [\"network.target\"]",
        );
        let output = c.abide(&["apply", &c.write("changed.toml", changed.toml())?])?;
        ensure!(!output.ok(), "`apply` succeeds although {definition} cannot be written");
        ensure!(output.errors().contains(&definition), "the file is not named: {}", output.errors());
        let after = std::fs::read(c.backend.outside(&stored)).unwrap_or_default();
        ensure!(before == after, "the stored spec was left changed");
        ensure!(c.pid(&service.name)? == pid, "the running service was touched");
        Ok(())
    })();
    let _ = c.backend.ask(&["umount", &definition]);
    outcome
}

fn full_disk(c: &Context) -> Outcome {
    if c.backend.manager().is_none() {
        return Err(Fault::NotHere("needs mounts".into()));
    }
    // In a mount namespace of its own the folder of the specs is on a tiny, full disk; other behaviours do not notice.
    let service = c.service(&["graceful", "0"]).with(&format!("# {}", "x".repeat(200_000)));
    let file = c.write_spec(&service)?;
    let script = format!(
        "mkdir -p /etc/abide/services && mount -t tmpfs -o size=64k tmpfs /etc/abide/services && /usr/local/bin/abide apply {file}; \
         echo code $?; ls -A /etc/abide/services"
    );
    let output = c.backend.ask(&["unshare", "--mount", "sh", "-c", &script])?;
    c.note(output.all());
    let text = output.text();
    ensure!(text.contains("code 1"), "`apply` did not fail with 1: {}", output.all());
    ensure!(text.trim_end().ends_with("code 1"), "something was left: {text}");
    ensure!(
        output.errors().to_lowercase().contains("space"),
        "the message does not tell that the disk is full: {}",
        output.errors()
    );
    let traces = traces(c, c.name)?;
    ensure!(traces.is_empty(), "left behind: {traces:?}");
    Ok(())
}

fn no_privilege(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    let file = c.write_spec(&service)?;
    for verb in [&["apply", &file][..], &["install", c.name, "--", &service.command[0]]] {
        let mut command = c.backend.native("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/local/bin/abide"])
            .args(verb);
        let output = abide_machine::run(&mut command, crate::backend::VERB_LIMIT)
            .map_err(|error| error.to_string())?;
        c.note(format!("as another user: {} {}", output.code.unwrap_or(-1), output.all()));
        ensure!(output.code == Some(4), "`{}` ended with {:?}, not 4", verb[0], output.code);
        says(&output, &["sudo ", &format!("abide {}", verb[0])])?;
    }
    let traces = traces(c, c.name)?;
    ensure!(traces.is_empty(), "something was touched: {traces:?}");
    Ok(())
}

fn two_applies(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    let file = c.write_spec(&service)?;
    let spawn = || -> Result<_, Fault> {
        let mut command: Command = c.abide_command(&["apply", &file]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(child.map_err(|error| error.to_string())?)
    };
    let mut children = [spawn()?, spawn()?, spawn()?];
    let mut good = 0;
    for child in &mut children {
        let ended = wait_child(child, crate::backend::VERB_LIMIT).map_err(|error| error.to_string())?;
        ensure!(ended.is_some(), "an `apply` hangs");
        good += usize::from(ended == Some(Some(0)));
    }
    ensure!(good >= 1, "none of three succeeded");
    c.ok(&["start", c.name])?;
    c.wait_ready(c.name)?;
    ensure!(c.processes(&service).len() == 1, "not one process: {:?}", c.processes(&service));
    Ok(())
}

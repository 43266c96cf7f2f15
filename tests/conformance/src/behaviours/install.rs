//! Plan, apply, install, uninstall.

use serde_json::Value;

use crate::backend::Kind;
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now(
        "install-starts",
        "`install NAME -- COMMAND` writes a spec and has the service running",
        &[Need::Manager],
        starts,
    ),
    now(
        "install-passes-arguments",
        "what follows `--` reaches the program byte for byte",
        &[Need::Manager],
        arguments,
    ),
    now(
        "install-twice",
        "a second `install` of a name is refused and leaves the service alone",
        &[Need::Manager],
        twice,
    ),
    now("plan-changes-nothing", "`plan` shows every file and touches none", &[Need::Manager], plan_only),
    now(
        "plan-shows-difference",
        "`plan` of a changed spec shows what would change",
        &[Need::Manager],
        difference,
    ),
    now(
        "apply-is-idempotent",
        "a second `apply` changes nothing and leaves the process alone",
        &[Need::Manager],
        idempotent,
    ),
    now(
        "apply-restarts-once",
        "`apply` of a changed spec restarts the running service once",
        &[Need::Manager],
        restarts_once,
    ),
    now(
        "apply-keeps-stopped",
        "`apply` of a changed spec does not start what was stopped by hand",
        &[Need::Manager],
        keeps_stopped,
    ),
    now(
        "uninstall-leaves-nothing",
        "`uninstall` leaves no process, file, unit or key",
        &[Need::Manager],
        leaves_nothing,
    ),
    now(
        "uninstall-keep-logs",
        "`uninstall --keep-logs` leaves the logs and nothing else",
        &[Need::Manager],
        keep_logs,
    ),
    now(
        "uninstall-running-hung",
        "`uninstall` ends a program that ignores every request to stop",
        &[Need::Manager],
        hung,
    ),
];

fn starts(c: &Context) -> Outcome {
    let service = c.service(&["say", "here", "graceful", "0"]);
    let mut arguments = vec!["install", &service.name, "--"];
    arguments.extend(service.command.iter().map(String::as_str));
    c.ok(&arguments)?;
    let status = c.wait_ready(&service.name)?;
    ensure!(status["pid"].is_u64(), "a running service tells no pid: {status}");
    ensure!(
        c.abide(&["status", &service.name])?.code == Some(0),
        "`status` of a running service does not end with 0"
    );
    ensure!(c.processes(&service).len() == 1, "not one process: {:?}", c.processes(&service));
    c.wait_printed(&service.name, "here").map(drop)
}

fn arguments(c: &Context) -> Outcome {
    let odd = [
        "two words",
        "--dash",
        "it's",
        "\"quoted\"",
        "%PATH%",
        "$HOME",
        "${HOME}",
        "end\\",
        "π 🌍",
        "a;b&c|d",
        "*",
    ];
    let service = c.service(&["args"]);
    let mut arguments = vec!["install", &service.name, "--"];
    arguments.extend(service.command.iter().map(String::as_str));
    arguments.extend(odd);
    c.ok(&arguments)?;
    let printed = c.wait_printed(&service.name, "args end")?;
    for (index, argument) in odd.iter().enumerate() {
        let hex: String = argument.bytes().map(|byte| format!("{byte:02x}")).collect();
        ensure!(printed.contains(&format!("arg {index}={hex}\n")), "{argument:?} did not arrive: {printed}");
    }
    Ok(())
}

fn twice(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    let mut arguments = vec!["install", &service.name, "--"];
    arguments.extend(service.command.iter().map(String::as_str));
    c.ok(&arguments)?;
    c.wait_ready(&service.name)?;
    let pid = c.pid(&service.name)?;
    let output = c.abide(&arguments)?;
    ensure!(!output.ok(), "it is installed a second time");
    ensure!(
        output.errors().contains("abide apply"),
        "the error does not say how to change it: {}",
        output.errors()
    );
    ensure!(c.pid(&service.name)? == pid, "the process was replaced");
    Ok(())
}

/// The changes that a plan lists.
fn changes(plan: &Value) -> Vec<&Value> {
    fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("changes", Value::Array(list)) => found.extend(list),
                        _ => collect(value, found),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(plan, &mut found);
    found
}

fn plan(c: &Context, file: &str) -> Result<Value, Fault> {
    let output = c.ok(&["plan", "--json", file])?;
    Ok(serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`plan --json` prints no JSON: {error}"))?)
}

fn plan_only(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    let file = c.write_spec(&service)?;
    let planned = plan(c, &file)?;
    ensure!(!changes(&planned).is_empty(), "the plan of a new service lists no change: {planned}");
    ensure!(
        planned.to_string().contains(&service.marker),
        "the plan does not carry the generated files whole"
    );
    let words = c.ok(&["plan", &file])?.all();
    ensure!(words.contains(&service.name), "the plan does not name the service: {words}");
    ensure!(c.abide(&["status", &service.name])?.code == Some(4), "after `plan` the service is known");
    let traces = traces(c, &service.name)?;
    ensure!(traces.is_empty(), "after `plan` there is: {traces:?}");
    Ok(())
}

fn difference(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    let changed = service.with("[start]\nmode = \"manual\"");
    let file = c.write_spec(&changed)?;
    let planned = plan(c, &file)?;
    ensure!(!changes(&planned).is_empty(), "the plan of a changed spec lists no change: {planned}");
    ensure!(c.ok(&["plan", &file])?.all().contains("manual"), "the plan does not show what changes");
    ensure!(c.pid(&changed.name)? == pid, "`plan` replaced the process");
    Ok(())
}

fn idempotent(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]).with("[restart]\nwhen = \"always\"");
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    let file = c.write_spec(&service)?;
    let planned = plan(c, &file)?;
    ensure!(changes(&planned).is_empty(), "the plan of an applied spec lists changes: {planned}");
    c.ok(&["apply", &file])?;
    ensure!(c.pid(&service.name)? == pid, "the process was replaced");
    Ok(())
}

fn restarts_once(c: &Context) -> Outcome {
    let service = c.service(&["say", "started", "graceful", "0"]).program("env = { LEVEL = \"one\" }");
    c.run(&service)?;
    let changed = c
        .service(&["say", "started", "env", "LEVEL", "graceful", "0"])
        .program("env = { LEVEL = \"two\" }")
        .with("[restart]\nwhen = \"always\"");
    let file = c.write_spec(&changed)?;
    c.ok(&["apply", &file])?;
    c.wait_printed(&changed.name, "env LEVEL=74776f")?;
    c.wait_ready(&changed.name)?;
    let starts = c.printed(&changed.name)?.matches("started").count();
    ensure!(starts == 2, "the program was started {starts} times, not twice");
    ensure!(c.processes(&service).is_empty(), "the old program still runs");
    Ok(())
}

fn keeps_stopped(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    c.ok(&["stop", &service.name])?;
    let file = c.write_spec(&service.clone().with("[restart]\nwhen = \"always\""))?;
    c.ok(&["apply", &file])?;
    ensure!(c.abide(&["status", &service.name])?.code == Some(3), "the stopped service was started");
    c.nothing_runs(&service)
}

/// What the Windows registry holds of a service. (Wine's `sc` has no `qc`.)
pub fn registered(c: &Context, name: &str) -> Result<String, Fault> {
    let key = format!(r"HKLM\System\CurrentControlSet\Services\{name}");
    let output = c.backend.ask(&["reg", "query", &key, "/s"])?;
    ensure!(output.ok(), "{key}: {}", output.all());
    Ok(output.text())
}

/// Whatever on the machine is named after the service.
pub fn traces(c: &Context, name: &str) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    match c.backend.kind() {
        Kind::Container(manager) => {
            let pattern = format!("*{name}*");
            let files = c.backend.ask(&[
                "find",
                "/",
                "(",
                "-path",
                "/proc",
                "-o",
                "-path",
                "/sys",
                "-o",
                "-path",
                "/srv/conformance",
                ")",
                "-prune",
                "-o",
                "-name",
                &pattern,
                "-print",
            ])?;
            found.extend(files.text().lines().map(str::to_owned));
            let accounts = c.backend.ask(&["grep", "-F", name, "/etc/passwd", "/etc/group"])?;
            found.extend(accounts.text().lines().map(str::to_owned));
            for list in ["list-units", "list-unit-files"] {
                if manager.machine != abide_machine::Kind::Systemd {
                    continue;
                }
                let units =
                    c.backend.ask(&["systemctl", list, "--all", "--no-legend", "--plain", &pattern])?;
                found.extend(units.text().lines().map(|line| format!("{list}: {line}")));
            }
        }
        Kind::Scm => {
            let drive = c.backend.outside(r"C:\");
            walk(&drive, 8, &mut |path| {
                if path.to_string_lossy().contains(name) && !path.starts_with(drive.join("conformance")) {
                    found.push(path.display().to_string());
                }
            });
            let file = c.path("registry.reg");
            c.backend.ask(&["reg", "export", r"HKLM\System\CurrentControlSet", &file, "/y"])?;
            let exported = std::fs::read(c.backend.outside(&file)).unwrap_or_default();
            let units: Vec<u16> =
                exported.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            let text = String::from_utf16_lossy(&units);
            ensure!(text.contains("[HKEY_LOCAL_MACHINE"), "the registry could not be exported");
            found.extend(text.lines().filter(|line| line.contains(name)).map(str::to_owned));
        }
        Kind::Foreground => {}
    }
    Ok(found)
}

fn walk(folder: &std::path::Path, depth: u32, visit: &mut impl FnMut(&std::path::Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        visit(&entry.path());
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), depth - 1, visit);
        }
    }
}

fn leaves_nothing(c: &Context) -> Outcome {
    let service = c.service(&["say", "something", "deaf-grandchildren", "2", "graceful", "0"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "left 2")?;
    ensure!(!traces(c, &service.name)?.is_empty(), "the test finds no trace of an installed service");
    c.ok(&["uninstall", &service.name])?;
    c.nothing_runs(&service)?;
    let traces = traces(c, &service.name)?;
    ensure!(traces.is_empty(), "left behind: {traces:#?}");
    ensure!(c.abide(&["status", &service.name])?.code == Some(4), "an uninstalled service is still known");
    let again = c.abide(&["uninstall", &service.name])?;
    ensure!(again.code == Some(5), "a second `uninstall` ends with {:?}, not 5 (not installed)", again.code);
    Ok(())
}

fn keep_logs(c: &Context) -> Outcome {
    let service = c.service(&["say", "worth keeping", "graceful", "0"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "worth keeping")?;
    c.ok(&["uninstall", "--keep-logs", &service.name])?;
    let traces = traces(c, &service.name)?;
    ensure!(!traces.is_empty(), "the logs are gone");
    // With a dynamic user the service manager keeps the folder elsewhere and a link at the usual place.
    let strange: Vec<_> = traces.iter().filter(|trace| !trace.to_lowercase().contains("log")).collect();
    ensure!(strange.is_empty(), "more than logs was left: {strange:?}");
    let files: Vec<_> = traces.iter().map(|trace| c.backend.outside(trace)).collect();
    let mut kept = false;
    for file in files {
        let mut look = |path: &std::path::Path| {
            kept |= std::fs::read_to_string(path).is_ok_and(|text| text.contains("worth keeping"));
        };
        look(&file);
        walk(&file, 4, &mut look);
    }
    ensure!(kept, "what the program wrote is in none of {traces:?}");
    // A new service of that name takes the folder over; then it goes.
    c.ok(&["apply", &c.write_spec(&service)?])?;
    c.ok(&["uninstall", &service.name])?;
    let traces = self::traces(c, &service.name)?;
    ensure!(traces.is_empty(), "left behind in the end: {traces:?}");
    Ok(())
}

fn hung(c: &Context) -> Outcome {
    let service = c.service(&["deaf", "say", "deaf"]).with(
        "[stop]\nsteps = [{ signal = \"TERM\", wait = \"300ms\" }, { event = \"ctrl-c\", wait = \"300ms\" }]",
    );
    c.run(&service)?;
    c.wait_printed(&service.name, "deaf")?;
    c.ok(&["uninstall", &service.name])?;
    c.nothing_runs(&service)
}

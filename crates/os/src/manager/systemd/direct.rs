//! The `[Service]` section of a program that is a service itself (`program.supervised = false`): systemd starts it, hears
//! its notifications, and does what a supervisor would do elsewhere, as far as it can.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::{
    Delay, Family, Health, KillScope, Probe, Reload, Restart, Signal, Spec, StopAction, StopStep, Then, When,
    expand,
};

use super::findings::unspeakable;
use super::unit::{Text, account, command, limits, restrictions, span, variables_file};
use super::{env_file, escape};
use crate::manager::capability::lost;
use crate::manager::{Context, Finding, Kind, Scope};
use crate::paths::within;

/// The version from which on systemd lets the delay between restarts grow.
const GROWING_DELAY: u32 = 254;

/// The version from which on systemd makes folders in folders for accounts that it makes up.
const NESTED_FOLDERS: u32 = 251;

/// What else in a spec does the same.
const SUPERVISE: &str = "leaving `program.supervised` out";

/// Signals whose deaths systemd counts as success.
const CLEAN: [&str; 4] = ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"];

pub(super) fn service_section(spec: &Spec, context: &Context, unit: &mut Text) {
    let (name, scope) = (spec.name.as_str(), context.layout.scope);
    unit.section("Service");
    let ready = spec.start.ready.as_ref().filter(|ready| ready.probe == Probe::Notify);
    unit.line("Type", if ready.is_some() { "notify" } else { "exec" });
    unit.line("NotifyAccess", "main");
    let made_first = scope == Scope::System && !nests(context);
    if made_first {
        let script = "mkdir -p -m 0700 \"$STATE_DIRECTORY\"";
        unit.line("ExecStartPre", command(Path::new("/bin/sh"), &["-c", script]));
    }
    let words: Vec<&str> = spec.program.command.iter().map(String::as_str).collect();
    if let Some((program, arguments)) = words.split_first() {
        unit.line("ExecStart", command(Path::new(program), arguments));
    }
    match &spec.reload {
        // Every system has a shell; where its `kill` is, they do not agree upon.
        Some(Reload::Signal(signal)) => {
            let script = format!("kill -s {signal} \"$MAINPID\"");
            unit.line("ExecReload", command(Path::new("/bin/sh"), &["-c", &script]));
        }
        Some(Reload::Command(words)) => unit.line("ExecReload", reload_command(words)),
        None => {}
    }
    if let Some(folder) = escape::rest_path(&working_dir(spec, context)) {
        // It may not be there yet when it is made.
        let missing = if made_first && spec.program.working_dir.is_none() { "-" } else { "" };
        unit.line("WorkingDirectory", format!("{missing}{folder}"));
    }
    environment(spec, context, unit);
    unit.line("TimeoutStartSec", span(ready.map_or(START, |ready| ready.timeout.get())));
    stop(spec, unit);
    if let Some(health) = watchdog(spec) {
        unit.line("WatchdogSec", span(health.every.get()));
    }
    restart(&spec.restart, context.version, unit);
    unit.line("SyslogIdentifier", name);
    account(spec, scope, unit);
    folders(spec, context, unit);
    limits(spec, 0, unit);
    restrictions(spec, context, unit);
}

/// How long a program that tells nothing of its readiness may take to be executed.
const START: Duration = Duration::from_secs(90);

/// The folder the program runs in, by default its own.
fn working_dir(spec: &Spec, context: &Context) -> PathBuf {
    spec.program.working_dir.clone().unwrap_or_else(|| data_folder(spec, context))
}

/// The command is told the program's process id in `ABIDE_PID`, as everywhere.
fn reload_command(words: &[String]) -> String {
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = command(Path::new("/usr/bin/env"), &arguments);
    // The one variable that systemd itself shall put in.
    match line.split_once(' ') {
        Some((env, rest)) => format!("{env} ABIDE_PID=${{MAINPID}} {rest}"),
        None => line,
    }
}

fn environment(spec: &Spec, context: &Context, unit: &mut Text) {
    let name = spec.name.as_str();
    unit.line("Environment", escape::argument_without_variables(format!("ABIDE_SERVICE={name}").as_bytes()));
    let data = format!("STATE_DIRECTORY={}", data_folder(spec, context).display());
    unit.line("Environment", escape::argument_without_variables(data.as_bytes()));
    // Of two files that set the same variable, the later one counts: `env` wins over `env-file`.
    let own = variables(spec).map(|_| variables_file(&context.layout, &spec.name));
    for path in spec.program.env_file.iter().chain(&own) {
        if let Some(path) = escape::pattern_path(path) {
            unit.line("EnvironmentFile", path);
        }
    }
}

/// The folder that is the program's own: the same with and without a supervisor.
pub(super) fn data_folder(spec: &Spec, context: &Context) -> PathBuf {
    within(&context.layout.state_of(&spec.name), "data")
}

/// The folders of the service. The program's own lies in its state folder, which older versions cannot say: there, it is
/// made before the program is started.
fn folders(spec: &Spec, context: &Context, unit: &mut Text) {
    let name = &spec.name;
    if context.layout.scope == Scope::System {
        let data = if nests(context) { format!(" abide/{name}/data") } else { String::new() };
        unit.line("StateDirectory", format!("abide/{name}{data}"));
        unit.line("StateDirectoryMode", "0700");
        unit.line("LogsDirectory", format!("abide/{name}"));
        unit.line("LogsDirectoryMode", "0700");
    }
    unit.line("RuntimeDirectory", format!("abide/{name}"));
    unit.line("RuntimeDirectoryMode", "0700");
}

fn nests(context: &Context) -> bool {
    context.version.is_none_or(|version| version >= NESTED_FOLDERS)
}

/// The text of the file with the variables of `program.env`, for a program that systemd starts itself.
pub(super) fn variables(spec: &Spec) -> Option<String> {
    if spec.program.supervised || spec.program.env.is_empty() {
        return None;
    }
    let expanded = expand::environment(|_| None, &[], &spec.program.env).unwrap_or_default();
    let speakable = |(name, value): &(&String, &String)| env_file::can_say(name, value);
    let lines = expanded.iter().filter(speakable).map(|(name, value)| env_file::line(name, value));
    Some(lines.collect())
}

/// The ladder that systemd can climb: one signal to the program, some patience, and the end of all that is left.
fn ladder(spec: &Spec) -> Option<(Signal, Duration)> {
    let steps = spec.effective_stop(Family::Unix);
    match steps.as_slice() {
        [StopStep { action: StopAction::Signal(signal), wait, .. }, end]
        | [
            StopStep { action: StopAction::Signal(signal), wait, .. },
            StopStep { action: StopAction::Kill(KillScope::Program), .. },
            end,
        ] if end.action == StopAction::Kill(KillScope::Tree) => Some((*signal, wait.get())),
        [end] if end.action == StopAction::Kill(KillScope::Tree) => Some((Signal::KILL, Duration::ZERO)),
        _ => None,
    }
}

fn stop(spec: &Spec, unit: &mut Text) {
    // Without a ladder of systemd's: an error unless accepted, then the first signal and the whole patience.
    let first = spec.effective_stop(Family::Unix).iter().find_map(|step| match step.action {
        StopAction::Signal(signal) => Some(signal),
        _ => None,
    });
    let (signal, wait) =
        ladder(spec).unwrap_or_else(|| (first.unwrap_or(Signal::TERM), spec.stop_budget(Family::Unix).get()));
    unit.line("KillMode", "mixed");
    unit.line("KillSignal", format!("SIG{signal}"));
    // For systemd 0 is for ever.
    unit.line("TimeoutStopSec", span(wait.max(Duration::from_millis(1))));
}

/// The program's own sign of life.
fn watchdog(spec: &Spec) -> Option<&Health> {
    spec.health.iter().find(|health| health.probe == Probe::Notify)
}

fn restart(restart: &Restart, version: Option<u32>, unit: &mut Text) {
    unit.line(
        "Restart",
        match restart.when {
            When::Always => "always",
            When::OnFailure => "on-failure",
            When::Never => "no",
        },
    );
    let code = |code: &i32| u8::try_from(*code).ok().map(|code| code.to_string());
    let signal = |signal: &Signal| format!("SIG{signal}");
    let mut again: BTreeSet<String> = restart.codes.always.iter().filter_map(code).collect();
    again.extend(restart.signals.always.iter().map(signal));
    if restart.when == When::OnFailure {
        // A signal is never a success here, and 0 need not be one.
        again.extend(CLEAN.map(str::to_owned));
        if !restart.success_codes.contains(&0) {
            again.insert("0".into());
        }
    }
    let mut never: BTreeSet<String> = restart.codes.never.iter().filter_map(code).collect();
    never.extend(restart.signals.never.iter().map(signal));
    let success: BTreeSet<String> =
        restart.success_codes.iter().filter(|code| **code != 0).filter_map(code).collect();
    for (name, list) in [
        ("RestartPreventExitStatus", never),
        ("RestartForceExitStatus", again),
        ("SuccessExitStatus", success),
    ] {
        if !list.is_empty() {
            unit.line(name, list.into_iter().collect::<Vec<_>>().join(" "));
        }
    }
    if restart.when == When::Never && restart.codes.always.is_empty() && restart.signals.always.is_empty() {
        return;
    }
    let delay = &restart.delay;
    unit.line("RestartSec", span(delay.initial.get()));
    if let Some(steps) = growth(delay).filter(|_| version.is_none_or(|version| version >= GROWING_DELAY)) {
        unit.line("RestartSteps", steps.to_string());
        unit.line("RestartMaxDelaySec", span(delay.max.get()));
    }
}

/// In how many steps the delay grows from the first to the longest; nothing where it stays the same.
fn growth(delay: &Delay) -> Option<u32> {
    let (initial, max) = (delay.initial.get().as_secs_f64(), delay.max.get().as_secs_f64());
    if delay.factor <= 1.0 || initial <= 0.0 || max <= initial {
        return None;
    }
    let steps = ((max / initial).ln() / delay.factor.ln()).round();
    // A factor of at least 1 + 2^-52 and durations of at most some centuries keep it in range.
    Some(steps.clamp(1.0, 1e6) as u32)
}

/// What systemd cannot make of a program that it starts itself, beyond what no service manager can.
pub(super) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let mut found = Vec::new();
    let program = &spec.program;
    if let Some(first) = program.command.first().filter(|first| !escape::can_execute(Path::new(first))) {
        found.push(
            Finding::error(
                "program.command",
                format!("systemd executes no path with quotes, backslashes or control characters: {first:?}"),
            )
            .with_hint("rename it, or leave `program.supervised` out"),
        );
    }
    for (field, path) in [
        ("program.working-dir", Some(working_dir(spec, context))),
        ("program.env-file", program.env_file.clone()),
        ("program.env", Some(variables_file(&context.layout, &spec.name))),
    ] {
        found.extend(
            path.filter(|path| escape::rest_path(path).is_none()).map(|path| unspeakable(field, &path)),
        );
    }
    environment_findings(spec, &mut found);
    if ladder(spec).is_none() {
        found.push(lost(
            spec,
            "stop.steps",
            Kind::Systemd,
            "stops a program that it starts itself by one signal, and then kills what is left",
            "one step with a signal, or leaving `program.supervised` out",
        ));
    }
    if let Some(health) = watchdog(spec) {
        if health.then == Then::Report {
            let text = "restarts a program whose watchdog is silent";
            found.push(lost(spec, "health", Kind::Systemd, text, SUPERVISE));
        } else if health.initial_delay.get() > Duration::ZERO {
            found.push(Finding::note("health", "systemd counts from the start on, without `initial-delay`"));
        }
    }
    restart_findings(spec, context, &mut found);
    found
}

fn environment_findings(spec: &Spec, found: &mut Vec<Finding>) {
    match expand::environment(|_| None, &[], &spec.program.env) {
        Ok(expanded) => {
            for (name, _) in expanded.iter().filter(|(name, value)| !env_file::can_say(name, value)) {
                found.push(
                    Finding::error(
                        "program.env",
                        format!("systemd sets no variable `{name}` with such a name or value"),
                    )
                    .with_hint("names are made of letters, digits and `_`"),
                );
            }
        }
        Err(error) => found.push(Finding::error("program.env", error.to_string()).with_hint(
            "systemd puts in no variables of the machine or of `program.env-file`; write the value out",
        )),
    }
    if spec.program.env_file.is_some() {
        found.push(Finding::note(
            "program.env-file",
            "systemd reads it in its own way: it expands no variables, and a backslash escapes what follows it",
        ));
    }
}

fn restart_findings(spec: &Spec, context: &Context, found: &mut Vec<Finding>) {
    let (restart, usual) = (&spec.restart, Delay::default());
    if restart.when == When::Never {
        return;
    }
    let mut lose = |field: &str, why: &str, nearest: &str| {
        found.push(lost(spec, field, Kind::Systemd, why, nearest));
    };
    let grows = growth(&restart.delay).is_some();
    let old = context.version.filter(|version| *version < GROWING_DELAY);
    if let Some(version) = old.filter(|_| grows && restart.delay != usual) {
        let why = format!("{version} waits equally long before every restart");
        lose("restart.delay", &why, "`restart.delay = { factor = 1 }` with the delay in `initial`");
    }
    if restart.delay.jitter != usual.jitter && restart.delay.jitter > 0.0 {
        lose("restart.delay.jitter", "knows no random part of a delay", "`restart.delay = { jitter = 0 }`");
    }
    if restart.reset_after != Restart::RESET_AFTER && grows {
        lose(
            "restart.reset-after",
            "does not shorten the delay again while the program is stable",
            SUPERVISE,
        );
    }
    if restart.delay == usual {
        let delay = restart.delay.initial;
        found.push(Finding::note(
            "restart.delay",
            match old {
                Some(version) => format!("systemd {version} always waits {delay} before a restart"),
                None => {
                    "systemd adds no random part to the delays, and does not shorten them again".to_owned()
                }
            },
        ));
    }
}

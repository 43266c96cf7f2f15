//! A unit as a person would write it: it starts the program itself.

use std::fmt::Write;

use abide_spec::{Family, KillScope, Probe, Reload, RunAs, Spec, StartMode, StopAction, When, expand};

use super::book::{Book, environment};
use super::hardening;
use crate::draft::env_path;
use crate::words::systemd as words;

/// The sections of a unit as they grow.
#[derive(Default)]
pub(super) struct Unit {
    unit: String,
    service: String,
    install: String,
}

impl Unit {
    fn unit(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.unit, "{key}={value}");
    }

    pub(super) fn service(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.service, "{key}={value}");
    }
}

pub(super) fn write(book: &Book<'_>, spec: &Spec) -> String {
    book.carried("name", "the name of the file");
    let mut unit = Unit::default();
    about(book, spec, &mut unit);
    run(book, spec, &mut unit);
    account(book, spec, &mut unit);
    restart(book, spec, &mut unit);
    stop(book, spec, &mut unit);
    limits(book, spec, &mut unit);
    hardening::write(book, spec, &mut unit);
    book.leave_common();
    let mut text = format!("[Unit]\n{}\n[Service]\n{}", unit.unit, unit.service);
    if !unit.install.is_empty() {
        let _ = write!(text, "\n[Install]\n{}", unit.install);
    }
    text
}

fn about(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    let shown = spec.description.as_deref().or(spec.display_name.as_deref()).unwrap_or(spec.name.as_str());
    unit.unit("Description", words::text(shown).unwrap_or_else(|| spec.name.to_string()));
    book.carried("description", "[Unit] Description");
    if spec.description.is_some() {
        book.left("display-name", "a unit has one text about it, its description");
    } else {
        book.carried("display-name", "[Unit] Description");
    }
    let name = |after: &String| if after.contains('.') { after.clone() } else { format!("{after}.service") };
    if !spec.start.after.is_empty() {
        let names: Vec<String> = spec.start.after.iter().map(|after| words::word(&name(after))).collect();
        unit.unit("After", names.join(" "));
        unit.unit("Wants", names.join(" "));
        book.carried("start.after", "[Unit] After, Wants");
    }
    match spec.start.mode {
        StartMode::Auto => {
            unit.install.push_str("WantedBy=multi-user.target\n");
            book.carried("start.mode", "[Install] WantedBy");
        }
        StartMode::Delayed => {
            unit.install.push_str("WantedBy=multi-user.target\n");
            book.changed("start.mode", "[Install] WantedBy", "it starts at boot, not later");
        }
        StartMode::Manual => book.carried("start.mode", "no [Install]"),
        StartMode::Disabled => {
            book.changed("start.mode", "no [Install]", "`systemctl mask` keeps it from being started at all")
        }
    }
}

fn run(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    match spec.start.ready.as_ref().map(|ready| (&ready.probe, ready)) {
        Some((Probe::Notify, ready)) => {
            unit.service("Type", "notify");
            unit.service("TimeoutStartSec", span(ready.timeout));
            book.left("start.ready.every", "nothing is asked; the program tells");
            book.carried("start.ready", "[Service] Type, TimeoutStartSec");
        }
        Some(_) => {
            unit.service("Type", "exec");
            book.left(
                "start.ready",
                "systemd asks nothing: a unit is ready when it runs, or when it notifies",
            );
        }
        None => unit.service("Type", "exec"),
    }
    let command = &spec.program.command;
    let line: Vec<String> = command
        .iter()
        .enumerate()
        .map(|(at, word)| if at == 0 { words::word(word) } else { words::argument(word) })
        .collect();
    unit.service("ExecStart", line.join(" "));
    let odd = command
        .first()
        .is_some_and(|program| program.contains(['"', '\'', '\\']) || program.contains(char::is_control));
    if odd {
        book.changed(
            "program.command",
            "[Service] ExecStart",
            "systemd refuses a program with quotes or backslashes in its path",
        );
    } else {
        book.carried("program.command", "[Service] ExecStart");
    }
    match &spec.program.working_dir {
        Some(folder) => match folder.to_str().and_then(words::path) {
            Some(folder) => {
                unit.service("WorkingDirectory", folder);
                book.carried("program.working-dir", "[Service] WorkingDirectory");
            }
            None => book.left(
                "program.working-dir",
                "a unit can only name a folder from the root, without odd characters at its end",
            ),
        },
        None => {
            unit.service("StateDirectory", &spec.name);
            unit.service("WorkingDirectory", format!("%S/{}", spec.name));
            book.default(
                "program.working-dir",
                "[Service] StateDirectory, WorkingDirectory",
                "a service runs in its own state folder unless told otherwise",
            );
        }
    }
    env(book, spec, unit);
    match &spec.reload {
        Some(Reload::Signal(signal)) => {
            unit.service("ExecReload", format!("/bin/kill -s {signal} $MAINPID"));
            book.carried("reload", "[Service] ExecReload");
        }
        Some(Reload::Command(command)) => {
            unit.service("ExecReload", line_of(command));
            book.carried("reload", "[Service] ExecReload");
        }
        None => {}
    }
}

fn line_of(command: &[String]) -> String {
    let words = command
        .iter()
        .enumerate()
        .map(|(at, word)| if at == 0 { words::word(word) } else { words::argument(word) });
    words.collect::<Vec<_>>().join(" ")
}

fn env(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    // One level of references between the variables themselves can be written out.
    let of = |name: &str| {
        let value = spec.program.env.get(name)?;
        expand::expand(name, value, |_| None).ok()
    };
    for (key, value) in environment(spec, of) {
        match value {
            Ok(value) => {
                unit.service("Environment", words::word(&format!("{key}={value}")));
                if spec.program.env_file.is_some() {
                    book.changed(
                        &env_path(&key),
                        "[Service] Environment",
                        "in a unit the EnvironmentFile wins over it",
                    );
                } else {
                    book.carried(&env_path(&key), "[Service] Environment");
                }
            }
            Err(unknown) => {
                book.left(
                    &env_path(&key),
                    &format!("it refers to {unknown}, and a unit expands nothing in Environment="),
                );
            }
        }
    }
    if let Some(file) = &spec.program.env_file {
        match file.to_str().and_then(words::path) {
            Some(file) => {
                unit.service("EnvironmentFile", file);
                book.changed(
                    "program.env-file",
                    "[Service] EnvironmentFile",
                    "systemd expands no ${NAME} in it",
                );
            }
            None => book.left("program.env-file", "a unit can only name a file from the root"),
        }
    }
    book.left("program.inherit-env", "a unit inherits a few variables of systemd, and no others");
}

fn account(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    let to = "[Service] DynamicUser";
    match &spec.account.run_as {
        RunAs::LeastPrivilege => {
            unit.service("DynamicUser", "yes");
            book.carried_or_default(
                "account.run-as",
                to,
                "a service has an account of its own unless told otherwise",
            );
        }
        RunAs::System => book.carried("account.run-as", "no User"),
        RunAs::LocalService | RunAs::NetworkService => {
            unit.service("DynamicUser", "yes");
            book.changed(
                "account.run-as",
                to,
                "it is an account of Windows; a dynamic user has as few rights",
            );
        }
        RunAs::User(user) => {
            unit.service("User", words::text(user).unwrap_or_default());
            book.carried("account.run-as", "[Service] User");
        }
    }
    if !spec.account.groups.is_empty() {
        let groups: Vec<String> = spec.account.groups.iter().map(|group| words::word(group)).collect();
        unit.service("SupplementaryGroups", groups.join(" "));
        book.carried("account.groups", "[Service] SupplementaryGroups");
    }
    book.left("account.password-file", "passwords are for accounts of Windows");
}

/// A time as systemd reads it.
fn span(time: abide_spec::Duration) -> String {
    let time = time.get();
    if time.subsec_nanos() > 0 && time.as_micros().is_multiple_of(1000) {
        format!("{}ms", time.as_millis())
    } else if time.subsec_nanos() == 0 {
        time.as_secs().to_string()
    } else {
        format!("{}us", time.as_micros().max(1))
    }
}

fn restart(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    let rules = &spec.restart;
    let when = match rules.when {
        When::Always => "always",
        When::OnFailure => "on-failure",
        When::Never => "no",
    };
    unit.service("Restart", when);
    book.carried_or_default("restart.when", "[Service] Restart", "without it a unit is not restarted");
    let restarts =
        rules.when != When::Never || !rules.codes.always.is_empty() || !rules.signals.always.is_empty();
    if restarts {
        delays(book, rules, unit);
    } else {
        for path in ["restart.delay", "restart.give-up", "restart.reset-after"] {
            book.left(path, "nothing is restarted");
        }
    }
    book.left("restart.delay.jitter", "delays of a unit have no random part");
    book.left("restart.reset-after", "delays of a unit never begin anew");
    let others: Vec<String> =
        rules.success_codes.iter().filter(|code| **code != 0).map(i32::to_string).collect();
    if !others.is_empty() {
        unit.service("SuccessExitStatus", others.join(" "));
    }
    if rules.success_codes.contains(&0) {
        book.carried("restart.success-codes", "[Service] SuccessExitStatus");
    } else {
        book.changed(
            "restart.success-codes",
            "[Service] SuccessExitStatus",
            "0 is always a success for systemd",
        );
    }
    let list = |codes: &[i32], signals: &[abide_spec::Signal]| {
        let codes = codes.iter().map(i32::to_string);
        codes.chain(signals.iter().map(|signal| format!("SIG{signal}"))).collect::<Vec<_>>().join(" ")
    };
    let never = list(&rules.codes.never, &rules.signals.never);
    if !never.is_empty() {
        unit.service("RestartPreventExitStatus", never);
    }
    let always = list(&rules.codes.always, &rules.signals.always);
    if !always.is_empty() {
        unit.service("RestartForceExitStatus", always);
    }
    for kind in ["codes", "signals"] {
        book.carried(&format!("restart.{kind}.never"), "[Service] RestartPreventExitStatus");
        book.carried(&format!("restart.{kind}.always"), "[Service] RestartForceExitStatus");
    }
}

/// How soon and how often a unit is restarted.
fn delays(book: &Book<'_>, rules: &abide_spec::Restart, unit: &mut Unit) {
    unit.service("RestartSec", span(rules.delay.initial));
    book.carried_or_default("restart.delay.initial", "[Service] RestartSec", "systemd waits 100 ms");
    if rules.delay.factor > 1.0 && rules.delay.max > rules.delay.initial {
        let ratio = rules.delay.max.get().as_secs_f64() / rules.delay.initial.get().as_secs_f64().max(0.001);
        let steps = (ratio.ln() / rules.delay.factor.ln()).round().clamp(1.0, 1000.0);
        unit.service("RestartSteps", steps);
        unit.service("RestartMaxDelaySec", span(rules.delay.max));
        for path in ["restart.delay.factor", "restart.delay.max"] {
            book.changed(
                path,
                "[Service] RestartSteps, RestartMaxDelaySec",
                "from systemd 254 on; the delay never begins anew",
            );
        }
    } else {
        book.carried("restart.delay.factor", "[Service] RestartSec");
        book.carried("restart.delay.max", "[Service] RestartSec");
    }
    match rules.give_up {
        Some(give_up) => {
            unit.unit("StartLimitIntervalSec", span(give_up.within));
            unit.unit("StartLimitBurst", give_up.after);
        }
        None => unit.unit("StartLimitIntervalSec", 0),
    }
    book.carried_or_default(
        "restart.give-up",
        "[Unit] StartLimitIntervalSec, StartLimitBurst",
        "a unit gives up after 5 starts within 10 s",
    );
}

fn stop(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    let mut wait = None;
    let mut signalled = false;
    for (index, step) in spec.stop.steps.iter().enumerate() {
        let path = format!("stop.steps[{index}]");
        match &step.action {
            _ if !step.applies_to(Family::Unix) => book.left(&path, "it is a step of Windows"),
            StopAction::Signal(signal) if !signalled => {
                unit.service("KillSignal", format!("SIG{signal}"));
                signalled = true;
                wait.get_or_insert(step.wait);
                book.carried(&path, "[Service] KillSignal, TimeoutStopSec");
            }
            StopAction::Command(command) if !signalled => {
                unit.service("ExecStop", line_of(command));
                wait.get_or_insert(step.wait);
                book.carried(&path, "[Service] ExecStop, TimeoutStopSec");
            }
            StopAction::Kill(KillScope::Tree) => book.carried(&path, "[Service] KillMode"),
            _ => book.left(&path, "a unit has one signal and then the end"),
        }
    }
    let wait = wait.unwrap_or(abide_spec::StopStep::WAIT);
    unit.service("TimeoutStopSec", span(wait));
    unit.service("KillMode", "mixed");
    if !book.has("stop") {
        book.default(
            "stop.steps",
            "[Service] TimeoutStopSec, KillMode",
            "systemd waits 90 s, and sends the signal to all processes",
        );
    }
}

fn limits(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    let limits = &spec.limits;
    let mut put = |path: &str, key: &str, value: Option<String>| {
        if let Some(value) = value {
            unit.service(key, value);
            book.carried(path, &format!("[Service] {key}"));
        }
    };
    put("limits.memory", "MemoryMax", limits.memory.map(|size| size.bytes().to_string()));
    put("limits.cpu", "CPUQuota", limits.cpu.map(|cpu| format!("{}%", (cpu * 100.0).round().max(1.0))));
    put("limits.open-files", "LimitNOFILE", limits.open_files.map(|count| count.to_string()));
    put("limits.processes", "TasksMax", limits.processes.map(|count| count.to_string()));
    for (index, health) in spec.health.iter().enumerate() {
        if health.probe == Probe::Notify {
            unit.service("WatchdogSec", span(health.every));
            book.carried(&format!("health[{index}]"), "[Service] WatchdogSec");
        }
    }
}

//! A service of NSSM as a spec.

use std::path::PathBuf;

use abide_spec::{Duration, InheritEnv, RunAs, Size, Spec, StartMode, When};

use super::{Param, Service, stop};
use crate::Options;
use crate::draft;
use crate::ledger::Ledger;
use crate::words::windows;

pub(super) fn spec(ledger: &Ledger, service: &Service<'_>, options: &Options) -> Option<Spec> {
    // An export of a service that NSSM does not run has none of its parameters.
    let Some(application) = service.get("Application") else {
        let why = "there is no `Application` in it, so NSSM does not run this service";
        service
            .header
            .bad(why, Some("`reg export` the key of the service with all below it, or use `nssm dump NAME`"));
        return None;
    };
    let name = draft::name_or(service.header, &service.name, options.name.as_ref())?;
    let mut spec = Spec::minimal(name, Vec::new());
    command(&mut spec, service, application);
    place(ledger, &mut spec, service);
    env(&mut spec, service);
    about(&mut spec, service);
    account(ledger, &mut spec, service);
    restart(ledger, &mut spec, service);
    stop::map(&mut spec, service);
    output(&mut spec, service);
    rest(service);
    draft::unrestricted(ledger, &mut spec, "NSSM");
    Some(spec)
}

/// What common variables of a machine come to on nearly every Windows.
const USUAL: [(&str, &str); 8] = [
    ("systemroot", r"C:\Windows"),
    ("windir", r"C:\Windows"),
    ("systemdrive", "C:"),
    ("programfiles", r"C:\Program Files"),
    ("programfiles(x86)", r"C:\Program Files (x86)"),
    ("programdata", r"C:\ProgramData"),
    ("allusersprofile", r"C:\ProgramData"),
    ("comspec", r"C:\Windows\System32\cmd.exe"),
];

/// A text in which variables may stand that NSSM would expand, and what is to be said of it.
pub(crate) fn expanded(text: &str) -> (String, Option<String>) {
    let mut out = String::new();
    let mut rest = text;
    let (mut known, mut unknown) = (None, None);
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.split_once('%') {
            Some((name, tail)) if windows::variable(&format!("%{name}%")).is_some() => {
                let usual = USUAL.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
                match usual {
                    Some((_, value)) => {
                        known = Some(name);
                        out.push_str(value);
                    }
                    None => {
                        unknown = Some(name);
                        out.push_str(&format!("%{name}%"));
                    }
                }
                rest = tail;
            }
            _ => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    let why = match (unknown, known) {
        (Some(name), _) => Some(format!("nothing is expanded here: write what %{name}% comes to")),
        (None, Some(name)) => {
            Some(format!("nothing is expanded here, so %{name}% is what it is on most machines"))
        }
        (None, None) => None,
    };
    (out, why)
}

fn command(spec: &mut Spec, service: &Service<'_>, application: &Param<'_>) {
    let (program, why) = expanded(application.text().trim().trim_matches('"'));
    spec.program.command = vec![program];
    match why {
        Some(why) => application.field.changed("program.command", why),
        None => application.field.carried("program.command"),
    }
    if let Some(param) = service.get("AppParameters") {
        let (line, why) = expanded(&param.text());
        spec.program.command.extend(windows::split(&line));
        match why {
            Some(why) => param.field.changed("program.command", why),
            None => param.field.carried("program.command"),
        }
    }
}

fn place(ledger: &Ledger, spec: &mut Spec, service: &Service<'_>) {
    if let Some(param) = service.get("AppDirectory") {
        let (folder, why) = expanded(param.text().trim().trim_matches('"'));
        if let Some(path) = draft::path(param.field, &folder, "program.working-dir") {
            spec.program.working_dir = Some(path);
            if let Some(why) = why {
                param.field.changed("program.working-dir", why);
            }
        }
        return;
    }
    let folder =
        spec.program.command.first().and_then(|program| program.rsplit_once('\\')).map(|(folder, _)| folder);
    if let Some(folder) = folder.filter(|folder| !folder.is_empty()) {
        let folder = if folder.ends_with(':') { format!("{folder}\\") } else { folder.to_owned() };
        spec.program.working_dir = Some(PathBuf::from(folder));
        let why = "NSSM runs a program in its own folder";
        ledger.default(Some(spec.name.as_str()), "AppDirectory", "program.working-dir", why);
    }
}

fn env(spec: &mut Spec, service: &Service<'_>) {
    for key in ["Environment", "AppEnvironment", "AppEnvironmentExtra"] {
        for param in service.all(key) {
            for entry in &param.values {
                // Newer versions mark what is set, added and taken away.
                let entry = match entry.split_at_checked(1) {
                    Some((":" | "+", entry)) => entry,
                    _ => entry,
                };
                match entry.split_once('=').filter(|(key, _)| !key.is_empty()) {
                    Some((key, value)) => {
                        draft::env(
                            spec,
                            param.field.secret(),
                            key.trim(),
                            windows::to_spec_variables(value),
                            None,
                        );
                    }
                    None => param.field.left("an entry of it is no NAME=VALUE"),
                }
            }
            if key == "AppEnvironment" && !param.values.is_empty() {
                spec.program.inherit_env = InheritEnv::None;
                param.field.carried_with(
                    "program.env",
                    "it stands in the place of all other variables, so program.inherit-env is \"none\"",
                );
            }
        }
    }
}

fn about(spec: &mut Spec, service: &Service<'_>) {
    if let Some(param) = service.get("DisplayName") {
        draft::display_name(spec, param.field, &param.text());
    }
    if let Some(param) = service.get("Description") {
        draft::description(spec, param.field, &param.text());
    }
    let delayed = service.get("DelayedAutostart").or_else(|| service.get("DelayedAutoStart"));
    if let Some(param) = service.get("Start") {
        let mode = match param.text().as_str() {
            "SERVICE_AUTO_START" => Some(StartMode::Auto),
            "SERVICE_DELAYED_AUTO_START" => Some(StartMode::Delayed),
            "SERVICE_DEMAND_START" => Some(StartMode::Manual),
            "SERVICE_DISABLED" => Some(StartMode::Disabled),
            _ => None,
        };
        match mode {
            Some(mode) => {
                spec.start.mode = mode;
                param.field.carried("start.mode");
            }
            None => param.field.bad(
                format!("`{}` is no way for a program to start", param.text()),
                Some("it is SERVICE_AUTO_START, SERVICE_DELAYED_AUTO_START, SERVICE_DEMAND_START or SERVICE_DISABLED"),
            ),
        }
    }
    if let Some(param) = delayed
        && let Some(number) = param.number()
    {
        param.field.carried("start.mode");
        if number != 0 && spec.start.mode == StartMode::Auto {
            spec.start.mode = StartMode::Delayed;
        }
    }
    if let Some(param) = service.get("DependOnService") {
        for entry in &param.values {
            let entry = entry.trim_start_matches([':', '+']);
            if !entry.is_empty() && !spec.start.after.iter().any(|it| it == entry) {
                spec.start.after.push(entry.to_owned());
            }
        }
        param.field.carried("start.after");
    }
    if let Some(param) = service.get("DependOnGroup") {
        param.field.left("start.after names services, not groups of them");
    }
}

fn account(ledger: &Ledger, spec: &mut Spec, service: &Service<'_>) {
    let Some(param) = service.get("ObjectName") else {
        spec.account.run_as = RunAs::System;
        let why = "services run as LocalSystem unless told otherwise; \"least-privilege\" is better where it suffices";
        ledger.default(Some(spec.name.as_str()), "ObjectName", "account.run-as", why);
        return;
    };
    let account = param.values.first().map(String::as_str).unwrap_or_default();
    spec.account.run_as = draft::windows_account(account);
    if param.values.len() > 1 {
        param.field.secret().changed(
            "account.run-as",
            "a password is not taken over: put it into a file and name that in account.password-file",
        );
    } else if matches!(spec.account.run_as, RunAs::User(_)) {
        param
            .field
            .carried_with("account.run-as", "account.password-file has to name a file with its password");
    } else {
        param.field.carried("account.run-as");
    }
}

fn restart(ledger: &Ledger, spec: &mut Spec, service: &Service<'_>) {
    spec.restart.when = When::Always;
    spec.restart.give_up = None;
    let name = spec.name.as_str().to_owned();
    let mut default = false;
    for param in service.all("AppExit") {
        let action = param.text();
        let restart = match action.to_ascii_lowercase().as_str() {
            "restart" => true,
            "ignore" | "exit" | "suicide" => false,
            _ => {
                param.field.bad(
                    format!("`{action}` is no action of AppExit"),
                    Some("it is Restart, Ignore, Exit or Suicide"),
                );
                continue;
            }
        };
        if param.sub.eq_ignore_ascii_case("default") {
            default = true;
            spec.restart.when = if restart { When::Always } else { When::Never };
            param.field.carried("restart.when");
        } else {
            let code =
                param.sub.parse::<i32>().ok().or_else(|| param.sub.parse::<u32>().ok().map(u32::cast_signed));
            let Some(code) = code else {
                param.field.bad(format!("`{}` is no exit code", param.sub), None);
                continue;
            };
            let (list, to) = if restart {
                (&mut spec.restart.codes.always, "restart.codes.always")
            } else {
                (&mut spec.restart.codes.never, "restart.codes.never")
            };
            if !list.contains(&code) {
                list.push(code);
            }
            param.field.carried(to);
        }
        if action.eq_ignore_ascii_case("ignore") {
            let to = if param.sub.eq_ignore_ascii_case("default") {
                "restart.when"
            } else {
                "restart.codes.never"
            };
            param.field.changed(to, "a service without its program is stopped, and does not seem to run");
        }
    }
    if !default {
        let why = "NSSM restarts however a program ends, so it is \"always\"";
        ledger.default(Some(&name), "AppExit Default", "restart.when", why);
    }
    ledger.default(Some(&name), "(no limit)", "restart.give-up", "NSSM never gives up, so it is false");
    if let Some(param) = service.get("AppRestartDelay")
        && let Some(millis) = param.number()
    {
        if millis == 0 {
            param.field.carried("restart.delay");
        } else {
            let delay = Duration::from_millis(millis);
            spec.restart.delay.initial = delay;
            spec.restart.delay.max = spec.restart.delay.max.max(delay);
            param
                .field
                .changed("restart.delay", "it is the first delay; it doubles with each failure in a row");
        }
    }
    if let Some(param) = service.get("AppThrottle")
        && let Some(millis) = param.number()
    {
        spec.restart.reset_after = Duration::from_millis(millis);
        param.field.carried_with(
            "restart.reset-after",
            "a program that ran so long begins anew with the first delay",
        );
    }
}

fn output(spec: &mut Spec, service: &Service<'_>) {
    for key in ["AppStdout", "AppStderr"] {
        if let Some(param) = service.get(key) {
            param.field.left("Abide keeps the output itself: `abide logs NAME` shows it");
        }
    }
    if let Some(param) = service.get("AppStdin") {
        param.field.left("a program of a service has no input");
    }
    let on = service.get("AppRotateFiles").map(|param| {
        let on = param.number() != Some(0);
        if on {
            param.field.carried("logs.rotate");
        } else {
            param.field.left("files always begin anew at logs.rotate.size, so that no disk fills");
        }
        on
    });
    if let Some(param) = service.get("AppRotateOnline") {
        param.field.carried_with("logs.rotate", "files begin anew while the program runs");
    }
    let high = service.get("AppRotateBytesHigh").and_then(|param| {
        param.field.carried("logs.rotate.size");
        param.number()
    });
    if let Some(param) = service.get("AppRotateBytes")
        && let Some(bytes) = param.number()
    {
        let bytes = bytes.saturating_add(high.unwrap_or(0).saturating_mul(1 << 32));
        if on == Some(false) || bytes == 0 {
            param.field.left("it is not in force");
        } else {
            spec.logs.rotate.size = Size(bytes.clamp(1024, i64::MAX as u64));
            param.field.carried("logs.rotate.size");
        }
    }
    if let Some(param) = service.get("AppRotateSeconds")
        && let Some(seconds) = param.number()
    {
        if on == Some(false) || seconds == 0 {
            param.field.left("it is not in force");
        } else {
            spec.logs.rotate.every = Some(Duration::from_secs(seconds));
            param.field.carried("logs.rotate.every");
        }
    }
    if let Some(param) = service.get("AppTimestampLog") {
        param.field.left("Abide knows the time of each line: `abide logs NAME --timestamps`");
    }
    for param in &service.params {
        let key = param.key.to_ascii_lowercase();
        if ["appstdin", "appstdout", "appstderr"]
            .iter()
            .any(|stream| key.starts_with(stream) && key != *stream)
        {
            param.field.left("Abide opens its own log files");
        }
    }
}

/// What a spec has nothing like.
fn rest(service: &Service<'_>) {
    for param in &service.params {
        let why = match param.key.to_ascii_lowercase().as_str() {
            "imagepath" => "it starts NSSM itself, which is not needed any more",
            "type" => "a service of Abide is always a process of its own",
            "errorcontrol" => "it is for drivers that the machine cannot start without",
            "failureactions" | "failureactionsonnoncrashfailures" | "failurecommand" | "rebootmessage" => {
                "they are for the death of NSSM; [restart] is about the program"
            }
            "appaffinity" => "a spec binds a program to no processors; limits.cpu bounds its share",
            "apppriority" => "a spec has no priority; limits.cpu bounds its share",
            "appnoconsole" => "a program never has a window",
            "appevents" => "a spec has no hooks; `abide events NAME --json -f` tells what happens",
            "appredirecthook" => "a spec has no hooks",
            "name" => "it is the name that the service has anyway",
            _ => continue,
        };
        param.field.left(why);
    }
}

//! What a unit is, where and with what it runs, whose rights it has, and when it starts.

use std::collections::BTreeMap;

use abide_spec::{RunAs, Spec, StartMode, expand::escape};

use super::Environment;
use super::specifiers::Known;
use super::unit::{Setting, Unit};
use crate::draft;
use crate::ledger::Ledger;

pub(super) fn map(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>, known: &Known) {
    if let Some(setting) = unit.last("Unit", "Description") {
        match known.expand(&setting.value) {
            Ok(text) => draft::description(spec, setting.field, &text),
            Err(why) => setting.field.left(why),
        }
    }
    after(spec, unit);
    install(ledger, spec, unit);
    place(spec, unit, known);
    account(ledger, spec, unit);
}

pub(super) fn environment(spec: &mut Spec, unit: &Unit<'_>, known: &Known) -> Environment {
    let mut set = BTreeMap::new();
    for setting in unit.list("Service", "Environment") {
        setting.field.secret();
        for word in setting.words() {
            let word = match known.expand(&word) {
                Ok(word) => word,
                Err(why) => {
                    setting.field.bad(why, None);
                    continue;
                }
            };
            match word.split_once('=').filter(|(key, _)| !key.is_empty()) {
                Some((key, value)) if key == "NOTIFY_SOCKET" || key == "ABIDE_INSTANCE" => {
                    let _ = value;
                    setting.field.left(format!("{key} is set by Abide itself"));
                }
                Some((key, value)) => {
                    set.insert(key.to_owned(), value.to_owned());
                    spec.program.env.insert(key.to_owned(), escape(value));
                    setting.field.carried(draft::env_path(key));
                }
                None => setting
                    .field
                    .changed("program.env", format!("`{word}` in it is no NAME=VALUE, and is left")),
            }
        }
    }
    let files = unit.list("Service", "EnvironmentFile");
    for (index, setting) in files.iter().enumerate() {
        let path = match known.expand(&setting.value) {
            Ok(path) => path,
            Err(why) => {
                setting.field.left(why);
                continue;
            }
        };
        if index > 0 {
            setting
                .field
                .left("a spec has one env-file: put what it says into that one, or into program.env");
            continue;
        }
        let optional = path.strip_prefix('-');
        spec.program.env_file = Some(optional.unwrap_or(&path).into());
        if !set.is_empty() {
            setting.field.changed(
                "program.env-file",
                "what program.env says wins over it; in a unit it is the other way round",
            );
        } else if optional.is_some() {
            setting.field.changed("program.env-file", "it has to be there, while `-` let it be absent");
        } else {
            setting.field.carried("program.env-file");
        }
    }
    Environment { set, with_file: !files.is_empty() }
}

/// Units that a system has always reached before services start.
const EARLY: [&str; 8] = [
    "basic.target",
    "sysinit.target",
    "local-fs.target",
    "syslog.target",
    "syslog.service",
    "systemd-journald.socket",
    "systemd-user-sessions.service",
    "remote-fs.target",
];

fn after(spec: &mut Spec, unit: &Unit<'_>) {
    for setting in unit.list("Unit", "After") {
        let mut early = Vec::new();
        for word in setting.words() {
            if EARLY.contains(&word.as_str()) {
                early.push(word);
                continue;
            }
            let name = word.strip_suffix(".service").unwrap_or(&word).to_owned();
            if name == spec.name.as_str() {
                continue;
            }
            if !spec.start.after.contains(&name) {
                spec.start.after.push(name);
            }
        }
        match early.as_slice() {
            [] => setting.field.carried("start.after"),
            early => {
                let why = format!("{} is reached before any service starts", early.join(", "));
                setting.field.changed("start.after", why);
            }
        }
    }
    for key in ["Requires", "Wants", "BindsTo", "Requisite", "PartOf", "Upholds"] {
        for setting in unit.list("Unit", key) {
            let known = |word: &String| {
                let name = word.strip_suffix(".service").unwrap_or(word);
                EARLY.contains(&word.as_str()) || spec.start.after.iter().any(|it| it == name)
            };
            let words = setting.words();
            if !words.is_empty() && words.iter().all(known) {
                let why = match key {
                    "Wants" => "it is waited for",
                    _ => "it is waited for, but the service is not stopped or restarted with it",
                };
                setting.field.changed("start.after", why);
            } else {
                setting.field.left("no other service is started or stopped with this one; start.after names those it waits for");
            }
        }
    }
}

fn install(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>) {
    let mut wanted = false;
    for key in ["WantedBy", "RequiredBy", "UpheldBy"] {
        for setting in unit.list("Install", key) {
            wanted = true;
            if setting.words().iter().any(|word| word == "default.target") {
                setting.field.carried_with("start.mode", "if it was a unit of a user, apply it with --user");
            } else if setting.words().iter().all(|word| word.ends_with(".target")) {
                setting.field.carried("start.mode");
            } else {
                setting.field.changed("start.mode", "it starts at boot, not with another unit");
            }
        }
    }
    if !wanted {
        spec.start.mode = StartMode::Manual;
        let why = "no target wants it, so nothing starts it at boot and it is \"manual\"";
        ledger.default(Some(spec.name.as_str()), "[Install]", "start.mode", why);
    }
}

fn place(spec: &mut Spec, unit: &Unit<'_>, known: &Known) {
    let Some(setting) = unit.last("Service", "WorkingDirectory") else { return };
    match known.expand(&setting.value) {
        Ok(path) if path == "~" => setting.field.left("it is the home folder of the user: write it out"),
        Ok(path) => match path.strip_prefix('-') {
            Some(path) => {
                spec.program.working_dir = Some(path.into());
                setting
                    .field
                    .changed("program.working-dir", "it has to be there, while `-` let it be absent");
            }
            None => spec.program.working_dir = draft::path(setting.field, &path, "program.working-dir"),
        },
        Err(why) => setting.field.left(why),
    }
}

fn account(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>) {
    let dynamic = unit.last("Service", "DynamicUser").and_then(|setting| {
        let on = setting.truth()?;
        setting.field.carried("account.run-as");
        Some(on)
    });
    let user = unit.last("Service", "User");
    match user {
        _ if dynamic == Some(true) => {
            if let Some(user) = user {
                user.field.changed("account.run-as", "a dynamic user has the name of the service");
            }
        }
        Some(setting) => set_user(spec, setting),
        None => {
            spec.account.run_as = RunAs::System;
            let why = "without User= a unit of the system has the rights of root, so it is \"system\"; \
                       \"least-privilege\" is better where it suffices";
            ledger.default(Some(spec.name.as_str()), "User", "account.run-as", why);
        }
    }
    if let Some(setting) = unit.last("Service", "Group") {
        let same = user.is_some_and(|user| user.value == setting.value);
        if same || dynamic == Some(true) || setting.value == "root" {
            setting.field.carried("account.run-as");
        } else {
            spec.account.groups.push(setting.value.clone());
            setting.field.changed("account.groups", "the program belongs to it beside the user's own group");
        }
    }
    for setting in unit.list("Service", "SupplementaryGroups") {
        for group in setting.words() {
            if !spec.account.groups.contains(&group) {
                spec.account.groups.push(group);
            }
        }
        setting.field.carried("account.groups");
    }
}

fn set_user(spec: &mut Spec, setting: &Setting<'_>) {
    match setting.value.as_str() {
        "root" | "0" => {
            spec.account.run_as = RunAs::System;
            setting.field.carried("account.run-as");
        }
        user if user.contains('%') => {
            setting.field.bad("the user is known to the machine only: write its name out", None)
        }
        user => {
            spec.account.run_as = RunAs::User(user.to_owned());
            setting.field.carried("account.run-as");
        }
    }
}

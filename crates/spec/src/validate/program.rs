//! The spec's own fields, `[program]`, `[account]` and `[start]`.

use super::Findings;
use super::life::ready;
use super::texts::{command, env, file, line, unique};
use crate::path::{Path, at};
use crate::settings::{SETTINGS, can_be_accepted};
use crate::suggest::nearest;
use crate::{Account, InheritEnv, Program, RunAs, Spec, Start};

pub(super) fn check(spec: &Spec, found: &mut Findings) {
    if let Some(name) = &spec.display_name {
        line(found, at!["display-name"], "display-name", name, 256);
    }
    if let Some(description) = &spec.description {
        line(found, at!["description"], "description", description, 1024);
    }
    accept(found, &spec.accept);
    program(found, &spec.program);
    account(found, &spec.account);
    start(found, &spec.start, spec.name.as_str());
}

fn accept(found: &mut Findings, entries: &[String]) {
    unique(found, &at!["accept"], entries);
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !can_be_accepted(entry)) {
        let last = entry.rsplit('.').next().unwrap_or(entry);
        let by_last_part = SETTINGS.iter().copied().find(|setting| setting.rsplit('.').next() == Some(last));
        let hint = match nearest(entry, SETTINGS.iter().copied()).or(by_last_part) {
            Some(setting) => format!("did you mean `{setting}`?"),
            None => "settings are named like `limits.cpu` or `security.network`".to_owned(),
        };
        found
            .add(at!["accept", index], format!("`{entry}` is not a setting whose loss could be accepted"))
            .hint(hint);
    }
}

fn program(found: &mut Findings, program: &Program) {
    command(found, &at!["program", "command"], &program.command);
    if let Some(folder) = &program.working_dir {
        file(found, at!["program", "working-dir"], folder);
    }
    if let Some(env_file) = &program.env_file {
        file(found, at!["program", "env-file"], env_file);
    }
    env(found, &at!["program", "env"], &program.env);
    if let InheritEnv::Only(names) = &program.inherit_env {
        unique(found, &at!["program", "inherit-env"], names);
    }
}

fn account(found: &mut Findings, account: &Account) {
    let at = at!["account", "run-as"];
    if let RunAs::User(user) = &account.run_as {
        line(found, at.clone(), "the name of a user", user, 256);
        if let Some(word) = special_account(user) {
            found
                .add(at.clone(), format!("`{user}` is not the name of a user"))
                .hint(format!("did you mean run-as = \"{word}\"?"));
        }
    }
    for (index, group) in account.groups.iter().enumerate() {
        line(found, at!["account", "groups", index], "the name of a group", group, 256);
    }
    unique(found, &at!["account", "groups"], &account.groups);
    if let Some(password) = &account.password_file {
        let here = at!["account", "password-file"];
        file(found, here.clone(), password);
        if !matches!(account.run_as, RunAs::User(_)) {
            found
                .add(here, format!("`{}` has no password", account.run_as))
                .hint("remove password-file, or name a user in run-as")
                .involves([at]);
        }
    }
}

/// The word of a spec for what other tools write for the same account, or for a misspelling of the word.
fn special_account(user: &str) -> Option<&'static str> {
    let plain: String =
        user.to_ascii_lowercase().chars().filter(|c| !matches!(c, ' ' | '-' | '_' | '.')).collect();
    let plain = plain.strip_prefix("ntauthority\\").unwrap_or(&plain);
    match plain {
        "leastprivilege" | "leastprivileges" | "leastprivileged" | "leastpriviledge" => {
            Some("least-privilege")
        }
        "localsystem" | "system" => Some("system"),
        "localservice" => Some("local-service"),
        "networkservice" => Some("network-service"),
        _ => None,
    }
}

fn start(found: &mut Findings, start: &Start, name: &str) {
    let after = at!["start", "after"];
    unique(found, &after, &start.after);
    for (index, entry) in start.after.iter().enumerate() {
        let at = after.child(index);
        let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '"');
        if entry.is_empty() {
            found.add(at, "the name of a service cannot be empty");
        } else if let Some(c) = entry.chars().find(|c| bad(*c)) {
            found.add(at, format!("{entry:?} contains {c:?} and cannot be the name of a service or unit"));
        } else if entry.chars().count() > 256 {
            found.add(at, "the name of a service or unit has at most 256 characters");
        } else if entry.strip_suffix(".service").unwrap_or(entry) == name {
            found
                .add(at, format!("`{name}` cannot start after itself"))
                .hint("remove it from `after`")
                .involves([at!["name"]]);
        }
    }
    if let Some(it) = &start.ready {
        ready(found, &at!["start", "ready"], it);
    }
}

/// Settings that have to be longer than no time at all.
pub(super) fn positive(found: &mut Findings, at: Path, duration: crate::Duration) {
    if duration.is_zero() {
        let key = at.to_string();
        found.add(at, format!("`{key}` must be longer than zero"));
    }
}

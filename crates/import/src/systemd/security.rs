//! Hardening of a unit as `[security]`.
//!
//! A unit with `ProtectSystem=strict` (or a dynamic user, which implies it) becomes the profile `strict`, loosened where
//! the unit is looser. Any other becomes the profile `none`, tightened where the unit is tighter: the service may do what
//! it could before.

use std::path::PathBuf;

use abide_spec::{Home, Network, Profile, RunAs, Spec};

use super::specifiers::Known;
use super::unit::{Setting, Unit};
use crate::ledger::Ledger;

pub(super) fn map(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>, known: &Known) {
    let system = unit.last("Service", "ProtectSystem");
    let dynamic = spec.account.run_as == RunAs::LeastPrivilege;
    let strict = dynamic || system.is_some_and(|setting| setting.value == "strict");
    let name = spec.name.as_str().to_owned();
    if let Some(setting) = system {
        match setting.value.as_str() {
            "strict" => setting.field.carried("security.profile"),
            "no" | "false" | "off" | "0" => setting.field.left("it is off"),
            _ if strict => setting.field.changed("security.profile", "the whole system is read-only"),
            _ => setting.field.left(
                "security.profile = \"strict\" makes the whole system read-only, part of it nothing does",
            ),
        }
    }
    if strict {
        let why = "the profile \"strict\" does more than the unit: it drops all capabilities but those named, and lets the \
                   program call what network servers call";
        ledger.default(Some(&name), "(sandbox)", "security.profile", why);
    } else {
        spec.security.profile = Profile::None;
        let why = "a unit is restricted by nothing but what it says, so it is \"none\"; take it out and see whether the \
                   service still works";
        ledger.default(Some(&name), "(sandbox)", "security.profile", why);
    }
    flags(spec, unit, strict, dynamic);
    home(spec, unit, strict, dynamic);
    network(spec, unit);
    processes(spec, unit, strict);
    paths(spec, unit, known, strict);
    capabilities(spec, unit, strict);
    calls(spec, unit, strict);
    implied(unit, strict);
}

/// Fields of `[security]` that are the reverse of a directive.
fn flags(spec: &mut Spec, unit: &Unit<'_>, strict: bool, dynamic: bool) {
    let security = &mut spec.security;
    for (key, to, slot, implied) in [
        ("PrivateDevices", "security.devices", &mut security.devices, false),
        ("MemoryDenyWriteExecute", "security.write-execute", &mut security.write_execute, false),
        ("NoNewPrivileges", "security.new-privileges", &mut security.new_privileges, dynamic),
        ("RestrictNamespaces", "security.namespaces", &mut security.namespaces, false),
        ("RestrictRealtime", "security.realtime", &mut security.realtime, false),
        ("PrivateTmp", "security.shared-temp", &mut security.shared_temp, dynamic),
    ] {
        let setting = unit.last("Service", key);
        let on = match setting {
            None => implied,
            Some(setting) => match setting.value.as_str() {
                "disconnected" => true,
                // A list of namespaces that are allowed, or forbidden.
                _ if key == "RestrictNamespaces" && is_list(setting) => {
                    setting.field.changed(to, "all namespaces are allowed: a list of them cannot be told");
                    *slot = Some(true);
                    continue;
                }
                _ => setting.truth().unwrap_or(false),
            },
        };
        *slot = if strict { (!on).then_some(true) } else { on.then_some(false) };
        if let Some(setting) = setting {
            setting.field.carried(to);
        }
    }
}

fn is_list(setting: &Setting<'_>) -> bool {
    setting.value.starts_with('~')
        || setting.value.split_whitespace().all(|word| {
            word.len() > 2
                && word.chars().all(|c| c.is_ascii_lowercase())
                && !["yes", "true", "false", "off"].contains(&word)
        })
}

fn home(spec: &mut Spec, unit: &Unit<'_>, strict: bool, dynamic: bool) {
    let setting = unit.last("Service", "ProtectHome");
    let home = match setting.map(|setting| setting.value.to_ascii_lowercase()) {
        None if dynamic => Some(Home::ReadOnly),
        None => None,
        Some(value) => match value.as_str() {
            "read-only" => Some(Home::ReadOnly),
            "tmpfs" | "yes" | "true" | "on" | "1" => Some(Home::Hidden),
            _ => None,
        },
    };
    spec.security.home = match home {
        None => strict.then_some(Home::Full),
        Some(Home::Hidden) if strict => None,
        Some(home) => Some(home),
    };
    if let Some(setting) = setting {
        setting.field.carried("security.home");
    }
}

fn network(spec: &mut Spec, unit: &Unit<'_>) {
    if let Some(setting) = unit.last("Service", "PrivateNetwork")
        && let Some(on) = setting.truth()
    {
        if on {
            spec.security.network = Some(Network::None);
        }
        setting.field.carried("security.network");
    }
    let deny = unit.list("Service", "IPAddressDeny");
    let allow = unit.list("Service", "IPAddressAllow");
    let is_local =
        |word: &String| word == "localhost" || word.starts_with("127.") || word == "::1" || word == "::1/128";
    let local = deny.iter().any(|setting| setting.value == "any")
        && !allow.is_empty()
        && allow.iter().all(|setting| setting.words().iter().all(is_local));
    for setting in deny.into_iter().chain(allow) {
        if local {
            spec.security.network.get_or_insert(Network::Local);
            setting.field.carried("security.network");
        } else {
            setting.field.left("security.network is all, this machine, or nothing; a firewall does the rest");
        }
    }
    for setting in unit.list("Service", "RestrictAddressFamilies") {
        let words = setting.words();
        if words.iter().all(|word| word == "AF_UNIX") && !words.is_empty() {
            spec.security.network.get_or_insert(Network::None);
            setting.field.carried("security.network");
        } else if spec.security.profile == Profile::None {
            setting.field.left("only the profile \"strict\" restricts them, to those of networks");
        } else {
            setting.field.changed("security.profile", "\"strict\" allows those of networks and Unix sockets");
        }
    }
}

fn processes(spec: &mut Spec, unit: &Unit<'_>, strict: bool) {
    let hides = |key: &str, words: &[&str]| {
        unit.last("Service", key).map(|setting| {
            setting.field.carried("security.processes");
            words.contains(&setting.value.as_str())
        })
    };
    let proc_hidden = hides("ProtectProc", &["invisible", "noaccess", "ptraceable"]);
    let subset = hides("ProcSubset", &["pid"]);
    let hidden = proc_hidden.unwrap_or(false) || subset.unwrap_or(false);
    spec.security.processes = if strict { (!hidden).then_some(true) } else { hidden.then_some(false) };
}

fn paths(spec: &mut Spec, unit: &Unit<'_>, known: &Known, strict: bool) {
    for (key, root) in [
        ("StateDirectory", "/var/lib"),
        ("CacheDirectory", "/var/cache"),
        ("LogsDirectory", "/var/log"),
        ("RuntimeDirectory", "/run"),
        ("ConfigurationDirectory", "/etc"),
    ] {
        for setting in unit.list("Service", key) {
            let mut made = Vec::new();
            for word in setting.words() {
                if let Ok(folder) = known.expand(word.split(':').next().unwrap_or(&word)) {
                    made.push(format!("{root}/{folder}"));
                }
            }
            if strict {
                for path in &made {
                    push(&mut spec.security.write, path);
                }
                let why = format!(
                    "{} has to be there and belong to the account: nothing makes it",
                    made.join(" and ")
                );
                setting.field.changed("security.write", why);
            } else {
                setting.field.left(format!("nothing makes {}: it has to be there", made.join(" and ")));
            }
        }
    }
    for (key, to) in [("ReadWritePaths", "security.write"), ("ReadWriteDirectories", "security.write")] {
        for setting in unit.list("Service", key) {
            for word in setting.words() {
                let path = word.trim_start_matches(['-', '+']);
                match known.expand(path) {
                    Ok(path) => push(&mut spec.security.write, &path),
                    Err(why) => setting.field.bad(why, None),
                }
            }
            setting.field.carried(to);
        }
    }
    for key in [
        "ReadOnlyPaths",
        "InaccessiblePaths",
        "ReadOnlyDirectories",
        "InaccessibleDirectories",
        "TemporaryFileSystem",
    ] {
        for setting in unit.list("Service", key) {
            setting.field.left(
                "single paths cannot be closed; the profile \"strict\" makes all of the system read-only",
            );
        }
    }
    for key in ["BindPaths", "BindReadOnlyPaths"] {
        for setting in unit.list("Service", key) {
            setting.field.left("nothing is mounted for a program; security.read and security.write open paths in hidden places");
        }
    }
}

fn push(list: &mut Vec<PathBuf>, path: &str) {
    let path = PathBuf::from(path);
    if !list.contains(&path) {
        list.push(path);
    }
}

fn capabilities(spec: &mut Spec, unit: &Unit<'_>, strict: bool) {
    let ambient = unit.list("Service", "AmbientCapabilities");
    let bounding = unit.list("Service", "CapabilityBoundingSet");
    for setting in &ambient {
        for word in setting.words() {
            if !spec.security.capabilities.contains(&word) {
                spec.security.capabilities.push(word);
            }
        }
        setting.field.carried("security.capabilities");
    }
    let root = spec.account.run_as == RunAs::System;
    for setting in bounding {
        let words = setting.words();
        if words.iter().any(|word| word.starts_with('~')) {
            setting.field.left("capabilities are named that are kept, not that are dropped");
        } else if strict && root {
            for word in words {
                if !spec.security.capabilities.contains(&word) {
                    spec.security.capabilities.push(word);
                }
            }
            setting.field.carried("security.capabilities");
        } else if strict {
            setting.field.changed(
                "security.capabilities",
                "the profile \"strict\" drops all but those of AmbientCapabilities=",
            );
        } else if words.iter().all(|word| spec.security.capabilities.contains(word)) && !words.is_empty() {
            setting.field.carried("security.capabilities");
        } else {
            setting.field.left("only the profile \"strict\" drops capabilities");
        }
    }
}

fn calls(spec: &mut Spec, unit: &Unit<'_>, strict: bool) {
    for setting in unit.list("Service", "SystemCallFilter") {
        let words = setting.words();
        if words.first().is_some_and(|word| word.starts_with('~')) {
            let why = if strict {
                "the profile \"strict\" allows @system-service and nothing else"
            } else {
                "only the profile \"strict\" filters system calls"
            };
            if strict {
                setting.field.changed("security.profile", why)
            } else {
                setting.field.left(why)
            }
            continue;
        }
        if !strict {
            setting.field.left("only the profile \"strict\" filters system calls");
            continue;
        }
        for word in words.iter().filter(|word| *word != "@system-service") {
            if !spec.security.system_calls.contains(word) {
                spec.security.system_calls.push(word.clone());
            }
        }
        if words.iter().any(|word| word == "@system-service") {
            setting.field.carried("security.system-calls");
        } else {
            setting.field.changed("security.system-calls", "@system-service is allowed besides");
        }
    }
}

/// What the profile `strict` does anyway, and nothing else can.
fn implied(unit: &Unit<'_>, strict: bool) {
    for key in [
        "ProtectKernelTunables",
        "ProtectKernelModules",
        "ProtectKernelLogs",
        "ProtectControlGroups",
        "ProtectClock",
        "ProtectHostname",
        "LockPersonality",
        "RestrictSUIDSGID",
        "SystemCallArchitectures",
        "RemoveIPC",
        "PrivateUsers",
        "PrivateMounts",
        "PrivateIPC",
        "DevicePolicy",
        "DeviceAllow",
        "SystemCallErrorNumber",
        "SystemCallLog",
        "KeyringMode",
        "UMask",
        "SecureBits",
        "RestrictFileSystems",
    ] {
        for setting in unit.all("Service", key) {
            let off = matches!(setting.value.to_ascii_lowercase().as_str(), "no" | "false" | "off" | "0");
            let known = !matches!(
                key,
                "UMask"
                    | "SecureBits"
                    | "DeviceAllow"
                    | "KeyringMode"
                    | "PrivateUsers"
                    | "RestrictFileSystems"
            );
            if off {
                setting.field.left("it is off");
            } else if strict && known {
                setting.field.carried_with("security.profile", "the profile \"strict\" does it");
            } else if known {
                setting.field.left("only the profile \"strict\" does it");
            } else {
                setting.field.left("nothing in a spec is like it");
            }
        }
    }
}

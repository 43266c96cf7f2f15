//! What a program may take of the machine and the fleet: `[limits]`, `[security]` and `[register]`.

use super::Findings;
use super::texts::{file, line, unique};
use crate::path::at;
use crate::suggest::nearest;
use crate::{Limits, Register, Security, Size, Spec};

pub(super) fn check(spec: &Spec, found: &mut Findings) {
    limits(found, &spec.limits);
    security(found, &spec.security);
    if let Some(it) = &spec.register {
        register(found, it);
    }
}

/// TOML's largest number.
const MAX_COUNT: u64 = i64::MAX as u64;

fn limits(found: &mut Findings, limits: &Limits) {
    if limits.memory == Some(Size(0)) {
        found
            .add(at!["limits", "memory"], "`memory` must be more than zero")
            .hint("leave it out for no limit");
    }
    if let Some(cpu) = limits.cpu.filter(|cpu| !(cpu.is_finite() && *cpu > 0.0 && *cpu <= 100_000.0)) {
        found
            .add(at!["limits", "cpu"], format!("`cpu` must be more than 0, not {cpu}"))
            .hint("1.5 means one and a half processors; leave it out for no limit");
    }
    for (key, count) in [("open-files", limits.open_files), ("processes", limits.processes)] {
        if count.is_some_and(|count| count == 0 || count > MAX_COUNT) {
            found
                .add(at!["limits", key], format!("`{key}` must be from 1 to {MAX_COUNT}"))
                .hint("leave it out for no limit");
        }
    }
}

/// The capabilities of Linux.
const CAPABILITIES: &[&str] = &[
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

fn security(found: &mut Findings, security: &Security) {
    for (key, paths) in [("write", &security.write), ("read", &security.read)] {
        for (index, it) in paths.iter().enumerate() {
            file(found, at!["security", key, index], it);
        }
    }
    unique(found, &at!["security", "capabilities"], &security.capabilities);
    for (index, it) in security.capabilities.iter().enumerate() {
        if CAPABILITIES.contains(&it.as_str()) {
            continue;
        }
        let full = if it.to_uppercase().starts_with("CAP_") { it.clone() } else { format!("CAP_{it}") };
        let hint = match nearest(&full, CAPABILITIES.iter().copied()) {
            Some(capability) => format!("did you mean `{capability}`?"),
            None => "capabilities are named like `CAP_NET_BIND_SERVICE`".to_owned(),
        };
        found
            .add(at!["security", "capabilities", index], format!("`{it}` is not a capability of Linux"))
            .hint(hint);
    }
    unique(found, &at!["security", "system-calls"], &security.system_calls);
    for (index, it) in security.system_calls.iter().enumerate() {
        let name = it.strip_prefix('@').unwrap_or(it);
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(good) {
            found
                .add(
                    at!["security", "system-calls", index],
                    format!("{it:?} is not a system call or a group of them"),
                )
                .hint("name a call like `mount`, or a group like `@mount`");
        }
    }
}

fn register(found: &mut Findings, register: &Register) {
    for (key, number) in [("port", register.port), ("weight", register.weight)] {
        if number == 0 {
            found.add(at!["register", key], format!("`{key}` must be from 1 to 65535, not 0"));
        }
    }
    if let Some(address) = &register.address {
        let at = at!["register", "address"];
        if address.is_empty() || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
            found
                .add(at, format!("{address:?} is not the address of a host"))
                .hint("write a name or an IP address, without a port");
        }
    }
    unique(found, &at!["register", "tags"], &register.tags);
    for (index, tag) in register.tags.iter().enumerate() {
        line(found, at!["register", "tags", index], "a tag", tag, 256);
    }
    for (key, value) in &register.meta {
        let at = at!["register", "meta", key.as_str()];
        line(found, at.clone(), "the name of a fact", key, 128);
        if value.chars().count() > 4096 {
            found.add(at, format!("the fact `{key}` is longer than 4096 characters"));
        }
    }
}

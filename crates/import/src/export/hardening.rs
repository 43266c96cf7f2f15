//! `[security]` as the directives of a unit.

use abide_spec::{Home, Network, Profile, Spec};

use super::book::Book;
use super::systemd::Unit;
use crate::words::systemd as words;

pub(super) fn write(book: &Book<'_>, spec: &Spec, unit: &mut Unit) {
    let security = &spec.security;
    let hardening = security.effective();
    let strict = !hardening.unrestricted;
    if strict {
        unit.service("ProtectSystem", "strict");
        for key in [
            "ProtectKernelTunables",
            "ProtectKernelModules",
            "ProtectKernelLogs",
            "ProtectControlGroups",
            "ProtectClock",
            "ProtectHostname",
            "LockPersonality",
            "RestrictSUIDSGID",
            "RemoveIPC",
        ] {
            unit.service(key, "yes");
        }
        unit.service("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK");
        unit.service("SystemCallArchitectures", "native");
        let calls: Vec<&str> = std::iter::once("@system-service")
            .chain(security.system_calls.iter().map(String::as_str))
            .collect();
        unit.service("SystemCallFilter", calls.join(" "));
        unit.service("CapabilityBoundingSet", security.capabilities.join(" "));
        book.carried("security.system-calls", "[Service] SystemCallFilter");
    } else {
        book.left("security.system-calls", "with the profile \"none\" no system call is filtered");
    }
    if !security.capabilities.is_empty() {
        unit.service("AmbientCapabilities", security.capabilities.join(" "));
        book.carried("security.capabilities", "[Service] AmbientCapabilities");
    }
    if security.profile == Profile::None {
        book.carried("security.profile", "no sandbox");
    } else {
        book.carried_or_default(
            "security.profile",
            "[Service] ProtectSystem and others",
            "a unit is restricted by nothing but what it says",
        );
    }
    match hardening.home {
        Home::Hidden => unit.service("ProtectHome", "yes"),
        Home::ReadOnly => unit.service("ProtectHome", "read-only"),
        Home::Full => {}
    }
    book.carried("security.home", "[Service] ProtectHome");
    match hardening.network {
        Network::All => {}
        Network::Local => {
            unit.service("IPAddressDeny", "any");
            unit.service("IPAddressAllow", "localhost");
        }
        Network::None => unit.service("PrivateNetwork", "yes"),
    }
    book.carried("security.network", "[Service] PrivateNetwork, IPAddressDeny");
    for (path, key, allowed) in [
        ("devices", "PrivateDevices", hardening.devices),
        ("write-execute", "MemoryDenyWriteExecute", hardening.write_execute),
        ("new-privileges", "NoNewPrivileges", hardening.new_privileges),
        ("namespaces", "RestrictNamespaces", hardening.namespaces),
        ("realtime", "RestrictRealtime", hardening.realtime),
        ("shared-temp", "PrivateTmp", hardening.shared_temp),
    ] {
        if !allowed {
            unit.service(key, "yes");
        }
        book.carried(&format!("security.{path}"), &format!("[Service] {key}"));
    }
    if !hardening.processes {
        unit.service("ProtectProc", "invisible");
        unit.service("ProcSubset", "pid");
    }
    book.carried("security.processes", "[Service] ProtectProc, ProcSubset");
    let paths: Vec<String> =
        security.write.iter().filter_map(|path| path.to_str()).map(words::word).collect();
    if !paths.is_empty() {
        unit.service("ReadWritePaths", paths.join(" "));
        book.carried("security.write", "[Service] ReadWritePaths");
    }
    let paths: Vec<String> = security.read.iter().filter_map(|path| path.to_str()).map(words::word).collect();
    if !paths.is_empty() {
        unit.service("BindReadOnlyPaths", paths.join(" "));
        book.carried("security.read", "[Service] BindReadOnlyPaths");
    }
}

//! What a program may touch, as unit directives.
//!
//! The strict profile forbids what a network server usually does not need. It was measured with
//! `systemd-analyze security`: 1.2 of 10 for the default spec (the bound we keep is 1.5).

use std::path::{Path, PathBuf};

use abide_spec::{Hardening, Home, Network, RunAs, Spec};

use super::escape::listed_path;
use crate::manager::Context;

/// Folders that `ProtectHome=` hides.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// System calls that a capability is of no use without.
const CALLS_OF_CAPABILITIES: &[(&str, &str)] = &[
    ("CAP_BPF", "bpf"),
    ("CAP_CHOWN", "@chown"),
    ("CAP_FOWNER", "@chown"),
    ("CAP_SETGID", "@setuid"),
    ("CAP_SETUID", "@setuid"),
    ("CAP_SYS_ADMIN", "@mount"),
    ("CAP_SYS_BOOT", "@reboot"),
    ("CAP_SYS_CHROOT", "chroot"),
    ("CAP_SYS_MODULE", "@module"),
    ("CAP_SYS_NICE", "@resources"),
    ("CAP_SYS_PACCT", "acct"),
    ("CAP_SYS_PTRACE", "@debug"),
    ("CAP_SYS_RAWIO", "@raw-io"),
    ("CAP_SYS_RESOURCE", "@resources"),
    ("CAP_SYS_TIME", "@clock"),
];

/// What root keeps under the strict profile: the rights over files, accounts, processes and ports that services run
/// as root for; not those over the kernel, its modules, its clock or its devices.
const ROOT_CAPABILITIES: &str = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL \
                                 CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_RESOURCE CAP_LEASE";

/// The directives of the `[Service]` section that restrict the program, in the order in which they are written.
pub(super) fn directives(spec: &Spec, hardening: &Hardening) -> Vec<(&'static str, String)> {
    let mut list = Directives(Vec::new());
    let root = spec.account.run_as == RunAs::System;
    let open = hardening.unrestricted;

    files(spec, hardening, &mut list);
    if !open {
        list.put("UMask", "0077");
        list.yes(&["ProtectHostname", "ProtectClock", "ProtectKernelTunables", "ProtectKernelModules"]);
        list.yes(&["ProtectKernelLogs", "ProtectControlGroups", "LockPersonality", "RestrictSUIDSGID"]);
        list.yes(&["RemoveIPC", "PrivateIPC"]);
        list.put("KeyringMode", "private");
        // A user namespace of its own would make capabilities worthless outside of it, root's included.
        if !root && spec.security.capabilities.is_empty() {
            list.yes(&["PrivateUsers"]);
        }
    }
    if !hardening.devices {
        list.yes(&["PrivateDevices"]);
        list.put("DevicePolicy", "closed");
    }
    if !hardening.processes {
        list.put("ProtectProc", "invisible");
        list.put("ProcSubset", "pid");
    }
    if !hardening.namespaces {
        list.yes(&["RestrictNamespaces"]);
    }
    if !hardening.realtime {
        list.yes(&["RestrictRealtime"]);
    }
    if !hardening.write_execute {
        list.yes(&["MemoryDenyWriteExecute"]);
    }
    if !hardening.new_privileges {
        list.yes(&["NoNewPrivileges"]);
    }
    network(hardening, &mut list);
    capabilities(spec, open, root, &mut list);
    if !open {
        system_calls(spec, hardening, root, &mut list);
    }
    list.0
}

/// The same for the user's own service manager, which has no privileges: what filters system calls works as it is, what
/// changes the view of the file system only in a user namespace, which some systems forbid; so that is made for what the
/// spec names alone.
pub(super) fn of_user(spec: &Spec, hardening: &Hardening, context: &Context) -> Vec<(&'static str, String)> {
    let mut list = Directives(Vec::new());
    let open = hardening.unrestricted;
    if needs_namespaces(hardening) {
        list.yes(&["PrivateUsers"]);
    }
    if !hardening.shared_temp {
        list.yes(&["PrivateTmp"]);
    }
    if hardening.home == Home::ReadOnly {
        list.put("ProtectHome", "read-only");
        let (state, logs) = (context.layout.state_of(&spec.name), context.layout.logs_of(&spec.name));
        let paths = [&state, &logs].into_iter().chain(&spec.security.write);
        let words: Vec<_> = paths.filter_map(|path| listed_path(path)).collect();
        list.put("ReadWritePaths", words.join(" "));
    }
    if !hardening.devices {
        list.yes(&["PrivateDevices"]);
    }
    if !hardening.processes {
        list.put("ProtectProc", "invisible");
        list.put("ProcSubset", "pid");
    }
    if !open {
        list.put("UMask", "0077");
        list.yes(&["LockPersonality", "RestrictSUIDSGID"]);
    }
    if !hardening.namespaces {
        list.yes(&["RestrictNamespaces"]);
    }
    if !hardening.realtime {
        list.yes(&["RestrictRealtime"]);
    }
    if !hardening.write_execute {
        list.yes(&["MemoryDenyWriteExecute"]);
    }
    if !hardening.new_privileges {
        list.yes(&["NoNewPrivileges"]);
    }
    if hardening.network == Network::None {
        list.put("RestrictAddressFamilies", "AF_UNIX");
    } else if !open {
        list.put("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK");
    }
    if !open {
        system_calls(spec, hardening, false, &mut list);
    }
    list.0
}

/// Whether the user's service manager needs a user namespace for this.
pub(super) fn needs_namespaces(hardening: &Hardening) -> bool {
    hardening.home == Home::ReadOnly || !hardening.shared_temp || !hardening.devices || !hardening.processes
}

struct Directives(Vec<(&'static str, String)>);

impl Directives {
    fn put(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    fn yes(&mut self, names: &[&'static str]) {
        for name in names {
            self.put(name, "yes");
        }
    }
}

fn files(spec: &Spec, hardening: &Hardening, list: &mut Directives) {
    if !hardening.unrestricted {
        list.put("ProtectSystem", "strict");
    }
    if !hardening.shared_temp {
        list.yes(&["PrivateTmp"]);
    }
    let hidden = hardening.home == Home::Hidden;
    let reopened = spec.security.read.iter().chain(&spec.security.write).any(|path| below_homes(path));
    match hardening.home {
        // What lies in a hidden folder can only be shown on top of an empty one.
        Home::Hidden if reopened => list.put("ProtectHome", "tmpfs"),
        Home::Hidden => list.put("ProtectHome", "yes"),
        Home::ReadOnly => list.put("ProtectHome", "read-only"),
        Home::Full => list.put("ProtectHome", "no"),
    }
    let covered = |path: &&PathBuf| {
        (hidden && below_homes(path)) || (!hardening.shared_temp && below(path, &["/tmp", "/var/tmp"]))
    };
    let (write_bound, write): (Vec<_>, Vec<_>) = spec.security.write.iter().partition(covered);
    // What is not covered can be read anyway.
    let read_bound: Vec<_> = spec.security.read.iter().filter(covered).collect();
    for (name, paths) in
        [("ReadWritePaths", write), ("BindPaths", write_bound), ("BindReadOnlyPaths", read_bound)]
    {
        let words: Vec<_> = paths.into_iter().filter_map(|path| listed_path(path)).collect();
        if !words.is_empty() {
            list.put(name, words.join(" "));
        }
    }
}

/// The paths of a spec's security section that no unit file can name.
pub(super) fn unspeakable(spec: &Spec) -> impl Iterator<Item = &PathBuf> {
    spec.security.read.iter().chain(&spec.security.write).filter(|path| listed_path(path).is_none())
}

/// Whether a path is in what `ProtectHome=` hides.
pub(crate) fn below_homes(path: &Path) -> bool {
    below(path, &HOMES)
}

fn below(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn network(hardening: &Hardening, list: &mut Directives) {
    match hardening.network {
        Network::All if hardening.unrestricted => {}
        // Netlink is how programs list the machine's own addresses.
        Network::All => list.put("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK"),
        Network::Local => {
            list.put("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK");
            list.put("IPAddressDeny", "any");
            list.put("IPAddressAllow", "localhost");
        }
        Network::None => {
            list.put("RestrictAddressFamilies", "AF_UNIX");
            list.yes(&["PrivateNetwork"]);
        }
    }
}

fn capabilities(spec: &Spec, open: bool, root: bool, list: &mut Directives) {
    let named = spec.security.capabilities.join(" ");
    if root {
        if !open {
            let all = if named.is_empty() {
                ROOT_CAPABILITIES.into()
            } else {
                format!("{ROOT_CAPABILITIES} {named}")
            };
            list.put("CapabilityBoundingSet", all);
        }
        return;
    }
    if !open {
        list.put("CapabilityBoundingSet", named.clone());
    }
    if !open || !named.is_empty() {
        list.put("AmbientCapabilities", named);
    }
}

fn system_calls(spec: &Spec, hardening: &Hardening, root: bool, list: &mut Directives) {
    list.put("SystemCallArchitectures", "native");
    list.put("SystemCallErrorNumber", "EPERM");
    list.put("SystemCallFilter", "@system-service");
    if !root {
        list.put("SystemCallFilter", "~@privileged @resources");
    }
    let mut more: Vec<&str> = Vec::new();
    for capability in &spec.security.capabilities {
        more.extend(CALLS_OF_CAPABILITIES.iter().filter(|(of, _)| of == capability).map(|(_, calls)| *calls));
    }
    if hardening.realtime {
        more.push("@resources");
    }
    if hardening.namespaces {
        more.push("@mount");
    }
    more.extend(spec.security.system_calls.iter().map(String::as_str));
    more.sort_unstable();
    more.dedup();
    if !more.is_empty() {
        list.put("SystemCallFilter", more.join(" "));
    }
}

//! Account, limits, ports, output and the rest of a service of Compose.

use abide_spec::{Register, RunAs, Size, Spec, StartMode};

use super::{interpolate, life};
use crate::tree::Data;
use crate::tree::view::{Entry, View};

pub(super) fn map(spec: &mut Spec, view: &View<'_, '_>) {
    account(spec, view);
    limits(spec, view);
    ports(spec, view);
    logging(spec, view);
    security(spec, view);
    if let Some(entry) = view.get("profiles") {
        spec.start.mode = StartMode::Manual;
        entry.field.changed("start.mode", "a service of a profile starts when asked to");
    }
    rest(view);
}

fn account(spec: &mut Spec, view: &View<'_, '_>) {
    if let Some(entry) = view.get("user")
        && let Some(text) = entry.word()
    {
        let (user, group) =
            text.split_once(':').map_or((text.as_str(), None), |(user, group)| (user, Some(group)));
        if user == "root" || user == "0" {
            spec.account.run_as = RunAs::System;
            entry.field.changed("account.run-as", "root of the host may do more than root of a container");
        } else if user.is_empty() || user.chars().all(|c| c.is_ascii_digit()) || user.contains('$') {
            entry.field.left("it is no name; account.run-as wants the name of a user of the host");
        } else {
            spec.account.run_as = RunAs::User(user.to_owned());
            match group.filter(|group| *group != user && !group.chars().all(|c| c.is_ascii_digit())) {
                Some(group) => {
                    spec.account.groups = vec![group.to_owned()];
                    entry.field.carried("account.run-as, account.groups");
                }
                None => entry.field.carried_with("account.run-as", "the user has to be there on the host"),
            }
        }
    }
    if let Some(entry) = view.get("group_add")
        && let Some(words) = entry.words()
    {
        for group in words.into_iter().filter(|word| !word.chars().all(|c| c.is_ascii_digit())) {
            if !spec.account.groups.contains(&group) {
                spec.account.groups.push(group);
            }
        }
        entry.field.carried("account.groups");
    }
}

/// `512m`, `1.5g`, `64kb`, bytes: powers of 1024.
fn size(entry: &Entry<'_, '_>) -> Option<Size> {
    let word = entry.word()?;
    let lower = word.trim().to_ascii_lowercase();
    let split = lower.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(lower.len());
    let factor = match &lower[split..] {
        "" | "b" => Some(1u64),
        "k" | "kb" => Some(1 << 10),
        "m" | "mb" => Some(1 << 20),
        "g" | "gb" => Some(1 << 30),
        _ => None,
    };
    let bytes = lower[..split].parse::<f64>().ok().zip(factor).map(|(number, factor)| number * factor as f64);
    match bytes.filter(|bytes| (1.0..9e18).contains(bytes)) {
        Some(bytes) => Some(Size(bytes as u64)),
        None => {
            entry.wrong("a size like \"512m\" or \"1g\"");
            None
        }
    }
}

fn memory(spec: &mut Spec, entry: &Entry<'_, '_>) {
    if let Some(size) = size(entry) {
        spec.limits.memory = Some(size);
        entry.field.carried("limits.memory");
    }
}

fn cpus(spec: &mut Spec, entry: &Entry<'_, '_>) {
    let Some(word) = entry.word() else { return };
    match word.parse::<f64>().ok().filter(|cpus| *cpus > 0.0 && *cpus < 1e5) {
        Some(cpus) => {
            spec.limits.cpu = Some(cpus);
            entry.field.carried("limits.cpu");
        }
        None => entry.wrong("a number of processors, like \"1.5\""),
    }
}

fn pids(spec: &mut Spec, entry: &Entry<'_, '_>) {
    if entry.node.word().as_deref() == Some("-1") {
        entry.field.left("no limit is the default");
    } else if let Some(count) = entry.number().filter(|count| *count > 0) {
        spec.limits.processes = Some(count);
        entry.field.carried("limits.processes");
    }
}

fn limits(spec: &mut Spec, view: &View<'_, '_>) {
    if let Some(entry) = view.get("mem_limit") {
        memory(spec, &entry);
    }
    if let Some(entry) = view.get("cpus") {
        cpus(spec, &entry);
    }
    if let Some(entry) = view.get("pids_limit") {
        pids(spec, &entry);
    }
    if let Some(entry) = view.get("ulimits").filter(|entry| matches!(entry.node.data, Data::Map(_))) {
        for one in view.descend(entry).entries() {
            let count =
                one.node.get("hard").or(Some(one.node)).and_then(|node| node.word()?.parse::<u64>().ok());
            match (one.key.text.as_str(), count.filter(|count| *count > 0 && *count <= i64::MAX as u64)) {
                ("nofile", Some(count)) => {
                    spec.limits.open_files = Some(count);
                    match one.node.get("soft") {
                        Some(_) => one.field.changed(
                            "limits.open-files",
                            "there is one limit, which is both the soft and the hard one",
                        ),
                        None => one.field.carried("limits.open-files"),
                    }
                }
                ("nproc", Some(count)) => {
                    spec.limits.processes = Some(count);
                    one.field
                        .changed("limits.processes", "it bounds the service, not all processes of its user");
                }
                _ => one.field.left("of the limits of processes a spec has open-files and processes"),
            }
        }
    }
    let Some(deploy) = view.get("deploy").filter(|entry| matches!(entry.node.data, Data::Map(_))) else {
        return;
    };
    let deploy = view.descend(deploy);
    for entry in deploy.entries() {
        match (entry.key.text.as_str(), &entry.node.data) {
            ("resources", Data::Map(_)) => resources(spec, &deploy.descend(*entry)),
            ("restart_policy", Data::Map(_)) => life::policy(spec, &deploy.descend(*entry)),
            ("replicas", _) => replicas(entry),
            _ => entry.field.left("it is for a swarm of machines"),
        }
    }
}

fn replicas(entry: &Entry<'_, '_>) {
    if entry.node.word().as_deref() == Some("1") {
        entry.field.carried("name");
    } else {
        entry.field.left("it is one service: copy the spec under other names, and with other ports");
    }
}

fn resources(spec: &mut Spec, view: &View<'_, '_>) {
    for entry in view.entries() {
        if entry.key.text != "limits" || !matches!(entry.node.data, Data::Map(_)) {
            entry.field.left("nothing is set aside for a service; [limits] bounds it");
            continue;
        }
        let limits = view.descend(*entry);
        for one in limits.entries() {
            match one.key.text.as_str() {
                "memory" => memory(spec, one),
                "cpus" => cpus(spec, one),
                "pids" => pids(spec, one),
                _ => {}
            }
        }
    }
}

/// The port that the program listens on: that of the container.
fn ports(spec: &mut Spec, view: &View<'_, '_>) {
    for key in ["ports", "expose"] {
        let Some(entry) = view.get(key) else { continue };
        let Data::List(list) = &entry.node.data else {
            entry.wrong("a list");
            continue;
        };
        let mut found: Vec<(u16, Option<u16>)> = Vec::new();
        for node in list {
            let number = |name: &str| node.get(name).and_then(|node| node.word()?.parse::<u16>().ok());
            match node.word() {
                Some(text) => found.extend(port(&interpolate::read(&text).text().unwrap_or_default())),
                None => found.extend(number("target").map(|target| (target, number("published")))),
            }
        }
        let Some((target, published)) = found.first().copied().filter(|(target, _)| *target > 0) else {
            entry.field.left("no single port is named in it");
            continue;
        };
        if let Some(register) = &spec.register {
            let why = format!("register.port is {} already", register.port);
            entry.field.left(why);
            continue;
        }
        spec.register = Some(Register {
            port: target,
            address: None,
            tags: Vec::new(),
            weight: 1,
            meta: std::collections::BTreeMap::new(),
        });
        match published.filter(|published| *published != target) {
            Some(published) => entry.field.changed(
                "register.port",
                format!("it was published as {published}; without a container the program answers on {target} itself"),
            ),
            None if found.len() > 1 => entry.field.changed("register.port", "a service tells one port, the first"),
            None => entry.field.carried("register.port"),
        }
    }
}

/// `8080:80`, `127.0.0.1:8080:80/tcp`, `80`: the container's port, and the host's. Ranges are none.
fn port(text: &str) -> Option<(u16, Option<u16>)> {
    let text = text.split('/').next().unwrap_or(text);
    let mut parts = text.rsplit(':');
    let target = parts.next()?.parse().ok()?;
    Some((target, parts.next().and_then(|port| port.parse().ok())))
}

fn logging(spec: &mut Spec, view: &View<'_, '_>) {
    let Some(entry) = view.get("logging").filter(|entry| matches!(entry.node.data, Data::Map(_))) else {
        return;
    };
    let logging = view.descend(entry);
    for one in logging.entries() {
        if one.key.text != "options" || !matches!(one.node.data, Data::Map(_)) {
            one.field.left("Abide keeps the output itself: `abide logs NAME` shows it");
            continue;
        }
        for option in logging.descend(*one).entries() {
            match option.key.text.as_str() {
                "max-size" => {
                    if let Some(size) = size(option) {
                        spec.logs.rotate.size = size.max(Size::kib(1));
                        option.field.carried("logs.rotate.size");
                    }
                }
                "max-file" => {
                    if let Some(count) = option.number() {
                        // Docker counts the file that is being written.
                        let keep = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX).min(10_000);
                        spec.logs.rotate.keep = keep;
                        option
                            .field
                            .carried_with("logs.rotate.keep", "it counts the old files, without the newest");
                    }
                }
                "compress" => {
                    if option.truth() == Some(true) {
                        spec.logs.rotate.compress = abide_spec::Compress::Gzip;
                    }
                    option.field.carried("logs.rotate.compress");
                }
                _ => option.field.left("it is for the logging of a container engine"),
            }
        }
    }
}

fn security(spec: &mut Spec, view: &View<'_, '_>) {
    if let Some(entry) = view.get("cap_add")
        && let Some(words) = entry.words()
    {
        for word in words {
            let upper = word.to_ascii_uppercase();
            let name = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
            if name == "CAP_ALL" {
                entry.field.left("name the capabilities that it needs in security.capabilities");
            } else if !spec.security.capabilities.contains(&name) {
                spec.security.capabilities.push(name);
            }
        }
        entry.field.carried("security.capabilities");
    }
    if let Some(entry) = view.get("cap_drop") {
        entry.field.carried_with("security.profile", "\"strict\" drops all capabilities but those named");
    }
    if let Some(entry) = view.get("read_only") {
        entry.field.carried_with("security.profile", "\"strict\" makes all but security.write read-only");
    }
    if let Some(entry) = view.get("security_opt")
        && let Some(words) = entry.words()
    {
        if words.iter().all(|word| word.starts_with("no-new-privileges")) {
            entry.field.carried_with("security.profile", "\"strict\" forbids new privileges");
        } else {
            entry
                .field
                .left("it is for the sandbox of a container engine; [security] says what a service may do");
        }
    }
    if let Some(entry) = view.get("privileged") {
        entry.field.left("say in [security] what the program really needs");
    }
}

/// What a spec has nothing like.
fn rest(view: &View<'_, '_>) {
    for entry in view.entries() {
        let why = match entry.key.text.as_str() {
            "container_name" | "hostname" | "domainname" => {
                "a service is known by its name, and its host by its own"
            }
            "volumes" | "volumes_from" | "tmpfs" | "devices" => {
                "a program sees the files of the host; security.write names what it may write besides its own folders"
            }
            "networks" | "network_mode" | "links" | "external_links" | "extra_hosts" | "dns"
            | "dns_search" | "mac_address" => "a program uses the network of the host",
            "tty" | "stdin_open" | "attach" => "a program of a service has no input and no terminal",
            "init" => "the supervisor takes care of all processes of the program",
            "labels" | "annotations" | "label_file" => {
                "register.tags and register.meta say what the fleet learns"
            }
            "secrets" | "configs" => "put them into files that the account may read",
            "extends" => "other files are not read: write out what it takes from there",
            "scale" => "it is one service: copy the spec under other names, and with other ports",
            "platform" | "pull_policy" | "runtime" | "isolation" | "userns_mode" | "ipc" | "pid"
            | "cgroup" | "cgroup_parent" | "shm_size" | "sysctls" | "storage_opt" | "uts" | "develop"
            | "credential_spec" | "gpus" => "it is about containers",
            "mem_reservation" | "memswap_limit" | "mem_swappiness" | "oom_kill_disable" | "oom_score_adj"
            | "cpu_shares" | "cpu_quota" | "cpu_period" | "cpuset" | "cpu_count" | "cpu_percent"
            | "blkio_config" => "limits.memory and limits.cpu are the bounds that a spec has",
            _ => continue,
        };
        entry.field.left_unless_taken(why);
    }
}

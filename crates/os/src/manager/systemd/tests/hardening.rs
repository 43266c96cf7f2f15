//! How much of the machine a service can touch, measured by systemd's own judge where it is installed.

use std::fs;
use std::process::Command;

use abide_spec::Spec;

use super::grammar::only;
use super::{context, spec, unit_of};
use crate::manager::Level;
use crate::manager::systemd::findings;

/// The bound we keep for the default spec, in tenths.
const DEFAULT_BOUND: u32 = 15;

fn unit(more: &str) -> String {
    let spec = spec(more);
    unit_of(&spec, &context(&spec))
}

fn value(more: &str, key: &str) -> Option<String> {
    only(&unit(more), "Service", key)
}

/// Whether `systemd-analyze` is here; its verdict is checked in the booted container as well.
fn judge() -> bool {
    Command::new("systemd-analyze").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The exposure of a unit in tenths, from 0 (safe) to 100.
fn exposure(unit: &str) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.service");
    fs::write(&path, unit).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=100"])
        .arg(&path)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line =
        text.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{text}"));
    let number = line.rsplit_once(": ").unwrap().1.split_whitespace().next().unwrap().to_owned();
    let (whole, tenth) = number.split_once('.').unwrap();
    whole.parse::<u32>().unwrap() * 10 + tenth.parse::<u32>().unwrap()
}

#[test]
fn exposures_stay_within_their_bounds() {
    if !judge() {
        return;
    }
    for (more, bound) in [
        ("", DEFAULT_BOUND),
        ("security.profile = \"jit\"", 17),
        ("security.network = \"local\"", 14),
        ("security.network = \"none\"", 8),
        ("account.run-as = \"www-data\"", DEFAULT_BOUND),
        ("security.capabilities = [\"CAP_NET_BIND_SERVICE\"]", 20),
        ("account.run-as = \"system\"", 45),
    ] {
        let found = exposure(&unit(more));
        assert!(found <= bound, "{more:?}: {found} > {bound}");
    }
    assert!(exposure(&unit("security.profile = \"none\"\naccount.run-as = \"system\"")) > 80);
}

#[test]
fn a_unit_is_what_systemd_understands() {
    if !judge() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let more = "description = \"a % $ \\\\ 日 \\\"\"\nstart.after = [\"basic.target\"]\nlimits.memory = \"1GiB\"\n\
                limits.cpu = 0.5\nsecurity.write = [\"/srv\", \"/home/a b\"]\nsecurity.read = [\"/root/x%y\"]\n\
                security.network = \"local\"\nreload.signal = \"HUP\"\naccount.groups = [\"adm\"]\n\
                security.capabilities = [\"CAP_CHOWN\"]\nsecurity.realtime = true\nsecurity.namespaces = true";
    for text in [unit(""), unit(more)] {
        let path = folder.path().join("orders.service");
        // The judge looks for the executable.
        fs::write(&path, text.replace("/usr/local/lib/abide/abide-supervisor-0123456789ab", "/bin/sleep"))
            .unwrap();
        let output = Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&path)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let about_us: Vec<_> = said.lines().filter(|line| line.contains("orders.service")).collect();
        assert!(about_us.is_empty() && output.status.success(), "{said}\n{text}");
    }
}

#[test]
fn every_field_loosens_what_it_says() {
    for (more, key, strict, loose) in [
        ("security.devices = true", "PrivateDevices", Some("yes"), None),
        ("security.write-execute = true", "MemoryDenyWriteExecute", Some("yes"), None),
        ("security.namespaces = true", "RestrictNamespaces", Some("yes"), None),
        ("security.realtime = true", "RestrictRealtime", Some("yes"), None),
        ("security.processes = true", "ProcSubset", Some("pid"), None),
        ("security.home = \"read-only\"", "ProtectHome", Some("yes"), Some("read-only")),
        ("security.home = \"full\"", "ProtectHome", Some("yes"), Some("no")),
        ("security.shared-temp = true\naccount.run-as = \"adm\"", "PrivateTmp", Some("yes"), None),
        ("security.capabilities = [\"CAP_KILL\"]", "PrivateUsers", Some("yes"), None),
        ("security.network = \"none\"", "PrivateNetwork", None, Some("yes")),
        ("security.network = \"local\"", "IPAddressDeny", None, Some("any")),
    ] {
        assert_eq!(value("", key).as_deref(), strict, "{key}");
        assert_eq!(value(more, key).as_deref(), loose, "{key} with {more}");
    }
}

#[test]
fn what_lies_in_hidden_folders_is_shown_on_top_of_an_empty_one() {
    let more =
        "security.read = [\"/home/a/data\", \"/usr/share\"]\nsecurity.write = [\"/srv/x\", \"/home/a/out\"]";
    assert_eq!(value(more, "ProtectHome").as_deref(), Some("tmpfs"));
    assert_eq!(value(more, "BindReadOnlyPaths").as_deref(), Some("\"/home/a/data\""));
    assert_eq!(value(more, "BindPaths").as_deref(), Some("\"/home/a/out\""));
    assert_eq!(value(more, "ReadWritePaths").as_deref(), Some("\"/srv/x\""));
    assert_eq!(value("security.write = [\"/srv/x\"]", "ProtectHome").as_deref(), Some("yes"));
}

#[test]
fn the_profile_none_leaves_everything_open() {
    let unit = unit("security.profile = \"none\"\naccount.run-as = \"adm\"");
    for word in
        ["Protect", "Restrict", "Private", "SystemCall", "MemoryDeny", "NoNewPrivileges", "Capability"]
    {
        let lines: Vec<_> =
            unit.lines().filter(|line| line.starts_with(word) && *line != "ProtectHome=no").collect();
        assert_eq!(lines, Vec::<&str>::new());
    }
}

#[test]
fn a_jit_runtime_gets_the_profile_that_lets_it_run_and_the_plan_says_so() {
    let spec = spec("");
    let mut context = context(&spec);
    context.jit = true;
    let unit = unit_of(&spec, &context);
    assert!(!unit.contains("MemoryDenyWriteExecute") && !unit.contains("ProcSubset"));
    let found = findings(&spec, &context);
    assert!(
        found.iter().any(|finding| finding.level == Level::Note && finding.text.contains("`jit` is used"))
    );
    let forbidden = Spec {
        security: abide_spec::Security { write_execute: Some(false), ..spec.security.clone() },
        ..spec.clone()
    };
    let found = findings(&forbidden, &context);
    assert!(
        found.iter().any(|finding| finding.level == Level::Error
            && finding.field.as_deref() == Some("security.write-execute"))
    );
}

#[test]
fn a_capability_brings_the_system_calls_it_is_for() {
    let unit = unit("security.capabilities = [\"CAP_CHOWN\"]\nsecurity.system-calls = [\"@mount\"]");
    assert!(unit.contains("\nSystemCallFilter=@chown @mount\n"), "{unit}");
    assert!(
        unit.contains("\nCapabilityBoundingSet=CAP_CHOWN\n")
            && unit.contains("\nAmbientCapabilities=CAP_CHOWN\n")
    );
}

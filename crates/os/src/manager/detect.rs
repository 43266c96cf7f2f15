//! Which service manager runs this machine: told by what is process 1 and by what is really running, never by which
//! tools are installed.

use std::fs;
use std::path::Path;

use super::Kind;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Facts {
    /// The command name of process 1.
    first: String,
    /// Whether systemd manages the system (`/run/systemd/system`).
    systemd: bool,
    /// Whether OpenRC booted it (`/run/openrc/softlevel`).
    openrc: bool,
    /// Whether there is an `/etc/inittab`, by which SysV init lives.
    inittab: bool,
    /// The command names of all processes that hold a scan directory: `runsvdir`, `s6-svscan`.
    scanners: Vec<String>,
}

/// The service manager that runs this machine.
#[must_use]
pub fn detect() -> Kind {
    available()[0]
}

/// The service managers that run here, the machine's own first. A scanner may run beside another service manager
/// (runit on a SysV machine, say). Never empty: the foreground is everywhere.
#[must_use]
pub fn available() -> Vec<Kind> {
    let mut found = if cfg!(windows) {
        vec![Kind::Scm, Kind::Task]
    } else if cfg!(target_os = "macos") {
        vec![Kind::Launchd]
    } else if cfg!(target_os = "freebsd") {
        vec![Kind::Rcd]
    } else {
        of(&facts())
    };
    found.push(Kind::Foreground);
    found
}

fn of(facts: &Facts) -> Vec<Kind> {
    let mut found = Vec::new();
    match facts.first.as_str() {
        "systemd" if facts.systemd => found.push(Kind::Systemd),
        "runit" | "runsvdir" => found.push(Kind::Runit),
        "s6-svscan" => found.push(Kind::S6),
        // OpenRC comes with an init of its own, with SysV init and with BusyBox's.
        _ if facts.openrc => found.push(Kind::OpenRc),
        "init" if facts.inittab => found.push(Kind::Sysv),
        _ => {}
    }
    for (scanner, kind) in [("runsvdir", Kind::Runit), ("s6-svscan", Kind::S6)] {
        if facts.scanners.iter().any(|name| name == scanner) && !found.contains(&kind) {
            found.push(kind);
        }
    }
    found
}

/// Whether a process is not inside a container that runs here: those have a second number of their own.
fn is_of_this_machine(process: &Path) -> bool {
    fs::read_to_string(process.join("status")).is_ok_and(|text| is_numbered_once(&text))
}

fn is_numbered_once(status: &str) -> bool {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    // Kernels before 4.1 don't tell.
    numbers.is_none_or(|numbers| numbers.split_whitespace().count() == 1)
}

fn facts() -> Facts {
    let command = |process: &Path| {
        fs::read_to_string(process.join("comm")).map(|name| name.trim_end().to_owned()).unwrap_or_default()
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = processes.filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    Facts {
        first: command(Path::new("/proc/1")),
        systemd: Path::new("/run/systemd/system").is_dir(),
        openrc: Path::new("/run/openrc/softlevel").exists(),
        inittab: Path::new("/etc/inittab").exists(),
        scanners: numbered
            .map(|entry| (command(&entry.path()), entry.path()))
            .filter(|(name, _)| matches!(name.as_str(), "runsvdir" | "s6-svscan"))
            .filter(|(_, process)| is_of_this_machine(process))
            .map(|(name, _)| name)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: &str, more: impl Fn(&mut Facts)) -> Vec<Kind> {
        let mut facts = Facts { first: first.into(), ..Facts::default() };
        more(&mut facts);
        of(&facts)
    }

    #[test]
    fn process_1_decides() {
        assert_eq!(found("systemd", |facts| facts.systemd = true), [Kind::Systemd]);
        assert_eq!(found("runit", |_| {}), [Kind::Runit]);
        assert_eq!(found("s6-svscan", |_| {}), [Kind::S6]);
        assert_eq!(found("init", |facts| facts.inittab = true), [Kind::Sysv]);
        assert_eq!(found("openrc-init", |facts| facts.openrc = true), [Kind::OpenRc]);
    }

    #[test]
    fn openrc_on_another_init_is_openrc() {
        let openrc_on_sysv = |facts: &mut Facts| (facts.openrc, facts.inittab) = (true, true);
        assert_eq!(found("init", openrc_on_sysv), [Kind::OpenRc]);
    }

    #[test]
    fn what_is_only_installed_does_not_count() {
        // A container: some program is process 1, and the machine's files are those of SysV init.
        assert_eq!(found("bash", |facts| facts.inittab = true), []);
        // systemd's own name, but in a container that it did not boot.
        assert_eq!(found("systemd", |_| {}), []);
    }

    #[test]
    fn what_runs_in_a_container_is_not_this_machines() {
        assert!(is_numbered_once("Name:\tx\nNSpid:\t17\nThreads:\t1\n"));
        assert!(!is_numbered_once("Name:\tx\nNSpid:\t17\t1\n"));
        assert!(is_numbered_once("Name:\tx\n"));
    }

    #[test]
    fn a_scanner_beside_the_machines_own_manager_is_offered_second() {
        let beside = |facts: &mut Facts| {
            facts.inittab = true;
            facts.scanners = vec!["runsvdir".into()];
        };
        assert_eq!(found("init", beside), [Kind::Sysv, Kind::Runit]);
        assert_eq!(found("sh", |facts| facts.scanners = vec!["s6-svscan".into()]), [Kind::S6]);
    }
}

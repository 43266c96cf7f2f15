//! Every fault that can be found, by its id.

use crate::finding::Step;

/// A fault that can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id. Never renamed, never used for another fault.
    pub id: &'static str,
    /// The step that finds it.
    pub step: Step,
    /// What it is, in a few words.
    pub fault: &'static str,
}

const fn known(step: Step, id: &'static str, fault: &'static str) -> Known {
    Known { id, step, fault }
}

/// Every fault that can be found, in the order of the steps. `docs/doctor.md` has the same table.
pub const CATALOG: &[Known] = &[
    known(
        Step::Manager,
        "not-installed",
        "there is a spec, and the service manager does not know the service",
    ),
    known(Step::Manager, "half-installed", "an install or uninstall was cut short"),
    known(Step::Manager, "not-enabled", "the spec says that it starts with the machine, and it does not"),
    known(Step::Manager, "disabled", "the spec forbids it to start"),
    known(Step::Manager, "supervisor-gone", "the supervisor died, and nobody started another"),
    known(Step::Manager, "supervisor-silent", "the supervisor lives and does not answer"),
    known(Step::Manager, "manager-disagrees", "service manager and supervisor say different things"),
    known(Step::Manager, "manager-gave-up", "the service manager starts the supervisor no more"),
    known(
        Step::Manager,
        "manager-exit",
        "the supervisor could not be started, or ended, with a code that tells why",
    ),
    known(Step::Manager, "status-unreadable", "the status on the disk cannot be read"),
    known(Step::Spec, "spec-invalid", "the spec file is not valid"),
    known(Step::Spec, "spec-unreadable", "the spec file cannot be read"),
    known(Step::Spec, "spec-not-applied", "the spec file was changed, and what runs was not"),
    known(Step::Spec, "spec-not-honoured", "this machine cannot honour a setting of the spec"),
    known(Step::Program, "gave-up", "the program failed too often, and is no longer restarted"),
    known(Step::Program, "failed", "the program failed, and the restart rule allows no restart"),
    known(Step::Program, "crash-loop", "the program ends again and again soon after its start"),
    known(Step::Program, "cannot-start", "the program cannot be executed"),
    known(Step::Program, "not-ready", "the program does not become ready in time"),
    known(Step::Program, "stopped", "the program is not running, because it was stopped or has finished"),
    known(Step::Program, "waiting", "the service waits for others that it starts after"),
    known(Step::Program, "wont-die", "processes of the program cannot be killed"),
    known(Step::Program, "killed-out-of-memory", "the kernel killed the program for want of memory"),
    known(Step::Program, "killed", "something killed the program with SIGKILL"),
    known(Step::Program, "terminated", "something told the program to end, and that was not Abide"),
    known(Step::Program, "crashed", "the program ended by a fault of its own memory or by abort"),
    known(Step::Program, "exit-code", "the program ended with a code that tells why"),
    known(Step::Access, "program-missing", "the program, its interpreter or a script of it is not there"),
    known(Step::Access, "program-unreachable", "the account may not execute or read the program"),
    known(Step::Access, "working-dir", "the working directory is missing or out of reach"),
    known(Step::Access, "env-file", "the env-file is missing, unreadable or not understood"),
    known(Step::Access, "account", "the account or a group does not exist"),
    known(Step::Access, "path-unreachable", "another path that the spec names is missing or out of reach"),
    known(Step::Access, "folder-open", "others can write into a folder or file of the service"),
    known(Step::Access, "denied", "SELinux or AppArmor denied the program something"),
    known(Step::Ports, "port-taken", "another program has the port"),
    known(Step::Ports, "port-not-listening", "the program runs, and nobody listens on its port"),
    known(Step::Ports, "port-blocked", "a firewall rule keeps connections from the port"),
    known(Step::Ports, "port-silent", "the port is listened on, and takes no connection"),
    known(Step::Health, "health-failing", "the supervisor's health checks fail"),
    known(Step::Health, "health-error", "the program answers its health check with 500 to 599"),
    known(Step::Health, "health-refused", "the program answers its health check with 400 to 499"),
    known(Step::Health, "health-slow", "the answer to a health check takes nearly as long as it may"),
    known(Step::Health, "health-timeout", "there is no answer to a health check in time"),
    known(Step::Health, "health-broken", "the answer to a health check is none"),
    known(Step::Health, "heartbeat-old", "the heartbeat file is missing or old"),
    known(Step::Peers, "dns", "the name of a host that the program speaks to is not known"),
    known(Step::Peers, "peer-refused", "a host that the program speaks to refuses the connection"),
    known(Step::Peers, "peer-timeout", "a host that the program speaks to does not answer"),
    known(Step::Disk, "disk-full", "a disk that the service writes to is full, or nearly"),
    known(Step::Disk, "inodes-full", "a disk that the service writes to can hold no more files"),
    known(Step::Disk, "logs-troubled", "output cannot be kept"),
    known(Step::Disk, "logs-lost", "output was lost, because the disk did not keep up"),
    known(Step::Resources, "memory-near-limit", "the program uses nearly all memory that it may"),
    known(Step::Resources, "memory-leak", "the program's memory grows and grows"),
    known(Step::Resources, "descriptors-near-limit", "the program has nearly all files open that it may"),
    known(Step::Resources, "descriptor-leak", "the program opens more and more files"),
    known(Step::Resources, "cpu-busy", "the program keeps a processor busy all the time"),
    known(Step::Resources, "machine-memory", "the machine has hardly any memory left"),
    known(Step::Clock, "clock-behind", "the clock was set back: what happened lies in the future"),
    known(Step::Clock, "clock-free", "the clock is not synchronised"),
    known(Step::Logs, "log-trace", "the program printed a stack trace"),
    known(Step::Logs, "log-error", "the program printed an error"),
    known(Step::Logs, "log-port-taken", "the program says that its port is in use"),
    known(Step::Logs, "log-peer", "the program says that another host refuses it or does not answer"),
    known(Step::Logs, "log-dns", "the program says that it cannot find a host"),
    known(Step::Logs, "log-memory", "the program says that it has no memory left"),
    known(Step::Logs, "log-disk", "the program says that the disk is full"),
    known(Step::Logs, "log-descriptors", "the program says that it may open no more files"),
    known(Step::Logs, "log-permission", "the program says that it may not do something"),
    known(Step::Logs, "log-missing", "the program says that a file or module is missing"),
    known(Step::Logs, "log-certificate", "the program says that a certificate is not good"),
    known(Step::Logs, "log-password", "the program says that it was not let in"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case_and_each_stands_there_once() {
        let mut ids: Vec<_> = CATALOG.iter().map(|known| known.id).collect();
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        ids.sort_unstable();
        let before = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), before);
        assert!(CATALOG.is_sorted_by_key(|known| known.step));
    }

    #[test]
    fn the_document_has_the_same_table() {
        let page = include_str!("../../../docs/doctor.md");
        for known in CATALOG {
            let row = format!("| `{}` | {} |", known.id, known.fault);
            assert!(page.contains(&row), "docs/doctor.md lacks: {row}");
        }
    }
}

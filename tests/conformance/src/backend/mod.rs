//! Where the behaviours are tried: what differs between service managers for a tester.

mod container;
mod foreground;
mod managers;
mod scm;

use std::process::Command;
use std::time::Duration;

use abide_machine::{Output, run};

pub use container::Container;
pub use foreground::Foreground;
pub use managers::Manager;
pub use scm::Scm;

use crate::behaviour::Need;

/// A verb that has not come back by then hangs.
pub const VERB_LIMIT: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Foreground,
    /// A service manager in a container.
    Container(&'static Manager),
    Scm,
}

/// A process: its id on the machine of the tests, and its command line.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: u32,
    /// For messages.
    #[expect(dead_code, reason = "shown by Debug")]
    pub command_line: String,
}

/// A machine with Abide on it.
pub trait Backend: Sync {
    /// For the table.
    fn name(&self) -> &'static str;
    fn kind(&self) -> Kind;
    /// Why this backend lacks something.
    fn lacks(&self, need: Need) -> Option<&'static str>;
    /// `abide`, to be given arguments.
    fn abide(&self) -> Command;
    /// A program of the machine's own, such as `systemctl` or `sc`.
    fn native(&self, program: &str) -> Command;
    /// Path of the fixture program on the machine.
    fn fixture(&self) -> String;
    /// Makes a fresh folder that any program may write, and gives its path on the machine.
    fn folder(&self, name: &str) -> String;
    /// Tables of the spec that let the program write below `folder`, if any are needed.
    fn may_write(&self, _folder: &str) -> String {
        String::new()
    }
    /// Where a file of the machine is seen from the tests.
    fn outside(&self, path: &str) -> std::path::PathBuf;
    /// Kills a process by the id that the machine knows it by, the hard way.
    fn kill(&self, pid: u32) -> Result<(), String>;
    /// Processes whose command line contains `marker`.
    fn processes(&self, marker: &str) -> Vec<Process> {
        processes_here(marker)
    }
    /// Restarts the machine and waits until it is up.
    fn restart_machine(&self) -> Result<(), String>;

    fn foreground(&self) -> bool {
        matches!(self.kind(), Kind::Foreground)
    }

    /// The service manager, if it is one in a container.
    fn manager(&self) -> Option<&'static Manager> {
        match self.kind() {
            Kind::Container(manager) => Some(manager),
            Kind::Foreground | Kind::Scm => None,
        }
    }

    /// The service manager is Wine's, which lacks some of what Windows does.
    fn wine(&self) -> bool {
        false
    }

    fn windows(&self) -> bool {
        matches!(self.kind(), Kind::Scm)
    }

    /// Runs a program of the machine's own.
    fn ask(&self, command: &[&str]) -> Result<Output, String> {
        run(self.native(command[0]).args(&command[1..]), VERB_LIMIT)
            .map_err(|error| format!("{}: {error}", command[0]))
    }

    fn exists(&self, path: &str) -> bool {
        self.outside(path).symlink_metadata().is_ok()
    }
}

/// All processes of this machine, those in containers and in Wine included.
fn processes_here(marker: &str) -> Vec<Process> {
    if std::env::consts::OS == "windows" {
        return scm::processes_native(marker);
    }
    let Ok(entries) = std::fs::read_dir("/proc") else { return processes_by_ps(marker) };
    let own = std::process::id();
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let command_line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
            // `bash …/wine.sh exec …` and `nsenter … abide …` carry the marker too while a verb runs.
            let ours =
                ["bash ", "nsenter ", "setpriv ", "timeout "].iter().any(|way| command_line.starts_with(way));
            (pid != own && !ours && command_line.contains(marker)).then_some(Process { pid, command_line })
        })
        .collect()
}

/// Unix without /proc.
fn processes_by_ps(marker: &str) -> Vec<Process> {
    let Ok(output) = run(Command::new("ps").args(["-axww", "-o", "pid=,command="]), VERB_LIMIT) else {
        return Vec::new();
    };
    output
        .text()
        .lines()
        .filter(|line| line.contains(marker))
        .filter_map(|line| {
            let (pid, command_line) = line.trim().split_once(' ')?;
            Some(Process { pid: pid.parse().ok()?, command_line: command_line.into() })
        })
        .collect()
}

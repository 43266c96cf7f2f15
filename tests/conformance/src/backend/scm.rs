//! The Windows service control manager: that of this machine on Windows, else that of Wine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use abide_machine::{Kind as Held, Machine, install, run};

use super::{Backend, Kind, Process};
use crate::behaviour::Need;

const FOLDER: &str = r"C:\conformance";

pub struct Scm {
    /// `None` on Windows itself.
    wine: Option<Machine>,
}

impl Scm {
    /// Puts the executables of the folder `programs` where the service manager finds them.
    pub fn new(root: &Path, programs: &Path) -> Result<Self, String> {
        let native = std::env::consts::OS == "windows";
        let wine = if native { None } else { Some(Machine::boot(root, Held::Wine, "conformance")?) };
        let scm = Self { wine };
        for program in ["abide.exe", "abide-supervisor.exe", "abide-fixture.exe"] {
            let target = scm.outside(&format!(r"{FOLDER}\{program}"));
            install(&programs.join(program), &target, "x86_64-w64-mingw32-strip")?;
        }
        Ok(scm)
    }
}

impl Backend for Scm {
    fn name(&self) -> &'static str {
        if self.wine.is_some() { "scm (wine)" } else { "scm" }
    }

    fn kind(&self) -> Kind {
        Kind::Scm
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Signals => Some("Windows has no signals"),
            Need::Notify => Some("Windows has no NOTIFY_SOCKET"),
            Need::Up => Some("tried in the foreground"),
            Need::UnixFiles => Some("Windows has other files"),
            Need::Boot if self.wine.is_none() => Some("this machine is not to be restarted"),
            Need::Manager | Need::Boot | Need::Console | Need::Pause => None,
        }
    }

    fn wine(&self) -> bool {
        self.wine.is_some()
    }

    fn abide(&self) -> Command {
        self.native(&format!(r"{FOLDER}\abide.exe"))
    }

    fn native(&self, program: &str) -> Command {
        match &self.wine {
            Some(machine) => machine.exec(program),
            None => Command::new(program),
        }
    }

    fn fixture(&self) -> String {
        format!(r"{FOLDER}\abide-fixture.exe")
    }

    fn folder(&self, name: &str) -> String {
        let folder = format!(r"{FOLDER}\run\{name}");
        let _ = std::fs::create_dir_all(self.outside(&folder));
        if self.wine.is_none() {
            // Everyone, by its language-neutral name: virtual accounts may write there.
            let _ = Command::new("icacls").args([&folder, "/grant", "*S-1-1-0:(OI)(CI)F", "/q"]).output();
        }
        folder
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.wine.as_ref().map_or_else(|| path.into(), |machine| machine.outside(path))
    }

    fn kill(&self, pid: u32) -> Result<(), String> {
        let fixture = self.fixture();
        let output = self.ask(&[&fixture, "kill", &pid.to_string()])?;
        if output.ok() { Ok(()) } else { Err(format!("process {pid} could not be ended: {}", output.all())) }
    }

    fn restart_machine(&self) -> Result<(), String> {
        match &self.wine {
            Some(machine) => machine.restart(),
            None => Err("this machine is not to be restarted".into()),
        }
    }
}

impl Drop for Scm {
    fn drop(&mut self) {
        if self.wine.is_none() {
            let _ = std::fs::remove_dir_all(FOLDER);
        }
    }
}

/// Processes of this Windows machine.
pub fn processes_native(marker: &str) -> Vec<Process> {
    let script = "Get-CimInstance Win32_Process | ForEach-Object { \"$($_.ProcessId) $($_.CommandLine)\" }";
    let Ok(output) =
        run(Command::new("powershell").args(["-NoProfile", "-Command", script]), Duration::from_secs(30))
    else {
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

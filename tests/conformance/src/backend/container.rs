//! A service manager that is booted in a container.

use std::path::{Path, PathBuf};
use std::process::Command;

use abide_machine::{Machine, install};

use super::{Backend, Kind, Manager};
use crate::behaviour::Need;

pub struct Container {
    machine: Machine,
    manager: &'static Manager,
}

impl Container {
    /// Boots the machine and puts the executables of the folder `programs` into it.
    pub fn new(root: &Path, manager: &'static Manager, programs: &Path) -> Result<Self, String> {
        let machine = Machine::boot(root, manager.machine, "conformance")?;
        for (program, target) in [
            ("abide", "/usr/local/bin/abide"),
            ("abide-supervisor", "/usr/local/bin/abide-supervisor"),
            ("abide-fixture", "/opt/conformance/abide-fixture"),
        ] {
            install(&programs.join(program), &machine.outside(target), "strip")?;
        }
        Ok(Self { machine, manager })
    }
}

impl Backend for Container {
    fn name(&self) -> &'static str {
        self.manager.machine.name()
    }

    fn kind(&self) -> Kind {
        Kind::Container(self.manager)
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Console => Some("Unix has no consoles of that kind"),
            Need::Pause => Some("this service manager cannot pause a service"),
            Need::Up => Some("tried in the foreground"),
            Need::Manager | Need::Boot | Need::Signals | Need::Notify | Need::UnixFiles => None,
        }
    }

    fn abide(&self) -> Command {
        self.machine.exec("/usr/local/bin/abide")
    }

    fn native(&self, program: &str) -> Command {
        self.machine.exec(program)
    }

    fn fixture(&self) -> String {
        "/opt/conformance/abide-fixture".into()
    }

    fn folder(&self, name: &str) -> String {
        let folder = format!("/srv/conformance/{name}");
        let outside = self.outside(&folder);
        let _ = std::fs::create_dir_all(&outside);
        // Any user, like those made for a service, may write there.
        let _ = Command::new("chmod").arg("0777").arg(&outside).status();
        folder
    }

    fn may_write(&self, folder: &str) -> String {
        if self.manager.hides_files { format!("[security]\nwrite = [\"{folder}\"]\n") } else { String::new() }
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.machine.outside(path)
    }

    fn kill(&self, pid: u32) -> Result<(), String> {
        let output = self.ask(&["kill", "-KILL", &pid.to_string()])?;
        if output.ok() { Ok(()) } else { Err(output.errors()) }
    }

    fn restart_machine(&self) -> Result<(), String> {
        self.machine.restart()
    }
}

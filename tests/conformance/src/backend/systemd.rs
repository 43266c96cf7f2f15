//! A booted systemd in a container.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::Machine;
use super::{Backend, Kind};
use crate::behaviour::Need;

pub struct Systemd {
    machine: Machine,
}

impl Systemd {
    /// Boots the machine and puts the executables of the folder `programs` into it.
    pub fn new(root: &Path, programs: &Path) -> Result<Self, String> {
        let machine = Machine::boot(root, "systemd.sh")?;
        machine.copy(&programs.join("abide"), "usr/local/bin/abide")?;
        machine.copy(&programs.join("abide-supervisor"), "usr/local/bin/abide-supervisor")?;
        machine.copy(&programs.join("abide-fixture"), "opt/conformance/abide-fixture")?;
        Ok(Self { machine })
    }
}

impl Backend for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn kind(&self) -> Kind {
        Kind::Systemd
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Console => Some("Unix has no consoles of that kind"),
            Need::Pause => Some("systemd cannot pause a service"),
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
        // Any user, like the dynamic ones of systemd, may write there.
        let _ = Command::new("chmod").arg("0777").arg(&outside).status();
        folder
    }

    fn may_write(&self, folder: &str) -> String {
        format!("[security]\nwrite = [\"{folder}\"]\n")
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.machine.files.join(path.trim_start_matches('/'))
    }

    fn kill(&self, pid: u32) -> Result<(), String> {
        let output = self.ask(&["kill", "-KILL", &pid.to_string()])?;
        if output.ok() { Ok(()) } else { Err(output.errors()) }
    }

    fn restart_machine(&self) -> Result<(), String> {
        self.machine.ask("reboot").map(drop)
    }
}

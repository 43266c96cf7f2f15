//! `abide up` on this very machine.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use abide_machine::run;

use super::{Backend, Kind};
use crate::behaviour::Need;

pub struct Foreground {
    programs: PathBuf,
    scratch: PathBuf,
}

impl Foreground {
    /// `programs`: the folder with the built executables.
    pub fn new(programs: PathBuf) -> Result<Self, String> {
        let scratch = std::env::temp_dir().join(format!("abide-conformance-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        Ok(Self { programs, scratch })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name).with_extension(std::env::consts::EXE_EXTENSION)
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

impl Backend for Foreground {
    fn name(&self) -> &'static str {
        "foreground"
    }

    fn kind(&self) -> Kind {
        Kind::Foreground
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        let windows = self.windows();
        match need {
            Need::Manager => Some("`abide up` installs nothing"),
            Need::Boot => Some("`abide up` is started by a person, not by a boot"),
            Need::Pause => Some("no service manager that could pause"),
            Need::Up => None,
            Need::Signals if windows => Some("Windows has no signals"),
            Need::Notify if windows => Some("Windows has no NOTIFY_SOCKET"),
            Need::UnixFiles if windows => Some("Windows has other files"),
            Need::Console if !windows => Some("Unix has no consoles of that kind"),
            Need::Signals | Need::Notify | Need::UnixFiles | Need::Console => None,
        }
    }

    fn abide(&self) -> Command {
        Command::new(self.program("abide"))
    }

    fn native(&self, program: &str) -> Command {
        Command::new(program)
    }

    fn fixture(&self) -> String {
        self.program("abide-fixture").display().to_string()
    }

    fn folder(&self, name: &str) -> String {
        let folder = self.scratch.join(name);
        let _ = std::fs::create_dir_all(&folder);
        folder.display().to_string()
    }

    fn outside(&self, path: &str) -> PathBuf {
        path.into()
    }

    fn kill(&self, pid: u32) -> Result<(), String> {
        let output =
            run(Command::new(self.fixture()).args(["kill", &pid.to_string()]), Duration::from_secs(10))
                .map_err(|error| error.to_string())?;
        if output.ok() { Ok(()) } else { Err(format!("process {pid} could not be killed")) }
    }

    fn restart_machine(&self) -> Result<(), String> {
        Err("this machine is not to be restarted".into())
    }

    fn windows(&self) -> bool {
        std::env::consts::OS == "windows"
    }
}

//! A Windows service manager: that of this machine on Windows, else that of Wine.

use std::path::PathBuf;
use std::process::Command;

use abide_machine::{Kind, Machine as Held, run};

use super::{LIMIT, Machine, copy, hello};
use crate::options::Options;
use crate::session::Printed;

const HERE: &str = r"C:\hello";
const STEP: &str = r"C:\hello\page-step.cmd";

pub struct Windows {
    /// `None` on Windows itself.
    wine: Option<Held>,
    folder: String,
}

impl Windows {
    pub fn new(options: &Options) -> Result<Self, String> {
        let native = std::env::consts::OS == "windows";
        let wine = if native { None } else { Some(Held::boot(&options.root, Kind::Wine, "docs")?) };
        let machine = Self { wine, folder: HERE.into() };
        let programs = &options.windows_programs;
        for name in ["abide.exe", "abide-supervisor.exe", "abide-fixture.exe"] {
            copy(&programs.join(name), &machine.outside(&format!(r"C:\abide\{name}")))?;
        }
        copy(&hello(&options.root, programs, "exe"), &machine.outside(r"C:\hello\hello.exe"))?;
        copy(&options.root.join("examples/batch-loop/loop.bat"), &machine.outside(r"C:\loop\loop.bat"))?;
        Ok(machine)
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.wine.as_ref().map_or_else(|| path.into(), |machine| machine.outside(path))
    }

    /// As Windows' own `taskkill` does it: with exit code 1. That of Wine 8 ends a program with 0, which is a success.
    fn kill(&self, service: &str) -> Result<Printed, String> {
        let status = self.batch(&format!("abide status {service} --json"))?;
        let pid = status.text.lines().find_map(|line| line.trim().strip_prefix("\"pid\": "));
        let pid = pid.ok_or_else(|| format!("no process of {service} is known:\n{}", status.text))?;
        self.batch(&format!("abide-fixture kill {}", pid.trim_end_matches(',')))
    }

    /// Runs a command from a batch file: the one way in which cmd gets its quotes as they were typed.
    fn batch(&self, command: &str) -> Result<Printed, String> {
        let file = self.outside(STEP);
        let folder = &self.folder;
        let text = format!(
            "@echo off\r\nset \"PATH=C:\\abide;%PATH%\"\r\ncd /d \"{folder}\"\r\n{command} 2>&1\r\nexit /b %errorlevel%\r\n"
        );
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut cmd = self.wine.as_ref().map_or_else(|| Command::new("cmd"), |machine| machine.exec("cmd"));
        cmd.args(["/d", "/c", STEP]);
        Self::finish(cmd)
    }

    fn finish(mut command: Command) -> Result<Printed, String> {
        let output = run(&mut command, LIMIT).map_err(|error| format!("{command:?}: {error}"))?;
        if output.timed_out {
            return Err(format!("{command:?} did not end within {LIMIT:?}: {}", output.all()));
        }
        Ok(Printed { text: output.all(), code: output.code.unwrap_or(-1) })
    }
}

impl Machine for Windows {
    fn begin(&mut self, _page: &str) -> Result<(), String> {
        self.folder = HERE.into();
        Ok(())
    }

    fn run(&mut self, command: &str) -> Result<Printed, String> {
        let nothing = Printed { text: String::new(), code: 0 };
        if let Some(folder) = command.strip_prefix("cd ") {
            self.folder = folder.into();
            return Ok(nothing);
        }
        let Some(machine) = &self.wine else {
            return self.batch(command);
        };
        if command.starts_with("shutdown /r") {
            machine.restart()?;
            return Ok(nothing);
        }
        // Wine has no curl, and shares our network.
        if let Some(arguments) = command.strip_prefix("curl ") {
            let mut curl = Command::new("curl");
            curl.arg("-sS").args(arguments.split_whitespace());
            return Self::finish(curl);
        }
        if let Some(service) =
            command.strip_prefix("taskkill /f /im ").and_then(|rest| rest.strip_suffix(".exe"))
        {
            return self.kill(service);
        }
        self.batch(command)
    }

    fn begin_in(&mut self, _terminal: &str, _command: &str) -> Result<(), String> {
        Err("there is one terminal on this machine".into())
    }

    fn so_far(&mut self, _terminal: &str) -> Result<String, String> {
        Ok(String::new())
    }

    fn interrupt(&mut self, _terminal: &str) -> Result<Printed, String> {
        Err("there is one terminal on this machine".into())
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), String> {
        let path = if path.starts_with(r"C:\") { path.into() } else { format!(r"{}\{path}", self.folder) };
        let path = self.outside(&path);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn end(&mut self) {}

    /// Unix keeps one byte of the codes that Wine hands on.
    fn same_code(&self, expected: i32, actual: i32) -> bool {
        expected == actual || self.wine.is_some() && expected & 0xff == actual
    }
}

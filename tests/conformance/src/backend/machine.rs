//! A machine made by one of the scripts in `tests/platforms`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::run::{run, wait_child};

/// A running machine. It ends when this is dropped, and also when the tests die: the script then sees its input close.
pub struct Machine {
    script: PathBuf,
    name: String,
    holder: Child,
    _output: BufReader<ChildStdout>,
    /// The folder under which the machine's files are seen from here.
    pub files: PathBuf,
}

impl Machine {
    /// Boots a machine with `tests/platforms/SCRIPT serve`.
    pub fn boot(root: &Path, script: &str) -> Result<Self, String> {
        let script = root.join("tests/platforms").join(script);
        let name = format!("conformance-{}", std::process::id());
        let mut holder = Command::new(&script)
            .args(["serve", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", script.display()))?;
        let Some(output) = holder.stdout.take() else { return Err("no output of the machine".into()) };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let read = output.read_line(&mut line);
        if read.is_err() || line.trim() != "ready" {
            let _ = wait_child(&mut holder, Duration::from_secs(30));
            return Err(format!("the machine did not boot; see what {} said above", script.display()));
        }
        let mut machine = Self { script, name, holder, _output: output, files: PathBuf::new() };
        machine.files = machine.ask("path")?.into();
        Ok(machine)
    }

    /// A command on the machine.
    pub fn exec(&self, program: &str) -> Command {
        let mut command = Command::new(&self.script);
        command.args(["exec", &self.name, program]);
        command
    }

    /// Asks the script about the machine.
    pub fn ask(&self, verb: &str) -> Result<String, String> {
        let output = run(Command::new(&self.script).args([verb, &self.name]), Duration::from_secs(200))
            .map_err(|error| format!("{}: {error}", self.script.display()))?;
        if output.ok() { Ok(output.text().trim().to_owned()) } else { Err(output.errors()) }
    }

    /// Copies a file of this machine into it, executable.
    pub fn copy(&self, from: &Path, to: &str) -> Result<(), String> {
        install(from, &self.files.join(to), "strip")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if !matches!(wait_child(&mut self.holder, Duration::from_secs(60)), Ok(Some(_))) {
            eprintln!("warning: {} {} did not end", self.script.display(), self.name);
        }
    }
}

/// Copies an executable, without what only a debugger needs if the tool for that is at hand: a tenth of the size, and the
/// product reads its own executables at each apply.
pub fn install(from: &Path, to: &Path, strip: &str) -> Result<(), String> {
    let failed = |error| format!("copying {} to {}: {error}", from.display(), to.display());
    std::fs::create_dir_all(to.parent().unwrap_or(to)).map_err(failed)?;
    let stripped = run(Command::new(strip).arg("-o").arg(to).arg(from), Duration::from_secs(60));
    if stripped.is_ok_and(|output| output.ok()) {
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(failed)
}

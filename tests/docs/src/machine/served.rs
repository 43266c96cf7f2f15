//! A machine that a script of `tests/platforms` keeps.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Ends when it is dropped, and also when this process dies: the script then sees its input close.
pub struct Served {
    script: PathBuf,
    name: String,
    holder: Child,
    _output: BufReader<ChildStdout>,
    /// Where its files are seen from here.
    pub files: PathBuf,
}

impl Served {
    pub fn boot(root: &Path, script: &str) -> Result<Self, String> {
        let script = root.join("tests/platforms").join(script);
        let name = format!("docs-{}", std::process::id());
        let mut holder = Command::new(&script)
            .args(["serve", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", script.display()))?;
        let Some(output) = holder.stdout.take() else { return Err("no output of the machine".into()) };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        if output.read_line(&mut line).is_err() || line.trim() != "ready" {
            let _ = holder.wait();
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

    /// Asks the script something about the machine.
    pub fn ask(&self, verb: &str) -> Result<String, String> {
        let output = Command::new(&self.script)
            .args([verb, &self.name])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{}: {error}", self.script.display()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

//! The real binary in a folder of its own. Whatever a test starts is ended and removed with it, also when it fails.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

pub mod http;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than anything here takes, shorter than anybody would wait.
pub const LONG: Duration = Duration::from_secs(30);

/// A folder with specs, and `abide` in it.
pub struct Folder {
    dir: tempfile::TempDir,
}

/// What a run of `abide` said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// It ended with this code, or the test fails with everything it said.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// An error and a hint on standard error, with all of these words in it, and nothing on standard output.
    #[track_caller]
    pub fn error(self, code: i32, words: &[&str]) -> Self {
        let said = self.ended(code);
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains("error: "), "{}", said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "no {word:?} in:\n{}", said.stderr);
        }
        said
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A spec whose program is this shell script.
    pub fn shell(&self, name: &str, script: &str, more: &str) -> PathBuf {
        let script = serde_json::to_string(script).unwrap();
        let text =
            format!("name = \"{name}\"\n{more}\n[program]\ncommand = [\"/bin/sh\", \"-c\", {script}]\n");
        self.write(&format!("{name}.toml"), text)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abide"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for variable in ["NO_COLOR", "CLICOLOR_FORCE", "ABIDE_ROOT", "ABIDE_NO_PROGRESS", "COMPLETE"] {
            command.env_remove(variable);
        }
        // A service manager of this machine has no part in these tests.
        command.env("ABIDE_ROOT", self.path().join("root"));
        command
    }

    /// Runs `abide` to its end.
    pub fn abide(&self, arguments: &[&str]) -> Said {
        let child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running::of(child).ended()
    }

    /// Runs `abide` again and again until what it says is so.
    pub fn wait_for(&self, arguments: &[&str], is_so: impl Fn(&Said) -> bool) -> Said {
        let until = Instant::now() + LONG;
        loop {
            let said = self.abide(arguments);
            if is_so(&said) {
                return said;
            }
            assert!(Instant::now() < until, "not so in time: {said:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts an `abide up`, which is stopped with the value.
    pub fn up(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(&[&["up"], arguments].concat());
        Running::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The status of a service, once it is so.
    pub fn wait(&self, name: &str, is_so: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let status = |said: &Said| serde_json::from_str(&said.stdout).unwrap_or_default();
        status(&self.wait_for(&["status", name, "--json"], |said| is_so(&status(said))))
    }

    pub fn wait_ready(&self, name: &str) -> serde_json::Value {
        self.wait(name, |status| status["state"] == "running" && status["ready"] == true)
    }
}

/// A process that ends with this value; its output is read all the while.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    stderr: Option<std::thread::JoinHandle<String>>,
}

impl Running {
    pub fn of(mut child: Child) -> Self {
        let (told, lines) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                if told.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, lines, stderr: Some(stderr) }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output that holds this text.
    #[track_caller]
    pub fn line_with(&self, text: &str) -> String {
        let until = Instant::now() + LONG;
        let mut seen = String::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push_str(&line),
                Err(error) => panic!("{error}: no {text:?} in:\n{seen}"),
            }
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it goes on and on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end; standard output is what was not read before.
    pub fn ended(mut self) -> Said {
        let code = self.wait().code();
        let stdout = self.lines.iter().collect();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        Said { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Its programs die with it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

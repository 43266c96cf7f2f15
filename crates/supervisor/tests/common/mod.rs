//! A real `abide-supervisor` in the foreground, around a real program.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abide_supervisor::Place;
use abide_supervisor::control::{self, AskError, Done, Verb};
use abide_supervisor::history::{self, Event};
use abide_supervisor::status::{self, Status};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service under a supervisor of its own; both end with this value.
pub struct Supervised {
    folder: tempfile::TempDir,
    child: Child,
}

impl Supervised {
    /// Supervises a shell script, with further sections of the spec.
    pub fn script(script: &str, sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spec = folder.path().join("spec.toml");
        let command = toml_string(script);
        let text =
            format!("name = \"it\"\n[program]\ncommand = [\"/bin/sh\", \"-c\", {command}]\n{sections}\n");
        std::fs::write(&spec, text).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_abide-supervisor"))
            .args(["run", "--manager", "foreground", "--spec"])
            .arg(&spec)
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, child }
    }

    /// Supervises a shell script, and waits until it is ready.
    pub fn ready(script: &str, sections: &str) -> Self {
        let supervised = Self::script(script, sections);
        supervised.until("ready", |status| status.ready);
        supervised
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn place(&self) -> Place {
        Place::below(self.folder.path())
    }

    pub fn status(&self) -> Option<Status> {
        status::read(&self.place().state).unwrap()
    }

    /// Waits until the status is as wanted.
    pub fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        poll(|| self.status().filter(&wanted)).unwrap_or_else(|| self.give_up(what))
    }

    /// Waits for an event whose words contain `text`.
    pub fn until_event(&self, text: &str) -> Event {
        let found =
            || history::read(&self.place().state).ok()?.into_iter().find(|event| event.text.contains(text));
        poll(found).unwrap_or_else(|| self.give_up(text))
    }

    pub fn events(&self) -> Vec<String> {
        history::read(&self.place().state).unwrap_or_default().into_iter().map(|event| event.text).collect()
    }

    fn give_up(&self, what: impl Display) -> ! {
        panic!("no {what}\nstatus: {:#?}\nevents: {:#?}", self.status(), self.events());
    }

    pub fn ask(&self, verb: Verb) -> Result<Done, AskError> {
        let endpoint = self.place().endpoint();
        control::ask(&endpoint, verb, PATIENCE, |_| {})
    }

    /// What the program wrote to its standard output so far.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(self.place().logs.join("stdout.log")).unwrap_or_default()
    }

    pub fn signal(&self, signal: &str) {
        send(self.child.id(), signal);
    }

    /// Waits for the supervisor's own end, and tells its exit code.
    pub fn exit(&mut self) -> Option<i32> {
        poll(|| self.child.try_wait().unwrap()).unwrap_or_else(|| self.give_up("end")).code()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Its program goes with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn send(pid: u32, signal: &str) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Looks again and again until there is something, at most as long as anything may take.
pub fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn read_pid(path: &Path) -> u32 {
    poll(|| std::fs::read_to_string(path).ok()?.trim().parse().ok()).expect("a process id")
}

fn toml_string(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

//! Calling `systemctl` and `journalctl`, and reading what they answer.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::manager::ManagerError;

/// The way to systemd. The names can be replaced in tests.
#[derive(Clone, Debug)]
pub(crate) struct Systemctl {
    pub(crate) systemctl: OsString,
    pub(crate) journalctl: OsString,
    pub(crate) loginctl: OsString,
    /// The folder for what lives as long as the user is there, when it is the user's own systemd that is meant.
    pub(crate) runtime_dir: Option<PathBuf>,
}

impl Default for Systemctl {
    fn default() -> Self {
        Self {
            systemctl: "systemctl".into(),
            journalctl: "journalctl".into(),
            loginctl: "loginctl".into(),
            runtime_dir: None,
        }
    }
}

/// How a job of systemd ended.
#[derive(Debug)]
pub(crate) enum Job {
    Done,
    Failed(String),
    TimedOut,
}

impl Systemctl {
    fn command(&self, program: &OsString, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        // Answers are read by us, so they come in one language, without colours and pagers.
        if let Some(folder) = self.runtime_dir.as_ref().filter(|_| *program != self.loginctl) {
            // It is told where to look: after `su`, or from cron, the environment says nothing, or another user's.
            command.arg("--user").env("XDG_RUNTIME_DIR", folder).env_remove("DBUS_SESSION_BUS_ADDRESS");
        }
        command.args(arguments).env("LC_ALL", "C").env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "");
        command.stdin(Stdio::null());
        command
    }

    fn call_text(&self, arguments: &[&str]) -> String {
        let user = if self.runtime_dir.is_some() { "--user " } else { "" };
        format!("systemctl {user}{}", arguments.join(" "))
    }

    /// Whether there is anybody to call: the machine's systemd always, the user's own while the user is logged in or
    /// lingers.
    pub(crate) fn is_there(&self) -> bool {
        self.runtime_dir.as_ref().is_none_or(|folder| folder.join("systemd/private").exists())
    }

    /// Waits until the user's own systemd can be called.
    pub(crate) fn wait_until_there(&self, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        // Its socket appears in a folder that does not exist yet: there is no one event to wait for.
        while !self.is_there() || self.call(&["show", "--property=Version"]).is_err() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// Lets a user's service manager run without a login, or no longer so.
    pub(crate) fn linger(&self, on: bool, user: &str) -> Result<(), ManagerError> {
        let verb = if on { "enable-linger" } else { "disable-linger" };
        let fail = |why: String| ManagerError::Call { call: format!("loginctl {verb} {user}"), why };
        let output = self
            .command(&self.loginctl, &["--no-ask-password", verb, user])
            .output()
            .map_err(|error| fail(error.to_string()))?;
        if output.status.success() { Ok(()) } else { Err(fail(reason(&output.stderr, output.status))) }
    }

    /// Runs `systemctl` and answers what it printed.
    pub(crate) fn call(&self, arguments: &[&str]) -> Result<String, ManagerError> {
        let fail = |why: String| ManagerError::Call { call: self.call_text(arguments), why };
        let output =
            self.command(&self.systemctl, arguments).output().map_err(|error| fail(error.to_string()))?;
        if !output.status.success() {
            return Err(fail(reason(&output.stderr, output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The properties of a unit. A unit that nobody knows has properties as well (`LoadState=not-found`).
    pub(crate) fn show(&self, unit: &str, names: &[&str]) -> Result<Properties, ManagerError> {
        let property = format!("--property={}", names.join(","));
        let text = self.call(&["show", "--no-pager", &property, "--", unit])?;
        Ok(Properties::read(&text))
    }

    /// Starts, stops or restarts a unit and waits for the job to end, calling `tick` every now and then.
    pub(crate) fn job(
        &self,
        verb: &str,
        unit: &str,
        wait: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<Job, ManagerError> {
        let arguments = [verb, "--", unit];
        let fail = |error: io::Error| ManagerError::Call {
            call: self.call_text(&arguments),
            why: error.to_string(),
        };
        let mut child = self
            .command(&self.systemctl, &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fail)?;
        let ended = read_aside(child.stderr.take());
        let deadline = Instant::now().checked_add(wait);
        loop {
            let left = deadline.map_or(TICK, |deadline| deadline.saturating_duration_since(Instant::now()));
            match ended.recv_timeout(left.min(TICK)) {
                // Nobody holds its stderr any more: it has ended.
                Ok(said) => {
                    let status = child.wait().map_err(fail)?;
                    return Ok(if status.success() { Job::Done } else { Job::Failed(reason(&said, status)) });
                }
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => tick(),
                // The job itself goes on in systemd; only the one who waits for it is ended.
                Err(_) => {
                    let _ = child.kill();
                    child.wait().map_err(fail)?;
                    return Ok(Job::TimedOut);
                }
            }
        }
    }

    /// The last lines that one run of a service wrote to the journal, oldest first. Empty when there is no journal.
    pub(crate) fn last_lines(&self, unit: &str, invocation: Option<&str>, count: usize) -> Vec<String> {
        let lines = format!("--lines={count}");
        let of = match invocation.filter(|id| !id.is_empty()) {
            Some(id) => format!("_SYSTEMD_INVOCATION_ID={id}"),
            None if self.runtime_dir.is_some() => format!("_SYSTEMD_USER_UNIT={unit}"),
            None => format!("_SYSTEMD_UNIT={unit}"),
        };
        let arguments = ["--no-pager", "--quiet", "--output=cat", &lines, &of];
        let Ok(output) = self.command(&self.journalctl, &arguments).output() else { return Vec::new() };
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// How often someone who waits at a terminal is told what the service says about itself.
const TICK: Duration = Duration::from_millis(500);

/// Reads what a call says on stderr until it ends.
fn read_aside(stderr: Option<ChildStderr>) -> Receiver<Vec<u8>> {
    let (tell, ended) = channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.read_to_end(&mut said);
        }
        let _ = tell.send(said);
    });
    ended
}

/// What a failed call said: its last line on stderr, without the word "error".
fn reason(said: &[u8], status: ExitStatus) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with("See \"systemctl") && !line.starts_with("Hint:")
    });
    match lines.next() {
        Some(line) => line.to_owned(),
        None => status.to_string(),
    }
}

/// What `systemctl show` answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties(BTreeMap<String, String>);

impl Properties {
    pub(crate) fn read(text: &str) -> Self {
        Self(
            text.lines()
                .filter_map(|line| line.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The text of a property; empty when systemd has nothing to say.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }
}

/// The number of the version that `systemctl --version` prints first.
pub(crate) fn version_of(text: &str) -> Option<u32> {
    let word = text.lines().next()?.split_whitespace().nth(1)?;
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_are_read() {
        assert_eq!(version_of("systemd 252 (252.39-1~deb12u2)\n+PAM\n"), Some(252));
        assert_eq!(version_of("systemd 257~rc1 (x)\n"), Some(257));
        assert_eq!(version_of("systemd\n"), None);
        assert_eq!(version_of(""), None);
    }

    #[test]
    fn properties_keep_equal_signs_in_values() {
        let properties = Properties::read("StatusText=a=b\nMainPID=12\nResult=\nrubbish\n");
        assert_eq!(properties.text("StatusText"), "a=b");
        assert_eq!(properties.number("MainPID"), Some(12));
        assert_eq!(properties.some("Result"), None);
        assert_eq!(properties.text("Other"), "");
    }
}

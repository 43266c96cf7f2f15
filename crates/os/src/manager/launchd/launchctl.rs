//! `launchctl`: what is asked of launchd, and how its answers are read. See launchctl(1).

use std::path::{Path, PathBuf};

use crate::manager::tool::{Answer, SHORT, call};
use crate::manager::{ManagerError, ManagerExit, ManagerState};

/// Its exit code for a service that is not loaded in the domain.
const NOT_LOADED: i32 = 113;

/// Its exit codes for a domain that is not there.
const NO_DOMAIN: [i32; 2] = [112, 125];

/// Its exit code, an errno, for what is on its way but takes longer than it waits (EINPROGRESS of macOS).
const IN_PROGRESS: i32 = 36;

/// launchctl, and the domain in which our services are: `system`, or `gui/UID` for those of a user.
#[derive(Clone, Debug)]
pub(super) struct Launchctl {
    tool: PathBuf,
    domain: String,
}

/// A loaded job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) state: ManagerState,
    pub(super) pid: Option<u32>,
    pub(super) exit: Option<ManagerExit>,
    /// Launchd's own word for a state that is a trouble.
    pub(super) trouble: Option<String>,
    /// The file it was loaded from.
    pub(super) path: Option<PathBuf>,
}

impl Launchctl {
    pub(super) fn new(tool: impl Into<PathBuf>, domain: String) -> Self {
        Self { tool: tool.into(), domain }
    }

    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// The name of a service as launchctl takes it: `system/abide.orders`.
    pub(super) fn target(&self, label: &str) -> String {
        format!("{}/{label}", self.domain)
    }

    fn ask(&self, words: &[&str]) -> Result<Answer, ManagerError> {
        call(&self.tool, words, SHORT).map_err(|trouble| failed(words, trouble.to_string()))
    }

    fn done(&self, words: &[&str]) -> Result<(), ManagerError> {
        let answer = self.ask(words)?;
        if answer.succeeded() { Ok(()) } else { Err(failed(words, answer.why())) }
    }

    /// Whether an exit code says that there is no such domain: that of a user who is not logged in at the screen, in
    /// which nothing can be loaded.
    fn is_absent(&self, code: i32) -> bool {
        self.domain.starts_with("gui/") && NO_DOMAIN.contains(&code)
    }

    /// The job of that label, if one is loaded.
    pub(super) fn print(&self, label: &str) -> Result<Option<Job>, ManagerError> {
        let target = self.target(label);
        let words = ["print", target.as_str()];
        let answer = self.ask(&words)?;
        match answer.code {
            Some(0) => Ok(Some(parse_job(&answer.text))),
            Some(NOT_LOADED) => Ok(None),
            // Codes differ between versions; the words do not.
            _ if answer.errors.contains("Could not find service") => Ok(None),
            Some(code) if self.is_absent(code) => Ok(None),
            _ => Err(failed(&words, answer.why())),
        }
    }

    /// Whether launchd was told not to load that label.
    pub(super) fn is_disabled(&self, label: &str) -> Result<bool, ManagerError> {
        let words = ["print-disabled", self.domain.as_str()];
        let answer = self.ask(&words)?;
        match answer.code {
            Some(0) => {}
            Some(code) if self.is_absent(code) => return Ok(false),
            _ => return Err(failed(&words, answer.why())),
        }
        Ok(disabled_in(&answer.text, label).unwrap_or(false))
    }

    pub(super) fn enable(&self, label: &str) -> Result<(), ManagerError> {
        self.done(&["enable", &self.target(label)])
    }

    pub(super) fn disable(&self, label: &str) -> Result<(), ManagerError> {
        self.done(&["disable", &self.target(label)])
    }

    /// Loads a job from its file.
    pub(super) fn bootstrap(&self, file: &Path) -> Result<(), ManagerError> {
        let file = file.display().to_string();
        self.done(&["bootstrap", &self.domain, &file])
    }

    /// Has launchd end the job and forget it. It may return before that is done.
    pub(super) fn bootout(&self, label: &str) -> Result<(), ManagerError> {
        let target = self.target(label);
        let words = ["bootout", target.as_str()];
        let answer = self.ask(&words)?;
        match answer.code {
            Some(0 | IN_PROGRESS | NOT_LOADED) => Ok(()),
            _ if answer.errors.contains("No such process") => Ok(()),
            _ => Err(failed(&words, answer.why())),
        }
    }

    /// Starts a loaded job now. One that runs, or is about to, is left alone.
    pub(super) fn kickstart(&self, label: &str) -> Result<(), ManagerError> {
        let outcome = self.done(&["kickstart", &self.target(label)]);
        if outcome.is_ok() {
            return outcome;
        }
        // Loading may have started it in the same moment, which is an error to some versions.
        match self.print(label)? {
            Some(job) if matches!(job.state, ManagerState::Running | ManagerState::Starting) => Ok(()),
            _ => outcome,
        }
    }
}

fn failed(words: &[&str], why: String) -> ManagerError {
    ManagerError::Call { call: format!("launchctl {}", words.join(" ")), why }
}

/// Reads what `launchctl print DOMAIN/LABEL` says. Apple calls it no interface, so only the few lines are read that have
/// been the same through the versions, and only those of the job itself: they stand behind one tab, those of what belongs
/// to it (arguments, variables, endpoints, coalitions, which have states, too) behind more.
pub(super) fn parse_job(text: &str) -> Job {
    let own = |key: &str| {
        text.lines().find_map(|line| {
            let (found, value) = line.strip_prefix('\t')?.split_once(" = ")?;
            (found == key).then(|| value.trim())
        })
    };
    let pid = own("pid").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0);
    let word = own("state").unwrap_or_default();
    let exit =
        own("last terminating signal").and_then(signal).or_else(|| own("last exit code").and_then(code));
    let (state, trouble) = match word {
        "running" | "xpcproxy" => (ManagerState::Running, None),
        "spawn scheduled" | "spawning" => (ManagerState::Starting, None),
        "SIGTERMed" | "SIGKILLed" => (ManagerState::Stopping, None),
        "not running" | "waiting" | "exited" => (after(exit), None),
        "spawn failed" => (ManagerState::Failed, Some(word.to_owned())),
        _ if pid.is_some() => (ManagerState::Running, None),
        _ => (ManagerState::Unknown, Some(word.to_owned())),
    };
    Job {
        state,
        pid,
        exit,
        trouble,
        path: own("path").filter(|path| path.starts_with('/')).map(PathBuf::from),
    }
}

/// What a job is that does not run, by how it ended last.
fn after(exit: Option<ManagerExit>) -> ManagerState {
    match exit {
        None | Some(ManagerExit::Code(0)) => ManagerState::Stopped,
        Some(_) => ManagerState::Failed,
    }
}

/// `(never exited)`, `0`, `78: EX_CONFIG`.
fn code(value: &str) -> Option<ManagerExit> {
    value.split(':').next()?.trim().parse().ok().map(ManagerExit::Code)
}

/// `Killed: 9`, and `9` alone in some versions.
fn signal(value: &str) -> Option<ManagerExit> {
    value.rsplit(':').next()?.trim().parse().ok().map(ManagerExit::Signal)
}

/// Reads what `launchctl print-disabled DOMAIN` says of a label: `"LABEL" => disabled`, before macOS 13 `=> true`.
/// Nothing where it says nothing, which is to say that the property list decides.
pub(super) fn disabled_in(text: &str, label: &str) -> Option<bool> {
    text.lines().find_map(|line| {
        let (name, word) = line.trim().split_once(" => ")?;
        if name.trim_matches('"') != label {
            return None;
        }
        match word.trim() {
            "disabled" | "true" => Some(true),
            "enabled" | "false" => Some(false),
            _ => None,
        }
    })
}

//! The status of a service as the supervisor leaves it on disk, so that it can be read with the
//! supervisor alive, busy or dead.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use abide_os::fs::Access;
use abide_os::process::StartToken;
use abide_spec::Exit;
use serde::{Deserialize, Serialize};

/// The form of [`Status`].
pub const SCHEMA: &str = "abide.status/1";

/// What a service is doing, as its supervisor last knew it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// The form of this record, [`SCHEMA`].
    pub schema: String,
    /// The service's name.
    pub name: String,
    /// The spec's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `stopped`, `starting`, `running`, `paused`, `stopping`, `backing-off`, `failed` or, in an
    /// `abide up`, `waiting` for the services it starts after.
    pub state: String,
    /// The program is running and has shown that it is ready.
    pub ready: bool,
    /// The program was ready at least once since the supervisor started: what it does now, the start has succeeded.
    #[serde(default)]
    pub was_ready: bool,
    /// No health check of the program is failing.
    pub healthy: bool,
    /// Since when `state` holds: RFC 3339, UTC.
    pub since: String,
    /// Process id of the program while it runs.
    pub pid: Option<u32>,
    /// When the program that runs now was started: RFC 3339, UTC.
    pub started: Option<String>,
    /// Automatic restarts since the supervisor started.
    pub restarts: u64,
    /// Failures in a row that the back-off counts.
    pub failures: u32,
    /// When the next start is due while backing off: RFC 3339, UTC.
    pub next_start: Option<String>,
    /// How the program ended last.
    pub last_exit: Option<Exit>,
    /// The newest event, in words.
    pub why: Option<String>,
    /// What the program itself says of its state (`STATUS=` of sd_notify).
    pub text: Option<String>,
    /// `abide debug NAME on` is in force.
    pub debug: bool,
    /// Output that could not be kept so far, and what ails the capture now.
    pub logs: LogStatus,
    /// The supervisor that wrote this.
    pub supervisor: SupervisorStatus,
    /// That supervisor is gone without having ended the service: a service manager starts another. Not in the file.
    #[serde(skip)]
    pub orphaned: bool,
}

/// How the capture of output fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogStatus {
    /// Lines dropped since the supervisor started, because the disk did not keep up.
    #[serde(default)]
    pub lost_lines: u64,
    /// Bytes dropped since the supervisor started, because the disk did not keep up.
    pub lost_bytes: u64,
    /// Lines not kept since the supervisor started, because there were more than `logs.rate-limit` allows.
    #[serde(default)]
    pub suppressed_lines: u64,
    /// Lines not kept since the supervisor started, because they were below `logs.level`.
    #[serde(default)]
    pub filtered_lines: u64,
    /// What hinders the capture now, such as a full disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Who supervises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SupervisorStatus {
    /// Process id of the supervisor.
    pub pid: u32,
    /// Tells this process from a later one with the same id.
    pub start_token: Option<StartToken>,
    /// The supervisor's version.
    pub version: String,
    /// The service manager that runs it: `systemd`, `scm` or `foreground`.
    pub manager: String,
}

impl SupervisorStatus {
    /// This process, run by `manager`.
    pub fn own(manager: &str) -> Self {
        /// Does not change, and every reading of it opens a file.
        static TOKEN: OnceLock<Option<StartToken>> = OnceLock::new();
        let pid = std::process::id();
        Self {
            pid,
            start_token: TOKEN.get_or_init(|| abide_os::process::start_token(pid)).clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            manager: manager.to_owned(),
        }
    }
}

/// Why a status could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The file is there and cannot be read.
    #[error("the status file {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the status file {path} is not a status of this version: {detail}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        detail: String,
    },
}

/// A service's status file within its state folder.
pub fn path(state: &Path) -> PathBuf {
    state.join("status.json")
}

/// Reads the status below a service's state folder; `None` where the service never ran.
///
/// Where the supervisor that wrote it is gone, the status says what is true now: nothing runs.
pub fn read(state: &Path) -> Result<Option<Status>, StatusError> {
    let path = path(state);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StatusError::Read { path, source }),
    };
    let status: Status = serde_json::from_slice(&text)
        .map_err(|error| StatusError::Form { path: path.clone(), detail: error.to_string() })?;
    if status.schema != SCHEMA {
        return Err(StatusError::Form { path, detail: format!("its schema is {}", status.schema) });
    }
    Ok(Some(if supervisor_lives(&status) { status } else { orphaned(status) }))
}

/// Whether the supervisor that wrote `status` still runs.
pub fn supervisor_lives(status: &Status) -> bool {
    let supervisor = &status.supervisor;
    supervisor.start_token.as_ref().is_some_and(|token| abide_os::process::is_alive(supervisor.pid, token))
}

/// What is left to say when the supervisor is gone: its program went with it.
fn orphaned(status: Status) -> Status {
    if matches!(status.state.as_str(), "stopped" | "failed") {
        return status;
    }
    Status {
        why: Some(format!(
            "the supervisor (pid {}) is gone; the service was {} then",
            status.supervisor.pid, status.state
        )),
        state: "stopped".into(),
        ready: false,
        pid: None,
        started: None,
        next_start: None,
        orphaned: true,
        ..status
    }
}

/// Replaces the status file as a whole.
///
/// Not forced to disk: it tells of processes, and none survives a loss of power.
pub fn write(state: &Path, status: &Status) -> io::Result<()> {
    let text = serde_json::to_vec(status).map_err(io::Error::other)?;
    abide_os::fs::replace(&path(state), &text, Access::Private)
}

impl Status {
    /// The status of a service that no supervisor has left one of.
    pub fn never_ran(name: &abide_spec::Name, state: &str) -> Self {
        Self {
            schema: SCHEMA.into(),
            name: name.to_string(),
            description: None,
            state: state.into(),
            ready: false,
            was_ready: false,
            healthy: true,
            since: String::new(),
            pid: None,
            started: None,
            restarts: 0,
            failures: 0,
            next_start: None,
            last_exit: None,
            why: None,
            text: None,
            debug: false,
            logs: LogStatus::default(),
            supervisor: SupervisorStatus {
                pid: 0,
                start_token: None,
                version: env!("CARGO_PKG_VERSION").into(),
                manager: String::new(),
            },
            orphaned: false,
        }
    }
}

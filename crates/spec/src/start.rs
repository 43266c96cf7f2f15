//! `[start]`: when a service starts and when it counts as ready.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::probe::exactly_one;
use crate::{Duration, HttpUrl, Probe, TcpAddress, is_default};

/// When the service starts, after what, and when it counts as ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Start {
    /// Whether it starts at boot.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: StartMode,
    /// Services or native units that must be up before this one starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// How to tell that the program is ready to work. Without it, a program is ready as soon as it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
}

/// Whether a service starts at boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StartMode {
    /// At boot.
    #[default]
    Auto,
    /// At boot, after the machine has settled.
    Delayed,
    /// Only when asked to.
    Manual,
    /// Never, not even when asked to.
    Disabled,
}

/// How to tell that a program is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "RawReady", into = "RawReady")]
pub struct Ready {
    /// The question that is asked until the answer is good.
    pub probe: Probe,
    /// A program that is not ready by then has failed.
    pub timeout: Duration,
    /// How long to wait between two tries.
    pub every: Duration,
}

impl Ready {
    /// Default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
    /// Default of `every`.
    pub const EVERY: Duration = Duration::from_millis(250);

    /// Asks with the default times.
    pub fn new(probe: Probe) -> Self {
        Self { probe, timeout: Self::TIMEOUT, every: Self::EVERY }
    }
}

/// How to tell that the program is ready to work: one probe and its times.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Ready"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct RawReady {
    /// Ready when a GET of this `http://` URL is answered with a status from 200 to 399.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpUrl>,
    /// Ready when this `HOST:PORT` accepts a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpAddress>,
    /// Ready when this command ends with code 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    exec: Option<Vec<String>>,
    /// Ready when this file exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// `true`: ready when the program sends `READY=1` to the socket named by `NOTIFY_SOCKET`, as `sd_notify` does.
    #[serde(skip_serializing_if = "is_default")]
    notify: bool,
    /// Ready when a line of output contains this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// A program that is not ready by then has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<Duration>,
    /// How long to wait between two tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<Duration>,
}

impl TryFrom<RawReady> for Ready {
    type Error = String;

    fn try_from(raw: RawReady) -> Result<Self, String> {
        let mut found = Vec::new();
        found.extend(raw.http.map(|url| ("http", Probe::Http(url))));
        found.extend(raw.tcp.map(|address| ("tcp", Probe::Tcp(address))));
        found.extend(raw.exec.map(|command| ("exec", Probe::Exec(command))));
        found.extend(raw.file.map(|path| ("file", Probe::File(path))));
        found.extend(raw.notify.then_some(("notify", Probe::Notify)));
        found.extend(raw.log.map(|text| ("log", Probe::Log(text))));
        let keys = "`http`, `tcp`, `exec`, `file`, `notify = true` or `log`";
        Ok(Self {
            probe: exactly_one("`ready`", keys, found)?,
            timeout: raw.timeout.unwrap_or(Self::TIMEOUT),
            every: raw.every.unwrap_or(Self::EVERY),
        })
    }
}

impl From<Ready> for RawReady {
    fn from(ready: Ready) -> Self {
        let mut raw = Self {
            timeout: Some(ready.timeout).filter(|timeout| *timeout != Ready::TIMEOUT),
            every: Some(ready.every).filter(|every| *every != Ready::EVERY),
            ..Self::default()
        };
        match ready.probe {
            Probe::Http(url) => raw.http = Some(url),
            Probe::Tcp(address) => raw.tcp = Some(address),
            Probe::Exec(command) => raw.exec = Some(command),
            Probe::File(path) => raw.file = Some(path),
            Probe::Notify => raw.notify = true,
            Probe::Log(text) => raw.log = Some(text),
            // Cannot be asked for readiness; validation refuses it.
            Probe::LogSilence(_) => {}
        }
        raw
    }
}

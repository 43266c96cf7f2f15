//! `[[health]]`: whether a running program still works.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::probe::exactly_one;
use crate::{Duration, HttpUrl, Probe, TcpAddress, is_default};

/// A question that is asked again and again while the program runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "RawHealth", into = "RawHealth")]
pub struct Health {
    /// The question.
    pub probe: Probe,
    /// How long to wait between two questions. With [`Probe::Notify`]: how long the program may be silent.
    pub every: Duration,
    /// An answer that takes longer is bad.
    pub timeout: Duration,
    /// So many bad answers in a row make the program unhealthy.
    pub unhealthy_after: u32,
    /// So many good answers in a row make it healthy again.
    pub healthy_after: u32,
    /// How long to wait after the program became ready before the first question.
    pub initial_delay: Duration,
    /// With [`Probe::File`]: how long ago the file may have been modified.
    pub max_age: Option<Duration>,
    /// What happens to an unhealthy program.
    pub then: Then,
}

impl Health {
    /// Default of `every`.
    pub const EVERY: Duration = Duration::from_secs(10);
    /// Default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(2);
    /// Default of `unhealthy-after`.
    pub const UNHEALTHY_AFTER: u32 = 3;
    /// Default of `healthy-after`.
    pub const HEALTHY_AFTER: u32 = 1;

    /// Asks with the defaults.
    pub fn new(probe: Probe) -> Self {
        Self {
            probe,
            every: Self::EVERY,
            timeout: Self::TIMEOUT,
            unhealthy_after: Self::UNHEALTHY_AFTER,
            healthy_after: Self::HEALTHY_AFTER,
            initial_delay: Duration::ZERO,
            max_age: None,
            then: Then::Restart,
        }
    }

    /// How long ago the file of [`Probe::File`] may have been modified: `max-age`, by default twice `every`.
    pub fn heartbeat_age(&self) -> Duration {
        self.max_age.unwrap_or(Duration(self.every.0.saturating_mul(2)))
    }
}

/// What happens to an unhealthy program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// It is stopped and started again.
    #[default]
    Restart,
    /// It is told in status and events, and nothing else.
    Report,
}

/// A question that is asked again and again while the program runs: one probe and its times.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Health"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct RawHealth {
    /// Healthy when a GET of this `http://` URL is answered with a status from 200 to 399.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpUrl>,
    /// Healthy when this `HOST:PORT` accepts a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpAddress>,
    /// Healthy when this command ends with code 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    exec: Option<Vec<String>>,
    /// Healthy when this heartbeat file was modified not longer ago than `max-age`.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// `true`: healthy when the program sends `WATCHDOG=1` to `NOTIFY_SOCKET` at least once in `every`, which must be given.
    #[serde(skip_serializing_if = "is_default")]
    notify: bool,
    /// Healthy when the program wrote output not longer ago than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_silence: Option<Duration>,
    /// How long to wait between two questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<Duration>,
    /// An answer that takes longer is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<Duration>,
    /// So many bad answers in a row make the program unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    unhealthy_after: Option<u32>,
    /// So many good answers in a row make it healthy again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    healthy_after: Option<u32>,
    /// How long to wait after the program became ready before the first question.
    #[serde(skip_serializing_if = "is_default")]
    initial_delay: Duration,
    /// How long ago the heartbeat `file` may have been modified. Default: twice `every`.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<Duration>,
    /// What happens to an unhealthy program.
    #[serde(skip_serializing_if = "is_default")]
    then: Then,
}

impl TryFrom<RawHealth> for Health {
    type Error = String;

    fn try_from(raw: RawHealth) -> Result<Self, String> {
        let mut found = Vec::new();
        found.extend(raw.http.map(|url| ("http", Probe::Http(url))));
        found.extend(raw.tcp.map(|address| ("tcp", Probe::Tcp(address))));
        found.extend(raw.exec.map(|command| ("exec", Probe::Exec(command))));
        found.extend(raw.file.map(|path| ("file", Probe::File(path))));
        found.extend(raw.notify.then_some(("notify", Probe::Notify)));
        found.extend(raw.log_silence.map(|limit| ("log-silence", Probe::LogSilence(limit))));
        let keys = "`http`, `tcp`, `exec`, `file`, `notify = true` or `log-silence`";
        let probe = exactly_one("`health`", keys, found)?;
        if probe == Probe::Notify && raw.every.is_none() {
            return Err(
                "`notify` needs `every`: how long the program may be silent, like every = \"30s\"".to_owned()
            );
        }
        if raw.max_age.is_some() && !matches!(probe, Probe::File(_)) {
            return Err(format!("`max-age` belongs to a `file` probe; this one is `{}`", probe.key()));
        }
        Ok(Self {
            probe,
            every: raw.every.unwrap_or(Self::EVERY),
            timeout: raw.timeout.unwrap_or(Self::TIMEOUT),
            unhealthy_after: raw.unhealthy_after.unwrap_or(Self::UNHEALTHY_AFTER),
            healthy_after: raw.healthy_after.unwrap_or(Self::HEALTHY_AFTER),
            initial_delay: raw.initial_delay,
            max_age: raw.max_age,
            then: raw.then,
        })
    }
}

impl From<Health> for RawHealth {
    fn from(health: Health) -> Self {
        let notify = health.probe == Probe::Notify;
        let mut raw = Self {
            every: Some(health.every).filter(|every| notify || *every != Health::EVERY),
            timeout: Some(health.timeout).filter(|timeout| *timeout != Health::TIMEOUT),
            unhealthy_after: Some(health.unhealthy_after).filter(|count| *count != Health::UNHEALTHY_AFTER),
            healthy_after: Some(health.healthy_after).filter(|count| *count != Health::HEALTHY_AFTER),
            initial_delay: health.initial_delay,
            max_age: health.max_age,
            then: health.then,
            ..Self::default()
        };
        match health.probe {
            Probe::Http(url) => raw.http = Some(url),
            Probe::Tcp(address) => raw.tcp = Some(address),
            Probe::Exec(command) => raw.exec = Some(command),
            Probe::File(path) => raw.file = Some(path),
            Probe::Notify => raw.notify = true,
            Probe::LogSilence(limit) => raw.log_silence = Some(limit),
            // Cannot be asked for health; validation refuses it.
            Probe::Log(_) => {}
        }
        raw
    }
}

//! `forward.toml`: which sinks there are, and what goes where.
//!
//! ```toml
//! [resource]                                  # said of every record, beside the names of host and service
//! "deployment.environment.name" = "production"
//!
//! [[sink]]
//! name = "collector"
//! kind = "otlp"                               # journald | syslog | eventlog | otlp | loki | clickhouse
//! url = "https://collector.example:4318"
//! token-file = "/etc/abide/collector.token"   # secrets stand in files of their own
//! services = ["*", "!noisy-*"]
//! level = "info"
//! events = true
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use abide_logs::Stream;
use abide_spec::{Duration, Name, Size};
use serde::{Deserialize, Serialize};

mod checks;
mod glob;
mod parse;

pub use glob::Glob;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// What is said of every record, beside the names of host and service.
    #[serde(default)]
    pub resource: BTreeMap<String, String>,
    /// The sinks.
    #[serde(default, rename = "sink")]
    pub sinks: Vec<SinkConfig>,
}

/// One `[[sink]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SinkConfig {
    /// What it is called; its queue and its status are kept under this name.
    pub name: Name,
    /// What it speaks.
    pub kind: Kind,
    /// Where it is. `http://` or `https://` for OTLP, Loki and ClickHouse; `udp://`, `tcp://`, `tls://HOST:PORT` or
    /// `unix:///PATH` for syslog; `unix:///PATH` for another journal than this machine's.
    pub url: Option<String>,
    /// Whose output goes there. The last pattern that matches decides; one that begins with `!` takes out.
    #[serde(default = "everything")]
    pub services: Vec<Glob>,
    /// Which streams go there.
    #[serde(default = "both")]
    pub streams: Vec<StreamName>,
    /// Entries of lower levels do not go there. Those without a level do.
    #[serde(default, with = "level")]
    pub level: Option<abide_logs::Level>,
    /// Whether what belongs together, such as a stack trace, is one record.
    #[serde(default = "yes")]
    pub multiline: bool,
    /// Whether lifecycle events go there too. The Event Log gets nothing else.
    #[serde(default)]
    pub events: bool,
    /// What a sink that is new begins with.
    #[serde(default)]
    pub from: From,
    /// Headers of every request. Not for secrets: anyone who may read this file sees them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A file with a token: sent as `Authorization: Bearer TOKEN`.
    pub token_file: Option<PathBuf>,
    /// The name to log in with.
    pub user: Option<String>,
    /// A file with the password of `user`.
    pub password_file: Option<PathBuf>,
    /// How requests are compressed.
    #[serde(default)]
    pub compress: Compress,
    /// Certificates and keys, where it is TLS.
    #[serde(default)]
    pub tls: Tls,
    /// How long an answer may take.
    #[serde(default = "thirty_seconds")]
    pub timeout: Duration,
    /// How much is sent at once; the sink's own bounds hold too.
    #[serde(default)]
    pub batch: BatchConfig,
    /// How much disk may be taken by what is waiting, beyond what the services keep of their logs anyway.
    #[serde(default = "one_gib")]
    pub queue: Size,
    /// When what failed is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// Loki: labels beside the usual ones. Few, and with few values each.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Loki: the tenant (`X-Scope-OrgID`).
    pub tenant: Option<String>,
    /// ClickHouse: the database.
    pub database: Option<String>,
    /// ClickHouse: the table.
    pub table: Option<String>,
    /// ClickHouse: whether the table is made where it is missing.
    #[serde(default)]
    pub create_table: bool,
    /// syslog: the facility, such as `daemon` or `local0`.
    pub facility: Option<String>,
}

/// What a sink speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The journal of systemd, by its native protocol.
    Journald,
    /// syslog, RFC 5424.
    Syslog,
    /// The Windows Event Log: lifecycle events alone.
    Eventlog,
    /// OTLP over HTTP.
    Otlp,
    /// Loki's push API.
    Loki,
    /// ClickHouse over HTTP, the table of the OpenTelemetry exporter.
    Clickhouse,
}

/// What a sink that is new begins with. What is printed after it began is sent in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// With what is printed from now on.
    #[default]
    Now,
    /// With the oldest that is kept.
    Oldest,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compress {
    /// As is best for this sink: gzip where it is far, not at all on this machine.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// zstd, where the sink knows it.
    Zstd,
}

/// Certificates and keys, PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tls {
    /// The authorities that the other side's certificate may come from. Without it, the usual ones.
    pub ca: Option<PathBuf>,
    /// The certificate to show.
    pub cert: Option<PathBuf>,
    /// The key of `cert`.
    pub key: Option<PathBuf>,
}

/// How much is sent at once. What is not set is as the sink likes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Records.
    pub records: Option<u32>,
    /// Bytes of bodies.
    pub bytes: Option<Size>,
    /// How long a record waits for others.
    pub every: Option<Duration>,
}

/// When what failed is tried again: after `initial`, then after twice as long each time, up to `max`, give or take a
/// fifth; and when the other side said when, then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retry {
    /// The first delay.
    pub initial: Duration,
    /// The longest delay.
    pub max: Duration,
    /// After how long a batch is dropped, and counted. Unset: never, `queue` bounds what waits.
    pub give_up: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { initial: Duration::from_millis(500), max: Duration::from_secs(30), give_up: None }
    }
}

/// A stream, as configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl std::convert::From<StreamName> for Stream {
    fn from(name: StreamName) -> Self {
        match name {
            StreamName::Stdout => Self::Stdout,
            StreamName::Stderr => Self::Stderr,
        }
    }
}

impl Kind {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journald => "journald",
            Self::Syslog => "syslog",
            Self::Eventlog => "eventlog",
            Self::Otlp => "otlp",
            Self::Loki => "loki",
            Self::Clickhouse => "clickhouse",
        }
    }

    /// Whether it is spoken over HTTP.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Otlp | Self::Loki | Self::Clickhouse)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl SinkConfig {
    /// Whether it wants what `service` prints, or what happens to it.
    #[must_use]
    pub fn wants(&self, service: &str) -> bool {
        self.services.iter().rev().find(|glob| glob.matches(service)).is_some_and(|glob| !glob.takes_out())
    }

    /// Whether it takes lifecycle events.
    #[must_use]
    pub const fn takes_events(&self) -> bool {
        self.events || matches!(self.kind, Kind::Eventlog)
    }

    /// Whether it takes what programs print to `stream`.
    #[must_use]
    pub fn takes(&self, stream: Stream) -> bool {
        self.kind != Kind::Eventlog && self.streams.iter().any(|name| Stream::from(*name) == stream)
    }
}

fn everything() -> Vec<Glob> {
    vec![Glob::any()]
}

fn both() -> Vec<StreamName> {
    vec![StreamName::Stdout, StreamName::Stderr]
}

const fn yes() -> bool {
    true
}

const fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}

const fn one_gib() -> Size {
    Size::mib(1024)
}

/// A level as text.
mod level {
    use abide_logs::Level;
    use serde::{Deserialize, Deserializer, de};

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Level>, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Some).map_err(|error: abide_logs::UnknownLevel| de::Error::custom(error))
    }
}

//! `[reload]` and `[debug]`: what a program can be told while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::probe::exactly_one;
use crate::{HttpRequest, Signal};

/// How the program is told to read its configuration again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "RawReload", into = "RawReload")]
pub enum Reload {
    /// A signal to the program (Unix).
    Signal(Signal),
    /// A command is run, with the environment of the program.
    Command(Vec<String>),
}

/// How the program's verbosity is changed by `abide debug NAME on` and `off`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DebugSwitch {
    /// What makes it verbose.
    pub on: Act,
    /// What makes it quiet again.
    pub off: Act,
}

/// One way to change a running program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "RawAct", into = "RawAct")]
pub enum Act {
    /// A signal to the program (Unix).
    Signal(Signal),
    /// A command is run, with the environment of the program.
    Command(Vec<String>),
    /// The program is restarted with these environment variables on top of its own.
    Env(BTreeMap<String, String>),
    /// A request to the program.
    Http(HttpRequest),
}

/// How the program is told to read its configuration again: by a signal or by a command.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Reload"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct RawReload {
    /// Send this signal to the program (Unix).
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<Signal>,
    /// Run this command, with the environment of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    command: Option<Vec<String>>,
}

/// One way to change a running program.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Act"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct RawAct {
    /// Send this signal to the program (Unix).
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<Signal>,
    /// Run this command, with the environment of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    command: Option<Vec<String>>,
    /// Restart the program with these environment variables on top of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<BTreeMap<String, String>>,
    /// Send this request to the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpRequest>,
}

impl TryFrom<RawReload> for Reload {
    type Error = String;
    fn try_from(raw: RawReload) -> Result<Self, String> {
        let mut found = Vec::new();
        found.extend(raw.signal.map(|signal| ("signal", Self::Signal(signal))));
        found.extend(raw.command.map(|command| ("command", Self::Command(command))));
        exactly_one("`reload`", "`signal` or `command`", found)
    }
}

impl From<Reload> for RawReload {
    fn from(reload: Reload) -> Self {
        match reload {
            Reload::Signal(signal) => Self { signal: Some(signal), ..Self::default() },
            Reload::Command(command) => Self { command: Some(command), ..Self::default() },
        }
    }
}

impl TryFrom<RawAct> for Act {
    type Error = String;
    fn try_from(raw: RawAct) -> Result<Self, String> {
        let mut found = Vec::new();
        found.extend(raw.signal.map(|signal| ("signal", Self::Signal(signal))));
        found.extend(raw.command.map(|command| ("command", Self::Command(command))));
        found.extend(raw.env.map(|env| ("env", Self::Env(env))));
        found.extend(raw.http.map(|request| ("http", Self::Http(request))));
        exactly_one("it", "`signal`, `command`, `env` or `http`", found)
    }
}

impl From<Act> for RawAct {
    fn from(act: Act) -> Self {
        match act {
            Act::Signal(signal) => Self { signal: Some(signal), ..Self::default() },
            Act::Command(command) => Self { command: Some(command), ..Self::default() },
            Act::Env(env) => Self { env: Some(env), ..Self::default() },
            Act::Http(request) => Self { http: Some(request), ..Self::default() },
        }
    }
}

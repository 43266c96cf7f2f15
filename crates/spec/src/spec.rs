//! The whole of what a service is.

use serde::{Deserialize, Serialize};

use crate::{
    Account, DebugSwitch, Duration, Family, Health, Limits, Logs, Name, Program, Register, Reload, Restart,
    Security, Start, Stop, StopStep, is_default,
};

/// A service: a program and everything Abide needs to know to run it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spec {
    /// The name of the service: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
    pub name: Name,
    /// The name shown in lists of the operating system. Default: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the service is for, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Settings whose loss is accepted where the operating system cannot honour them, such as `"limits.cpu"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
    /// What is run.
    pub program: Program,
    /// When it starts and when it counts as ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Start,
    /// Whose rights it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub account: Account,
    /// What happens when it ends by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restart: Restart,
    /// Whether it still works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<Health>,
    /// How it is ended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stop: Stop,
    /// How it is told to read its configuration again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<Reload>,
    /// How its verbosity is changed while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<DebugSwitch>,
    /// What becomes of its output.
    #[serde(default, skip_serializing_if = "is_default")]
    pub logs: Logs,
    /// How much of the machine it may use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// What it may touch besides its own folders.
    #[serde(default, skip_serializing_if = "is_default")]
    pub security: Security,
    /// What the fleet learns of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Register>,
}

impl Spec {
    /// A service with nothing set but its name and its command.
    pub fn minimal(name: Name, command: Vec<String>) -> Self {
        Self {
            name,
            display_name: None,
            description: None,
            accept: Vec::new(),
            program: Program::new(command),
            start: Start::default(),
            account: Account::default(),
            restart: Restart::default(),
            health: Vec::new(),
            stop: Stop::default(),
            reload: None,
            debug: None,
            logs: Logs::default(),
            limits: Limits::default(),
            security: Security::default(),
            register: None,
        }
    }

    /// The stop ladder on a family of operating systems; its last step is always `kill = "tree"`.
    pub fn effective_stop(&self, family: Family) -> Vec<StopStep> {
        self.stop.effective(family)
    }

    /// How long stopping can take: the sum of the waits of the ladder.
    pub fn stop_budget(&self, family: Family) -> Duration {
        self.stop.budget(family)
    }

    /// The name shown in lists: `display-name`, or else the name.
    pub fn shown_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(self.name.as_str())
    }
}

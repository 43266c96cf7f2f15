//! `[stop]`: how a program is ended.

use serde::{Deserialize, Serialize};

use crate::probe::exactly_one;
use crate::{Duration, Family, Signal};

/// How the program is ended: a ladder of steps, each firmer than the one before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Stop {
    /// The steps, taken one after the other until the program has ended. Without any: on Unix `TERM` and 10 s, on
    /// Windows `ctrl-c` and 10 s, `close-window` and 2 s. Every ladder ends with the death of the whole process tree.
    /// A `signal` is a step on Unix only and an `event` one on Windows only; if that leaves no step but kills for a
    /// family of systems, its default ladder is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StopStep>,
}

/// One step of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "RawStopStep", into = "RawStopStep")]
pub struct StopStep {
    /// What is done.
    pub action: StopAction,
    /// How long the program then has to end before the next step. Zero for a kill.
    pub wait: Duration,
    /// Only on this family of operating systems.
    pub on: Option<Family>,
}

/// What is done to end a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StopAction {
    /// A signal to the program (Unix).
    Signal(Signal),
    /// A console event or window message to the program (Windows).
    Event(ConsoleEvent),
    /// A command is run, with the environment of the program.
    Command(Vec<String>),
    /// The end, without a say of the program.
    Kill(KillScope),
}

/// How Windows programs are asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleEvent {
    /// As if Ctrl-C was pressed in its console.
    CtrlC,
    /// As if Ctrl-Break was pressed in its console.
    CtrlBreak,
    /// As if its windows were closed.
    CloseWindow,
}

/// What a kill reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KillScope {
    /// The program and all processes it started, and those they started.
    Tree,
    /// The program's first process alone.
    Program,
}

impl ConsoleEvent {
    /// The word used for it in a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CtrlC => "ctrl-c",
            Self::CtrlBreak => "ctrl-break",
            Self::CloseWindow => "close-window",
        }
    }
}

impl std::fmt::Display for StopAction {
    /// As it is told in events: `signal TERM`, `ctrl-c`, `command /srv/stop`, `kill tree`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Event(event) => f.write_str(event.as_str()),
            Self::Command(command) => write!(f, "command {}", command.first().map_or("", String::as_str)),
            Self::Kill(KillScope::Tree) => f.write_str("kill tree"),
            Self::Kill(KillScope::Program) => f.write_str("kill program"),
        }
    }
}

impl StopStep {
    /// Default of `wait`.
    pub const WAIT: Duration = Duration::from_secs(10);

    /// The end of every ladder.
    pub const KILL_TREE: Self =
        Self { action: StopAction::Kill(KillScope::Tree), wait: Duration::ZERO, on: None };

    /// A step for all systems on which its action exists.
    pub fn new(action: StopAction, wait: Duration) -> Self {
        Self { action, wait, on: None }
    }

    /// Whether this step is taken on a family of operating systems.
    pub fn applies_to(&self, family: Family) -> bool {
        let able = match self.action {
            StopAction::Signal(_) => family == Family::Unix,
            StopAction::Event(_) => family == Family::Windows,
            StopAction::Command(_) | StopAction::Kill(_) => true,
        };
        able && self.on.is_none_or(|on| on == family)
    }
}

impl Stop {
    /// The steps really taken on a family of operating systems. The last one is always `kill = "tree"`.
    pub fn effective(&self, family: Family) -> Vec<StopStep> {
        let is_kill = |step: &&StopStep| matches!(step.action, StopAction::Kill(_));
        let mut steps: Vec<StopStep> =
            self.steps.iter().filter(|step| step.applies_to(family)).cloned().collect();
        let asks = !steps.iter().all(|step| is_kill(&step));
        let asked_elsewhere = !self.steps.iter().all(|step| is_kill(&step));
        if self.steps.is_empty() || (!asks && asked_elsewhere) {
            steps = default_steps(family);
        }
        if steps.last().map(|step| &step.action) != Some(&StopAction::Kill(KillScope::Tree)) {
            steps.push(StopStep::KILL_TREE);
        }
        steps
    }

    /// How long the effective ladder can take: the sum of its waits.
    pub fn budget(&self, family: Family) -> Duration {
        Duration(
            self.effective(family)
                .iter()
                .fold(std::time::Duration::ZERO, |sum, step| sum.saturating_add(step.wait.0)),
        )
    }
}

fn default_steps(family: Family) -> Vec<StopStep> {
    match family {
        Family::Unix => vec![StopStep::new(StopAction::Signal(Signal::TERM), StopStep::WAIT)],
        Family::Windows => vec![
            StopStep::new(StopAction::Event(ConsoleEvent::CtrlC), StopStep::WAIT),
            StopStep::new(StopAction::Event(ConsoleEvent::CloseWindow), Duration::from_secs(2)),
        ],
    }
}

/// One step of the ladder: an action, how long to wait for the program to end, and where.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "StopStep"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct RawStopStep {
    /// Send this signal to the program (Unix).
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<Signal>,
    /// Send this console event or window message to the program (Windows).
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<ConsoleEvent>,
    /// Run this command, with the environment of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    command: Option<Vec<String>>,
    /// End the whole process tree, or the program's first process alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    kill: Option<KillScope>,
    /// How long the program then has to end before the next step. Not for `kill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<Duration>,
    /// Take this step only on this family of operating systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<Family>,
}

impl TryFrom<RawStopStep> for StopStep {
    type Error = String;

    fn try_from(raw: RawStopStep) -> Result<Self, String> {
        let mut found = Vec::new();
        found.extend(raw.signal.map(|signal| ("signal", StopAction::Signal(signal))));
        found.extend(raw.event.map(|event| ("event", StopAction::Event(event))));
        found.extend(raw.command.map(|command| ("command", StopAction::Command(command))));
        found.extend(raw.kill.map(|scope| ("kill", StopAction::Kill(scope))));
        let action = exactly_one("a stop step", "`signal`, `event`, `command` or `kill`", found)?;
        let wait = match (&action, raw.wait) {
            (StopAction::Kill(_), None) => Duration::ZERO,
            (StopAction::Kill(_), Some(_)) => {
                return Err("`wait` does not go with `kill`: nothing is left to wait for".to_owned());
            }
            (_, wait) => wait.unwrap_or(Self::WAIT),
        };
        match (&action, raw.on) {
            (StopAction::Signal(_), Some(Family::Windows)) => {
                Err("`signal` with on = \"windows\": Windows has no signals; use `event` or `command`"
                    .to_owned())
            }
            (StopAction::Event(_), Some(Family::Unix)) => {
                Err("`event` with on = \"unix\": Unix has no console events; use `signal` or `command`"
                    .to_owned())
            }
            _ => Ok(Self { action, wait, on: raw.on }),
        }
    }
}

impl From<StopStep> for RawStopStep {
    fn from(step: StopStep) -> Self {
        let mut raw = Self { on: step.on, ..Self::default() };
        if !matches!(step.action, StopAction::Kill(_)) {
            raw.wait = Some(step.wait).filter(|wait| *wait != StopStep::WAIT);
        }
        match step.action {
            StopAction::Signal(signal) => raw.signal = Some(signal),
            StopAction::Event(event) => raw.event = Some(event),
            StopAction::Command(command) => raw.command = Some(command),
            StopAction::Kill(scope) => raw.kill = Some(scope),
        }
        raw
    }
}

//! What the spec asks of the machine, as plain data.

use std::time::Duration;

use crate::Exit;

/// Everything of a spec that decides what the machine does.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Which ends of the program are followed by a restart.
    pub restart: RestartRule,
    /// How long to wait before a restart.
    pub delay: Delay,
    /// When to stop trying; `None` is never.
    pub give_up: Option<GiveUp>,
    /// How long the program must be up, and ready, for its failures to be forgotten in the delay.
    pub reset_after: Duration,
    /// The stop ladder. [`Machine::new`](crate::Machine::new) cuts it after the first [`StepKind::KillTree`] and
    /// appends one where there is none, so that it always ends.
    pub steps: Vec<Step>,
    /// The time a program has to become ready; `None` when it counts as ready once executed.
    pub ready_timeout: Option<Duration>,
    /// The health probes, in the spec's order.
    pub health: Vec<HealthRule>,
    /// What a reload is.
    pub reload: ReloadKind,
}

impl Default for Policy {
    /// What a spec without any setting asks for, on Unix.
    fn default() -> Self {
        Policy {
            restart: RestartRule::default(),
            delay: Delay::default(),
            give_up: Some(GiveUp::default()),
            reset_after: Duration::from_secs(60),
            steps: vec![
                Step { kind: StepKind::Ask, label: "signal TERM".to_owned(), wait: Duration::from_secs(10) },
                Step::kill_tree(),
            ],
            ready_timeout: None,
            health: Vec::new(),
            reload: ReloadKind::Unset,
        }
    }
}

/// Which ends of the program are followed by a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct RestartRule {
    /// The rule, where no override below speaks.
    pub when: When,
    /// Exit codes that mean success.
    pub success_codes: Vec<i32>,
    /// Exit codes after which to restart, whatever `when` says.
    pub always_codes: Vec<i32>,
    /// Exit codes after which not to restart, whatever `when` says. Stronger than `always_codes`.
    pub never_codes: Vec<i32>,
    /// Numbers of signals after which to restart, whatever `when` says.
    pub always_signals: Vec<i32>,
    /// Numbers of signals after which not to restart, whatever `when` says. Stronger than `always_signals`.
    pub never_signals: Vec<i32>,
}

impl Default for RestartRule {
    fn default() -> Self {
        RestartRule {
            when: When::OnFailure,
            success_codes: vec![0],
            always_codes: Vec::new(),
            never_codes: Vec::new(),
            always_signals: Vec::new(),
            never_signals: Vec::new(),
        }
    }
}

impl RestartRule {
    /// Whether `exit` is an end the program may have: with one of the success codes.
    pub fn is_success(&self, exit: &Exit) -> bool {
        matches!(exit, Exit::Code(code) if self.success_codes.contains(code))
    }

    /// Whether a program that ended with `exit` is to be restarted. `failed` tells whether that end counts as a
    /// failure, which even a success code is while the program is not ready yet.
    pub fn restarts_after(&self, exit: &Exit, failed: bool) -> bool {
        let (never, always) = match exit {
            Exit::Code(code) => (self.never_codes.contains(code), self.always_codes.contains(code)),
            Exit::Signal { number, .. } => {
                (self.never_signals.contains(number), self.always_signals.contains(number))
            }
            Exit::Unknown => (false, false),
        };
        if never {
            return false;
        }
        always || self.restarts_after_fault(failed)
    }

    /// Whether a restart follows a fault that is no end of the program: it could not be executed, or did not become
    /// ready in time (`failed` is true for those).
    pub fn restarts_after_fault(&self, failed: bool) -> bool {
        match self.when {
            When::Always => true,
            When::OnFailure => failed,
            When::Never => false,
        }
    }
}

/// The restart rule in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After every end.
    Always,
    /// After every end but a success.
    OnFailure,
    /// After none.
    Never,
}

/// How long to wait before a restart: `initial * factor^(failures - 1)`, at most `max`, then spread by `jitter`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// The first delay; zero restarts at once, always.
    pub initial: Duration,
    /// Growth from one failure to the next; 1 keeps the delay fixed.
    pub factor: f64,
    /// What the delay grows to, before jitter.
    pub max: Duration,
    /// Largest part of the delay, 0 to 1, that is randomly added or taken away.
    pub jitter: f64,
}

impl Default for Delay {
    fn default() -> Self {
        Delay { initial: Duration::from_millis(200), factor: 2.0, max: Duration::from_secs(60), jitter: 0.1 }
    }
}

/// When to stop trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiveUp {
    /// The end or failure of this number within the window is the last; at least 1.
    pub after: u32,
    /// The sliding window.
    pub within: Duration,
}

impl Default for GiveUp {
    fn default() -> Self {
        GiveUp { after: 10, within: Duration::from_secs(600) }
    }
}

/// One step of the stop ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the machine needs to know of it; the driver knows the rest by the step's index.
    pub kind: StepKind,
    /// The step in words, for the events: `signal TERM`, `ctrl-c`, `command /bin/drain`, `kill tree`.
    pub label: String,
    /// How long the program has to end before the next step. Not used for kills.
    pub wait: Duration,
}

impl Step {
    /// The step every ladder ends with.
    pub fn kill_tree() -> Self {
        Step { kind: StepKind::KillTree, label: "kill tree".to_owned(), wait: Duration::ZERO }
    }
}

/// What a step of the stop ladder is to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Asks the program to end: a signal, a console event, a command.
    Ask,
    /// Kills the program alone.
    KillProgram,
    /// Kills the whole tree.
    KillTree,
}

/// What follows when a health probe calls the program unhealthy.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthRule {
    /// The probe in words, for the events: `http http://127.0.0.1:9000/healthz`.
    pub label: String,
    /// Restart the program (true), or only report it (false).
    pub restart: bool,
}

/// What a reload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadKind {
    /// The spec has none.
    Unset,
    /// A signal or a command the driver runs.
    Act,
}

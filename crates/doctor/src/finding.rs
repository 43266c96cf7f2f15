//! What was found.

use serde::Serialize;

/// Something that is wrong, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Which fault it is: one of [`CATALOG`](crate::CATALOG), never renamed.
    pub id: &'static str,
    /// Where it was found.
    pub step: Step,
    /// How bad it is.
    pub severity: Severity,
    /// How likely it is the cause of what ails the service, from 0 to 100.
    pub likelihood: u8,
    /// What is wrong, in one line.
    pub title: String,
    /// What was seen that says so.
    pub evidence: Vec<String>,
    /// What to do next: commands where there are any, else a sentence.
    pub next: Vec<String>,
}

impl Finding {
    /// A fault: the service does not do what it is for.
    pub fn error(id: &'static str, step: Step, likelihood: u8, title: impl Into<String>) -> Self {
        Self::new(id, step, Severity::Error, likelihood, title)
    }

    /// Something that is or will become a fault.
    pub fn warning(id: &'static str, step: Step, likelihood: u8, title: impl Into<String>) -> Self {
        Self::new(id, step, Severity::Warning, likelihood, title)
    }

    /// Something worth knowing.
    pub fn note(id: &'static str, step: Step, title: impl Into<String>) -> Self {
        Self::new(id, step, Severity::Note, 0, title)
    }

    fn new(
        id: &'static str,
        step: Step,
        severity: Severity,
        likelihood: u8,
        title: impl Into<String>,
    ) -> Self {
        let title = title.into();
        Self { id, step, severity, likelihood, title, evidence: Vec::new(), next: Vec::new() }
    }

    /// The same with something that was seen.
    #[must_use]
    pub fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// The same with something that may have been seen.
    #[must_use]
    pub fn maybe_seen(mut self, evidence: Option<impl Into<String>>) -> Self {
        self.evidence.extend(evidence.map(Into::into));
        self
    }

    /// The same with something to do.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }

    /// The order in which findings are told: the worst first, the likeliest cause first among these.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        std::cmp::Reverse((self.severity, self.likelihood))
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It is, or will become, a fault.
    Warning,
    /// A fault.
    Error,
}

/// A step of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// What the service manager and the supervisor say.
    Manager,
    /// Whether the spec is valid, and is what runs.
    Spec,
    /// Whether the program runs, and how it ended.
    Program,
    /// What the program needs to be started: files, folders, accounts.
    Access,
    /// The ports it listens on.
    Ports,
    /// Whether it answers, and how.
    Health,
    /// The hosts that it speaks to.
    Peers,
    /// Room on the disks.
    Disk,
    /// Memory, processor, descriptors.
    Resources,
    /// The clock.
    Clock,
    /// What it printed.
    Logs,
}

impl Step {
    /// All steps, in the order in which they are taken.
    pub const ALL: [Self; 11] = [
        Self::Manager,
        Self::Spec,
        Self::Program,
        Self::Access,
        Self::Ports,
        Self::Health,
        Self::Peers,
        Self::Disk,
        Self::Resources,
        Self::Clock,
        Self::Logs,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Spec => "spec",
            Self::Program => "program",
            Self::Access => "access",
            Self::Ports => "ports",
            Self::Health => "health",
            Self::Peers => "peers",
            Self::Disk => "disk",
            Self::Resources => "resources",
            Self::Clock => "clock",
            Self::Logs => "logs",
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

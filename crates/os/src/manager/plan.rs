//! Plans: what would be changed on the machine, and what stands in the way.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use abide_spec::{Family, Name, Spec};
use serde::Serialize;

pub use crate::fs::Access;

use super::{Desired, Kind};

/// What would change on the machine. It can be shown, kept, and handed to `apply` of the manager that made it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The service.
    pub service: Name,
    /// For which service manager.
    pub backend: Kind,
    /// What differs, in the order in which it is made so. Empty when everything is as the spec says.
    pub changes: Vec<Change>,
    /// What there is to say about it: notes, warnings, and what makes it impossible.
    pub findings: Vec<Finding>,
    /// Every generated file and entry whole, changed or not.
    pub artifacts: Vec<Artifact>,
    /// What the plan was made from.
    #[serde(skip)]
    pub desired: Desired,
}

impl Plan {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether a finding of level error forbids applying it.
    #[must_use]
    pub fn blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }

    /// The findings of one level.
    pub fn findings(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.level == level)
    }
}

/// One difference between what is and what shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What is done.
    pub kind: ChangeKind,
    /// To what: "file /etc/systemd/system/orders.service", "service orders", "start at boot".
    pub target: String,
    /// The text as it is, where there is one.
    pub before: Option<String>,
    /// The text as it shall be, where there is one.
    pub after: Option<String>,
}

impl Change {
    /// A change that compares two texts; `None` when they are the same.
    #[must_use]
    pub fn between(target: String, before: Option<String>, after: Option<String>) -> Option<Self> {
        let kind = match (&before, &after) {
            (None, Some(_)) => ChangeKind::Create,
            (Some(_), None) => ChangeKind::Remove,
            (Some(before), Some(after)) if before != after => ChangeKind::Update,
            _ => return None,
        };
        Some(Self { kind, target, before, after })
    }

    /// A change that is an act: "enable at boot", "restart orders once".
    #[must_use]
    pub fn run(target: impl Into<String>) -> Self {
        Self { kind: ChangeKind::Run, target: target.into(), before: None, after: None }
    }
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Makes something new.
    Create,
    /// Makes something different.
    Update,
    /// Takes something away.
    Remove,
    /// Does something.
    Run,
}

/// Something to be said about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The setting it is about, as in the spec ("limits.cpu"), where it is about one.
    pub field: Option<String>,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Something worth knowing.
    #[must_use]
    pub fn note(field: impl Into<Option<&'static str>>, text: impl Into<String>) -> Self {
        Self::new(Level::Note, field.into().map(str::to_owned), text.into())
    }

    /// Something that will not be as the spec says.
    #[must_use]
    pub fn warning(field: impl Into<Option<&'static str>>, text: impl Into<String>) -> Self {
        Self::new(Level::Warning, field.into().map(str::to_owned), text.into())
    }

    /// Something that makes the plan impossible.
    #[must_use]
    pub fn error(field: impl Into<Option<&'static str>>, text: impl Into<String>) -> Self {
        Self::new(Level::Error, field.into().map(str::to_owned), text.into())
    }

    /// A finding about a setting whose name is made while running (`health[2].exec`).
    #[must_use]
    pub fn new(level: Level, field: Option<String>, text: String) -> Self {
        Self { level, field, text, hint: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.text)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Something will not be as the spec says, by the user's own leave or because the machine doesn't offer it.
    Warning,
    /// The plan can't be applied.
    Error,
}

/// Something that is generated for a service manager: a file, or a text that describes an entry of its own store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Artifact {
    /// Where it goes.
    pub target: Target,
    /// Its whole content; for entries one `key = value` a line, in a fixed order.
    pub content: String,
}

/// Where an artifact goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File {
        /// Absolute path.
        path: PathBuf,
        /// Who may read it.
        access: Access,
    },
    /// An entry in the service manager's own store, in words: "service orders", "registry key HKLM\…".
    Entry(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => write!(f, "file {}", path.display()),
            Self::Entry(text) => f.write_str(text),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the supervisor needs for itself when it stops a service, beyond the waits of the ladder: draining pipes,
/// waiting for a killed tree, writing its last state.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// What the supervisor needs for itself when it starts.
const START_MARGIN: Duration = Duration::from_secs(10);

/// How many attempts a start may take before the service manager loses patience.
const START_ATTEMPTS: u32 = 3;

pub(super) fn start_budget(spec: &Spec) -> Duration {
    let ready = spec.start.ready.as_ref().map_or(Duration::from_secs(10), |ready| ready.timeout.0);
    let delay = spec.restart.delay.max.0.min(Duration::from_secs(60));
    (ready + delay) * START_ATTEMPTS + START_MARGIN
}

pub(super) fn stop_budget(spec: &Spec, family: Family) -> Duration {
    spec.stop_budget(family).0 + STOP_MARGIN
}

/// The spec without what a running supervisor does not use: when only that differs, no restart is needed.
pub(crate) fn running_part(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    spec.start.mode = abide_spec::StartMode::Auto;
    spec.start.after.clear();
    spec.description = None;
    spec.display_name = None;
    spec.accept.clear();
    spec
}

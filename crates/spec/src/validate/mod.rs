//! What types alone cannot say: ranges, lists that must not be empty, settings that contradict each other.

mod life;
mod logs;
mod machine;
mod program;
mod texts;

use crate::Spec;
use crate::error::SpecError;
use crate::path::Path;

/// One thing that is wrong with a spec whose types are right.
#[derive(Debug)]
pub(crate) struct Issue {
    pub path: Path,
    pub message: String,
    pub hint: Option<String>,
    /// Other settings that take part: when one of them could not be read, there may be nothing wrong at all.
    pub involves: Vec<Path>,
    /// It is the key at the end of the path that is wrong, not its value.
    pub about_key: bool,
}

impl Issue {
    pub(crate) fn into_error(self) -> SpecError {
        SpecError::new(self.message, self.hint, self.path.to_string())
    }
}

/// All that is wrong with a spec.
pub(crate) fn issues(spec: &Spec) -> Vec<Issue> {
    let mut found = Findings::default();
    program::check(spec, &mut found);
    life::check(spec, &mut found);
    logs::check(&spec.logs, &mut found);
    machine::check(spec, &mut found);
    found.0
}

/// Collects what is wrong.
#[derive(Default)]
struct Findings(Vec<Issue>);

impl Findings {
    /// Adds an issue and gives it back for a hint.
    fn add(&mut self, path: Path, message: impl Into<String>) -> &mut Issue {
        self.0.push(Issue {
            path,
            message: message.into(),
            hint: None,
            involves: Vec::new(),
            about_key: false,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

impl Issue {
    fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    fn about_key(&mut self) -> &mut Self {
        self.about_key = true;
        self
    }

    fn involves(&mut self, paths: impl IntoIterator<Item = Path>) -> &mut Self {
        self.involves.extend(paths);
        self
    }
}

//! The two families of operating systems that a spec tells apart.

use serde::{Deserialize, Serialize};

/// A family of operating systems: they differ in how a program is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Linux, macOS and the BSDs: signals.
    Unix,
    /// Windows: console events and window messages.
    Windows,
}

impl Family {
    /// The family this code was built for.
    pub fn current() -> Self {
        if std::env::consts::FAMILY == "windows" { Self::Windows } else { Self::Unix }
    }

    /// The word used for it in a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Windows => "windows",
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

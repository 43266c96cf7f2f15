//! `[account]`: whose rights a program has.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::is_default;

/// Whose rights the program has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Account {
    /// `"least-privilege"` (an account of the service's own: a dynamic user on systemd, `NT SERVICE\NAME` on Windows),
    /// `"system"` (root, LocalSystem), `"local-service"` or `"network-service"` (Windows), or the name of a user.
    #[serde(skip_serializing_if = "is_default")]
    pub run_as: RunAs,
    /// Further groups the program belongs to (Unix).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// File holding the user's password (Windows). It is read when the spec is applied, and never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// The account a program runs under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RunAs {
    /// An account of the service's own, with no rights but to its own folders.
    #[default]
    LeastPrivilege,
    /// root, or LocalSystem on Windows.
    System,
    /// `NT AUTHORITY\LocalService` on Windows.
    LocalService,
    /// `NT AUTHORITY\NetworkService` on Windows.
    NetworkService,
    /// A user by name.
    User(String),
}

impl From<String> for RunAs {
    fn from(text: String) -> Self {
        match text.as_str() {
            "least-privilege" => Self::LeastPrivilege,
            "system" => Self::System,
            "local-service" => Self::LocalService,
            "network-service" => Self::NetworkService,
            _ => Self::User(text),
        }
    }
}

impl From<RunAs> for String {
    fn from(run_as: RunAs) -> Self {
        run_as.as_str().to_owned()
    }
}

impl RunAs {
    /// As a spec writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::LeastPrivilege => "least-privilege",
            Self::System => "system",
            Self::LocalService => "local-service",
            Self::NetworkService => "network-service",
            Self::User(name) => name,
        }
    }
}

impl std::fmt::Display for RunAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

//! Why something about a service did not work, and what to do next.

use std::error::Error as StdError;

use abide_os::manager::ManagerError;

/// Why something about a service did not work. The text says what failed, on what and why; [`Error::hint`] says what to
/// do next.
///
/// ```
/// let error = abide::Service::new("two words").install().unwrap_err();
/// assert!(matches!(error, abide::Error::Definition { .. }));
/// println!("error: {error}");
/// if let Some(hint) = error.hint() {
///     println!("hint: {hint}");
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service is not well defined: its name, a path, a time. Nothing was changed.
    #[error("{name} cannot be a service: {why}")]
    Definition {
        /// The service.
        name: String,
        /// What is wrong, with the setting it is about.
        why: String,
    },
    /// This machine or its service manager cannot give what the service asks for. Nothing was changed.
    #[error("{name} cannot be installed: {}", .findings.join("; "))]
    Refused {
        /// The service.
        name: String,
        /// Each reason, with the setting it is about and the nearest alternative.
        findings: Vec<String>,
    },
    /// The service is not installed.
    #[error("{name} is not installed")]
    NotInstalled {
        /// The service.
        name: String,
    },
    /// Something of that name is there that this library did not install.
    #[error("{name} is already installed by something else: {what}")]
    Foreign {
        /// The service.
        name: String,
        /// What was found.
        what: String,
    },
    /// This process lacks the right.
    #[error("{what} needs {needs}")]
    Privilege {
        /// What was tried.
        what: String,
        /// What is missing: "root", "an elevated prompt".
        needs: String,
    },
    /// It was not so in time; it may yet become so.
    #[error("{0}")]
    TimedOut(String),
    /// This machine has no service manager.
    #[error("there is no service manager here: {0}")]
    NoServiceManager(String),
    /// The service manager failed, or the service did: the text says which and why.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// What to do next, where there is something to say.
    ///
    /// ```
    /// let error = abide::Error::NotInstalled { name: "orders".into() };
    /// assert_eq!(error.hint().as_deref(), Some("install it first: `orders install`"));
    /// ```
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotInstalled { name } => format!("install it first: `{name} install`"),
            Self::Foreign { name, .. } => {
                format!("remove that `{name}` with the tool that made it, or give this service another name")
            }
            Self::Privilege { needs, .. } if needs.contains("root") => {
                "run it with `sudo`, or for yourself alone with `--user`".into()
            }
            Self::Privilege { .. } => "run it from an elevated prompt (\"Run as administrator\")".into(),
            Self::NoServiceManager(_) => "run it in the foreground: the program itself, or `run`".into(),
            Self::TimedOut(_) => "`status` tells how it goes on".into(),
            Self::Definition { .. } | Self::Refused { .. } | Self::Failed(_) => return None,
        })
    }

    /// The exit code for it, as the Linux Standard Base counts them for service scripts: 4 for a missing right, 5 for a
    /// service that is not installed, 6 for one that cannot be as it is defined, 75 for a time-out, else 1.
    ///
    /// ```
    /// assert_eq!(abide::Error::NotInstalled { name: "orders".into() }.exit_code(), 5);
    /// ```
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Privilege { .. } => 4,
            Self::NotInstalled { .. } => 5,
            Self::Definition { .. } | Self::Refused { .. } => 6,
            Self::TimedOut(_) => 75,
            Self::Foreign { .. } | Self::NoServiceManager(_) | Self::Failed(_) => 1,
        }
    }
}

impl From<ManagerError> for Error {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::Blocked { name, findings } => Self::Refused {
                name: name.as_str().to_owned(),
                findings: findings.iter().map(ToString::to_string).collect(),
            },
            ManagerError::NotInstalled { name } => Self::NotInstalled { name: name.as_str().to_owned() },
            ManagerError::Foreign { name, what } => Self::Foreign { name: name.as_str().to_owned(), what },
            ManagerError::NoPrivilege { what, needs } => Self::Privilege { what, needs: needs.to_string() },
            ManagerError::File { what, path, source }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                let needs = if cfg_windows() { "an elevated prompt" } else { "root" };
                Self::Privilege { what: format!("to {what} {}", path.display()), needs: needs.into() }
            }
            ManagerError::NoServiceManager { why } => Self::NoServiceManager(why),
            error @ ManagerError::TimedOut { .. } => Self::TimedOut(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

fn cfg_windows() -> bool {
    abide_spec::Family::current() == abide_spec::Family::Windows
}

/// An error with all its causes, on one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

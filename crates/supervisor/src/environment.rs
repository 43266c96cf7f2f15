//! The environment a program is given.
//!
//! In this order, later entries winning: what `inherit-env` lets through of the supervisor's own
//! environment; the `env-file`; `program.env`; the `env` of `abide debug`; what Abide itself sets.
//! Variables that a service manager means for the supervisor never reach the program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use abide_spec::{InheritEnv, Program};

/// Folders that the service manager made for the supervisor; the program is told of its own instead.
const OF_THE_SUPERVISOR: [&str; 4] =
    ["CREDENTIALS_DIRECTORY", "LOGS_DIRECTORY", "RUNTIME_DIRECTORY", "CONFIGURATION_DIRECTORY"];

/// Without these a Windows program cannot even load its libraries.
const ALWAYS_ON_WINDOWS: [&str; 4] = ["SystemRoot", "SystemDrive", "ComSpec", "windir"];

/// Why an environment could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// `program.env-file` cannot be read.
    #[error("the env-file {path} cannot be read: {source}; create it, or let the service's account read it")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// `program.env-file` is not of the form that is documented.
    #[error("the env-file {path} is not understood: {detail}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        detail: String,
    },
    /// A `${NAME}` has no value.
    #[error(transparent)]
    Expansion(#[from] abide_spec::expand::ExpandError),
}

/// Where an environment comes from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The spec's `[program]`.
    pub program: &'a Program,
    /// The env-file as this process can read it, when it is not where the spec says (a service
    /// manager can hand it over as a credential).
    pub env_file: Option<&'a Path>,
    /// The supervisor's own environment.
    pub inherited: Vec<(OsString, OsString)>,
    /// Added by `abide debug`.
    pub debug: &'a BTreeMap<String, String>,
    /// Set by Abide, such as `ABIDE_SERVICE`.
    pub own: Vec<(OsString, OsString)>,
}

/// Makes the whole environment of the program.
pub fn build(sources: Sources<'_>) -> Result<Vec<(OsString, OsString)>, EnvironmentError> {
    let windows = abide_spec::Family::current() == abide_spec::Family::Windows;
    let mut made = Environment { windows, entries: BTreeMap::new() };
    for (name, value) in sources.inherited {
        if inherits(&sources.program.inherit_env, &name, windows) {
            made.set(name, value);
        }
    }
    let file = match &sources.program.env_file {
        Some(stated) => read_file(stated, sources.env_file.unwrap_or(stated))?,
        None => Vec::new(),
    };
    let mut env = sources.program.env.clone();
    env.extend(sources.debug.clone());
    let expanded = abide_spec::expand::environment(|name| made.text(name), &file, &env)?;
    for (name, value) in expanded {
        made.set(name.into(), value.into());
    }
    for (name, value) in sources.own {
        made.set(name, value);
    }
    Ok(made.entries.into_values().collect())
}

fn read_file(stated: &Path, path: &Path) -> Result<Vec<(String, String)>, EnvironmentError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| EnvironmentError::File { path: stated.to_owned(), source })?;
    abide_spec::env_file::parse(&text)
        .map_err(|error| EnvironmentError::Syntax { path: stated.to_owned(), detail: error.to_string() })
}

fn inherits(policy: &InheritEnv, name: &OsStr, windows: bool) -> bool {
    let is = |other: &str| {
        if windows { name.eq_ignore_ascii_case(other) } else { name == OsStr::new(other) }
    };
    if abide_os::link::MANAGER_VARIABLES.iter().chain(&OF_THE_SUPERVISOR).any(|other| is(other)) {
        return false;
    }
    match policy {
        InheritEnv::All => true,
        InheritEnv::None => windows && ALWAYS_ON_WINDOWS.iter().any(|other| is(other)),
        InheritEnv::Only(names) => {
            names.iter().any(|other| is(other)) || windows && ALWAYS_ON_WINDOWS.iter().any(|other| is(other))
        }
    }
}

/// Variables by name; on Windows names that differ in case alone are one.
struct Environment {
    windows: bool,
    entries: BTreeMap<OsString, (OsString, OsString)>,
}

impl Environment {
    fn key(&self, name: &OsStr) -> OsString {
        if self.windows { name.to_ascii_uppercase() } else { name.to_owned() }
    }

    fn set(&mut self, name: OsString, value: OsString) {
        self.entries.insert(self.key(&name), (name, value));
    }

    fn text(&self, name: &str) -> Option<String> {
        self.entries.get(&self.key(OsStr::new(name))).map(|(_, value)| value.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(program: &Program, inherited: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entries = build(Sources {
            program,
            env_file: None,
            inherited: inherited.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            debug: &BTreeMap::from([("LEVEL".into(), "debug".into())]),
            own: vec![("ABIDE_SERVICE".into(), "orders".into())],
        });
        let text = |value: OsString| value.into_string().unwrap();
        entries.unwrap().into_iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn later_sources_win_and_what_is_the_supervisors_stays_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("env");
        std::fs::write(&file, "A=file\nB=${HOME}/b\n").unwrap();
        let mut program = Program::new(vec!["/bin/true".into()]);
        program.env_file = Some(file);
        program.env = [("A", "env-$$"), ("LEVEL", "info")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        let made = built(&program, &[("HOME", "/root"), ("NOTIFY_SOCKET", "/run/x"), ("A", "inherited")]);
        let expected = [
            ("A", "env-$"),
            ("ABIDE_SERVICE", "orders"),
            ("B", "/root/b"),
            ("HOME", "/root"),
            ("LEVEL", "debug"),
        ];
        assert_eq!(made, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn only_named_variables_are_inherited() {
        let mut program = Program::new(vec!["/bin/true".into()]);
        program.inherit_env = InheritEnv::Only(vec!["PATH".into()]);
        let made = built(&program, &[("PATH", "/bin"), ("SECRET", "x")]);
        assert!(made.contains_key("PATH") && !made.contains_key("SECRET"));
    }

    #[test]
    fn a_missing_env_file_is_named() {
        let mut program = Program::new(vec!["/bin/true".into()]);
        program.env_file = Some("/nowhere/.env".into());
        let sources = Sources {
            program: &program,
            env_file: None,
            inherited: vec![],
            debug: &BTreeMap::new(),
            own: vec![],
        };
        assert!(build(sources).unwrap_err().to_string().contains("/nowhere/.env"));
    }
}

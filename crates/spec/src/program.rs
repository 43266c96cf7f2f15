//! `[program]`: what is run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::is_default;

/// What is run, where and with which environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Program {
    /// The program and its arguments, one string each. They are passed on byte for byte: there is no shell in between,
    /// so no quoting, and no variables are expanded. A program without a folder in front of it is searched on `PATH`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub command: Vec<String>,
    /// The folder the program runs in. Default: the service's own state folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<PathBuf>,
    /// Environment variables. In a value `${NAME}` stands for another variable and `$$` for a dollar sign; all else is
    /// literal. A variable that is not set is an error.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// A file of `KEY=VALUE` lines that are set before `env`, so `env` wins. It is read at every start of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_file: Option<PathBuf>,
    /// Which variables the program inherits from the supervisor: `"all"`, `"none"`, or a list of names.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inherit_env: InheritEnv,
    /// Whether a supervisor stands between the service manager and the program. `false` is for programs that are
    /// services themselves (those built with the library `abide`, say): the service manager starts such a program
    /// directly, and what only a supervisor does (health checks, log files, stop ladders) is not to be had.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub supervised: bool,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

impl Program {
    /// A program with nothing set but its command.
    pub fn new(command: Vec<String>) -> Self {
        Self {
            command,
            working_dir: None,
            env: BTreeMap::new(),
            env_file: None,
            inherit_env: InheritEnv::All,
            supervised: true,
        }
    }
}

/// Which environment variables of the supervisor the program gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InheritEnv {
    /// All of them.
    #[default]
    All,
    /// None of them.
    None,
    /// Those of these names.
    Only(Vec<String>),
}

impl Serialize for InheritEnv {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::None => serializer.serialize_str("none"),
            Self::Only(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for InheritEnv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = InheritEnv;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"all\", \"none\" or a list of variable names")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<InheritEnv, E> {
                match text {
                    "all" => Ok(InheritEnv::All),
                    "none" => Ok(InheritEnv::None),
                    other => Err(E::unknown_variant(other, &["all", "none"])),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<InheritEnv, A::Error> {
                let mut only = Vec::new();
                while let Some(name) = names.next_element::<String>()? {
                    if name.is_empty() || name.contains(['=', '\0']) {
                        return Err(A::Error::custom(format!(
                            "{name:?} cannot be the name of an environment variable"
                        )));
                    }
                    only.push(name);
                }
                Ok(InheritEnv::Only(only))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// How `command[0]` names the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// From the root of the file system or of a drive: used as it is.
    Absolute,
    /// With a folder but not from the root: only `abide up` takes it, against the folder of the spec.
    Relative,
    /// No folder at all: searched on `PATH`.
    Bare,
}

impl CommandKind {
    /// Classifies `command[0]` by the rules of a family of operating systems.
    pub fn of(program: &str, family: crate::Family) -> Self {
        let windows = family == crate::Family::Windows;
        let separator = |c: char| c == '/' || (windows && c == '\\');
        let bytes = program.as_bytes();
        let drive = windows && bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
        if drive {
            // "C:tool.exe" is relative to the current folder of drive C.
            return if program[2..].starts_with(separator) { Self::Absolute } else { Self::Relative };
        }
        if windows {
            // "\\server\share\tool.exe" is absolute; "\tool.exe" hangs on the current drive.
            let mut chars = program.chars();
            return match (chars.next().map(separator), chars.next().map(separator)) {
                (Some(true), Some(true)) => Self::Absolute,
                _ if program.contains(separator) => Self::Relative,
                _ => Self::Bare,
            };
        }
        if program.starts_with('/') {
            Self::Absolute
        } else if program.contains('/') {
            Self::Relative
        } else {
            Self::Bare
        }
    }
}

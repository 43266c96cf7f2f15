//! Names of services.

use std::str::FromStr;

use crate::text_value::text_value;

/// The name of a service: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, not ending in a dot, and
/// not a device name of Windows. Such a name can be a file name, a unit name and a registry key on every system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text cannot be the name of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name cannot be empty")]
    Empty,
    /// More than 64 characters.
    #[error("name has {0} characters; at most {max} are allowed", max = Name::MAX)]
    TooLong(usize),
    /// The first character is not a letter or digit.
    #[error("name `{0}` must begin with a letter or digit (A-Z a-z 0-9)")]
    Beginning(String),
    /// A character outside of the allowed ones.
    #[error("name `{name}` contains {character:?}; allowed are A-Z a-z 0-9 . _ -")]
    Character {
        /// The whole name.
        name: String,
        /// The first offender.
        character: char,
    },
    /// Windows drops a trailing dot, so two names would be one.
    #[error("name `{0}` ends with a dot, which Windows would drop")]
    TrailingDot(String),
    /// Windows opens a device instead of a file of this name.
    #[error("name `{0}` is the name of a device on Windows and cannot be a file there")]
    Reserved(String),
}

impl Name {
    /// Most characters a name may have.
    pub const MAX: usize = 64;

    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), NameError> {
    let Some(first) = text.chars().next() else { return Err(NameError::Empty) };
    let length = text.chars().count();
    if length > Name::MAX {
        return Err(NameError::TooLong(length));
    }
    let bad = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if let Some(character) = text.chars().find(bad) {
        return Err(NameError::Character { name: text.to_owned(), character });
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::Beginning(text.to_owned()));
    }
    if text.ends_with('.') {
        return Err(NameError::TrailingDot(text.to_owned()));
    }
    if is_device(text) {
        return Err(NameError::Reserved(text.to_owned()));
    }
    Ok(())
}

/// `CON`, `nul.txt`, `Com1`: Windows looks at what stands before the first dot, without regard to case.
fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or(text).to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => match stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")) {
            Some(digit) => digit.len() == 1 && digit.as_bytes()[0].is_ascii_digit(),
            None => false,
        },
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

text_value!(Name, "a name");

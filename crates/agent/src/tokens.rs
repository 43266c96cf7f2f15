//! Who may speak to the agent over TCP: bearer tokens, each with a role. Only their hashes are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use abide_os::fs::Access;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::AgentError;

/// What every token begins with, so that people and scanners for secrets know one when they see it.
const PREFIX: &str = "abide_";

/// Bytes of chance in a token.
const BYTES: usize = 32;

/// What a caller may do. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Start, stop and restart as well.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no role; there are viewer, operator and admin"))
    }
}

/// What is known of a token. The token itself is told once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Known {
    /// What its holder may do.
    pub role: Role,
    /// When it was made: RFC 3339, UTC.
    pub created: String,
    /// When it ends to be one: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// SHA-256 of the token, in hexadecimal digits. A token is 256 bits of chance: nothing slower is needed.
    hash: String,
}

impl Known {
    /// Whether it is a token no more.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.as_ref().is_some_and(|expires| {
            // What cannot be read must not hold for ever.
            !expires.parse::<jiff::Timestamp>().is_ok_and(|expires| SystemTime::from(expires) > now)
        })
    }
}

/// The tokens of an agent, by the names that they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tokens {
    /// By name.
    pub known: BTreeMap<String, Known>,
}

/// Why a token was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    /// The name is taken.
    #[error("there is a token named `{0}` already")]
    Taken(String),
    /// The name will not do.
    #[error("`{0}` is no name for a token: 1 to 64 of A-Z a-z 0-9 . _ -")]
    Name(String),
    /// The operating system gives no chance.
    #[error("the operating system gives no random numbers: {0}")]
    Chance(String),
}

impl Tokens {
    /// Reads them; none where there is no file.
    pub fn read(path: &Path) -> Result<Self, AgentError> {
        let trouble = |why: String| AgentError::Tokens { path: PathBuf::from(path), why };
        match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| trouble(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(trouble(error.to_string())),
        }
    }

    /// Writes them for their owner alone, as a whole.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        abide_os::fs::atomic_write(path, &text, Access::Private)
    }

    /// Makes a token. It is answered here and kept nowhere.
    pub fn make(
        &mut self,
        name: &str,
        role: Role,
        now: SystemTime,
        expires: Option<SystemTime>,
    ) -> Result<String, NotMade> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            return Err(NotMade::Name(name.to_owned()));
        }
        if self.known.contains_key(name) {
            return Err(NotMade::Taken(name.to_owned()));
        }
        let mut chance = [0; BYTES];
        getrandom::fill(&mut chance).map_err(|error| NotMade::Chance(error.to_string()))?;
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(chance));
        let time = abide_supervisor::timestamp::rfc3339;
        let known = Known { role, created: time(now), expires: expires.map(time), hash: hash(&token) };
        self.known.insert(name.to_owned(), known);
        Ok(token)
    }

    /// Whose token it is, and what that may do. Takes the same time whatever is wrong with it.
    #[must_use]
    pub fn holder(&self, token: &str, now: SystemTime) -> Option<(&str, Role)> {
        let hash = hash(token);
        let mut found = None;
        for (name, known) in &self.known {
            if bool::from(known.hash.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some((name.as_str(), known));
            }
        }
        found.filter(|(_, known)| !known.has_expired(now)).map(|(name, known)| (name, known.role))
    }
}

fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        let now = SystemTime::now();
        let mut tokens = Tokens::read(&path).unwrap();
        let token = tokens.make("ci", Role::Operator, now, None).unwrap();
        tokens.write(&path).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(!kept.contains(token.trim_start_matches(PREFIX)), "{kept}");
        let read = Tokens::read(&path).unwrap();
        assert_eq!(read.holder(&token, now), Some(("ci", Role::Operator)));
        assert_eq!(read.holder(&token[..token.len() - 1], now), None);
        assert_eq!(read.holder("", now), None);
    }

    #[test]
    fn two_tokens_differ_and_names_are_taken_once() {
        let mut tokens = Tokens::default();
        let now = SystemTime::now();
        let one = tokens.make("a", Role::Viewer, now, None).unwrap();
        let other = tokens.make("b", Role::Admin, now, None).unwrap();
        assert_ne!(one, other);
        assert_eq!(tokens.make("a", Role::Viewer, now, None), Err(NotMade::Taken("a".into())));
        for name in ["", "a b", "a/b", &"x".repeat(65)] {
            assert_eq!(tokens.make(name, Role::Viewer, now, None), Err(NotMade::Name(name.into())));
        }
        assert_eq!(tokens.holder(&other, now), Some(("b", Role::Admin)));
    }

    #[test]
    fn a_token_ends() {
        let mut tokens = Tokens::default();
        let now = SystemTime::now();
        let token = tokens.make("a", Role::Viewer, now, Some(now + Duration::from_secs(60))).unwrap();
        assert!(tokens.holder(&token, now + Duration::from_secs(58)).is_some());
        assert_eq!(tokens.holder(&token, now + Duration::from_secs(61)), None);
        tokens.known.get_mut("a").unwrap().expires = Some("whenever".into());
        assert_eq!(tokens.holder(&token, now), None);
    }

    #[test]
    fn a_file_that_is_no_list_of_tokens_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        std::fs::write(&path, "{\"a\": 1").unwrap();
        assert!(Tokens::read(&path).unwrap_err().to_string().contains("tokens.json"));
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Admin > Role::Operator && Role::Operator > Role::Viewer);
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().contains("viewer"));
    }
}

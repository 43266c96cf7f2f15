//! Who this process is, who a service will run as, and how to say "do that again with more rights".

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

#[cfg(unix)]
use crate::unix::account as imp;
#[cfg(windows)]
use crate::windows::account as imp;

/// Whether this process may change the machine's services: root, or on Windows an elevated administrator.
#[must_use]
pub fn is_privileged() -> bool {
    imp::is_privileged()
}

/// The name of the account this process runs as.
pub fn current() -> io::Result<String> {
    imp::current()
}

/// An account of this machine as far as file permissions go. Unix only; Windows answers none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name it was looked up by.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// All of its groups, the first included.
    pub groups: Vec<u32>,
    /// Its home folder.
    pub home: PathBuf,
    /// What is written beside the name: whose account it is, in words.
    pub comment: String,
}

/// Looks an account up by name, in whatever directory the machine uses.
pub fn user(name: &str) -> io::Result<Option<User>> {
    #[cfg(unix)]
    return imp::user(name);
    #[cfg(not(unix))]
    {
        let _ = name;
        Ok(None)
    }
}

/// The id of a group by name. Unix only; Windows answers none.
pub fn group(name: &str) -> io::Result<Option<u32>> {
    #[cfg(unix)]
    return imp::group(name);
    #[cfg(not(unix))]
    {
        let _ = name;
        Ok(None)
    }
}

/// The command to type in order to run `arguments` (the program's name first) with the rights needed, quoted for the
/// shell people use there. On Windows it is to be typed at an elevated prompt.
#[must_use]
pub fn elevated_command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let words = arguments.into_iter().map(|word| quoted(&word.as_ref().to_string_lossy()));
    let line = words.collect::<Vec<_>>().join(" ");
    if cfg!(unix) { format!("sudo {line}") } else { line }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c) || (cfg!(windows) && c == '\\');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{}\"", word.replace('"', "\\\""))
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_is_not_invented() {
        let root = user("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        assert_eq!(user("no-such-account-here").unwrap(), None);
        assert_eq!(user("with\0nul").unwrap(), None);
        assert_eq!(group("no-such-group-here").unwrap(), None);
        assert!(!current().unwrap().is_empty());
    }

    #[test]
    fn the_command_to_repeat_survives_the_shell() {
        let line = elevated_command(["abide", "install", "a b", "--", "it's", "$HOME", ""]);
        assert_eq!(line, r"sudo abide install 'a b' -- 'it'\''s' '$HOME' ''");
    }
}

//! Checks that several sections share: commands, paths, environment names, lines of text.

use std::collections::BTreeSet;
use std::path::Path as FilePath;

use super::Findings;
use crate::path::Path;

/// A command that is run: a program and its arguments.
pub(super) fn command(found: &mut Findings, at: &Path, command: &[String]) {
    match command.first() {
        None => {
            found
                .add(at.clone(), "command is empty")
                .hint("name the program and its arguments, like [\"/srv/app/server\", \"--port\", \"9000\"]");
        }
        Some(program) if program.trim().is_empty() => {
            found
                .add(at.child(0), "the program of a command cannot be empty")
                .hint("its first string names the program");
        }
        Some(program) => backslashes(found, &at.child(0), program),
    }
    for (index, argument) in command.iter().enumerate().filter(|(_, argument)| argument.contains('\0')) {
        found.add(
            at.child(index),
            format!("argument {argument:?} contains a NUL byte, which no program can be given"),
        );
    }
}

/// A file or folder. Whether it exists is not asked here.
pub(super) fn file(found: &mut Findings, at: Path, path: &FilePath) {
    let text = path.as_os_str();
    if text.is_empty() {
        found.add(at, "a path cannot be empty").hint("leave the setting out if it is not needed");
    } else if text.as_encoded_bytes().contains(&0) {
        found.add(at, format!("path {path:?} contains a NUL byte"));
    } else {
        match path.to_str() {
            Some(text) => backslashes(found, &at, text),
            None => {
                found.add(at, format!("path {path:?} is not Unicode and cannot be written into a spec"));
            }
        }
    }
}

/// In "C:\new" the `\n` is a line break. No folder of Windows has one, so something else was meant.
fn backslashes(found: &mut Findings, at: &Path, path: &str) {
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if drive && path.contains(|c: char| c.is_control() && c != '\0') {
        found
            .add(at.clone(), format!("path {path:?} contains a line break or another control character"))
            .hint("in \"double quotes\" write \\\\ for a backslash, or use 'single quotes' for paths");
    }
}

/// Variables of the environment.
pub(super) fn env<'a>(
    found: &mut Findings,
    at: &Path,
    env: impl IntoIterator<Item = (&'a String, &'a String)>,
) {
    for (name, value) in env {
        let at = at.child(name.as_str());
        if name.is_empty() || name.contains(['=', '\0']) {
            found
                .add(at.clone(), format!("{name:?} cannot be the name of an environment variable"))
                .hint("a name is not empty and contains neither `=` nor NUL")
                .about_key();
        } else if name == "ABIDE_INSTANCE" || name == "NOTIFY_SOCKET" {
            found
                .add(at.clone(), format!("`{name}` is set by Abide itself"))
                .hint("choose another name")
                .about_key();
        }
        if value.contains('\0') {
            found
                .add(at, format!("the value of `{name}` contains a NUL byte, which no environment can hold"));
        }
    }
}

/// One line of text that people read.
pub(super) fn line(found: &mut Findings, at: Path, what: &str, text: &str, max: usize) {
    let length = text.chars().count();
    if text.trim().is_empty() {
        found.add(at, format!("{what} cannot be empty"));
    } else if text.chars().any(char::is_control) {
        found
            .add(at, format!("{what} contains a line break or another control character"))
            .hint("write it as one line");
    } else if length > max {
        found.add(at, format!("{what} has {length} characters; at most {max} are allowed"));
    }
}

/// Entries that must not occur twice.
pub(super) fn unique(found: &mut Findings, at: &Path, entries: &[String]) {
    let mut seen = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        if !seen.insert(entry) {
            found.add(at.child(index), format!("`{entry}` is there twice")).hint("remove one of them");
        }
    }
}

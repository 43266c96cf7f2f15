//! What the service managers have in common when they change a machine: locks, folders that services share, copies of
//! the supervisor, the comparison of what runs with what shall run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use abide_spec::{Family, Name, Spec};

use super::plan::running_part;
use super::supervisor::unused;
use super::{Finding, MARKER, ManagerError, stop_budget};
use crate::fs::{Lock, LockError, is_held, remove_file, sweep_beside};
use crate::paths::Layout;
use crate::resolve::open_to_others;

/// How many lines a definition may begin with before its marker (`#!/bin/sh`, the head of a property list).
const HEAD: usize = 3;

/// Whether the text of a definition is one of ours.
pub(crate) fn is_ours(text: &str) -> bool {
    text.lines().take(HEAD).any(|line| line.contains(MARKER))
}

/// A text file that may be missing or out of reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Missing,
    Hidden,
    There(String),
}

impl Text {
    pub(crate) fn read(path: &Path) -> Result<Self, ManagerError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::There(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Self::Missing),
                io::ErrorKind::PermissionDenied => Ok(Self::Hidden),
                _ => Err(ManagerError::File { what: "read", path: path.to_path_buf(), source: error }),
            },
        }
    }

    pub(crate) fn is_there(&self) -> bool {
        *self != Self::Missing
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::There(text) => Some(text),
            _ => None,
        }
    }

    /// The spec it is, if it is one of this version.
    pub(crate) fn spec(&self) -> Option<Spec> {
        Spec::parse(self.text()?).ok()
    }
}

/// The spec of an installed service, as far as it can be read.
pub(crate) fn installed_spec(layout: &Layout, name: &Name) -> Option<Spec> {
    Text::read(&layout.spec(name)).ok()?.spec()
}

/// How long a service may take to stop; a guess where its spec can't be read.
pub(crate) fn stop_patience(spec: Option<&Spec>, family: Family) -> Duration {
    spec.map_or(Duration::from_secs(90), |spec| stop_budget(spec, family))
}

impl From<Option<String>> for Text {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Missing, Self::There)
    }
}

/// What is in a folder; nothing when it is not there.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, ManagerError> {
    let fail = |source| ManagerError::File { what: "read folder", path: folder.to_path_buf(), source };
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(fail)).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(fail(error)),
    }
}

/// The services of which there is a spec. Specs are for root's eyes: nobody else is told of any.
pub(crate) fn with_specs(layout: &Layout) -> Result<Vec<Name>, ManagerError> {
    let specs = match list(&layout.specs) {
        Err(ManagerError::File { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            Vec::new()
        }
        listed => listed?,
    };
    let names = specs.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    Ok(names.filter_map(|path| stem(path)).collect())
}

/// The service that a file `NAME.something` is of.
pub(crate) fn stem(path: &Path) -> Option<Name> {
    Name::new(path.file_stem()?.to_str()?).ok()
}

/// Keeps every other Abide from changing the same service meanwhile.
pub(crate) fn lock(layout: &Layout, name: &Name) -> Result<Lock, ManagerError> {
    Lock::acquire(&layout.change_lock(name)).map_err(|error| match error {
        LockError::Held { pid, .. } => ManagerError::Busy { name: name.clone(), pid },
        LockError::Io { path, source } => ManagerError::File { what: "lock", path, source },
    })
}

/// Whether another service is being changed right now, which may count on a copy of the supervisor that no definition
/// names yet, or on a folder that is still empty.
pub(crate) fn others_are_changed(layout: &Layout, name: &Name) -> bool {
    let own = layout.change_lock(name);
    let locks = own.parent().map(list).and_then(Result::ok).unwrap_or_default();
    locks.into_iter().any(|path| path != own && is_held(&path))
}

/// Whoever can write to one of our folders can become root, so nothing is put there.
pub(crate) fn open_folder(layout: &Layout, folder: &Path, whose: &str) -> Option<Finding> {
    let there = folder.ancestors().find(|path| path.exists())?;
    let barrier = open_to_others(there)?;
    // What is above a moved layout is not ours to judge.
    if layout.root.as_ref().is_some_and(|root| !barrier.path.starts_with(root)) {
        return None;
    }
    let text = format!("{barrier}: whoever can write there could make {whose} do anything");
    Some(
        Finding::error(None, text)
            .with_hint(format!("`chown root {0} && chmod go-w {0}`", barrier.path.display())),
    )
}

/// Removes a file; true when there was one.
pub(crate) fn drop_file(path: &Path) -> Result<bool, ManagerError> {
    remove_file(path).map_err(|source| ManagerError::File {
        what: "remove",
        path: path.to_path_buf(),
        source,
    })
}

/// Removes a folder with all that is in it, or the link in its place; true when there was one.
pub(crate) fn drop_folder(path: &Path) -> Result<bool, ManagerError> {
    let outcome = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        // Windows removes a link to a folder as a folder.
        Ok(_) => fs::remove_file(path)
            .or_else(|error| if cfg!(windows) { fs::remove_dir(path) } else { Err(error) }),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(ManagerError::File { what: "remove", path: path.to_path_buf(), source }),
    }
}

/// Removes a folder unless something is in it.
pub(crate) fn drop_if_empty(folder: &Path) {
    // Fails, as it should, when something is in it.
    let _ = fs::remove_dir(folder);
}

/// Whether a definition names a copy of the supervisor.
pub(crate) fn names(definition: &str, copy: &Path) -> bool {
    copy.file_name().is_some_and(|file| definition.contains(&*file.to_string_lossy()))
}

/// Removes the copies of the supervisor that none of the texts names, and tells which.
pub(crate) fn drop_unused_supervisors<'a>(
    layout: &Layout,
    texts: impl Iterator<Item = &'a str> + Clone,
) -> Result<Vec<PathBuf>, ManagerError> {
    let mut gone = Vec::new();
    for copy in unused(layout, texts) {
        sweep_beside(&copy);
        if drop_executable(&copy)? {
            gone.push(copy);
        }
    }
    Ok(gone)
}

/// How long Windows may keep an executable that has just ended.
const LOCKED: Duration = Duration::from_secs(2);

/// Removes an executable. Windows locks one that has just ended for a moment, and tells nobody when it no longer does.
fn drop_executable(path: &Path) -> Result<bool, ManagerError> {
    let begun = Instant::now();
    loop {
        match drop_file(path) {
            Err(_) if cfg!(windows) && begun.elapsed() < LOCKED => {
                std::thread::sleep(Duration::from_millis(20))
            }
            outcome => return outcome,
        }
    }
}

/// Removes the folders that services share where nothing is in them any more.
pub(crate) fn drop_shared_folders(layout: &Layout) {
    for folder in [&layout.specs, &layout.lib, &layout.state, &layout.logs] {
        drop_if_empty(folder);
    }
    if let Some(folder) = layout.specs.parent() {
        drop_if_empty(folder);
    }
}

/// Whether a supervisor that runs by one spec would do something else by another. A spec that can't be read is another.
pub(crate) fn is_other_run(before: &str, after: &Spec) -> bool {
    Spec::parse(before).map_or(true, |before| running_part(&before) != running_part(after))
}

/// Whether a file was written after a moment.
pub(crate) fn is_newer(file: &Path, since: SystemTime) -> bool {
    file.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|written| written > since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_counts_in_the_head_alone() {
        assert!(is_ours(&format!("{MARKER}\n[Unit]\n")));
        assert!(is_ours(&format!("#!/bin/sh\n{MARKER}\n")));
        assert!(is_ours(&format!("<?xml?>\n<!DOCTYPE plist>\n<!-- {MARKER} -->\n")));
        assert!(!is_ours(&format!("a\nb\nc\n{MARKER}\n")));
        assert!(!is_ours(""));
    }

    #[test]
    fn folders_go_with_all_in_them_and_links_without() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("b"), "x").unwrap();
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&inner, &link).unwrap();
            assert!(drop_folder(&link).unwrap());
            assert!(inner.join("b").exists());
        }
        assert!(drop_folder(&inner).unwrap());
        assert!(!drop_folder(&inner).unwrap());
    }
}

//! Spec files: found, read, checked one by one and against each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abide_spec::{Name, Spec};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::services::absolute;

/// A spec with the file it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The file, absolute.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// What it says.
    pub spec: Spec,
}

impl Loaded {
    /// The folder that relative paths start from.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }
}

/// Reads the specs of files and folders (`*.toml` of a folder), in the order in which they start.
///
/// Every file that is wrong is told, not just the first.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Loaded>, Failure> {
    let mut loaded = Vec::new();
    let mut wrong = Vec::new();
    for file in files(paths)? {
        match read(&file) {
            Ok(spec) => loaded.push(spec),
            Err(failure) => wrong.push(failure),
        }
    }
    match wrong.len() {
        0 => in_order(loaded),
        1 => Err(wrong.remove(0)),
        // The frames of several files stand one below the other; each has its own hint.
        _ => {
            let texts: Vec<String> = wrong.into_iter().map(|failure| failure.error).collect();
            Err(Failure::new(Exit::BadSpec, texts.join("\n\nerror: ")))
        }
    }
}

/// The spec files named, and those in the folders named.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let path = absolute(path)?;
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let entries = std::fs::read_dir(&path)
            .map_err(|error| Failure::io(format!("the folder {} cannot be read", path.display()), &error))?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "toml") && file.is_file())
            .filter(|file| {
                file.file_name().is_none_or(|name| name != "Cargo.toml" && name != "pyproject.toml")
            })
            .collect();
        if found.is_empty() {
            return Err(Failure::new(Exit::BadSpec, format!("there is no spec in {}", path.display()))
                .hint("write one (`abide install --print NAME -- COMMAND…` makes a start), or name a file"));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn read(file: &Path) -> Result<Loaded, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure {
        exit: Exit::BadSpec,
        ..Failure::io(format!("the spec {} cannot be read", file.display()), &error)
    })?;
    let spec = Spec::from_bytes(&bytes).map_err(|errors| {
        let text = String::from_utf8_lossy(&bytes);
        let framed = errors.render(&shown(file), &text, false);
        Failure::new(Exit::BadSpec, framed.trim_start_matches("error: ").trim_end())
    })?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok(Loaded { file: file.to_owned(), text, spec })
}

/// The file as the user would name it.
fn shown(file: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| file.strip_prefix(here).ok().map(Path::to_owned))
        .unwrap_or_else(|| file.to_owned())
}

/// Refuses two specs of one name, and orders the rest by `start.after`.
fn in_order(loaded: Vec<Loaded>) -> Result<Vec<Loaded>, Failure> {
    let mut by_name: BTreeMap<Name, Loaded> = BTreeMap::new();
    for one in loaded {
        if let Some(other) = by_name.get(&one.spec.name) {
            let (name, first, second) = (&one.spec.name, other.file.display(), one.file.display());
            return Err(Failure::new(
                Exit::BadSpec,
                format!("two specs are named {name}: {first} and {second}"),
            )
            .hint("give one of them another name"));
        }
        by_name.insert(one.spec.name.clone(), one);
    }
    let specs: Vec<Spec> = by_name.values().map(|one| one.spec.clone()).collect();
    let order = abide_spec::order(&specs).map_err(|cycle| {
        Failure::new(Exit::BadSpec, cycle.to_string()).hint("take one of these `start.after` entries away")
    })?;
    Ok(order.iter().filter_map(|name| by_name.remove(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, name: &str, after: &str) {
        let text =
            format!("name = \"{name}\"\n[program]\ncommand = [\"/bin/true\"]\n[start]\nafter = [{after}]\n");
        std::fs::write(folder.join(file), text).unwrap();
    }

    fn load_folder(folder: &Path) -> Result<Vec<String>, Failure> {
        Ok(load(&[folder.to_owned()])?.into_iter().map(|one| one.spec.name.to_string()).collect())
    }

    #[test]
    fn a_folder_gives_its_specs_in_the_order_of_their_start() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.toml", "web", "\"db\", \"network.target\"");
        write(folder.path(), "b.toml", "db", "");
        assert_eq!(load_folder(folder.path()).unwrap(), ["db", "web"]);
    }

    #[test]
    fn two_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.toml", "web", "");
        write(folder.path(), "b.toml", "web", "");
        let failure = load_folder(folder.path()).unwrap_err();
        assert!(failure.error.contains("a.toml") && failure.error.contains("b.toml"), "{}", failure.error);
        assert_eq!(failure.exit, Exit::BadSpec);
    }

    #[test]
    fn a_cycle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.toml", "web", "\"db\"");
        write(folder.path(), "b.toml", "db", "\"web\"");
        let failure = load_folder(folder.path()).unwrap_err();
        assert!(failure.error.contains("web") && failure.error.contains("db"), "{}", failure.error);
    }

    #[test]
    fn an_empty_folder_says_how_to_begin() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load_folder(folder.path()).unwrap_err().hint.unwrap().contains("install --print"));
    }
}

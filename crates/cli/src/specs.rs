//! Spec files: found, read, checked one by one and against each other.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use abide_spec::{Errors, Name, Spec};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::BAD;
use crate::services::absolute;

/// The most that is read of a file, in bytes: much more than a spec may be, so that its size can be told.
const MOST: u64 = 64 << 20;

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

/// A spec file that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// It holds a valid spec.
    Good(Box<Loaded>),
    /// It does not, or cannot be read.
    Bad(Bad),
}

/// A spec file that is no good.
#[derive(Clone, Debug, PartialEq)]
pub struct Bad {
    /// The file, absolute.
    pub file: PathBuf,
    /// All that is wrong with its text; nothing where it could not be read.
    pub errors: Option<Errors>,
    /// The same for people.
    pub failure: Failure,
}

/// Reads the specs of files and folders (`*.toml` of a folder), in the order in which they start.
///
/// Every file that is wrong is told, not just the first.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Loaded>, Failure> {
    let (loaded, wrong) = split(read(paths)?);
    match refusal(wrong) {
        Some(failure) => Err(failure),
        None => in_order(loaded),
    }
}

/// The good and the bad.
pub fn split(read: Vec<Read>) -> (Vec<Loaded>, Vec<Bad>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for one in read {
        match one {
            Read::Good(loaded) => good.push(*loaded),
            Read::Bad(wrong) => bad.push(wrong),
        }
    }
    (good, bad)
}

/// One failure for all files that are wrong.
pub fn refusal(wrong: Vec<Bad>) -> Option<Failure> {
    let mut failures: Vec<Failure> = wrong.into_iter().map(|bad| bad.failure).collect();
    if failures.len() < 2 {
        return failures.pop();
    }
    // The frames of several files stand one below the other; each has its own hint.
    let frames: Vec<String> = failures
        .into_iter()
        .map(
            |failure| {
                if failure.framed { failure.error } else { format!("{BAD}error:{BAD:#} {}", failure.error) }
            },
        )
        .collect();
    Some(Failure::framed(Exit::BadSpec, frames.join("\n\n").trim_end()))
}

/// Reads the specs of files and folders, each by itself.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Read>, Failure> {
    Ok(files(paths)?.into_iter().map(read_one).collect())
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

fn read_one(file: PathBuf) -> Read {
    let bytes = match bytes_of(&file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let failure = Failure::io(format!("the spec {} cannot be read", shown(&file).display()), &error);
            let failure = match failure.exit {
                Exit::Permission => failure,
                _ => Failure { exit: Exit::BadSpec, ..failure },
            };
            return Read::Bad(Bad { file, errors: None, failure });
        }
    };
    match Spec::from_bytes(&bytes) {
        Ok(spec) => {
            // What parsed is UTF-8.
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Read::Good(Box::new(Loaded { file, text, spec }))
        }
        Err(errors) => {
            let text = String::from_utf8_lossy(&bytes);
            let frame = errors.render(&shown(&file), &text, true);
            let failure = Failure::framed(Exit::BadSpec, frame.trim_end());
            Read::Bad(Bad { file, errors: Some(errors), failure })
        }
    }
}

/// No more than shows that it is too much: not everything that can be named has an end.
fn bytes_of(file: &Path) -> std::io::Result<Vec<u8>> {
    let source = std::fs::File::open(file)?;
    let mut bytes = Vec::new();
    source.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file as the user would name it.
pub fn shown(file: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| file.strip_prefix(here).ok().map(Path::to_owned))
        .unwrap_or_else(|| file.to_owned())
}

/// Refuses two specs of one name, and orders the rest by `start.after`.
pub fn in_order(loaded: Vec<Loaded>) -> Result<Vec<Loaded>, Failure> {
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
    fn every_bad_file_is_told_and_the_good_ones_are_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.toml", "web", "");
        std::fs::write(folder.path().join("b.toml"), "nam = \"b\"\n").unwrap();
        std::fs::write(folder.path().join("c.toml"), b"name = \"\xff\"\n").unwrap();
        let (good, bad) = split(read(&[folder.path().to_owned(), folder.path().join("none.toml")]).unwrap());
        assert_eq!((good.len(), bad.len()), (1, 3));
        let failure = refusal(bad).unwrap();
        assert_eq!(failure.exit, Exit::BadSpec);
        for told in ["b.toml", "`name`", "c.toml", "UTF-8", "none.toml", "cannot be read"] {
            assert!(failure.error.contains(told), "{told}: {}", failure.error);
        }
    }

    #[test]
    fn an_empty_folder_says_how_to_begin() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load_folder(folder.path()).unwrap_err().hint.unwrap().contains("install --print"));
    }
}

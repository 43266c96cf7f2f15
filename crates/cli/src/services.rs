//! Where a service lives: installed on this machine, or run by an `abide up` in some folder.

use std::path::{Path, PathBuf};

use abide_os::manager::{self, ServiceManager};
use abide_os::paths::Layout;
use abide_spec::Name;
use abide_supervisor::Place;

use crate::args::Common;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where a service lives.
#[derive(Clone, Debug, PartialEq)]
pub enum Home {
    /// The machine's service manager runs it.
    Installed(Layout),
    /// An `abide up` runs or ran it.
    Project(Layout),
}

impl Home {
    /// The folders of one of its services.
    pub fn place(&self, name: &Name) -> Place {
        match self {
            Self::Installed(layout) | Self::Project(layout) => Place::of(layout, name),
        }
    }

    /// Finds the home of `name`: in `--dir`, else installed, else in the nearest folder upwards that
    /// an `abide up` has run it in.
    pub fn of(name: &Name, common: &Common) -> Result<Option<Self>, Failure> {
        if let Some(dir) = &common.dir {
            let layout = Layout::project(&absolute(dir)?);
            return Ok(layout.state_of(name).is_dir().then_some(Self::Project(layout)));
        }
        let system = Layout::system();
        if system.spec(name).exists() || installed().iter().any(|other| other == name) {
            return Ok(Some(Self::Installed(system)));
        }
        Ok(project().filter(|layout| layout.state_of(name).is_dir()).map(Self::Project))
    }

    /// As [`Self::of`], a service that is nowhere being a failure.
    pub fn required(name: &Name, common: &Common) -> Result<Self, Failure> {
        Self::of(name, common)?.ok_or_else(|| absent(name))
    }
}

/// There is no such service.
pub fn absent(name: &Name) -> Failure {
    let failure = Failure::new(Exit::NotInstalled, format!("{name} is not installed"));
    let known = known(None);
    let near = known.iter().min_by_key(|other| distance(other.as_str(), name.as_str()));
    match near.filter(|other| distance(other.as_str(), name.as_str()) <= 2) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure
            .hint(format!("`abide install {name} -- COMMAND…` makes it, `abide status` lists what there is")),
    }
}

/// The layout of the nearest folder upwards that an `abide up` has run in.
pub fn project() -> Option<Layout> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find(|folder| folder.join(".abide").is_dir()).map(Layout::project)
}

/// Every service that can be named here: installed ones, then those of the project.
pub fn known(dir: Option<&Path>) -> Vec<Name> {
    let mut names = if dir.is_some() { Vec::new() } else { installed() };
    let layout = match dir {
        Some(dir) => absolute(dir).ok().map(|dir| Layout::project(&dir)),
        None => project(),
    };
    for name in layout.iter().flat_map(|layout| folders(&layout.state)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The services installed on this machine; none where that cannot be told.
pub fn installed() -> Vec<Name> {
    let managed = manager::connect(None).ok().and_then(|manager| manager.installed().ok());
    managed.unwrap_or_default()
}

/// This machine's service manager.
pub fn manager() -> Result<Box<dyn ServiceManager>, Failure> {
    Ok(manager::connect(None)?)
}

fn folders(folder: &Path) -> Vec<Name> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<Name> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    names.sort();
    names
}

/// `path` from the root.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::io(path.display(), &error))
}

/// How many letters have to be changed to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = change.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("orders", "orders"), 0);
        assert_eq!(distance("order", "orders"), 1);
        assert_eq!(distance("ordres", "orders"), 2);
        assert_eq!(distance("", "web"), 3);
    }
}

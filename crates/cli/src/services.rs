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

    /// The spec file of one of its services.
    pub fn spec(&self, name: &str) -> PathBuf {
        let (Self::Installed(layout) | Self::Project(layout)) = self;
        layout.specs.join(format!("{name}.toml"))
    }

    /// The folder of the `abide up`, where it is one.
    pub fn project(&self) -> Option<PathBuf> {
        match self {
            Self::Installed(_) => None,
            // `DIR/.abide/state`
            Self::Project(layout) => layout.state.ancestors().nth(2).map(Path::to_owned),
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
        // Not everybody may see the spec; the service manager tells everybody.
        if system.spec(name).exists() || manager()?.status(name)?.managed_by_abide {
            return Ok(Some(Self::Installed(system)));
        }
        Ok(project().filter(|layout| layout.state_of(name).is_dir()).map(Self::Project))
    }

    /// As [`Self::of`], a service that is nowhere being a failure.
    pub fn required(name: &Name, common: &Common) -> Result<Self, Failure> {
        Self::of(name, common)?.ok_or_else(|| absent(name, common))
    }
}

/// There is no such service.
pub fn absent(name: &Name, common: &Common) -> Failure {
    let error = match &common.dir {
        Some(dir) => format!("no `abide up` has run {name} in {}", dir.display()),
        None => format!("{name} is not installed, and no `abide up` has run it here"),
    };
    let foreign = || manager().ok()?.status(name).ok().filter(|status| status.installed);
    if common.dir.is_none() && foreign().is_some() {
        return Failure::new(Exit::NotInstalled, format!("{name} is installed by something else than Abide"))
            .hint("use the tool that made it, or the service manager's own");
    }
    let failure = Failure::new(Exit::NotInstalled, error);
    let known = known(common.dir.as_deref());
    let near = known.iter().map(|(other, _)| (distance(other.as_str(), name.as_str()), other)).min();
    match near.filter(|(distance, _)| *distance <= 2 && *distance < name.as_str().len()) {
        Some((_, near)) => failure.hint(format!("did you mean `{near}`?")),
        None => failure
            .hint(format!("`abide install {name} -- COMMAND…` makes it, `abide status` lists what there is")),
    }
}

/// The layout of the nearest folder upwards that an `abide up` has run in.
pub fn project() -> Option<Layout> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find(|folder| folder.join(".abide").is_dir()).map(Layout::project)
}

/// Every service that can be named here: installed ones, then those of the project. What cannot be told
/// is left out.
pub fn known(dir: Option<&Path>) -> Vec<(Name, Home)> {
    let mut found = Vec::new();
    if dir.is_none() {
        let system = Home::Installed(Layout::system());
        found.extend(installed().into_iter().map(|name| (name, system.clone())));
    }
    let layout = match dir {
        Some(dir) => absolute(dir).ok().map(|dir| Layout::project(&dir)),
        None => project(),
    };
    if let Some(layout) = layout {
        for name in folders(&layout.state) {
            if found.iter().all(|(other, _)| *other != name) {
                found.push((name, Home::Project(layout.clone())));
            }
        }
    }
    found
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

/// The same, if this process may change services with it: asked before anything else is looked at.
pub fn changing_manager() -> Result<Box<dyn ServiceManager>, Failure> {
    let manager = manager()?;
    manager.may_change()?;
    Ok(manager)
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

//! Where a service lives: installed on this machine, or run by an `abide up` in some folder.

use std::path::{Path, PathBuf};

use abide_os::manager::{self, Scope, ServiceManager};
use abide_os::paths::Layout;
use abide_spec::{Name, Spec};
use abide_supervisor::Place;

use crate::error::{HostError, Kind};

/// Whose services are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// The machine's, or the user's own alone.
    pub scope: Scope,
    /// Those of the `abide up` in this folder alone.
    pub dir: Option<PathBuf>,
}

impl Whose {
    fn is_user(&self) -> bool {
        self.scope == Scope::User
    }
}

/// Where a service lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// The service manager of the machine, or of the user, runs it.
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
    pub fn of(name: &Name, whose: &Whose) -> Result<Option<Self>, HostError> {
        if let Some(dir) = &whose.dir {
            let layout = Layout::project(&absolute(dir)?);
            return Ok(layout.state_of(name).is_dir().then_some(Self::Project(layout)));
        }
        let installed = layout(whose.scope)?;
        // Not everybody may see the spec; the service manager tells everybody.
        if installed.spec(name).exists() || manager(whose.scope)?.status(name)?.managed_by_abide {
            return Ok(Some(Self::Installed(installed)));
        }
        if whose.is_user() {
            return Ok(None);
        }
        Ok(project().filter(|layout| layout.state_of(name).is_dir()).map(Self::Project))
    }

    /// Whose it is; nothing for what an `abide up` runs.
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Installed(layout) => Some(layout.scope),
            Self::Project(_) => None,
        }
    }

    /// The spec of one of its services, where it is there for this user to read.
    pub fn read_spec(&self, name: &Name) -> Option<Spec> {
        Spec::from_bytes(&std::fs::read(self.spec(name.as_str())).ok()?).ok()
    }

    /// Whether a service is known to run without a supervisor.
    pub fn is_direct(&self, name: &Name) -> bool {
        self.scope().is_some() && self.read_spec(name).is_some_and(|spec| !spec.program.supervised)
    }

    /// As [`Self::of`], a service that is nowhere being a failure.
    pub fn required(name: &Name, whose: &Whose) -> Result<Self, HostError> {
        Self::of(name, whose)?.ok_or_else(|| absent(name, whose))
    }
}

/// There is no such service.
pub fn absent(name: &Name, whose: &Whose) -> HostError {
    let error = match &whose.dir {
        Some(dir) => format!("no `abide up` has run {name} in {}", dir.display()),
        None if whose.is_user() => format!("{name} is none of your own services"),
        None => format!("{name} is not installed, and no `abide up` has run it here"),
    };
    let foreign = || manager(whose.scope).ok()?.status(name).ok().filter(|status| status.installed);
    if whose.dir.is_none() && foreign().is_some() {
        return HostError::new(
            Kind::NotInstalled,
            format!("{name} is installed by something else than Abide"),
        )
        .hint("use the tool that made it, or the service manager's own");
    }
    let failure = HostError::new(Kind::NotInstalled, error);
    let other = if whose.is_user() { Scope::System } else { Scope::User };
    if whose.dir.is_none() && installed(other).contains(name) {
        return failure.hint(if whose.is_user() {
            format!("{name} is a service of the machine: leave `--user` out")
        } else {
            format!("{name} is one of your own services: add `--user`")
        });
    }
    let known = known(whose);
    match abide_spec::nearest(name.as_str(), known.iter().map(|(other, _)| other.as_str())) {
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

/// Every service that the options mean: installed ones, those of the project, and the user's own. What cannot be told is
/// left out.
pub fn known(whose: &Whose) -> Vec<(Name, Home)> {
    match &whose.dir {
        Some(dir) => absolute(dir).map_or_else(|_| Vec::new(), |dir| of_project(&Layout::project(&dir))),
        None if whose.is_user() => of_scope(Scope::User),
        None => everywhere(),
    }
}

/// The services of one layout: the machine's, the user's own, or those of the `abide up` in a folder. What cannot be told is
/// left out.
pub fn only(whose: &Whose) -> Vec<(Name, Home)> {
    match &whose.dir {
        Some(_) => known(whose),
        None => of_scope(whose.scope),
    }
}

/// The folders in which services come and go: those of their specs and of their state.
pub fn roots(whose: &Whose) -> Vec<PathBuf> {
    let found = match &whose.dir {
        Some(dir) => absolute(dir).map(|dir| Layout::project(&dir)),
        None => layout(whose.scope),
    };
    found.map_or_else(|_| Vec::new(), |layout| vec![layout.specs, layout.state])
}

/// Every service that can be named here.
pub fn everywhere() -> Vec<(Name, Home)> {
    let mut found = of_scope(Scope::System);
    let project = project().map_or_else(Vec::new, |layout| of_project(&layout));
    let fresh: Vec<_> =
        project.into_iter().filter(|(name, _)| found.iter().all(|(other, _)| other != name)).collect();
    found.extend(fresh);
    found.extend(of_scope(Scope::User));
    found
}

fn of_scope(scope: Scope) -> Vec<(Name, Home)> {
    let Ok(layout) = layout(scope) else { return Vec::new() };
    let home = Home::Installed(layout);
    installed(scope).into_iter().map(|name| (name, home.clone())).collect()
}

fn of_project(layout: &Layout) -> Vec<(Name, Home)> {
    folders(&layout.state).into_iter().map(|name| (name, Home::Project(layout.clone()))).collect()
}

/// The services installed; none where that cannot be told.
fn installed(scope: Scope) -> Vec<Name> {
    let managed = manager::connect(None, scope).ok().and_then(|manager| manager.installed().ok());
    managed.unwrap_or_default()
}

/// Where what is installed lies.
pub fn layout(scope: Scope) -> Result<Layout, HostError> {
    Layout::of(scope)
        .map_err(|error| HostError::io("the folders of your own services cannot be told", &error))
}

/// The service manager of this machine, or of this user.
pub fn manager(scope: Scope) -> Result<Box<dyn ServiceManager>, HostError> {
    Ok(manager::connect(None, scope)?)
}

/// Why something that only a supervisor does is not to be had of a service, and where to look instead.
pub fn without_supervisor(name: &Name, home: &Home, what: &str) -> HostError {
    let failure = HostError::new(
        Kind::Failed,
        format!("{name} runs without a supervisor (`program.supervised`): {what}"),
    );
    match (manager::detect(), home.scope()) {
        (manager::Kind::Systemd, Some(Scope::User)) => {
            failure.hint(format!("`journalctl --user --unit {name}` shows what it says"))
        }
        (manager::Kind::Systemd, _) => failure.hint(format!("`journalctl --unit {name}` shows what it says")),
        (manager::Kind::Scm, _) => failure.hint("the Event Log has what it tells (`eventvwr`, Application)"),
        _ => failure.hint("the log of the system has what it tells (/var/log)"),
    }
}

fn folders(folder: &Path) -> Vec<Name> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<Name> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    names.sort();
    names
}

/// `path` from the root.
pub fn absolute(path: &Path) -> Result<PathBuf, HostError> {
    std::path::absolute(path).map_err(|error| HostError::io(path.display(), &error))
}

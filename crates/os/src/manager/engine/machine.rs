//! What is on this machine for a service, and how it differs from what shall be.

use std::path::PathBuf;
use std::time::Duration;

use abide_spec::{Family, Name, Spec, StartMode};

use super::Engine;
use super::state::State;
use crate::fs::Access;
use crate::manager::native::{Native, Seen};
use crate::manager::preflight::{self, Ground};
use crate::manager::shared::{self, Text};
use crate::manager::supervisor::{Copy, unused};
use crate::manager::{
    Artifact, Change, ChangeKind, Context, Desired, Finding, Kind, ManagerError, ManagerState, Plan, Scope,
    Target, accounts,
};
use crate::paths::Layout;
use crate::resolve::jit_runtime;

/// What is on this machine for a service.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) definition: Text,
    pub(super) spec: Text,
    /// Something of that name that Abide didn't make.
    pub(super) foreign: Option<String>,
    pub(super) seen: Seen,
    /// What the last supervisor said, where it may be read.
    pub(super) state: Option<State>,
}

impl Found {
    /// Whether there is a definition of ours.
    pub(super) fn is_ours(&self) -> bool {
        self.definition.text().is_some_and(shared::is_ours)
    }

    /// What the service does: as its supervisor says while there is one, else as the service manager sees it.
    pub(super) fn state(&self) -> ManagerState {
        match (&self.state, self.seen.state) {
            (Some(told), _) if told.is_alive() => told.now(),
            // The manager is about to start its supervisor again.
            (_, ManagerState::Starting) => ManagerState::Starting,
            // What was the last word of a supervisor that ended by itself.
            (Some(told), ManagerState::Stopped | ManagerState::Failed)
                if told.now() == ManagerState::Failed =>
            {
                ManagerState::Failed
            }
            (_, seen) => seen,
        }
    }

    /// Whether it runs, or is about to.
    pub(super) fn is_up(&self) -> bool {
        !matches!(self.state(), ManagerState::Stopped | ManagerState::Failed)
    }

    /// How long the installed service may take to stop.
    pub(super) fn own_stop_budget(&self, family: Family) -> Duration {
        shared::stop_patience(self.spec.spec().as_ref(), family)
    }
}

/// A plan and what it takes to make it so.
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) found: Found,
    pub(super) copy: Option<Copy>,
    pub(super) write: Vec<(PathBuf, Vec<u8>, Access)>,
    /// The account to make.
    pub(super) account: Option<String>,
    /// How it was started before, where the manager has to be told of a change.
    pub(super) register: Option<Registration>,
    pub(super) restart: bool,
    /// Files that this spec doesn't call for any more.
    pub(super) surplus: Vec<PathBuf>,
    /// Copies of the supervisor that nothing will use any more.
    pub(super) drop: Vec<PathBuf>,
}

/// A change of what the service manager knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registration {
    /// How it is known now; `None` where it isn't.
    pub(super) before: Option<StartMode>,
    pub(super) after: StartMode,
}

impl<N: Native> Engine<N> {
    pub(super) fn look(&self, name: &Name) -> Result<Found, ManagerError> {
        let path = self.native.definition(name);
        let definition = Text::read(&path)?;
        let foreign = match &definition {
            Text::Missing => self.native.elsewhere(name),
            // What nobody may read can't be one of ours.
            Text::Hidden => Some(format!("file {}", path.display())),
            Text::There(text) if !shared::is_ours(text) => Some(format!("file {}", path.display())),
            Text::There(_) => None,
        };
        Ok(Found {
            definition,
            spec: Text::read(&self.layout.spec(name))?,
            foreign,
            seen: self.native.look(name)?,
            state: State::read(&self.layout.state_of(name)),
        })
    }

    pub(super) fn work(&self, desired: &Desired) -> Result<Work, ManagerError> {
        let spec = &desired.spec;
        let name = &spec.name;
        let found = self.look(name)?;
        if let Some(what) = found.foreign {
            return Err(ManagerError::Foreign { name: name.clone(), what });
        }
        let mut findings = Vec::new();
        let copy = self.supervisor_copy(desired, &mut findings);
        let path = std::env::var_os("PATH");
        let context = Context {
            layout: self.layout.clone(),
            supervisor: copy
                .as_ref()
                .map_or_else(|| self.layout.lib.join("abide-supervisor"), |copy| copy.path.clone()),
            spec_text: desired.text.clone(),
            version: None,
            jit: jit_runtime(&spec.program.command, path.as_deref()).is_some(),
        };
        findings.extend(self.native.findings(spec, &context));
        findings.extend(preflight::findings(&Ground {
            kind: self.native.kind(),
            spec,
            hardening: None,
            running_unit: found.is_up().then(|| name.to_string()),
            path: path.as_deref(),
        }));
        let mut work = Work {
            plan: Plan {
                service: name.clone(),
                backend: self.native.kind(),
                changes: Vec::new(),
                findings,
                artifacts: whole(self.native.kind(), self.native.render(spec, &context), spec, &context),
                desired: desired.clone(),
            },
            found,
            copy,
            write: Vec::new(),
            account: None,
            register: None,
            restart: false,
            surplus: Vec::new(),
            drop: Vec::new(),
        };
        let mut folders = vec![self.layout.specs.as_path(), self.layout.lib.as_path()];
        let definition = self.native.definition(name);
        folders.extend(definition.parent());
        let open: Vec<_> = folders
            .into_iter()
            .filter_map(|folder| shared::open_folder(&self.layout, folder, self.native.kind().as_str()))
            .collect();
        work.plan.findings.extend(open);
        self.compare(&mut work)?;
        work.drop = self.unused_after(&work)?;
        work.plan.changes.extend(work.drop.iter().map(|path| Change {
            kind: ChangeKind::Remove,
            target: format!("file {}", path.display()),
            before: None,
            after: None,
        }));
        work.plan.findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        Ok(work)
    }

    fn supervisor_copy(&self, desired: &Desired, findings: &mut Vec<Finding>) -> Option<Copy> {
        if !desired.spec.program.supervised {
            return None;
        }
        match desired.supervisor_copy(&self.layout) {
            Ok(copy) => Some(copy),
            Err(finding) => {
                findings.push(finding);
                None
            }
        }
    }

    /// Finds what differs.
    fn compare(&self, work: &mut Work) -> Result<(), ManagerError> {
        let mut changes = Vec::new();
        if let Some(copy) = work.copy.as_ref().filter(|copy| !copy.present) {
            work.write.push((copy.path.clone(), copy.bytes.clone(), Access::Executable));
            let target = format!("file {}", copy.path.display());
            changes.extend(Change::between(target, None, Some(copy.summary())));
        }
        let spec = work.plan.desired.spec.clone();
        let spec_path = self.layout.spec(&spec.name);
        let mut running = false;
        for artifact in &work.plan.artifacts {
            let Target::File { path, access } = &artifact.target else {
                self.compare_account(&spec, artifact, &mut work.account, &mut changes);
                continue;
            };
            let before = Text::read(path)?;
            if before == Text::Hidden {
                let text =
                    format!("{} can only be compared by root; it is taken to be the same", path.display());
                work.plan.findings.push(Finding::note(None, text));
                continue;
            }
            let change = Change::between(
                artifact.target.to_string(),
                before.text().map(str::to_owned),
                Some(artifact.content.clone()),
            );
            if let Some(change) = change {
                // The spec is compared by what it means; what starts the supervisor by its text.
                running |= *path != spec_path;
                work.write.push((path.clone(), artifact.content.clone().into_bytes(), *access));
                changes.push(change);
            }
        }
        for path in self.native.optional(&spec.name) {
            let called_for = work.plan.artifacts.iter().any(
                |artifact| matches!(&artifact.target, Target::File { path: rendered, .. } if *rendered == path),
            );
            if !called_for && path.symlink_metadata().is_ok() {
                changes.extend(Change::between(
                    format!("file {}", path.display()),
                    Some(Text::read(&path)?.text().unwrap_or_default().to_owned()),
                    None,
                ));
                running = true;
                work.surplus.push(path);
            }
        }
        let other_run = match work.found.spec.text() {
            Some(before) => shared::is_other_run(before, &spec),
            None => work.found.spec != Text::Hidden,
        };
        let env_file = spec.program.env_file.as_deref();
        let env_file_changed =
            work.found.seen.since.zip(env_file).is_some_and(|(since, file)| shared::is_newer(file, since));
        let restart = work.found.is_up() && (running || other_run || env_file_changed);
        work.restart = restart && spec.start.mode != StartMode::Disabled;
        if restart && !work.restart {
            let text = "it runs on as it is until it is stopped; then it can't be started any more";
            work.plan.findings.push(Finding::note("start.mode", text));
        }
        self.compare_registration(work, &spec, running, &mut changes);
        if work.restart {
            changes.push(Change::run(format!("restart {} once", spec.name)));
        }
        work.plan.changes = changes;
        Ok(())
    }

    fn compare_account(
        &self,
        spec: &Spec,
        artifact: &Artifact,
        wanted: &mut Option<String>,
        changes: &mut Vec<Change>,
    ) {
        let Some(account) = account(self.native.kind(), spec, &self.layout) else { return };
        // Where it cannot be told, making it tells.
        if !accounts::exists(&account).unwrap_or(false) {
            changes.extend(Change::between(
                artifact.target.to_string(),
                None,
                Some(artifact.content.clone()),
            ));
            *wanted = Some(account);
        }
    }

    fn compare_registration(&self, work: &mut Work, spec: &Spec, changed: bool, changes: &mut Vec<Change>) {
        let wanted = spec.start.mode;
        let before = work.found.definition.is_there().then(|| {
            let installed = work.found.spec.spec();
            match (work.found.seen.at_boot, installed.map(|spec| spec.start.mode)) {
                (true, _) => StartMode::Auto,
                (false, Some(StartMode::Disabled)) => StartMode::Disabled,
                (false, _) => StartMode::Manual,
            }
        });
        let at_boot = |mode: StartMode| matches!(mode, StartMode::Auto | StartMode::Delayed);
        let is_at_boot = before.is_some_and(at_boot);
        let same_mode = before.is_some_and(|before| at_boot(before) == at_boot(wanted))
            && (wanted == StartMode::Disabled) == (before == Some(StartMode::Disabled));
        if !same_mode || changed {
            work.register = Some(Registration { before, after: wanted });
        }
        if is_at_boot != at_boot(wanted) {
            let word = |on: bool| Some(if on { "yes" } else { "no" }.to_owned());
            changes.push(Change {
                kind: ChangeKind::Update,
                target: "start at boot".into(),
                before: word(is_at_boot),
                after: word(at_boot(wanted)),
            });
        }
    }

    /// The copies of the supervisor that no definition of ours names once this one has changed.
    fn unused_after(&self, work: &Work) -> Result<Vec<PathBuf>, ManagerError> {
        if work.plan.changes.is_empty() {
            return Ok(Vec::new());
        }
        let changed = self.native.definition(&work.plan.service);
        let mut texts: Vec<String> =
            work.plan.artifacts.iter().map(|artifact| artifact.content.clone()).collect();
        let others = self.our_definitions()?.into_iter().filter(|(_, path, _)| *path != changed);
        texts.extend(others.map(|(_, _, text)| text));
        Ok(unused(&self.layout, texts.iter().map(String::as_str)))
    }
}

/// The account to make for a service. A user's own services run as that user.
pub(super) fn account(kind: Kind, spec: &Spec, layout: &Layout) -> Option<String> {
    accounts::own(kind, spec).filter(|_| layout.scope == Scope::System)
}

/// Everything that is made for a service: its account, its spec, the files that were rendered for its manager.
pub(in crate::manager) fn whole(
    kind: Kind,
    rendered: Vec<Artifact>,
    spec: &Spec,
    context: &Context,
) -> Vec<Artifact> {
    let mut artifacts = Vec::new();
    if let Some(account) = account(kind, spec, &context.layout) {
        artifacts.push(Artifact {
            target: Target::Entry(accounts::target(&account)),
            content: accounts::summary(&spec.name),
        });
    }
    artifacts.push(Artifact {
        target: Target::File { path: context.layout.spec(&spec.name), access: Access::Private },
        content: context.spec_text.clone(),
    });
    artifacts.extend(rendered);
    artifacts
}

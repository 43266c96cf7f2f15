//! What is on this machine for a service, and how it differs from what shall be.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::{Family, Name, Spec, StartMode};

use super::ground::env_file_finding;
use super::status::{PROPERTIES, state};
use super::systemctl::Properties;
use super::{Systemd, direct, findings, hardening, is_ours, unit, unit_of};
use crate::fs::Access;
use crate::manager::preflight::{self, Ground};
use crate::manager::shared::{self, Text, is_other_run};
use crate::manager::supervisor::{Copy, unused};
use crate::manager::{
    Artifact, Change, ChangeKind, Context, Desired, Finding, Kind, ManagerError, ManagerState, Plan, Scope,
    Target,
};
use crate::paths::{ENV_FILE_CREDENTIAL, SPEC_CREDENTIAL};
use crate::resolve::jit_runtime;

/// What is on this machine for a service.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The text of the unit in our folder.
    pub(super) unit: Option<String>,
    pub(super) spec: Text,
    /// The variables of a program that systemd starts directly.
    pub(super) variables: Text,
    /// The spec and the environment file as they were handed to the supervisor that runs now.
    running: [Text; 2],
    pub(super) properties: Properties,
}

impl Found {
    /// Whether there is a unit of ours.
    pub(super) fn is_ours(&self) -> bool {
        self.unit.as_deref().is_some_and(is_ours)
    }

    /// What systemd starts, in words.
    pub(super) fn who(&self) -> &'static str {
        let is_start = |line: &&str| line.starts_with("ExecStart=");
        let start = self.unit.as_deref().unwrap_or_default().lines().find(is_start);
        let supervised = start.is_none_or(|line| line.contains("/abide-supervisor"));
        if supervised { "the supervisor" } else { "the program" }
    }

    /// Whether systemd knows a unit of that name, or will when it next looks.
    pub(super) fn installed(&self) -> bool {
        self.unit.is_some() || self.foreign_unit().is_some()
    }

    /// A unit of that name that is not ours.
    pub(super) fn foreign_unit(&self) -> Option<String> {
        if self.is_ours() {
            return None;
        }
        let path = self.properties.text("FragmentPath");
        match self.properties.text("LoadState") {
            // A unit of ours that was removed while systemd still has it in memory is gone, not someone else's.
            "not-found" | "" if self.unit.is_none() => None,
            _ if self.unit.is_none() && !Path::new(path).exists() => None,
            _ => Some(format!("unit {path}")),
        }
    }

    pub(super) fn state(&self) -> ManagerState {
        state(&self.properties)
    }

    /// Whether it runs, or systemd is about to make it run.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state(), ManagerState::Running | ManagerState::Starting)
    }

    /// How long the installed service may take to stop.
    pub(super) fn own_stop_budget(&self) -> Duration {
        shared::stop_patience(self.spec.spec().as_ref(), Family::Unix)
    }

    fn starts_at_boot(&self) -> bool {
        self.properties.text("UnitFileState") == "enabled"
    }
}

/// A plan and what it takes to make it so.
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) found: Found,
    pub(super) copy: Option<Copy>,
    pub(super) write: Vec<(PathBuf, Vec<u8>, Access)>,
    /// Folders of the service that nobody makes but us.
    pub(super) folders: Vec<PathBuf>,
    /// Whether the user's services have to be let start at boot first.
    pub(super) linger: bool,
    pub(super) reload: bool,
    /// Whether it shall start at boot, when that differs from what is.
    pub(super) enable: Option<bool>,
    pub(super) restart: bool,
    /// A file that only programs without a supervisor need.
    pub(super) stale: Option<PathBuf>,
    /// Copies of the supervisor that nothing will use any more.
    pub(super) drop: Vec<PathBuf>,
}

impl Systemd {
    pub(super) fn look(&self, name: &Name) -> Result<Found, ManagerError> {
        let path = self.unit_path(name);
        let unit = match Text::read(&path)? {
            Text::Missing => None,
            // A unit that nobody may read can't be one of ours.
            Text::Hidden => Some(String::new()),
            Text::There(text) => Some(text),
        };
        let spec = Text::read(&self.layout.spec(name))?;
        let variables = Text::read(&unit::variables_file(&self.layout, name))?;
        // Where no systemd of the user runs, none of the user's services does.
        let properties = if self.systemctl.is_there() {
            self.systemctl.show(&unit_of(name), PROPERTIES)?
        } else {
            let enabled = self.boot_link(name).is_symlink();
            let word = if enabled { "enabled" } else { "disabled" };
            let known = if unit.is_some() { format!("UnitFileState={word}\n") } else { String::new() };
            Properties::read(&format!("ActiveState=inactive\n{known}"))
        };
        let running = [SPEC_CREDENTIAL, ENV_FILE_CREDENTIAL].map(|id| self.credential(name, id));
        Ok(Found { unit, spec, variables, running, properties })
    }

    /// What systemd handed to a service under a name, while it runs.
    fn credential(&self, name: &Name, id: &str) -> Text {
        let base = self.layout.run.parent().unwrap_or(Path::new("/"));
        Text::read(&base.join("credentials").join(unit_of(name)).join(id)).unwrap_or(Text::Hidden)
    }

    pub(super) fn make_plan(&self, desired: &Desired) -> Result<Plan, ManagerError> {
        Ok(self.work(desired)?.plan)
    }

    pub(super) fn work(&self, desired: &Desired) -> Result<Work, ManagerError> {
        let spec = &desired.spec;
        let name = &spec.name;
        let found = self.look(name)?;
        if let Some(what) = found.foreign_unit() {
            return Err(ManagerError::Foreign { name: name.clone(), what });
        }
        let mut findings = Vec::new();
        let copy = match desired.supervisor_copy(&self.layout) {
            _ if !spec.program.supervised => None,
            Ok(copy) => Some(copy),
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        let context = Context {
            layout: self.layout.clone(),
            supervisor: copy
                .as_ref()
                .map_or_else(|| self.layout.lib.join("abide-supervisor"), |copy| copy.path.clone()),
            spec_text: desired.text.clone(),
            version: self.version,
            jit: jit_runtime(&spec.program.command, self.path.as_deref()).is_some(),
        };
        findings.extend(findings::findings(spec, &context));
        let hardening = unit::effective(spec, context.jit, self.layout.scope);
        findings.extend(preflight::findings(&Ground {
            kind: Kind::Systemd,
            spec: &self.as_it_runs(spec),
            hardening: Some(hardening),
            running_unit: found.is_up().then(|| unit_of(name)),
            path: self.path.as_deref(),
        }));
        findings.extend(self.folder_findings());
        let linger = self.needs_linger(matches!(spec.start.mode, StartMode::Auto | StartMode::Delayed));
        if self.layout.scope == Scope::User {
            findings.extend(self.linger_findings(linger));
            findings.extend(self.user_findings(spec, hardening::needs_namespaces(&hardening)));
        }
        if !spec.program.supervised {
            findings.extend(env_file_finding(spec));
        }
        let artifacts = unit::render(spec, &context);
        let mut work = Work {
            plan: Plan {
                service: name.clone(),
                backend: Kind::Systemd,
                changes: Vec::new(),
                findings,
                artifacts,
                desired: desired.clone(),
            },
            found,
            copy,
            write: Vec::new(),
            folders: self.own_folders(spec, &context),
            linger,
            reload: false,
            enable: None,
            restart: false,
            stale: None,
            drop: Vec::new(),
        };
        work.compare(self);
        work.drop = self.unused_after(&work);
        work.plan.changes.extend(work.drop.iter().map(|path| Change {
            kind: ChangeKind::Remove,
            target: format!("file {}", path.display()),
            before: None,
            after: None,
        }));
        work.plan.findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        Ok(work)
    }

    /// Folders that neither systemd nor the supervisor could make in time.
    fn own_folders(&self, spec: &Spec, context: &Context) -> Vec<PathBuf> {
        if self.layout.scope == Scope::System {
            return Vec::new();
        }
        let mut folders = vec![self.layout.state_of(&spec.name), self.layout.logs_of(&spec.name)];
        if !spec.program.supervised {
            folders.push(direct::data_folder(spec, context));
        }
        folders.retain(|folder| !folder.is_dir());
        folders
    }

    /// The copies of the supervisor that no unit of ours names once this one has changed.
    fn unused_after(&self, work: &Work) -> Vec<PathBuf> {
        if work.plan.changes.is_empty() {
            return Vec::new();
        }
        let changed = self.unit_path(&work.plan.service);
        let mut texts: Vec<String> =
            work.plan.artifacts.iter().map(|artifact| artifact.content.clone()).collect();
        texts.extend(self.our_units().into_iter().filter(|(path, _)| *path != changed).map(|(_, text)| text));
        unused(&self.layout, texts.iter().map(String::as_str))
    }

    /// The units of ours, with their texts.
    pub(super) fn our_units(&self) -> Vec<(PathBuf, String)> {
        let units = super::list(&self.layout.units).unwrap_or_default();
        units
            .into_iter()
            .filter_map(|path| {
                let text = fs::read_to_string(&path).ok().filter(|text| is_ours(text))?;
                Some((path, text))
            })
            .collect()
    }
}

impl Work {
    /// Finds what differs.
    fn compare(&mut self, systemd: &Systemd) {
        let mut changes = Vec::new();
        if self.linger {
            changes.push(Change::run(systemd.linger_text()));
        }
        if let Some(copy) = self.copy.as_ref().filter(|copy| !copy.present) {
            self.write.push((copy.path.clone(), copy.bytes.clone(), Access::Executable));
            let target = format!("file {}", copy.path.display());
            changes.extend(Change::between(target, None, Some(copy.summary())));
        }
        for artifact in &self.plan.artifacts {
            let Target::File { path, access } = &artifact.target else { continue };
            let name = &self.plan.service;
            let before = match *access {
                Access::Private if *path == systemd.layout.spec(name) => &self.found.spec,
                Access::Private => &self.found.variables,
                _ => &Text::from(self.found.unit.clone()),
            };
            if *before == Text::Hidden {
                self.plan.findings.push(Finding::note(
                    None,
                    format!("{} can only be compared by root; it is taken to be the same", path.display()),
                ));
                continue;
            }
            let change = Change::between(
                artifact.target.to_string(),
                before.text().map(str::to_owned),
                Some(artifact.content.clone()),
            );
            if let Some(change) = change {
                self.write.push((path.clone(), artifact.content.clone().into_bytes(), *access));
                changes.push(change);
            }
        }
        let variables = unit::variables_file(&systemd.layout, &self.plan.service);
        let wanted =
            |artifact: &Artifact| matches!(&artifact.target, Target::File { path, .. } if *path == variables);
        if self.found.variables.is_there() && !self.plan.artifacts.iter().any(wanted) {
            changes.push(Change {
                kind: ChangeKind::Remove,
                target: format!("file {}", variables.display()),
                before: None,
                after: None,
            });
            self.stale = Some(variables);
        }
        self.restart = self.found.is_up() && self.matters(&changes);
        self.reload = self.found.properties.text("NeedDaemonReload") == "yes"
            || self.unit_artifact().is_some_and(|unit| self.found.unit.as_deref() != Some(&unit.content));
        self.start_at_boot(&mut changes);
        if self.reload {
            changes.push(Change::run("systemctl daemon-reload"));
        }
        if self.restart {
            changes.push(Change::run(format!("restart {} once", self.plan.service)));
        }
        self.plan.changes = changes;
    }

    fn unit_artifact(&self) -> Option<&Artifact> {
        self.plan
            .artifacts
            .iter()
            .find(|artifact| matches!(&artifact.target, Target::File { access: Access::Public, .. }))
    }

    fn start_at_boot(&mut self, changes: &mut Vec<Change>) {
        let wanted = matches!(self.plan.desired.spec.start.mode, StartMode::Auto | StartMode::Delayed);
        let now = self.found.unit.is_some() && self.found.starts_at_boot();
        if wanted == now {
            return;
        }
        self.enable = Some(wanted);
        let word = |on: bool| Some(if on { "yes" } else { "no" }.to_owned());
        let kind = ChangeKind::Update;
        changes.push(Change { kind, target: "start at boot".into(), before: word(now), after: word(wanted) });
    }

    /// Whether what runs now is not what shall run.
    fn matters(&self, changes: &[Change]) -> bool {
        let [spec, env_file] = &self.found.running;
        // Where the running one cannot be looked at, the installed one stands for it.
        let spec = if matches!(spec, Text::There(_)) { spec } else { &self.found.spec };
        let Text::There(spec) = spec else { return !changes.is_empty() };
        let Some(unit) = self.unit_artifact() else { return false };
        let section = |text: &str| text.split_once("\n[Service]").map(|(_, rest)| rest.to_owned());
        if self.found.unit.as_deref().and_then(section) != section(&unit.content)
            || self.is_other_supervisor()
        {
            return true;
        }
        if let (Text::There(before), Some(path)) = (env_file, &self.plan.desired.spec.program.env_file)
            && Text::read(path).is_ok_and(|now| now.text().is_some_and(|now| now != before))
        {
            return true;
        }
        is_other_run(spec, &self.plan.desired.spec)
    }

    /// Whether the supervisor that runs is known to be another than the one to run.
    fn is_other_supervisor(&self) -> bool {
        let pid = self.found.properties.text("MainPID");
        let running = fs::read_link(Path::new("/proc").join(pid).join("exe")).ok();
        let (Some(running), Some(copy)) = (running.as_deref().and_then(Path::file_name), &self.copy) else {
            return false;
        };
        // A replaced file's link ends in " (deleted)".
        let running = running.to_string_lossy();
        let ours = running.starts_with("abide-supervisor-");
        ours && copy
            .path
            .file_name()
            .is_some_and(|name| running.trim_end_matches(" (deleted)") != name.to_string_lossy())
    }
}

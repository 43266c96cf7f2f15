//! What is on this machine for a service, and how it differs from what shall be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use abide_spec::{Name, RunAs, Spec};
use windows_sys::Win32::Foundation::ERROR_ACCESS_DENIED;
use windows_sys::Win32::System::Services::{SC_MANAGER_CONNECT, SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS};

use super::calls::{Manager, Observed, Status};
use super::registry::{self, Source};
use super::{Scm, account_sid, failed, started, state_of};
use crate::manager::preflight::{self, Ground};
use crate::manager::scm::{self, Entry, Setting, SidType, StartType};
use crate::manager::shared::{Text, is_newer, is_other_run};
use crate::manager::supervisor::{Copy, unused};
use crate::manager::{
    Access, Change, ChangeKind, Context, Desired, Finding, Kind, ManagerError, ManagerState, Plan, Target,
};
use crate::windows::security::Sid;
use crate::windows::sys::is;
use crate::windows::{access, job};

/// The spec that was applied last, in the service's state folder: what a supervisor runs with that is older than the
/// installed spec, which anybody with the right may edit in place.
pub(super) const APPLIED: &str = "applied.toml";

/// What is on this machine for a service.
#[derive(Debug)]
pub(super) struct Found {
    name: Name,
    pub(super) observed: Option<Observed>,
    pub(super) status: Option<Status>,
    pub(super) spec: Text,
    /// What the supervisor that runs now has read, where that is known.
    running: Text,
    pub(super) source: Source,
}

impl Found {
    /// Whether the SCM knows a service of ours by this name.
    pub(super) fn is_ours(&self) -> bool {
        self.observed.as_ref().is_some_and(|found| found.entry.is_ours(self.name.as_str()))
    }

    /// A service of that name that is not ours.
    pub(super) fn foreign(&self) -> Option<String> {
        let observed = self.observed.as_ref().filter(|_| !self.is_ours())?;
        Some(format!("service {}, which runs {}", self.name, observed.entry.image_path))
    }

    pub(super) fn state(&self) -> ManagerState {
        self.status.as_ref().map_or(ManagerState::Stopped, state_of)
    }

    /// Whether it runs, or is about to.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state(), ManagerState::Running | ManagerState::Starting | ManagerState::Paused)
    }

    /// Why nothing is done to a name that has no service of ours.
    pub(super) fn not_ours(&self) -> ManagerError {
        let name = self.name.clone();
        match self.foreign() {
            Some(what) => ManagerError::Foreign { name, what },
            None => ManagerError::NotInstalled { name },
        }
    }
}

/// A plan and what it takes to make it so.
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) found: Found,
    pub(super) entry: Entry,
    /// What was there, as far as it can be told; `None`: the service is to be made.
    pub(super) before: Option<Entry>,
    /// The settings to change, when the service is there.
    pub(super) settings: Vec<Setting>,
    pub(super) files: Vec<(PathBuf, Vec<u8>, Access)>,
    pub(super) copy: Option<Copy>,
    /// The service's own folders.
    pub(super) folders: Vec<PathBuf>,
    /// The SID to which those and the spec are opened.
    pub(super) sid: Option<String>,
    /// Whether the access lists are to be set: the service is made, or gets another account.
    pub(super) open_up: bool,
    pub(super) register_source: bool,
    pub(super) restart: bool,
    /// Copies of the supervisor that nothing will use any more.
    pub(super) drop: Vec<PathBuf>,
}

impl Scm {
    pub(super) fn look(&self, name: &Name) -> Result<Found, ManagerError> {
        let fail = |error: io::Error| failed("asking the service control manager", &error);
        let manager = Manager::open(SC_MANAGER_CONNECT).map_err(fail)?;
        let service = match manager.service(name.as_str(), SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS) {
            Err(error) if is(&error, ERROR_ACCESS_DENIED) => {
                let what = format!("looking at service {name}");
                return Err(ManagerError::NoPrivilege { what, needs: "an elevated prompt" });
            }
            other => other.map_err(fail)?,
        };
        let (observed, status) = match &service {
            Some(service) => (Some(service.observe().map_err(fail)?), Some(service.status().map_err(fail)?)),
            None => (None, None),
        };
        let spec = Text::read(&self.layout.spec(name))?;
        let running = match status.as_ref().and_then(|status| started(status.pid)) {
            // It read the file as it is now, or it is older than the file and runs with what was applied then.
            Some(since) if is_newer(&self.layout.spec(name), since) => {
                Text::read(&self.layout.state_of(name).join(APPLIED)).unwrap_or(Text::Hidden)
            }
            _ => spec.clone(),
        };
        Ok(Found {
            name: name.clone(),
            observed,
            status,
            spec,
            running,
            source: registry::source(name.as_str())
                .map_err(|error| failed("reading the registry", &error))?,
        })
    }

    pub(super) fn work(&self, desired: &Desired) -> Result<Work, ManagerError> {
        let spec = &desired.spec;
        let found = self.look(&spec.name)?;
        if let Some(what) = found.foreign() {
            return Err(ManagerError::Foreign { name: spec.name.clone(), what });
        }
        let mut findings = Vec::new();
        let copy = match desired.own_supervisor().map(|source| (source, Copy::of(source, &self.layout))) {
            Some((_, Ok(copy))) => Some(copy),
            Some((source, Err(error))) => {
                findings.push(
                    Finding::error(None, format!("cannot read {}: {error}", source.display()))
                        .with_hint("`abide-supervisor.exe` belongs beside `abide.exe`; install both again"),
                );
                None
            }
            None if spec.program.supervised => {
                findings.push(
                    Finding::error("program.supervised", "there is no supervisor to install")
                        .with_hint("install it with `abide`, which has one"),
                );
                None
            }
            None => None,
        };
        let context = Context {
            layout: self.layout.clone(),
            supervisor: copy
                .as_ref()
                .map_or_else(|| self.layout.lib.join("abide-supervisor.exe"), |copy| copy.path.clone()),
            spec_text: desired.text.clone(),
            version: None,
            jit: false,
        };
        findings.extend(scm::findings(spec, &context));
        findings.extend(preflight::findings(&Ground {
            kind: Kind::Scm,
            spec,
            hardening: None,
            running_unit: found.is_up().then(|| spec.name.to_string()),
            path: self.path.as_deref(),
        }));
        let sid =
            account_sid(spec).unwrap_or_else(|error| {
                findings.push(Finding::error("account.run-as", error.to_string()).with_hint(
                    "create it, or leave `account.run-as` out for an account of the service's own",
                ));
                None
            });
        self.look_at_machine(spec, &mut findings);
        let entry = Entry::of(spec, &context);
        let before = found.observed.as_ref().map(|observed| known(observed, &found, &entry, &context));
        let mut work = Work {
            plan: Plan {
                service: spec.name.clone(),
                backend: Kind::Scm,
                changes: Vec::new(),
                findings,
                artifacts: scm::render(spec, &context),
                desired: desired.clone(),
            },
            folders: scm::own_folders(spec, &context).to_vec(),
            found,
            entry,
            before,
            settings: Vec::new(),
            files: Vec::new(),
            copy,
            sid,
            open_up: false,
            register_source: false,
            restart: false,
            drop: Vec::new(),
        };
        work.compare();
        self.tell_untold(&mut work);
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

    /// What stands against the service on this machine, apart from its own program.
    fn look_at_machine(&self, spec: &Spec, findings: &mut Vec<Finding>) {
        let folders =
            [&self.layout.specs, &self.layout.state, &self.layout.logs, &self.layout.run, &self.layout.lib];
        let above = folders.iter().filter_map(|folder| folder.parent());
        let mut seen: Vec<&Path> = folders.iter().map(|folder| folder.as_path()).chain(above).collect();
        seen.sort_unstable();
        seen.dedup();
        for folder in seen.into_iter().filter(|folder| folder.exists() && folder.ends_with_abide()) {
            if let Some(trouble) = not_safe(folder) {
                findings.push(
                    Finding::error(
                        None,
                        format!("{} {trouble}, who could change what services do", folder.display()),
                    )
                    .with_hint("move it away; Abide makes a new one that only administrators can change"),
                );
            }
        }
        if spec.limits.cpu.is_some() && !job::limits_processors() {
            findings
                .push(Finding::warning("limits.cpu", "this Windows does not offer to limit processor time"));
        }
        if let Ok(manager) = Manager::open(SC_MANAGER_CONNECT) {
            for name in &spec.start.after {
                if let Ok(None) = manager.service(name, SERVICE_QUERY_STATUS) {
                    findings.push(
                        Finding::warning("start.after", format!("there is no service `{name}` yet"))
                            .with_hint("without it this service does not start"),
                    );
                }
            }
        }
        if let (RunAs::User(_), Some(file)) = (&spec.account.run_as, &spec.account.password_file)
            && let Err(error) = fs::File::open(file)
        {
            findings.push(Finding::error(
                "account.password-file",
                format!("cannot read {}: {error}", file.display()),
            ));
        }
    }

    /// Tells the settings that this SCM can't be asked for.
    fn tell_untold(&self, work: &mut Work) {
        let untold = match &work.found.observed {
            Some(observed) => observed.untold.clone(),
            // Any service shows what this SCM can be asked for.
            None => Manager::open(SC_MANAGER_CONNECT)
                .and_then(|manager| manager.service("EventLog", SERVICE_QUERY_CONFIG))
                .ok()
                .flatten()
                .and_then(|service| service.observe().ok())
                .map(|observed| observed.untold)
                .unwrap_or_default(),
        };
        let entry = &work.entry;
        let wanted = |setting: &Setting| match setting {
            Setting::Delayed => entry.delayed,
            Setting::SidType => entry.sid_type != SidType::None,
            Setting::Privileges => entry.privileges.is_some(),
            Setting::FailuresWithoutCrash => entry.failures_without_crash,
            Setting::FailureActions => !entry.failure.actions.is_empty(),
            _ => true,
        };
        // Those two can be set where they can't be asked for.
        let (set, lost): (Vec<Setting>, Vec<Setting>) = untold
            .into_iter()
            .filter(wanted)
            .partition(|setting| matches!(setting, Setting::FailureActions | Setting::PreshutdownTimeout));
        let names =
            |settings: &[Setting]| settings.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
        if !lost.is_empty() {
            work.plan
                .findings
                .push(Finding::warning(None, format!("this SCM does not offer {}", names(&lost))));
        }
        if !set.is_empty() {
            let text = format!("this SCM does not tell {}, which can be set but not compared", names(&set));
            work.plan.findings.push(Finding::note(None, text));
        }
    }

    /// The copies of the supervisor that no service of ours runs once this one has changed.
    fn unused_after(&self, work: &Work) -> Vec<PathBuf> {
        if work.plan.changes.is_empty() {
            return Vec::new();
        }
        let Ok(ours) = self.our_services() else { return Vec::new() };
        let others = ours.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(work.plan.service.as_str()));
        let texts: Vec<&str> = others
            .map(|(_, image_path)| image_path.as_str())
            .chain([work.entry.image_path.as_str()])
            .collect();
        unused(&self.layout, texts.iter().copied())
    }
}

/// What was there, with what this SCM does not tell taken from the spec that was applied last.
fn known(observed: &Observed, found: &Found, desired: &Entry, context: &Context) -> Entry {
    let mut entry = observed.entry.clone();
    let applied = match &found.spec {
        Text::There(text) => Spec::parse(text).ok().map(|spec| Entry::of(&spec, context)),
        _ => None,
    };
    let applied = applied.as_ref().unwrap_or(desired);
    for setting in &observed.untold {
        match setting {
            Setting::Delayed => entry.delayed = applied.delayed,
            Setting::SidType => entry.sid_type = applied.sid_type,
            Setting::Privileges => entry.privileges.clone_from(&applied.privileges),
            Setting::FailureActions => entry.failure = applied.failure.clone(),
            Setting::FailuresWithoutCrash => entry.failures_without_crash = applied.failures_without_crash,
            Setting::PreshutdownTimeout => entry.preshutdown = applied.preshutdown,
            _ => {}
        }
    }
    // One account has many names: by language, with and without the machine's.
    if entry.account != desired.account && is_same_account(&entry.account, &desired.account) {
        entry.account.clone_from(&desired.account);
    }
    entry
}

fn is_same_account(one: &str, other: &str) -> bool {
    let sid = |name: &str| Sid::of_account(name.strip_prefix(r".\").unwrap_or(name)).ok().flatten();
    one.eq_ignore_ascii_case(other)
        || sid(one).is_some_and(|one| sid(other).is_some_and(|other| one == other))
}

impl Work {
    /// Finds what differs.
    fn compare(&mut self) {
        let mut changes = Vec::new();
        if let Some(copy) = self.copy.as_ref().filter(|copy| !copy.present) {
            let target = format!("file {}", copy.path.display());
            changes.extend(Change::between(target, None, Some(copy.summary())));
        }
        let account_changes = self.before.as_ref().is_none_or(|before| before.account != self.entry.account);
        self.open_up = account_changes;
        for artifact in &self.plan.artifacts {
            let (before, there) = match &artifact.target {
                Target::File { path, access } => match &self.found.spec {
                    Text::Hidden => {
                        let text =
                            format!("{} can't be read from here; it is taken to be the same", path.display());
                        self.plan.findings.push(Finding::note(None, text));
                        continue;
                    }
                    Text::There(text) if *text == artifact.content => continue,
                    other => {
                        self.files.push((path.clone(), artifact.content.clone().into_bytes(), *access));
                        (
                            if let Text::There(text) = other { Some(text.clone()) } else { None },
                            other.is_there(),
                        )
                    }
                },
                target if *target == scm::entry_target(self.plan.service.as_str()) => {
                    let before = self.before.as_ref().map(Entry::text);
                    self.settings = self
                        .before
                        .as_ref()
                        .map(|before| before.differences(&self.entry))
                        .unwrap_or_default();
                    let there = before.is_some();
                    (before, there)
                }
                target if *target == scm::source_target(self.plan.service.as_str()) => {
                    match self.found.source {
                        Source::Missing => {
                            self.register_source = true;
                            (None, false)
                        }
                        Source::Ours { right: false } => {
                            self.register_source = true;
                            (Some("(other values)\n".to_owned()), true)
                        }
                        Source::Ours { right: true } => continue,
                        Source::Foreign => {
                            let text = format!(
                                "{target} belongs to another program; events are shown under it as they are"
                            );
                            self.plan.findings.push(Finding::note(None, text));
                            continue;
                        }
                    }
                }
                target => {
                    // The service's own folders. Their access lists are set with the account, not compared.
                    let is_there = self.folders.iter().any(|folder| {
                        folder.exists() && target.to_string() == format!("folder {}", folder.display())
                    });
                    match (is_there, account_changes && self.before.is_some()) {
                        (true, true) => {
                            let before = self.before.as_ref().map(|before| {
                                format!(
                                    "access = SYSTEM all, Administrators all, {} change\n",
                                    before.account
                                )
                            });
                            (before, true)
                        }
                        (true, false) => continue,
                        (false, _) => (None, false),
                    }
                }
            };
            let after = Some(artifact.content.clone());
            changes.extend(Change::between(artifact.target.to_string(), before.filter(|_| there), after));
        }
        let matters = self.found.is_up() && self.matters();
        self.restart = matters && self.entry.start != StartType::Disabled;
        if matters && !self.restart {
            let text = "it runs on as it is until it is stopped; then it can't be started any more";
            self.plan.findings.push(Finding::note("start.mode", text));
        }
        if self.restart {
            changes.push(Change::run(format!("restart {} once", self.plan.service)));
        }
        self.plan.changes = changes;
    }

    /// Whether the changes make a difference to a program that runs.
    fn matters(&self) -> bool {
        if self.settings.iter().any(|setting| setting.needs_restart()) {
            return true;
        }
        // Without a supervisor nobody else reads the spec.
        if !self.plan.desired.spec.program.supervised {
            return false;
        }
        let since = self.found.status.as_ref().and_then(|status| started(status.pid));
        let env_file = self.plan.desired.spec.program.env_file.as_deref();
        if let (Some(since), Some(file)) = (since, env_file)
            && is_newer(file, since)
        {
            return true;
        }
        // Where what runs can't be told, what is installed stands for it.
        let before = match (&self.found.running, &self.found.spec) {
            (Text::There(text), _) | (_, Text::There(text)) => text,
            _ => return true,
        };
        is_other_run(before, &self.plan.desired.spec)
    }
}

trait OfAbide {
    fn ends_with_abide(&self) -> bool;
}

impl OfAbide for Path {
    /// Whether a folder is one of ours, and not one of the system above them.
    fn ends_with_abide(&self) -> bool {
        self.components().any(|part| part.as_os_str().eq_ignore_ascii_case("Abide"))
    }
}

/// Why a folder that was there before can't be trusted with what services do.
fn not_safe(folder: &Path) -> Option<String> {
    /// SYSTEM, Administrators and TrustedInstaller.
    const TRUSTED: [&str; 3] =
        ["S-1-5-18", "S-1-5-32-544", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"];
    if access::leads_elsewhere(folder).unwrap_or(false) {
        return Some("leads elsewhere, where it was put by somebody".to_owned());
    }
    let owner = access::owner(folder).ok()?;
    let text = owner.text().ok()?;
    if TRUSTED.contains(&text.as_str()) || Sid::own().is_ok_and(|own| own == owner) {
        return None;
    }
    Some(format!("belongs to {}", owner.account().unwrap_or(text)))
}

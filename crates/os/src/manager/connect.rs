//! From a kind of service manager to the thing itself, or to a preview of what it would be given.

use std::path::Path;

use abide_spec::{Family, Spec};

use super::engine::Engine;
use super::native::Native;
use super::{
    Artifact, Change, Context, Desired, Finding, Kind, ManagerError, Plan, Scope, ServiceManager, available,
    capability, engine, foreground, launchd, openrc, rcd, runit, s6, scm, supervisor, systemd, sysv, task,
};
use crate::paths::{Layout, within};

/// Whether a service manager has services of users' own.
const fn serves_users(kind: Kind) -> bool {
    matches!(kind, Kind::Systemd | Kind::Launchd | Kind::Task)
}

/// Windows keeps the services of users elsewhere than those of the machine: whoever names one side means it.
fn settled(wanted: Kind, scope: Scope) -> (Kind, Scope) {
    match (wanted, scope) {
        (Kind::Task, _) | (Kind::Scm, Scope::User) => (Kind::Task, Scope::User),
        other => other,
    }
}

/// This machine's service manager, or the one of that kind if it runs here, for the services of the machine or of the
/// user who runs this process. Without any, the answer is the foreground's, which plans, and says for everything else
/// that there is no service manager.
pub fn connect(wanted: Option<Kind>, scope: Scope) -> Result<Box<dyn ServiceManager>, ManagerError> {
    let (wanted, scope) = match wanted.map(|wanted| settled(wanted, scope)) {
        Some((wanted, scope)) => (Some(wanted), scope),
        None => (None, scope),
    };
    let available = available();
    let here = match (available[0], scope) {
        // Windows keeps the services of users elsewhere than those of the machine.
        (Kind::Scm, Scope::User) => Kind::Task,
        (here, _) => here,
    };
    let wanted = wanted.unwrap_or(here);
    if !available.contains(&wanted) {
        return Err(ManagerError::Elsewhere { wanted, here });
    }
    if scope == Scope::User && wanted != Kind::Foreground && !serves_users(wanted) {
        return Err(ManagerError::NoUserServices { kind: wanted });
    }
    let layout = Layout::of(scope).map_err(|source| ManagerError::File {
        what: "find",
        path: "the user's own folder".into(),
        source,
    })?;
    Ok(match wanted {
        Kind::Foreground => Box::new(foreground::Foreground),
        Kind::Systemd => Box::new(systemd::Systemd::new(layout)),
        Kind::OpenRc => engine(openrc::OpenRc::new(layout.clone()), layout),
        Kind::Runit => engine(runit::Runit::new(layout.clone()), layout),
        Kind::S6 => engine(s6::S6::new(layout.clone()), layout),
        Kind::Sysv => engine(sysv::Sysv::new(layout.clone()), layout),
        Kind::Launchd => engine(launchd::Launchd::new(layout.clone()), layout),
        Kind::Rcd => engine(rcd::Rcd::new(layout.clone()), layout),
        #[cfg(windows)]
        Kind::Scm => Box::new(scm::Scm::new(layout)),
        #[cfg(not(windows))]
        Kind::Scm => return Err(ManagerError::Elsewhere { wanted, here }),
        #[cfg(windows)]
        Kind::Task => {
            let task = super::task::Task::new(layout.clone()).map_err(|error| ManagerError::Call {
                call: "asking who the user is".into(),
                why: error.to_string(),
            })?;
            engine(task, layout)
        }
        #[cfg(not(windows))]
        Kind::Task => return Err(ManagerError::Elsewhere { wanted, here }),
    })
}

fn engine(native: impl Native + 'static, layout: Layout) -> Box<dyn ServiceManager> {
    Box::new(Engine::new(native, layout))
}

/// The plan for a machine where nothing is installed yet, made without looking at this one: for service managers that
/// run elsewhere.
pub fn preview(kind: Kind, scope: Scope, desired: &Desired) -> Result<Plan, ManagerError> {
    let (kind, scope) = settled(kind, scope);
    if scope == Scope::User && !serves_users(kind) {
        return Err(ManagerError::NoUserServices { kind });
    }
    let spec = &desired.spec;
    let layout = elsewhere(kind, scope);
    let bytes = desired.own_supervisor().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    let windows = kind.family() == Family::Windows;
    let context = Context {
        supervisor: within(&layout.lib, &supervisor::file_name(&bytes, windows)),
        layout,
        spec_text: desired.text.clone(),
        version: None,
        jit: crate::resolve::jit_runtime(&spec.program.command, None).is_some(),
    };
    let layout = context.layout.clone();
    let (artifacts, findings) = match kind {
        Kind::Systemd => (systemd::render(spec, &context), systemd::findings(spec, &context)),
        Kind::OpenRc => plain(&openrc::OpenRc::new(layout), spec, &context),
        Kind::Runit => plain(&runit::Runit::new(layout), spec, &context),
        Kind::S6 => plain(&s6::S6::new(layout), spec, &context),
        Kind::Sysv => plain(&sysv::Sysv::new(layout), spec, &context),
        Kind::Launchd => plain(&launchd::Launchd::new(layout), spec, &context),
        Kind::Rcd => plain(&rcd::Rcd::new(layout), spec, &context),
        Kind::Scm => (scm::render(spec, &context), scm::findings(spec, &context)),
        Kind::Task => {
            let rendered = task::render(spec, &context);
            (engine::whole(kind, rendered, spec, &context), task::findings(spec, &context))
        }
        Kind::Foreground => (Vec::new(), capability::findings(kind, spec)),
    };
    let created = |artifact: &Artifact| {
        Change::between(artifact.target.to_string(), None, Some(artifact.content.clone()))
    };
    Ok(Plan {
        service: spec.name.clone(),
        backend: kind,
        changes: artifacts.iter().filter_map(created).collect(),
        findings,
        artifacts,
        desired: desired.clone(),
    })
}

/// Where things would go on a machine that has this service manager.
fn elsewhere(kind: Kind, scope: Scope) -> Layout {
    // Whose home it will be is not known here.
    match (scope, kind) {
        (Scope::User, Kind::Launchd) => Layout::user_of_macos(Path::new("/Users/USER")),
        (Scope::User, Kind::Task | Kind::Scm) => Layout::user_of_windows(r"C:\Users\USER\AppData\Local"),
        (Scope::User, _) => Layout::user_of_linux(Path::new("/home/USER"), Path::new("/run/user/UID")),
        (Scope::System, kind) if kind.family() == Family::Windows => {
            Layout::windows(r"C:\ProgramData", r"C:\Program Files")
        }
        (Scope::System, Kind::Launchd) => Layout::macos(),
        (Scope::System, Kind::Rcd) => Layout::freebsd(),
        (Scope::System, _) => Layout::unix(),
    }
}

/// What a manager of files and commands is given, and what it can't make of a spec.
fn plain(native: &dyn Native, spec: &Spec, context: &Context) -> (Vec<Artifact>, Vec<Finding>) {
    let rendered = native.render(spec, context);
    (engine::whole(native.kind(), rendered, spec, context), native.findings(spec, context))
}

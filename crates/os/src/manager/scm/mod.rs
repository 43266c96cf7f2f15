//! The Windows service control manager.
//!
//! A service is an entry of the SCM that starts `abide-supervisor`, a spec file that the service's account can read, and
//! three folders that it can write. What shall be there is worked out here, on any system; comparing it with a machine
//! and making it so is in `windows/scm`.

// That half is on Windows only; here everything is built and tested everywhere.
#![cfg_attr(not(windows), allow(dead_code, unused_imports))]

use abide_spec::{RunAs, Spec, StopAction};

pub(crate) mod direct;
mod entry;
mod sid;
#[cfg(test)]
mod tests;

pub(crate) use entry::{Entry, FailureActions, Setting, SidType, StartType, windows_text};
pub(crate) use sid::of_service;

#[cfg(windows)]
pub use crate::windows::scm::Scm;

use self::entry::{account, can_depend_on};
use super::capability::{self, lost};
use super::{Access, Artifact, Context, Finding, Kind, Target};

/// Where the sources of the Event Log are registered, below HKEY_LOCAL_MACHINE.
pub(crate) const EVENT_SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";

/// What shows the texts of our events: a library of Windows itself that has a "the text as it is" for ids up to 1000.
/// One of our own would be held open by the Event Log, and could not be removed.
pub(crate) const EVENT_MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// The folders that are the service's own, with the rights of its account on them. A program without a supervisor has
/// no output that is kept and no control endpoint; its data folder, which a supervisor would make, is made for it.
pub(crate) fn own_folders(spec: &Spec, context: &Context) -> Vec<std::path::PathBuf> {
    let layout = &context.layout;
    let state = layout.state_of(&spec.name);
    if spec.program.supervised {
        vec![state, layout.logs_of(&spec.name), layout.run_of(&spec.name)]
    } else {
        let data = direct::data_folder(spec, context);
        vec![state, data]
    }
}

/// How the entry of a service is called in plans.
pub(crate) fn entry_target(name: &str) -> Target {
    Target::Entry(format!("service {name}"))
}

/// How the event source of a service is called in plans.
pub(crate) fn source_target(name: &str) -> Target {
    Target::Entry(format!(r"registry key HKLM\{EVENT_SOURCES}\{name}"))
}

/// What the event source's key holds, as text.
pub(crate) fn source_text() -> String {
    format!("EventMessageFile = {EVENT_MESSAGES}\nTypesSupported = 7\nManagedBy = abide\n")
}

/// The access list of a folder or file as words.
pub(crate) fn access_text(spec: &Spec, rights: &str) -> String {
    let mut text = String::from("access = SYSTEM all, Administrators all");
    if spec.account.run_as != RunAs::System {
        text.push_str(&format!(", {} {rights}", account(spec)));
    }
    text.push('\n');
    text
}

/// Everything for the SCM: the spec file, the service's own folders, its event source and its entry.
#[must_use]
pub fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let name = spec.name.as_str();
    let mut artifacts = vec![Artifact {
        // Written as Windows does also where the plan is made elsewhere.
        target: Target::File {
            path: windows_text(&context.layout.spec(&spec.name)).into(),
            access: Access::Private,
        },
        content: context.spec_text.clone(),
    }];
    artifacts.extend(own_folders(spec, context).iter().map(|folder| Artifact {
        target: Target::Entry(format!("folder {}", windows_text(folder))),
        content: access_text(spec, "change"),
    }));
    artifacts.push(Artifact { target: source_target(name), content: source_text() });
    artifacts.push(Artifact { target: entry_target(name), content: Entry::of(spec, context).text() });
    artifacts
}

/// What the SCM can't make of this spec, and what is worth knowing about it.
#[must_use]
pub fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Scm, spec);
    if !spec.program.supervised {
        found.extend(direct::findings(spec, context));
    }
    for name in spec.start.after.iter().filter(|name| !can_depend_on(name)) {
        found.push(lost(
            spec,
            "start.after",
            Kind::Scm,
            &format!("knows no `{name}`, which is a unit of systemd"),
            "the name of the Windows service that does the same",
        ));
    }
    let is_user = matches!(&spec.account.run_as, RunAs::User(name) if !name.ends_with('$'));
    if is_user && spec.account.password_file.is_none() {
        found.push(
            Finding::error("account.password-file", format!("{} logs on with a password", account(spec)))
                .with_hint("put it into a file that only administrators can read, and name that file"),
        );
    }
    let asks =
        |step: &abide_spec::StopStep| matches!(step.action, StopAction::Signal(_)) && step.on.is_none();
    let acts = |step: &abide_spec::StopStep| {
        step.applies_to(Kind::Scm.family()) && !matches!(step.action, StopAction::Kill(_))
    };
    let supervised = spec.program.supervised;
    if supervised && spec.stop.steps.iter().any(asks) && !spec.stop.steps.iter().any(acts) {
        found.push(lost(
            spec,
            "stop.steps",
            Kind::Scm,
            "has no signals, so a program would be stopped by Ctrl-C, then by closing its windows",
            "a step for Windows beside the signal: { event = \"ctrl-c\", wait = \"10s\" }",
        ));
    }
    found
}

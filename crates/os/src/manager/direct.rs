//! What a service manager of files and commands has to know of a program that it starts itself (`program.supervised = false`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::{Family, KillScope, Probe, RunAs, Signal, Spec, StopAction, StopStep, expand};

use crate::manager::capability::lost;
use crate::manager::{Context, Finding, Kind, accounts};
use crate::paths::within;

/// The folder that is the program's own.
pub(in crate::manager) fn data_folder(spec: &Spec, context: &Context) -> PathBuf {
    within(&context.layout.state_of(&spec.name), "data")
}

/// The folder the program runs in, by default its own.
pub(in crate::manager) fn working_dir(spec: &Spec, context: &Context) -> PathBuf {
    spec.program.working_dir.clone().unwrap_or_else(|| data_folder(spec, context))
}

/// The account it is started as by a service manager that is root; `None` for root itself.
pub(in crate::manager) fn account(spec: &Spec) -> Option<String> {
    match &spec.account.run_as {
        RunAs::System => None,
        RunAs::User(name) => Some(name.clone()),
        // Windows accounts: an error before it comes to this, unless accepted.
        RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService => {
            Some(accounts::name_of(&spec.name))
        }
    }
}

/// Whether a shell can have a variable of that name.
pub(in crate::manager) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The variables that tell the program who and where it is.
pub(in crate::manager) fn own_variables(spec: &Spec, context: &Context) -> [(&'static str, String); 2] {
    [("ABIDE_SERVICE", spec.name.to_string()), ("STATE_DIRECTORY", shown(&data_folder(spec, context)))]
}

/// The variables of the spec, expanded. What cannot be is found before: see [`findings`].
pub(in crate::manager) fn expanded(spec: &Spec) -> BTreeMap<String, String> {
    expand::environment(|_| None, &[], &spec.program.env).unwrap_or_default()
}

/// The ladder that such a service manager can climb: one signal, some patience, and the end.
pub(in crate::manager) fn ladder(spec: &Spec) -> Option<(Signal, Duration)> {
    let is_end = |step: &StopStep| step.action == StopAction::Kill(KillScope::Tree);
    match spec.effective_stop(Family::Unix).as_slice() {
        [StopStep { action: StopAction::Signal(signal), wait, .. }, end] if is_end(end) => {
            Some((*signal, wait.get()))
        }
        [StopStep { action: StopAction::Signal(signal), wait, .. }, kill, end]
            if is_end(end) && kill.action == StopAction::Kill(KillScope::Program) =>
        {
            Some((*signal, wait.get()))
        }
        _ => None,
    }
}

/// Seconds, rounded up, at least one.
pub(in crate::manager) fn whole_seconds(duration: Duration) -> u64 {
    let part = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(part).max(1)
}

/// What launchd, rc.d, OpenRC and SysV init alike cannot make of such a program.
pub(in crate::manager) fn findings(kind: Kind, spec: &Spec) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Err(error) = expand::environment(|_| None, &[], &spec.program.env) {
        found.push(
            Finding::error(
                "program.env",
                format!("{kind} knows no variables but those of the spec: {error}"),
            )
            .with_hint("write the value itself, or leave `program.supervised` out"),
        );
    }
    if spec.program.env_file.is_some() {
        found.push(lost(
            spec,
            "program.env-file",
            kind,
            "reads no file of variables for a program that it starts itself",
            "`program.env`, or leaving `program.supervised` out",
        ));
    }
    if spec.start.ready.as_ref().is_some_and(|ready| ready.probe == Probe::Notify) {
        found.push(Finding::note(
            "start.ready",
            format!("{kind} takes no message of readiness; the program counts as ready once it runs"),
        ));
    }
    found
}

/// A path as text, for scripts and property lists.
pub(in crate::manager) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_shell_can_set() {
        assert!(is_identifier("PATH") && is_identifier("_a1"));
        assert!(!is_identifier("") && !is_identifier("1a") && !is_identifier("a.b") && !is_identifier("a-b"));
    }
}

//! The `[Service]` section of a service with a supervisor: systemd starts the supervisor, which reads the spec.

use std::path::Path;
use std::time::Duration;

use abide_spec::{Family, Spec};

use super::escape;
use super::unit::{Text, account, command, limits, restrictions, span};
use crate::manager::{Context, Scope, start_budget, stop_budget};
use crate::paths::{ENV_FILE_CREDENTIAL, SPEC_CREDENTIAL};

/// How long the supervisor may be silent before systemd takes it for dead.
const WATCHDOG: Duration = Duration::from_secs(180);

/// What the supervisor itself needs of the processes and threads a service may have.
const OWN_TASKS: u64 = 8;

pub(super) fn service_section(spec: &Spec, context: &Context, unit: &mut Text) {
    let (name, scope) = (spec.name.as_str(), context.layout.scope);
    unit.section("Service");
    unit.line("Type", "notify");
    unit.line("NotifyAccess", "main");
    let supervisor = |words: &[&str]| {
        let mut words = words.to_vec();
        words.extend(Some("--user").filter(|_| scope == Scope::User));
        words.push(name);
        command(&context.supervisor, &words)
    };
    unit.line("ExecStart", supervisor(&["run", "--manager", "systemd"]));
    if spec.reload.is_some() {
        unit.line("ExecReload", supervisor(&["control", "reload"]));
    }
    unit.line("TimeoutStartSec", span(start_budget(spec)));
    unit.line("TimeoutStopSec", span(stop_budget(spec, Family::Unix)));
    unit.line("WatchdogSec", span(WATCHDOG));
    unit.line("KillMode", "mixed");
    // How the program ends is the supervisor's matter; this is for the death of the supervisor itself.
    if spec.restart.when == abide_spec::When::Never {
        unit.line("Restart", "no");
    } else {
        unit.line("Restart", "on-abnormal");
        unit.line("RestartSec", span(spec.restart.delay.initial.0.max(Duration::from_millis(100))));
    }
    // A program killed for its memory is restarted by its own policy, not together with its supervisor.
    unit.line("OOMPolicy", "continue");
    unit.line("SyslogIdentifier", name);
    // What a program prints does not go to the journal, so whatever comes is meant: an event, or logs that are forwarded.
    unit.line("LogRateLimitIntervalSec", "0");
    account(spec, scope, unit);
    // The user's service manager has other places for state and logs; there, the supervisor makes its own.
    let of_systemd: &[&str] = match scope {
        Scope::System => &["StateDirectory", "LogsDirectory", "RuntimeDirectory"],
        Scope::User => &["RuntimeDirectory"],
    };
    for directory in of_systemd {
        unit.line(directory, format!("abide/{name}"));
        unit.line(&format!("{directory}Mode"), "0700");
    }
    credential(SPEC_CREDENTIAL, &context.layout.spec(&spec.name), unit);
    if let Some(env_file) = &spec.program.env_file {
        credential(ENV_FILE_CREDENTIAL, env_file, unit);
    }
    limits(spec, OWN_TASKS, unit);
    restrictions(spec, context, unit);
}

fn credential(id: &str, path: &Path, unit: &mut Text) {
    if let Some(path) = escape::rest_path(path) {
        unit.line("LoadCredential", format!("{id}:{path}"));
    }
}

//! The property list of a job. Pure: the same spec and context always give the same text.
//!
//! Keys are those of launchd.plist(5).

use std::path::PathBuf;

use abide_spec::{Family, Name, RunAs, Spec, StartMode, When};

use super::plist::{self, Value};
use crate::fs::Access;
use crate::manager::direct::{self, whole_seconds};
use crate::manager::{Artifact, Context, Scope, Target, accounts, stop_budget};
use crate::paths::{Layout, within};

/// The name by which launchd knows a service, unique in its domain. It has a word of ours in front, as reverse domain
/// names have, so that no service gets into the way of one of Apple's.
pub(super) fn label(name: &Name) -> String {
    format!("{PREFIX}{name}")
}

/// What every label of ours begins with.
pub(super) const PREFIX: &str = "abide.";

/// The file of a job: named by its label, as launchd.plist(5) wants it.
pub(super) fn definition(layout: &Layout, name: &Name) -> PathBuf {
    within(&layout.units, &format!("{}.plist", label(name)))
}

/// Where the supervisor's own words go, which are few.
pub(super) fn own_log(layout: &Layout, name: &Name) -> PathBuf {
    within(&layout.logs_of(name), "supervisor.log")
}

pub(super) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let path = definition(&context.layout, &spec.name);
    vec![Artifact {
        target: Target::File { path, access: Access::Public },
        content: plist::document(&job(spec, context)),
    }]
}

/// The job, its keys in a fixed order.
pub(super) fn job(spec: &Spec, context: &Context) -> Value {
    let mut job = Job(Vec::new());
    job.put("Label", Value::text(label(&spec.name)));
    if spec.start.mode == StartMode::Disabled {
        // A hint for the boot; what launchd really goes by is set with `launchctl disable`.
        job.put("Disabled", Value::Bool(true));
    }
    if spec.program.supervised {
        supervised(spec, context, &mut job);
    } else {
        started_directly(spec, context, &mut job);
    }
    // Jobs of other types are slowed down: "light resource limits, throttling its CPU usage and I/O bandwidth". What
    // runs here is the user's program, and its limits are those of its spec.
    job.put("ProcessType", Value::text("Interactive"));
    // Whatever is left of the job's process group ends with the job.
    job.put("AbandonProcessGroup", Value::Bool(false));
    Value::Dict(job.0)
}

struct Job(Vec<(String, Value)>);

impl Job {
    fn put(&mut self, key: &str, value: Value) {
        self.0.push((key.to_owned(), value));
    }
}

fn supervised(spec: &Spec, context: &Context, job: &mut Job) {
    let mut words = vec![direct::shown(&context.supervisor)];
    words.extend(["run", "--manager", "launchd"].map(str::to_owned));
    if context.layout.scope == Scope::User {
        words.push("--user".into());
    }
    words.push(spec.name.to_string());
    job.put("ProgramArguments", Value::texts(words));
    // How the program ends is the supervisor's matter; this is for the death of the supervisor itself.
    keep_alive(spec, spec.restart.when != When::Never, job);
    job.put("ThrottleInterval", Value::Integer(whole_seconds(spec.restart.delay.initial.get())));
    // It kills at the end of this, so it may not be in the middle of the supervisor's ladder. Zero would be for ever.
    job.put("ExitTimeOut", Value::Integer(whole_seconds(stop_budget(spec, Family::Unix))));
    job.put("StandardErrorPath", Value::text(direct::shown(&own_log(&context.layout, &spec.name))));
}

/// When launchd starts the job (again).
///
/// `SuccessfulExit = false`: after every end but exit code 0. `Crashed` would be nearer to what is wanted, but it does not
/// count SIGKILL (nor HUP, TERM, …) as a crash, and a supervisor that was killed has to come back. So a supervisor that
/// ends on purpose exits with 0 under launchd, whatever became of its program.
///
/// `SuccessfulExit` alone makes launchd start the job when it is loaded, at boot or by `launchctl bootstrap`, whatever
/// `RunAtLoad` says: it has to have run once to have exited. `AfterInitialDemand` holds that back until somebody starts
/// the job, and is what a service started on demand needs.
fn keep_alive(spec: &Spec, healed: bool, job: &mut Job) {
    let at_boot = matches!(spec.start.mode, StartMode::Auto | StartMode::Delayed);
    job.put("RunAtLoad", Value::Bool(at_boot));
    if !healed {
        return;
    }
    let mut conditions = Vec::new();
    if !at_boot {
        conditions.push(("AfterInitialDemand".to_owned(), Value::Bool(true)));
    }
    conditions.push(("SuccessfulExit".to_owned(), Value::Bool(false)));
    job.put("KeepAlive", Value::Dict(conditions));
}

fn started_directly(spec: &Spec, context: &Context, job: &mut Job) {
    job.put("ProgramArguments", Value::texts(spec.program.command.iter().cloned()));
    let own = direct::own_variables(spec, context).map(|(name, value)| (name.to_owned(), value));
    let mut variables = std::collections::BTreeMap::from(own);
    variables.extend(direct::expanded(spec));
    let variables = variables.into_iter().map(|(name, value)| (name, Value::Text(value))).collect();
    job.put("EnvironmentVariables", Value::Dict(variables));
    job.put("WorkingDirectory", Value::text(direct::shown(&direct::working_dir(spec, context))));
    if context.layout.scope == Scope::System {
        match &spec.account.run_as {
            RunAs::System => {}
            RunAs::User(name) => job.put("UserName", Value::text(name.clone())),
            // Windows accounts: an error before it comes to this, unless accepted.
            RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService => {
                let account = accounts::name_of(&spec.name);
                job.put("UserName", Value::text(account.clone()));
                job.put("GroupName", Value::text(account));
            }
        }
    }
    limits(spec, job);
    match (spec.restart.when, spec.start.mode) {
        // `KeepAlive` without conditions starts it at boot, too.
        (When::Always, StartMode::Auto | StartMode::Delayed) => {
            job.put("RunAtLoad", Value::Bool(true));
            job.put("KeepAlive", Value::Bool(true));
        }
        (When::Always, _) => {
            job.put("RunAtLoad", Value::Bool(false));
            // Conditions are joined by "or": whenever it did not crash, and whenever it did not succeed, is always.
            job.put(
                "KeepAlive",
                Value::Dict(vec![
                    ("AfterInitialDemand".to_owned(), Value::Bool(true)),
                    ("Crashed".to_owned(), Value::Bool(false)),
                    ("SuccessfulExit".to_owned(), Value::Bool(false)),
                ]),
            );
        }
        (when, _) => keep_alive(spec, when == When::OnFailure, job),
    }
    job.put("ThrottleInterval", Value::Integer(whole_seconds(spec.restart.delay.initial.get())));
    // SIGTERM, this long, SIGKILL.
    let wait = direct::ladder(spec).map_or_else(|| spec.stop_budget(Family::Unix).get(), |(_, wait)| wait);
    job.put("ExitTimeOut", Value::Integer(whole_seconds(wait)));
    if keeps_output(spec, context) {
        let logs = context.layout.logs_of(&spec.name);
        for (key, file) in [("StandardOutPath", "stdout.log"), ("StandardErrorPath", "stderr.log")] {
            job.put(key, Value::text(direct::shown(&within(&logs, file))));
        }
    }
}

/// Whether what the program prints can go to files of its own: whoever it runs as has to be able to open them.
pub(super) fn keeps_output(spec: &Spec, context: &Context) -> bool {
    context.layout.scope == Scope::User || spec.account.run_as == RunAs::System
}

/// Both bounds, the soft and the hard one, of every process of the job.
fn limits(spec: &Spec, job: &mut Job) {
    let bounds = [("NumberOfFiles", spec.limits.open_files), ("NumberOfProcesses", spec.limits.processes)];
    let set: Vec<(String, Value)> = bounds
        .into_iter()
        .filter_map(|(key, bound)| Some((key.to_owned(), Value::Integer(bound?))))
        .collect();
    if !set.is_empty() {
        job.put("SoftResourceLimits", Value::Dict(set.clone()));
        job.put("HardResourceLimits", Value::Dict(set));
    }
}

//! What launchd cannot make of a spec.

use abide_spec::{Delay, Restart, RunAs, Signal, Spec, When};

use super::plist::can_carry;
use super::render::{definition, keeps_output, own_log};
use crate::manager::capability::{self, lost};
use crate::manager::direct;
use crate::manager::{Context, Finding, Kind, Scope};

/// The bytes of a socket's path on macOS, its closing NUL included.
const LONGEST_SOCKET: usize = 104;

/// What else in a spec does the same.
const SUPERVISE: &str = "leaving `program.supervised` out";

pub(super) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Launchd, spec);
    let layout = &context.layout;
    for path in [&context.supervisor, &own_log(layout, &spec.name), &definition(layout, &spec.name)] {
        if !path.to_str().is_some_and(can_carry) {
            found.push(unspeakable(None, "the path", &direct::shown(path)));
        }
    }
    let control = layout.control(&spec.name);
    let length = control.as_os_str().len();
    if spec.program.supervised && length >= LONGEST_SOCKET {
        let text = format!(
            "the path of its control endpoint, {}, has {length} bytes, and macOS takes {} at most",
            control.display(),
            LONGEST_SOCKET - 1
        );
        found.push(Finding::error("name", text).with_hint("give the service a shorter name"));
    }
    if layout.scope == Scope::User {
        of_user(spec, &mut found);
    }
    if !spec.program.supervised {
        found.extend(direct::findings(Kind::Launchd, spec));
        texts(spec, context, &mut found);
        started_directly(spec, context, &mut found);
    }
    found
}

fn unspeakable(field: Option<&str>, what: &str, text: &str) -> Finding {
    let text = format!("{what} {text:?} has characters that no property list can carry");
    Finding::new(crate::manager::Level::Error, field.map(str::to_owned), text)
        .with_hint("write it without control characters, or leave `program.supervised` out")
}

/// Every text of the spec that goes into the property list.
fn texts(spec: &Spec, context: &Context, found: &mut Vec<Finding>) {
    let program = &spec.program;
    for argument in program.command.iter().filter(|text| !can_carry(text)) {
        found.push(unspeakable(Some("program.command"), "the argument", argument));
    }
    // Values may be secrets: only the names are told.
    for (name, _) in program.env.iter().filter(|(name, value)| !can_carry(name) || !can_carry(value)) {
        found.push(unspeakable(Some("program.env"), "the value of the variable", name));
    }
    let folder = direct::working_dir(spec, context);
    if !folder.to_str().is_some_and(can_carry) {
        found.push(unspeakable(Some("program.working-dir"), "the path", &direct::shown(&folder)));
    }
    if let RunAs::User(name) = &spec.account.run_as
        && !can_carry(name)
    {
        found.push(unspeakable(Some("account.run-as"), "the name", name));
    }
}

/// Jobs in the domain of a user run as that user.
fn of_user(spec: &Spec, found: &mut Vec<Finding>) {
    if !matches!(spec.account.run_as, RunAs::LeastPrivilege) {
        let why = "runs a user's own services as that user";
        found.push(lost(
            spec,
            "account.run-as",
            Kind::Launchd,
            why,
            "a service of the machine, without `--user`",
        ));
    }
    if !spec.account.groups.is_empty() {
        let why = "runs a user's own services with the groups of that user";
        found.push(lost(
            spec,
            "account.groups",
            Kind::Launchd,
            why,
            "a service of the machine, without `--user`",
        ));
    }
}

fn started_directly(spec: &Spec, context: &Context, found: &mut Vec<Finding>) {
    let mut lose = |field: &str, why: &str, nearest: &str| {
        found.push(lost(spec, field, Kind::Launchd, why, nearest));
    };
    if context.layout.scope == Scope::System && !spec.account.groups.is_empty() {
        let why = "gives a job the groups of its account and no others";
        lose("account.groups", why, "an account that is in those groups (`account.run-as`)");
    }
    if direct::ladder(spec).is_none_or(|(signal, _)| signal != Signal::TERM) {
        let why = "stops a program by TERM, and then kills it";
        lose("stop.steps", why, "one step with `signal = \"TERM\"`, or leaving `program.supervised` out");
    }
    let restart = &spec.restart;
    let usual = Restart::default();
    if restart.success_codes != usual.success_codes && restart.when == When::OnFailure {
        let why = "takes 0 alone for success";
        lose("restart.success-codes", why, SUPERVISE);
    }
    if restart.codes != usual.codes {
        lose("restart.codes", "tells no exit codes apart but 0 and all others", SUPERVISE);
    }
    if restart.signals != usual.signals {
        lose("restart.signals", "tells no signals apart", SUPERVISE);
    }
    if restart.when != When::Never {
        if restart.delay != Delay::default()
            && restart.delay.factor > 1.0
            && restart.delay.max > restart.delay.initial
        {
            let why = "always waits for the same time between two starts";
            lose("restart.delay.factor", why, "`factor = 1`, or leaving `program.supervised` out");
        }
        if restart.give_up.is_some() && restart.give_up != usual.give_up {
            let why = "never gives up";
            lose("restart.give-up", why, "`give-up = false`, or leaving `program.supervised` out");
        }
        found.push(Finding::note(
            "restart",
            format!(
                "launchd starts the program again {} s after its last start at the earliest, and never gives up",
                direct::whole_seconds(restart.delay.initial.get())
            ),
        ));
    }
    if !spec.program.env.is_empty() {
        // In the property list, which is for launchd and everyone else, as `launchctl print` is.
        found.push(
            Finding::warning(
                "program.env",
                "launchd shows the variables of a job to everyone on this machine",
            )
            .with_hint("keep secrets in a file that the program reads, or leave `program.supervised` out"),
        );
    }
    if !keeps_output(spec, context) {
        found.push(Finding::note(
            "logs",
            "launchd keeps nothing of what a program prints that runs in an account of its own; have it write to the \
             system's log",
        ));
    }
}

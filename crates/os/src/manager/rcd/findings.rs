//! What FreeBSD's rc.d cannot make of a spec.

use std::time::Duration;

use abide_spec::{Delay, Family, Restart, Signal, Spec, When};

use super::keep::{delays, reload};
use super::render::{Paths, is_plain, requirement, variable};
use crate::manager::capability::{self, lost};
use crate::manager::direct::{self, is_identifier};
use crate::manager::{Context, Finding, Kind, stop_budget};

/// Ends of file names that rc(8) takes for leftovers of editors and packages and starts nothing from.
const LEFTOVERS: [&str; 9] =
    [".sh", ".sample", ".pkgsave", ".pkgnew", ".bak", ".orig", ".rej", ".OLD", ".core"];

/// How long rc.shutdown(8) waits for all scripts together where rc.conf(5) says nothing else (`rcshutdown_timeout`).
const SHUTDOWN: Duration = Duration::from_secs(90);

pub(super) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Rcd, spec);
    let name = spec.name.as_str();
    if let Some(end) = LEFTOVERS.iter().find(|end| name.ends_with(**end)) {
        found.push(
            Finding::error("name", format!("rc.d starts no script whose name ends with `{end}`"))
                .with_hint("give the service another name"),
        );
    }
    if variable(&spec.name) == "rc" {
        found.push(
            Finding::error("name", "the variables of rc.d scripts called `rc` are those of rc.subr itself")
                .with_hint("give the service another name"),
        );
    }
    let paths = Paths::of(&spec.name, &context.layout);
    for path in [&paths.script, &paths.run] {
        // rc.subr does not quote them.
        let text = direct::shown(path);
        if !is_plain(&text) {
            found.push(
                Finding::error(
                    None,
                    format!("rc.subr takes no path with blanks or special characters: {text:?}"),
                )
                .with_hint("set `ABIDE_ROOT` to a folder with a plain name"),
            );
        }
    }
    for after in spec.start.after.iter().filter(|after| requirement(after).is_none()) {
        let why = format!("has no scripts of such a name: {after:?}");
        found.push(lost(
            spec,
            "start.after",
            Kind::Rcd,
            &why,
            "the name of a script (`PROVIDE`), or leaving it out",
        ));
    }
    let budget = stop_budget(spec, Family::Unix);
    if budget > SHUTDOWN {
        found.push(
            Finding::warning(
                "stop.steps",
                format!(
                    "stopping may take {}, and at shutdown FreeBSD waits {} for all services together",
                    abide_spec::Duration(budget),
                    abide_spec::Duration(SHUTDOWN)
                ),
            )
            .with_hint(format!("`sysrc rcshutdown_timeout={}`, or more", direct::whole_seconds(budget))),
        );
    }
    if !spec.program.supervised {
        found.extend(direct::findings(Kind::Rcd, spec));
        started_directly(spec, &mut found);
    }
    found
}

/// What else in a spec does the same.
const SUPERVISE: &str = "leaving `program.supervised` out";

fn started_directly(spec: &Spec, found: &mut Vec<Finding>) {
    for name in spec.program.env.keys().filter(|name| !is_identifier(name)) {
        let why = format!("sets variables by the shell, which can have none called {name:?}");
        found.push(lost(spec, "program.env", Kind::Rcd, &why, SUPERVISE));
    }
    let (restart, usual) = (&spec.restart, Restart::default());
    match direct::ladder(spec) {
        None => {
            let why = "stops a program by one signal, and then kills it";
            found.push(lost(
                spec,
                "stop.steps",
                Kind::Rcd,
                why,
                "one step with a signal, or leaving `program.supervised` out",
            ));
        }
        Some(_) => found.push(Finding::note(
            "stop.steps",
            "rc.d stops the program itself; processes that it leaves behind are not looked for",
        )),
    }
    let listed = restart.signals.always.iter().chain(&restart.signals.never).copied();
    let told = direct::ladder(spec).map(|(signal, _)| signal).into_iter().chain(reload(spec)).chain(listed);
    for signal in told.filter(is_real_time) {
        let why = format!("has no way to name the signal {signal}");
        found.push(lost(spec, "stop.steps", Kind::Rcd, &why, "a signal with a name of its own"));
    }
    if restart.when != When::Never {
        if delays(spec) != delays_asked(spec) && restart.delay != Delay::default() {
            found.push(Finding::note("restart.delay", "rc.d waits for whole seconds, at least one"));
        }
        if restart.delay.jitter != usual.delay.jitter && restart.delay.jitter > 0.0 {
            let why = "waits for exactly as long each time";
            found.push(lost(
                spec,
                "restart.delay.jitter",
                Kind::Rcd,
                why,
                "`jitter = 0`, or leaving `program.supervised` out",
            ));
        }
    }
    found.push(Finding::note("logs", "what the program prints goes to syslog, facility daemon"));
}

fn is_real_time(signal: &Signal) -> bool {
    signal.name().starts_with("RT")
}

/// The delays as the spec has them, where they are whole seconds; else nothing like them.
fn delays_asked(spec: &Spec) -> Vec<u64> {
    let delay = &spec.restart.delay;
    let whole =
        |span: abide_spec::Duration| span.get().subsec_nanos() == 0 && span.get() >= Duration::from_secs(1);
    if whole(delay.initial) && whole(delay.max) { delays(spec) } else { Vec::new() }
}

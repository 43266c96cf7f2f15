//! Shell text that the services of runit and of s6 have in common. POSIX `sh`, every word from a spec quoted.

use std::fmt::Write as _;
use std::path::Path;

use abide_spec::{Family, Signal, Spec, StopAction, When, expand};

use crate::manager::{Context, Finding, Kind, MARKER, capability, direct};
use crate::quote::{sh, sh_words};

/// The first lines of every script.
pub(crate) fn head() -> String {
    format!("#!/bin/sh\n{MARKER}\n")
}

fn word(path: &Path) -> String {
    sh(&path.to_string_lossy())
}

/// Becomes the supervisor.
pub(crate) fn supervisor(kind: Kind, spec: &Spec, context: &Context) -> String {
    let mut text = root(context);
    let _ = writeln!(text, "cd /\nexec {} run --manager {kind} {}", word(&context.supervisor), spec.name);
    text
}

/// Lets what is called know of a moved layout.
pub(crate) fn root(context: &Context) -> String {
    let root = context.layout.root.as_deref();
    root.map(|root| format!("export ABIDE_ROOT={}\n", word(root))).unwrap_or_default()
}

/// How a manager's own tool changes to an account.
pub(crate) struct Launcher {
    /// The words before the program, already quoted, for an account and further groups.
    pub(crate) account: fn(&str, &[String]) -> String,
    /// The words before the program that bound the number of processes.
    pub(crate) processes: fn(u64) -> String,
}

/// Becomes a program that is a service itself: its folder, limits, variables (from the file `env`) and account.
pub(crate) fn program(spec: &Spec, context: &Context, env: &Path, launcher: &Launcher) -> String {
    let account = direct::account(spec);
    let mut text = String::from("umask 022\n");
    if let Some(files) = spec.limits.open_files {
        let _ = writeln!(text, "ulimit -n {files} || exit 111");
    }
    // The words are fixed before the program's variables are set: its PATH is not that of the tools.
    text.push_str("set -- ");
    if let Some(most) = spec.limits.processes {
        text.push_str(&(launcher.processes)(most));
        text.push(' ');
    }
    if let Some(account) = &account {
        text.push_str(&(launcher.account)(account, &spec.account.groups));
        text.push(' ');
    }
    let _ = writeln!(text, "{}", sh_words(&spec.program.command));
    let folder = direct::working_dir(spec, context);
    let _ = writeln!(text, "cd {} || exit 111\n. {}", word(&folder), word(env));
    text
}

/// The variables of a program that is started directly, as assignments that a shell reads. Private: values may be
/// secrets.
pub(crate) fn variables(spec: &Spec, context: &Context) -> String {
    let mut text = format!("{MARKER}\n");
    for (name, value) in direct::expanded(spec).iter().filter(|(name, _)| is_variable(name)) {
        let _ = writeln!(text, "export {name}={}", sh(value));
    }
    for (name, value) in direct::own_variables(spec, context) {
        let _ = writeln!(text, "export {name}={}", sh(&value));
    }
    text
}

/// Whether a shell can set a variable of that name as any other.
fn is_variable(name: &str) -> bool {
    const THE_SHELLS_OWN: [&str; 7] =
        ["BASHOPTS", "BASH_VERSINFO", "EUID", "OPTIND", "PPID", "SHELLOPTS", "UID"];
    direct::is_identifier(name) && !THE_SHELLS_OWN.contains(&name)
}

/// Decides in `again` whether a program that ended as `end` says (a code, or `signal-NAME`) is started again: the restart
/// policy, and giving up by the file `restarts`.
pub(crate) fn verdict(spec: &Spec) -> String {
    let restart = &spec.restart;
    let codes = |codes: &[i32]| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let signals = |signals: &[Signal]| {
        signals.iter().map(|signal| format!("signal-{}", signal.name())).collect::<Vec<_>>()
    };
    let mut text = String::from("case $end in\n");
    let mut arm = |patterns: Vec<String>, again: &str| {
        if !patterns.is_empty() {
            let _ = writeln!(text, "    {}) again={again} ;;", patterns.join(" | "));
        }
    };
    arm([codes(&restart.codes.never), signals(&restart.signals.never)].concat(), "no");
    arm([codes(&restart.codes.always), signals(&restart.signals.always)].concat(), "yes");
    if restart.when == When::OnFailure {
        arm(codes(&restart.success_codes), "no");
    }
    arm(vec!["*".into()], if restart.when == When::Never { "no" } else { "yes" });
    text.push_str("esac\n");
    if let Some(give_up) = restart.give_up {
        let within = give_up.within.0.as_secs().max(1);
        let _ = write!(
            text,
            r#"if [ "$again" = yes ]; then
    now=$(date +%s) kept= count=0
    for at in $(cat supervise/restarts 2>/dev/null); do
        if [ $((now - at)) -lt {within} ]; then kept="$kept $at" count=$((count + 1)); fi
    done
    if [ "$count" -lt {after} ]; then
        kept="$kept $now"
    else
        echo "{name}: given up after {after} restarts within {within} s" >&2
        kept= again=no
    fi
    echo "$kept" >supervise/restarts
fi
"#,
            after = give_up.after,
            name = spec.name,
        );
    }
    text
}

/// The exit codes that are no failure, as a pattern of the shell.
pub(crate) fn success(spec: &Spec) -> String {
    let codes: Vec<_> = spec.restart.success_codes.iter().map(ToString::to_string).collect();
    if codes.is_empty() { "none".into() } else { codes.join(" | ") }
}

/// The signal by which a program that is started directly is asked to stop.
pub(crate) fn stop_signal(spec: &Spec) -> Signal {
    let steps = spec.effective_stop(Family::Unix);
    let asked = steps.iter().find_map(|step| match step.action {
        StopAction::Signal(signal) => Some(signal),
        _ => None,
    });
    asked.unwrap_or(Signal::KILL)
}

/// What neither runit nor s6 can make of a program that is started directly, beyond what the table says.
pub(crate) fn findings(kind: Kind, spec: &Spec) -> Vec<Finding> {
    let mut found = capability::findings(kind, spec);
    if spec.program.supervised {
        return found;
    }
    const SUPERVISED: &str = "leaving `program.supervised` out";
    let mut lost = |field: &'static str, why: &str, nearest: &str| {
        if !found.iter().any(|finding| finding.field.as_deref() == Some(field)) {
            found.push(capability::lost(spec, field, kind, why, nearest));
        }
    };
    if spec.program.env_file.is_some() {
        lost("program.env-file", "does not read such files", "`program.env`");
    }
    if spec.restart.delay != abide_spec::Delay::default() {
        lost("restart.delay", "starts a program again after about a second, always the same", SUPERVISED);
    }
    let asks = spec.effective_stop(Family::Unix);
    let plain = matches!(
        asks.as_slice(),
        [step, _] if matches!(step.action, StopAction::Signal(_))
    ) || asks.len() == 1;
    if !plain {
        lost("stop.steps", "sends one signal and then kills", SUPERVISED);
    }
    if let Err(error) = expand::environment(|_| None, &[], &spec.program.env) {
        let text = format!(
            "the environment of a program that {kind} starts directly is fixed when it is applied: {error}"
        );
        found.push(Finding::error("program.env", text));
    }
    for name in spec.program.env.keys().filter(|name| !is_variable(name)) {
        let text = format!("{kind} starts programs through a shell, which cannot set a variable `{name}`");
        found.push(Finding::error("program.env", text).with_hint(format!("nearest: {SUPERVISED}")));
    }
    found
}

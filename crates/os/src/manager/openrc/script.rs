//! What the scripts of OpenRC and of SysV init have in common.

use std::path::PathBuf;

use abide_spec::{Name, Signal, Spec};

use crate::fs::Access;
use crate::manager::direct::{self, expanded, is_identifier, own_variables};
use crate::manager::{Artifact, Context, Finding, Kind, Target, capability};
use crate::paths::{Layout, within};
use crate::quote::sh;

/// A file that lives as long as the machine is up: `/run/abide-NAME.pid`. Beside the folder of the services' run-time
/// files, which only root may look into: everyone may know whether a service runs.
pub(in crate::manager) fn beside(layout: &Layout, name: &Name, what: &str) -> PathBuf {
    let folder = layout.run.display().to_string();
    PathBuf::from(format!("{folder}-{name}.{what}"))
}

/// The file in which the end of what ran last is kept: a word and an exit code.
pub(in crate::manager) fn exit_file(layout: &Layout, name: &Name) -> PathBuf {
    beside(layout, name, "exit")
}

/// The variables of a program that is started without a supervisor, for root's eyes only: they may be secrets, and the
/// script is not.
pub(in crate::manager) fn env_file(layout: &Layout, name: &Name) -> PathBuf {
    within(&layout.specs, &format!("{name}.env.sh"))
}

/// That file, for a program that is a service itself.
pub(in crate::manager) fn env_artifact(spec: &Spec, context: &Context) -> Artifact {
    let mut text = format!("{}\n", crate::manager::MARKER);
    let own = own_variables(spec, context).map(|(variable, value)| (variable.to_owned(), value));
    for (variable, value) in own.into_iter().chain(expanded(spec)) {
        text.push_str(&format!("export {variable}={}\n", sh(&value)));
    }
    let path = env_file(&context.layout, &spec.name);
    Artifact { target: Target::File { path, access: Access::Private }, content: text }
}

/// The line in which a supervisor says what is wrong with it before it can say so anywhere else.
pub(in crate::manager) fn own_log(spec: &Spec, context: &Context) -> String {
    within(&context.layout.logs_of(&spec.name), "supervisor.log").display().to_string()
}

/// Text for one line of a script's head: without line breaks and other control characters.
pub(in crate::manager) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// The line that bounds the number of processes: bash has another letter for it than dash and BusyBox.
pub(in crate::manager) fn limit_processes(most: u64) -> String {
    format!(
        "\tif (ulimit -u {most}) 2>/dev/null; then ulimit -u {most}; else ulimit -p {most}; fi || return 1"
    )
}

/// A signal as `kill -` of every shell knows it: those without a name by their number.
pub(in crate::manager) fn shell_signal(signal: Signal) -> String {
    let name = signal.to_string();
    match name.strip_prefix("RTMIN").map(|offset| offset.trim_start_matches('+').parse::<u32>().unwrap_or(0))
    {
        Some(offset) => (FIRST_REAL_TIME + offset).to_string(),
        None => name,
    }
}

/// The first real-time signal that programs may use on Linux.
const FIRST_REAL_TIME: u32 = 34;

/// Whether a name can stand in a list of services in a script.
pub(in crate::manager) fn is_service_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@:".contains(&byte))
}

/// The services of `start.after` that can be named, without the service itself.
pub(in crate::manager) fn after(spec: &Spec) -> Vec<&str> {
    let names = spec.start.after.iter().map(String::as_str);
    names.filter(|name| is_service_name(name) && *name != spec.name.as_str()).collect()
}

/// What no script of these service managers can do.
pub(in crate::manager) fn findings(kind: Kind, spec: &Spec) -> Vec<Finding> {
    let mut found = capability::findings(kind, spec);
    for name in spec.start.after.iter().filter(|name| !is_service_name(name)) {
        found.push(Finding::error(
            "start.after",
            format!("`{name}` cannot be the name of a service of {kind}"),
        ));
    }
    if !spec.program.supervised {
        started_directly(kind, spec, &mut found);
    }
    found
}

/// What is lost on a program that is a service itself.
fn started_directly(kind: Kind, spec: &Spec, found: &mut Vec<Finding>) {
    // Some of it is in the table for all.
    let known: Vec<Option<String>> = found.iter().map(|finding| finding.field.clone()).collect();
    let more = direct::findings(kind, spec);
    found.extend(more.into_iter().filter(|finding| !known.contains(&finding.field)));
    for variable in spec.program.env.keys().filter(|variable| !is_identifier(variable)) {
        found.push(
            Finding::error("program.env", format!("no script can set a variable of the name `{variable}`"))
                .with_hint("leave `program.supervised` out: a supervisor sets any variable"),
        );
    }
    if !spec.account.groups.is_empty() {
        found.push(capability::lost(
            spec,
            "account.groups",
            kind,
            "gives a program that it starts itself the groups that its user is in, and no others",
            "a user who is in those groups (`account.run-as`)",
        ));
    }
    if direct::ladder(spec).is_none() && !known.contains(&Some("stop.steps".into())) {
        found.push(capability::lost(
            spec,
            "stop.steps",
            kind,
            "sends a program that it started itself one signal and kills it when its time is over",
            "one step with `signal` and `wait`",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_without_a_name_have_a_number() {
        assert_eq!(shell_signal(Signal::TERM), "TERM");
        assert_eq!(shell_signal("RTMIN+3".parse().unwrap()), "37");
        assert_eq!(shell_signal("RTMIN".parse().unwrap()), "34");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line(" a\nb\tc\r\u{1b}[1m "), "a b c  [1m");
        assert_eq!(one_line(""), "");
    }

    #[test]
    fn names_that_a_script_can_list() {
        for name in ["postgres", "net.eth0", "sshd@a", "a-b_c"] {
            assert!(is_service_name(name), "{name}");
        }
        for name in ["", "-x", "a b", "a;b", "$x", "a\nb", "é"] {
            assert!(!is_service_name(name), "{name}");
        }
    }

    #[test]
    fn no_two_services_share_a_file() {
        let layout = Layout::unix();
        let name = |text: &str| Name::new(text).unwrap();
        assert_eq!(beside(&layout, &name("a"), "pid").to_str(), Some("/run/abide-a.pid"));
        assert_ne!(beside(&layout, &name("a"), "pid"), exit_file(&layout, &name("a")));
        assert_ne!(beside(&layout, &name("a.pid"), "pid"), beside(&layout, &name("a"), "pid"));
    }
}

//! The rc.d script of a service. Pure: the same spec and context always give the same text.
//!
//! What a script sets and what rc.subr(8) makes of it: `pidfile`, `procname` and `command_interpreter` tell how the
//! running service is found, `command` and `command_args` (read by the shell once more: `eval`) how it is started, and
//! `stop` is SIGTERM to that process and waiting until it is gone.

use std::fmt::Write as _;
use std::path::PathBuf;

use abide_spec::{Name, Spec, StartMode};

use super::keep;
use crate::fs::Access;
use crate::manager::direct::{self, whole_seconds};
use crate::manager::{Artifact, Context, MARKER, Target};
use crate::paths::{Layout, within};
use crate::quote::{sh, sh_words};

/// Where the things of one service are.
pub(super) struct Paths {
    /// The script.
    pub(super) script: PathBuf,
    /// The folder of the shell that stays: its own process id, its child's, and how that ended. In a folder whose name no
    /// service can have.
    pub(super) run: PathBuf,
    /// The variables of a program that is started directly.
    pub(super) variables: PathBuf,
}

impl Paths {
    pub(super) fn of(name: &Name, layout: &Layout) -> Self {
        Self {
            script: within(&layout.units, name.as_str()),
            run: within(&within(&layout.run, ".rc.d"), name.as_str()),
            variables: within(&layout.specs, &format!("{name}.env.sh")),
        }
    }
}

/// The name that rc.subr makes variables of, `orders_enable` and others: what no variable can have in its name becomes
/// `_`.
pub(super) fn variable(name: &Name) -> String {
    let name = name.as_str();
    let mapped = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let first = if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    first.chars().chain(mapped).collect()
}

/// The variable of rc.conf(5) that says whether it starts with the machine.
pub(super) fn switch(name: &Name) -> String {
    format!("{}_enable", variable(name))
}

/// The name of a script in `REQUIRE`, where it can be one.
pub(super) fn requirement(after: &str) -> Option<&str> {
    const UNITS: [&str; 9] =
        [".socket", ".target", ".mount", ".path", ".timer", ".device", ".slice", ".scope", ".swap"];
    let name = after.strip_suffix(".service").unwrap_or(after);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(plain);
    (is_name && !UNITS.iter().any(|unit| name.ends_with(unit))).then_some(name)
}

pub(super) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let paths = Paths::of(&spec.name, &context.layout);
    let file = |path, access, content| Artifact { target: Target::File { path, access }, content };
    let mut files = vec![file(paths.script.clone(), Access::Executable, script(spec, context, &paths))];
    if let Some(variables) = keep::variables(spec) {
        files.push(file(paths.variables, Access::Private, variables));
    }
    files
}

fn script(spec: &Spec, context: &Context, paths: &Paths) -> String {
    let name = &spec.name;
    let switch = switch(name);
    let mut requires = vec!["LOGIN"];
    requires.extend(spec.start.after.iter().filter_map(|after| requirement(after)));
    let what = if spec.program.supervised { "the supervisor" } else { "the program" };
    let functions = keep::functions(spec, context, paths);
    let script = direct::shown(&paths.script);
    let run = direct::shown(&paths.run);
    let mut text = format!(
        "#!/bin/sh
{MARKER}
#
# PROVIDE: {name}
# REQUIRE: {requires}
# KEYWORD: shutdown
#
# {switch} in rc.conf(5) says whether it starts with the machine.

# What daemon(8) has in the background: a shell that starts {what}, again after a death that asks for it.
{functions}if [ \"$1\" = keep ]; then
	export PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin
	keep
fi

. /etc/rc.subr

name={rc_name}
desc={desc}
rcvar={switch}
pidfile={pidfile}
procname={procname}
command_interpreter=/bin/sh
command=/usr/sbin/daemon
command_args={arguments}
start_precmd=prepare
start_postcmd=await_start
",
        requires = requires.join(" "),
        rc_name = variable(name),
        desc = sh(spec.description.as_deref().unwrap_or_else(|| spec.shown_name())),
        pidfile = sh(&format!("{run}/keeper")),
        procname = sh(&script),
        // `-S -T`: what is said goes to syslog, with this name on it. `-p`: there is one of them only.
        arguments = sh(&format!(
            "-f -S -T {name} -p {} /bin/sh {} keep",
            read_twice(&format!("{run}/lock")),
            read_twice(&script)
        )),
    );
    if keep::reload(spec).is_some() {
        text.push_str("extra_commands=reload\n");
    }
    text.push_str("\nprepare() {\n");
    if spec.start.mode == StartMode::Disabled {
        let said = format!("{name} is disabled: set start.mode in its spec and run `abide apply`");
        let _ = writeln!(text, "\techo {} >&2\n\treturn 1", sh(&said));
    } else {
        let folder = sh(&run);
        let _ = writeln!(text, "\tmkdir -p {folder} && rm -f {folder}/keeper {folder}/main {folder}/exit");
    }
    text.push_str("}\n\nawait_start() {\n");
    let _ = write!(
        text,
        "\tfor turn in 1 2 3 4 5 6 7 8 9 10; do\n\t\t[ -s {run}/main ] || [ -s {run}/exit ] && break\n\t\tsleep 0.2\n\tdone\n",
        run = sh(&run)
    );
    if let (true, Some(ready)) = (spec.program.supervised, &spec.start.ready) {
        // What comes after it in the order of rcorder(8) can count on it, then.
        let seconds = whole_seconds(ready.timeout.get()).to_string();
        let words = [direct::shown(&context.supervisor)];
        let words = words.iter().map(String::as_str).chain(["wait", name.as_str(), "ready", &seconds]);
        let _ = writeln!(text, "\t{} >/dev/null", sh_words(words));
    }
    text.push_str("}\n\nload_rc_config \"$name\"\n");
    let _ = writeln!(text, ": \"${{{switch}:=NO}}\"");
    text.push_str("run_rc_command \"$1\"\n");
    text
}

/// A word that the shell reads once more (`eval`), plain where it can be.
fn read_twice(word: &str) -> String {
    if is_plain(word) { word.to_owned() } else { sh(word) }
}

/// Whether the shell makes nothing of a word but itself, quoted or not.
pub(super) fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+,@%".contains(&byte))
}

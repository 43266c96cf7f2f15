//! The files of a service of runit. Pure: the same spec and context always give the same texts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use abide_spec::{Name, Signal, Spec};

use super::script::{self, Launcher};
use crate::fs::Access;
use crate::manager::{Artifact, Context, Finding, Kind, Target};
use crate::paths::{Layout, within};
use crate::quote::{sh, sh_words};

/// How long to wait for each of those that a service starts after, in seconds.
pub(crate) const PATIENCE: u32 = 30;

const CHPST: Launcher = Launcher {
    account: |account, groups| {
        let more: String = groups.iter().map(|group| format!(":{}", sh(group))).collect();
        // chpst takes no further groups from the system's list by itself.
        format!("chpst -u {0}:\"$(id -Gn {0} | tr ' ' :)\"{more}", sh(account))
    },
    processes: |most| format!("chpst -p {most}"),
};

/// The folder of a service.
pub(super) fn folder(layout: &Layout, name: &Name) -> PathBuf {
    within(&layout.native("/etc/sv"), name.as_str())
}

/// The files for runit, the definition (`run`) first.
pub(crate) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let folder = folder(&context.layout, &spec.name);
    let file = |name: &str, access, content| Artifact {
        target: Target::File { path: within(&folder, name), access },
        content,
    };
    let mut files = vec![
        file("run", Access::Executable, run(spec, context, &folder)),
        file("finish", Access::Executable, finish(spec)),
    ];
    if spec.program.supervised {
        files.push(file("check", Access::Executable, check(spec, context)));
    } else {
        files.push(file("env", Access::Private, script::variables(spec, context)));
        files.push(file("control/t", Access::Executable, asked(script::stop_signal(spec))));
    }
    files
}

/// What runit can't make of a spec.
pub(crate) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let _ = context;
    script::findings(Kind::Runit, spec)
}

fn run(spec: &Spec, context: &Context, folder: &Path) -> String {
    let mut text = script::head();
    if !spec.start.after.is_empty() {
        // `sv check` waits for the `check` script of what runs. What is down on purpose, or no service of runit, is not
        // waited for; all services come up together, so one that is about to be started is given a moment.
        let _ = write!(
            text,
            r#"for other in {}; do
    for moment in 1 2 3 4 5 6 7 8 9 10; do
        case $(sv status "$other" 2>&1) in
            *'want up'*) ;;
            run:* | finish:* | down:* | *'service directory'*) break ;;
        esac
        sleep 1
    done
    sv -w {PATIENCE} check "$other" >/dev/null 2>&1
done
"#,
            sh_words(&spec.start.after)
        );
    }
    if spec.program.supervised {
        text.push_str(&script::supervisor(Kind::Runit, spec, context));
    } else {
        text.push_str(&script::program(spec, context, &within(folder, "env"), &CHPST));
        text.push_str("exec \"$@\"\n");
    }
    text
}

/// Run after `run` has ended, with its exit code (-1 for a signal) and, in its second argument, that signal.
fn finish(spec: &Spec) -> String {
    let mut text = script::head();
    if spec.program.supervised {
        text.push_str(
            r#"# A supervisor that ends with a code has done its work or given up. One that dies is started again.
case $1 in
    -1) echo "$1 $2 asked" >supervise/ended; exit 0 ;;
    0) echo "$1 $2 ended" >supervise/ended ;;
    *) echo "$1 $2 failed" >supervise/ended ;;
esac
printf d >supervise/control
"#,
        );
        return text;
    }
    text.push_str(
        r#"if [ -e supervise/asked ]; then
    rm -f supervise/asked
    echo "$1 $2 asked" >supervise/ended
    exit 0
fi
if [ "$1" = -1 ]; then end=signal-$(kill -l $(($2 & 127))); else end=$1; fi
"#,
    );
    text.push_str(&script::verdict(spec));
    let _ = write!(
        text,
        r#"if [ "$again" = yes ]; then exit 0; fi
case $end in
    {}) echo "$1 $2 ended" >supervise/ended ;;
    *) echo "$1 $2 failed" >supervise/ended ;;
esac
printf d >supervise/control
"#,
        script::success(spec)
    );
    text
}

/// Whether the service is ready, for `sv start` and `sv check`.
fn check(spec: &Spec, context: &Context) -> String {
    let supervisor = sh(&context.supervisor.to_string_lossy());
    format!("{}{}exec {supervisor} wait {} ready 0\n", script::head(), script::root(context), spec.name)
}

/// Run before the program is ended because somebody asked for it, which is no end by itself.
fn asked(signal: Signal) -> String {
    let mut text = script::head();
    text.push_str(": >supervise/asked\n");
    if signal == Signal::TERM {
        text.push_str("# Not done yet: runsv sends the signal.\nexit 1\n");
    } else {
        let _ = writeln!(text, "read -r pid <supervise/pid && exec kill -s {signal} \"$pid\"");
    }
    text
}

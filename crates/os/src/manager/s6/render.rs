//! The files of a service of s6. Pure: the same spec and context always give the same texts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use abide_spec::{Family, Name, Spec};

use crate::fs::Access;
use crate::manager::runit::PATIENCE;
use crate::manager::runit::script::{self, Launcher};
use crate::manager::{Artifact, Context, Finding, Kind, Target, stop_budget};
use crate::paths::{Layout, within};
use crate::quote::{sh, sh_words};

/// Bound on `finish`, in milliseconds. It has little to do, but on a busy machine more than the usual five seconds may
/// pass, and one that is cut short would bring back what shall stay down.
const FINISH: u32 = 60_000;

/// The link in a service's folder to the folder that s6 watches.
pub(super) const SCANNED: &str = "scandir";

const TOOLS: Launcher = Launcher {
    account: |account, groups| {
        let account = sh(account);
        if groups.is_empty() {
            return format!("s6-setuidgid {account}");
        }
        let more: String = groups
            .iter()
            .map(|group| format!(",\"$(getent group {} | cut -d : -f 3)\"", sh(group)))
            .collect();
        format!(
            "s6-applyuidgid -u \"$(id -u {account})\" -g \"$(id -g {account})\" -G \"$(id -G {account} | tr ' ' ,)\"{more}"
        )
    },
    processes: |most| format!("s6-softlimit -p {most}"),
};

/// The folder of Abide's own services of s6.
pub(super) fn services(layout: &Layout) -> PathBuf {
    layout.native("/etc/abide/s6")
}

/// The folder of a service.
pub(super) fn folder(layout: &Layout, name: &Name) -> PathBuf {
    within(&services(layout), name.as_str())
}

/// The files for s6, the definition (`run`) first.
pub(crate) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let folder = folder(&context.layout, &spec.name);
    let file = |name: &str, access, content| Artifact {
        target: Target::File { path: within(&folder, name), access },
        content,
    };
    let mut files = vec![
        file("run", Access::Executable, run(spec, context, &folder)),
        file("finish", Access::Executable, finish(spec)),
        file("notification-fd", Access::Public, "3\n".into()),
        file("timeout-finish", Access::Public, format!("{FINISH}\n")),
        file("timeout-kill", Access::Public, format!("{}\n", kill_after(spec))),
    ];
    if !spec.program.supervised {
        files.push(file("env", Access::Private, script::variables(spec, context)));
        files.push(file("down-signal", Access::Public, format!("SIG{}\n", script::stop_signal(spec))));
    }
    files
}

/// What s6 can't make of a spec.
pub(crate) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let _ = context;
    script::findings(Kind::S6, spec)
}

/// After how many milliseconds s6 kills what was asked to stop: a supervisor has gone down its whole ladder by then.
fn kill_after(spec: &Spec) -> u128 {
    let patience = if spec.program.supervised {
        stop_budget(spec, Family::Unix)
    } else {
        spec.stop_budget(Family::Unix).0
    };
    // Zero would be never.
    patience.as_millis().max(1)
}

fn run(spec: &Spec, context: &Context, folder: &Path) -> String {
    let mut text = script::head();
    if !spec.start.after.is_empty() {
        // What is down on purpose, or no service of s6, is not waited for. All services come up together, so one that is
        // not there yet is given a moment.
        let _ = write!(
            text,
            r#"for other in {}; do
    [ -e "{SCANNED}/$other" ] || continue
    for moment in 1 2 3 4 5 6 7 8 9 10; do
        s6-svok "{SCANNED}/$other" && break
        sleep 1
    done
    [ "$(s6-svstat -o wantedup "{SCANNED}/$other" 2>/dev/null)" != true ] ||
        s6-svwait -t {PATIENCE}000 -U "{SCANNED}/$other" 2>/dev/null
done
"#,
            sh_words(&spec.start.after)
        );
    }
    if spec.program.supervised {
        text.push_str(&script::supervisor(Kind::S6, spec, context));
    } else {
        text.push_str(&script::program(spec, context, &within(folder, "env"), &TOOLS));
        text.push_str("# It counts as ready when it runs.\necho >&3\nexec \"$@\" 3>&-\n");
    }
    text
}

/// Run after `run` has ended, with its exit code (256 for a signal) and that signal. Exit code 125 says: leave it down.
fn finish(spec: &Spec) -> String {
    let mut text = script::head();
    if spec.program.supervised {
        text.push_str(
            "# A supervisor that ends with a code has done its work or given up. One that dies is started again.\n\
             [ \"$1\" = 256 ] || exit 125\n",
        );
        return text;
    }
    text.push_str("if [ \"$1\" = 256 ]; then end=signal-$(kill -l \"$2\"); else end=$1; fi\n");
    text.push_str(&script::verdict(spec));
    text.push_str("[ \"$again\" = yes ] || exit 125\n");
    text
}

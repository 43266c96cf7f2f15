//! A stand-in for `systemctl`: a script that keeps in files what systemd would keep in memory, and writes down how it
//! was called.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use abide_spec::{Name, Spec};

use crate::manager::systemd::Systemd;
use crate::manager::systemd::linger::Linger;
use crate::manager::systemd::systemctl::Systemctl;
use crate::manager::{Desired, Progress};
use crate::paths::Layout;

const SCRIPT: &str = r#"#!/bin/sh
# $S: what systemd remembers; $U: the folder of units.
S='@STATE@'; U='@UNITS@'; C='@RUN@/credentials'
[ "$1" = --user ] && { shift; [ -e "$XDG_RUNTIME_DIR" ] || exit 1; }
[ "$1" = --no-ask-password ] && shift
echo "$*" >>"$S/calls"
for unit; do :; done
state() { cat "$S/active/$unit" 2>/dev/null || echo inactive; }
come_up() {
    if [ -e "$S/refuse" ]; then
        echo failed >"$S/active/$unit"
        echo "Job for $unit failed because the service did not take the steps required by its unit configuration." >&2
        exit 1
    fi
    echo active >"$S/active/$unit"
    cp "$U/$unit" "$S/running/$unit"
    mkdir -p "$C/$unit"
    sed -n 's/^LoadCredential=//p' "$U/$unit" | while IFS=: read -r id path; do cp "$path" "$C/$unit/$id"; done
}
case $1 in
--version) echo 'systemd 252 (252.39-1)' ;;
show)
    if [ -e "$U/$unit" ]; then load=loaded path="$U/$unit"
    elif [ -e "$S/vendor/$unit" ]; then load=loaded path="$S/vendor/$unit"
    else load=not-found path=
    fi
    echo "LoadState=$load"; echo "FragmentPath=$path"
    echo "ActiveState=$(state)"
    [ "$(state)" = failed ] && echo "Result=exit-code" || echo "Result=success"
    echo "MainPID=0"; echo "StatusText=well"
    if [ -n "$path" ]; then
        if [ -e "$S/enabled/$unit" ]; then echo "UnitFileState=enabled"; else echo "UnitFileState=disabled"; fi
        if cmp -s "$path" "$S/loaded/$unit"; then echo "NeedDaemonReload=no"; else echo "NeedDaemonReload=yes"; fi
        if grep -q '^RefuseManualStart=yes' "$path"; then echo "RefuseManualStart=yes"; fi
    fi
    ;;
daemon-reload)
    [ -e "$S/refuse-reload" ] && { rm "$S/refuse-reload"; echo 'Failed to reload daemon: No space left on device' >&2; exit 1; }
    rm -f "$S/loaded/"*; cp "$U/"*.service "$S/loaded/" 2>/dev/null; true ;;
enable)
    : >"$S/enabled/$unit"
    # The link is what a look at the folders goes by.
    W="$U/$(sed -n 's/^WantedBy=//p' "$U/$unit").wants"; mkdir -p "$W"; ln -sf "$U/$unit" "$W/$unit" ;;
disable) rm -f "$S/enabled/$unit" "$U"/*.wants/"$unit"; rmdir "$U"/*.wants 2>/dev/null; true ;;
enable-linger)
    [ -e "$S/refuse-linger" ] && { echo 'Could not enable linger: Access denied' >&2; exit 1; }
    : >"$S/lingering/$unit" ;;
disable-linger) rm "$S/lingering/$unit" ;;
start | restart) come_up ;;
stop) rm -rf "$S/active/$unit" "$S/running/$unit" "$C" ;;
reset-failed) [ "$(state)" = failed ] && rm -f "$S/active/$unit"; true ;;
*) echo "unknown $1" >&2; exit 1 ;;
esac
"#;

/// A machine below a folder, with the stand-in as its systemd.
pub(super) struct Machine {
    pub(super) root: tempfile::TempDir,
    pub(super) systemd: Systemd,
}

impl Machine {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::below(&root.path().join("machine"));
        Self::with(root, layout)
    }

    /// The machine of a user who installs services of their own.
    pub(super) fn of_user() -> Self {
        let root = tempfile::tempdir().unwrap();
        let runtime = root.path().join("run/user");
        let layout = Layout::user_of_linux(&root.path().join("home/a b"), &runtime);
        fs::create_dir_all(runtime.join("systemd/private")).unwrap();
        let mut machine = Self::with(root, layout);
        machine.systemd.systemctl.runtime_dir = Some(runtime);
        machine
    }

    fn with(root: tempfile::TempDir, layout: Layout) -> Self {
        let state = root.path().join("systemd");
        for name in ["active", "enabled", "lingering", "loaded", "running", "vendor"] {
            fs::create_dir_all(state.join(name)).unwrap();
        }
        fs::create_dir_all(&layout.units).unwrap();
        let script = root.path().join("systemctl");
        let text = SCRIPT
            .replace("@STATE@", state.to_str().unwrap())
            .replace("@UNITS@", layout.units.to_str().unwrap())
            .replace("@RUN@", layout.run.parent().unwrap().to_str().unwrap());
        crate::manager::executable::put(&script, &text);
        fs::write(root.path().join("supervisor-1"), "first").unwrap();
        fs::write(root.path().join("supervisor-2"), "second").unwrap();
        let systemd = Systemd {
            layout,
            systemctl: Systemctl {
                systemctl: script.clone().into(),
                journalctl: "/nonexistent".into(),
                loginctl: script.into(),
                runtime_dir: None,
            },
            version: Some(252),
            linger: Linger {
                lingering: state.join("lingering"),
                allowed: true,
                user: crate::account::current().unwrap(),
            },
            path: Some("/usr/bin:/bin".into()),
            ask_rights: false,
            fault: None,
        };
        Self { root, systemd }
    }

    pub(super) fn desired(&self, more: &str) -> Desired {
        let text = format!("name = \"orders\"\n{more}\n[program]\ncommand = [\"/bin/sleep\", \"60\"]\n");
        Desired::new(Spec::parse(&text).unwrap(), Some(&text), self.root.path().join("supervisor-1"))
    }

    pub(super) fn state(&self, what: &str) -> PathBuf {
        self.root.path().join("systemd").join(what)
    }

    /// How often systemd was asked for something that begins so.
    pub(super) fn calls(&self, verb: &str) -> usize {
        let calls = fs::read_to_string(self.state("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.split(' ').next() == Some(verb)).count()
    }

    /// Everything on the machine and in systemd's memory, but for the list of calls.
    pub(super) fn everything(&self) -> Vec<(PathBuf, u32, String)> {
        let mut all = Vec::new();
        collect(self.root.path(), &mut all);
        all.retain(|(path, ..)| !path.ends_with("calls"));
        all.sort();
        all
    }

    pub(super) fn running(&self) -> Option<String> {
        fs::read_to_string(self.state("running/orders.service")).ok()
    }
}

fn collect(folder: &Path, into: &mut Vec<(PathBuf, u32, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let metadata = entry.path().symlink_metadata().unwrap();
        let mode = metadata.permissions().mode();
        if metadata.is_dir() {
            into.push((entry.path(), mode, String::new()));
            collect(&entry.path(), into);
        } else {
            into.push((entry.path(), mode, fs::read_to_string(entry.path()).unwrap_or_default()));
        }
    }
}

pub(super) fn name() -> Name {
    Name::new("orders").unwrap()
}

/// Nobody watches.
pub(super) fn silent(_: Progress<'_>) {}

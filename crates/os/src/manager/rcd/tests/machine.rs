//! Scripts run by the system's own shell, with stand-ins for what is FreeBSD's.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::manager::{ManagerState, executable};

/// What rc.subr(8) documents of `run_rc_command`, and no more: words before the command, `rcvar`, the process by its pid
/// file and its command line, `start` by the shell reading `command` and `command_args` once more, `stop` by SIGTERM
/// and waiting. `told` is ours: it says what it was told.
const RC_SUBR: &str = r#"
load_rc_config() { . "$FOLDER/rc.conf"; }
run_rc_command() {
  arg=$1
  case $arg in
  one*) arg=${arg#one}; eval "$rcvar=YES" ;;
  fast*) arg=${arg#fast} ;;
  esac
  rc_pid=
  if [ -f $pidfile ]; then
    read -r pid rest <$pidfile
    case "$(ps -ww -o args= -p "$pid" 2>/dev/null)" in
    "$command_interpreter $procname" | "$command_interpreter $procname "*) rc_pid=$pid ;;
    esac
  fi
  eval "enabled=\$$rcvar"
  case $arg in
  told) printf '%s\0' "$name" "$desc" "$rcvar" "$enabled" "$pidfile" "$procname" "$command" "$extra_commands" ;;
  status)
    if [ -n "$rc_pid" ]; then echo "$name is running as pid $rc_pid."; else echo "$name is not running."; return 1; fi ;;
  start)
    [ "$enabled" = YES ] || { echo "Cannot 'start' $name. Set $rcvar to YES in /etc/rc.conf"; return 0; }
    [ -z "$rc_pid" ] || { echo "$name already running? (pid=$rc_pid)." >&2; return 1; }
    $start_precmd || return 1
    echo "Starting $name."
    eval "$command $rc_flags $command_args" || return 1
    $start_postcmd ;;
  stop)
    [ -n "$rc_pid" ] || { echo "$name not running?" >&2; return 1; }
    kill -TERM $rc_pid
    while kill -0 $rc_pid 2>/dev/null; do sleep 0.05; done ;;
  reload)
    case " $extra_commands " in *" reload "*) kill -HUP $rc_pid ;; *) return 1 ;; esac ;;
  *) return 1 ;;
  esac
}
"#;

/// daemon(8) as it is asked for here: it goes into the background with nothing of its caller's open, and gives what its
/// child says to syslog, a file here.
const DAEMON: &str = r#"#!/bin/sh
while getopts fSrp:P:T:u:t: option; do
  case $option in
  T) tag=$OPTARG ;;
  p) lock=$OPTARG ;;
  r | P | u | t) exit 64 ;;
  esac
done
shift $((OPTIND - 1))
[ -n "$tag" ] && [ -n "$lock" ] || exit 64
"$@" </dev/null >>"${0%/*}/syslog" 2>&1 &
"#;

/// A switch in rc.conf, as sysrc(8) sets it.
const SYSRC: &str = r#"#!/bin/sh
conf=${0%/*}/rc.conf
case $1 in
-n) grep -q "^$2=" "$conf" || { echo "sysrc: unknown variable '$2'" >&2; exit 1; }; sed -n "s/^$2=\"\(.*\)\"/\1/p" "$conf" ;;
-x) grep -q "^$2=" "$conf" || exit 1; grep -v "^$2=" "$conf" >"$conf.new"; mv "$conf.new" "$conf" ;;
*) grep -v "^${1%%=*}=" "$conf" >"$conf.new"; echo "${1%%=*}=\"${1#*=}\"" >>"$conf.new"; mv "$conf.new" "$conf" ;;
esac
"#;

/// chroot(8) to the root folder, told of but not gone through: that takes root.
const CHROOT: &str = r#"#!/bin/sh
printf '%s\n' "$*" | head -n 1 >>"${0%/*}/chrooted"
while getopts u:g:G: option; do :; done
shift $((OPTIND - 1))
cd "$1" && shift && exec "$@"
"#;

/// The supervisor, or a program: it says what it is told, and does what the file `orders` says when it starts.
const PROGRAM: &str = r#"#!/bin/sh
folder=${0%/*}
say() { printf '%s\n' "$*" >>"$folder/said"; }
case $1 in wait) say "$*"; exit 0 ;; esac
trap 'say TERM; exit 0' TERM
trap 'say INT; exit 0' INT
trap 'say HUP; [ "$1" = run ] || exit 0' HUP
trap 'say USR1' USR1
# Said when it can be told things.
say "started $*"
read -r order <"$folder/orders"
case $order in
exit*) exit "${order#exit }" ;;
deaf) trap '' TERM INT; say deaf ;;
esac
while :; do sleep 0.05; done
"#;

pub(super) struct Machine {
    folder: tempfile::TempDir,
    pub(super) rcd: Rcd,
    name: Name,
}

impl Machine {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for (file, text) in [
            ("daemon", DAEMON),
            ("sysrc", SYSRC),
            ("chroot", CHROOT),
            ("abide-supervisor-0123456789ab", PROGRAM),
            ("program", PROGRAM),
        ] {
            executable::put(&at(file), text);
        }
        let rc_subr = RC_SUBR.replace("$FOLDER", folder.path().to_str().unwrap());
        fs::write(at("rc.subr"), rc_subr).unwrap();
        fs::write(at("rc.conf"), "sshd_enable=\"YES\"\n").unwrap();
        fs::write(at("orders"), "run\n").unwrap();
        let layout = Layout {
            specs: at("specs"),
            state: at("state"),
            run: at("run"),
            units: at("rc.d"),
            lib: folder.path().to_owned(),
            ..Layout::freebsd()
        };
        for made in [&layout.specs, &layout.units, &layout.state] {
            fs::create_dir(made).unwrap();
        }
        let tools = Tools { sysrc: at("sysrc"), ps: "/bin/ps".into(), service: None, conf: None };
        let rcd = Rcd { layout, tools, system: at("system") };
        Self { folder, rcd, name: "orders".parse().unwrap() }
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes the script as an apply does, with what is FreeBSD's put beside it.
    pub(super) fn install(&self, spec: &Spec) {
        let context = context_in(spec, self.rcd.layout.clone());
        for artifact in render(spec, &context) {
            let crate::manager::Target::File { path, .. } = artifact.target else { panic!("no file") };
            let mut text = artifact.content;
            for (real, here) in
                [("/etc/rc.subr", "rc.subr"), ("/usr/sbin/daemon", "daemon"), ("/usr/sbin/chroot", "chroot")]
            {
                text = text.replace(real, self.at(here).to_str().unwrap());
            }
            executable::put(&path, &text);
        }
        let folder = self.rcd.layout.state_of(&spec.name).join("data");
        fs::create_dir_all(folder).unwrap();
        self.rcd.register(&spec.name, spec.start.mode).unwrap();
    }

    fn program(&self, more: &str) -> Spec {
        let mut spec = direct(more);
        spec.program.command =
            vec![self.at("program").to_str().unwrap().to_owned(), "a b".into(), "$HOME".into()];
        spec
    }

    fn look(&self) -> Seen {
        self.rcd.look(&self.name).unwrap()
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    fn start(&self) {
        self.rcd.start(&self.name, PATIENCE).unwrap();
    }

    fn stop(&self) {
        self.rcd.stop(&self.name, PATIENCE).unwrap();
    }

    fn script(&self, argument: &str) -> (bool, String) {
        let output = Command::new(self.rcd.definition(&self.name)).arg(argument).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    fn kill(&self, signal: &str, pid: u32) {
        assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
    }

    #[track_caller]
    fn wait_until(&self, what: &str, so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !so() {
            assert!(
                begun.elapsed() < PATIENCE,
                "not {what}: {:?}\n{}\n{}",
                self.look(),
                self.text("said"),
                self.text("syslog")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Machine {
    /// Nothing is left behind, whatever became of a test.
    fn drop(&mut self) {
        for service in [&self.name] {
            let run = self.rcd.paths(service).run;
            for file in ["keeper", "main"] {
                if let Some(pid) = number_in(&run.join(file)) {
                    let _ = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).output();
                }
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn rc_subr_is_told_what_it_needs() {
    let machine = Machine::new();
    machine.install(&spec("description = \"It's $HOME\""));
    let (done, told) = machine.script("told");
    let words: Vec<&str> = told.split('\0').collect();
    let run = machine.at("run/.rc.d/orders/keeper");
    let expected = [
        "orders",
        "It's $HOME",
        "orders_enable",
        "YES",
        run.to_str().unwrap(),
        machine.rcd.definition(&machine.name).to_str().unwrap(),
        machine.at("daemon").to_str().unwrap(),
        "",
        "",
    ]
    .map(str::to_owned);
    assert!(done);
    assert_eq!(words, expected);
}

#[test]
fn it_starts_is_seen_and_stops() {
    let machine = Machine::new();
    assert_eq!(machine.look(), Seen::NOTHING);
    machine.install(&spec(""));
    assert_eq!(machine.look(), Seen { at_boot: true, ..Seen::NOTHING });
    machine.start();
    machine.wait_until("running", || machine.look().state == ManagerState::Running);
    let seen = machine.look();
    assert_ne!(seen.pid, number_in(&machine.at("run/.rc.d/orders/keeper")));
    machine.wait_until("started", || machine.text("said") == "started run --manager rc.d orders\n");
    let (running, said) = machine.script("status");
    assert!(running && said.starts_with("orders is running as pid "), "{said}");
    machine.stop();
    // It was waited for: its last word is there.
    assert!(machine.text("said").ends_with("TERM\n"));
    assert_eq!(machine.look(), Seen { at_boot: true, ..Seen::NOTHING });
    assert!(!machine.script("status").0);
    machine.stop();
}

#[test]
fn a_supervisor_that_is_killed_comes_back_and_one_that_ends_does_not() {
    let machine = Machine::new();
    machine.install(&spec(""));
    machine.start();
    machine.wait_until("running", || machine.look().state == ManagerState::Running);
    let first = machine.look().pid.unwrap();
    machine.kill("KILL", first);
    machine.wait_until("back", || {
        let seen = machine.look();
        seen.state == ManagerState::Running && seen.pid != Some(first)
    });
    machine.wait_until("started twice", || machine.text("said").matches("started").count() == 2);
    // The next one ends by itself, with whatever code.
    fs::write(machine.at("orders"), "exit 6\n").unwrap();
    machine.kill("KILL", machine.look().pid.unwrap());
    machine.wait_until("ended", || machine.look().exit == Some(ManagerExit::Code(6)));
    assert_eq!(machine.look().state, ManagerState::Failed);
    // And comes when it is called.
    fs::write(machine.at("orders"), "run\n").unwrap();
    machine.start();
    machine.wait_until("running", || machine.look().state == ManagerState::Running);
    machine.stop();
}

#[test]
fn a_supervisor_without_its_shell_is_found_and_stopped() {
    let machine = Machine::new();
    machine.install(&spec(""));
    machine.start();
    machine.wait_until("started", || machine.text("said").contains("started"));
    let main = machine.look().pid;
    machine.kill("KILL", machine.rcd.keeper(&machine.name).unwrap());
    machine.wait_until("alone", || machine.rcd.keeper(&machine.name).is_none());
    assert_eq!((machine.look().state, machine.look().pid), (ManagerState::Running, main));
    machine.stop();
    assert_eq!(machine.look().pid, None);
    assert!(machine.text("said").ends_with("TERM\n"));
}

#[test]
fn one_that_is_to_be_ready_is_waited_for_and_reload_is_passed_on() {
    let machine = Machine::new();
    machine.install(&spec(
        "start.ready = { tcp = \"127.0.0.1:9000\", timeout = \"45s\" }\nreload.signal = \"USR2\"",
    ));
    machine.start();
    machine.wait_until("asked", || machine.text("said").contains("wait orders ready 45\n"));
    machine.wait_until("started", || machine.text("said").contains("started"));
    assert!(machine.script("reload").0);
    machine.wait_until("reloaded", || machine.text("said").ends_with("HUP\n"));
    assert_eq!(machine.look().state, ManagerState::Running);
    machine.stop();
}

#[test]
fn the_switch_in_rc_conf_follows_the_mode_and_goes_with_the_service() {
    let machine = Machine::new();
    machine.install(&spec("start.mode = \"manual\""));
    assert_eq!(machine.text("rc.conf"), "sshd_enable=\"YES\"\norders_enable=\"NO\"\n");
    assert!(!machine.look().at_boot);
    // At boot it would stay where it is; by hand it starts.
    assert!(machine.script("start").1.contains("Cannot 'start' orders"));
    machine.start();
    machine.stop();
    machine.install(&spec(""));
    assert_eq!(machine.text("rc.conf"), "sshd_enable=\"YES\"\norders_enable=\"YES\"\n");
    machine.rcd.forget(&machine.name).unwrap();
    machine.rcd.forget(&machine.name).unwrap();
    assert_eq!(machine.text("rc.conf"), "sshd_enable=\"YES\"\n");
}

#[test]
fn a_disabled_service_refuses_to_start() {
    let machine = Machine::new();
    machine.install(&spec("start.mode = \"disabled\""));
    let error = machine.rcd.start(&machine.name, PATIENCE).unwrap_err().to_string();
    assert!(error.contains("orders is disabled"), "{error}");
    assert_eq!(machine.text("said"), "");
}

#[test]
fn a_program_of_its_own_is_restarted_by_its_policy_until_that_gives_up() {
    let machine = Machine::new();
    fs::write(machine.at("orders"), "exit 4\n").unwrap();
    let policy = "restart = { delay = { initial = \"0s\" }, give-up = { after = 2, within = \"1h\" } }\naccount.run-as = \"system\"";
    machine.install(&machine.program(policy));
    machine.start();
    machine.wait_until("given up", || machine.look().exit == Some(ManagerExit::Code(4)));
    assert_eq!(machine.text("said"), "started a b $HOME\n".repeat(3));
    assert!(machine.text("syslog").contains("given up: 2 restarts within 1h"), "{}", machine.text("syslog"));
    // A success is none to come back from.
    fs::write(machine.at("orders"), "exit 0\n").unwrap();
    fs::remove_file(machine.at("said")).unwrap();
    machine.start();
    machine.wait_until("ended", || machine.look().exit == Some(ManagerExit::Code(0)));
    assert_eq!(machine.look().state, ManagerState::Stopped);
    assert_eq!(machine.text("said").matches("started").count(), 1);
}

#[test]
fn codes_and_signals_are_told_apart() {
    let machine = Machine::new();
    let policy = "restart = { when = \"always\", delay.initial = \"0s\", codes.never = [3], signals.never = [\"KILL\"] }\naccount.run-as = \"system\"";
    machine.install(&machine.program(policy));
    machine.start();
    machine.wait_until("running", || machine.look().state == ManagerState::Running);
    let first = machine.look().pid.unwrap();
    machine.kill("ABRT", first);
    machine.wait_until("back", || {
        machine.look().state == ManagerState::Running && machine.look().pid != Some(first)
    });
    machine.kill("KILL", machine.look().pid.unwrap());
    machine.wait_until("ended", || machine.look().exit == Some(ManagerExit::Signal(9)));
    fs::write(machine.at("orders"), "exit 3\n").unwrap();
    machine.start();
    machine.wait_until("ended", || machine.look().exit == Some(ManagerExit::Code(3)));
}

#[test]
fn a_deaf_program_is_killed_when_its_time_is_over() {
    let machine = Machine::new();
    fs::write(machine.at("orders"), "deaf\n").unwrap();
    let policy = "stop.steps = [{ signal = \"INT\", wait = \"1s\" }]\naccount.run-as = \"root\"\naccount.groups = [\"video\"]";
    machine.install(&machine.program(policy));
    machine.start();
    machine.wait_until("deaf", || machine.text("said").contains("deaf"));
    machine.stop();
    assert_eq!(machine.look().pid, None);
    let asked = machine.text("chrooted");
    assert!(asked.starts_with("-u root -g ") && asked.contains(",video / /bin/sh -c"), "{asked}");
}

#[test]
fn its_own_signals_reach_it() {
    let machine = Machine::new();
    let policy = "stop.steps = [{ signal = \"HUP\", wait = \"1m\" }]\nreload.signal = \"USR1\"\naccount.run-as = \"system\"";
    machine.install(&machine.program(policy));
    machine.start();
    machine.wait_until("started", || machine.text("said").contains("started"));
    assert!(machine.script("reload").0);
    machine.wait_until("reloaded", || machine.text("said").contains("USR1"));
    machine.stop();
    assert!(machine.text("said").ends_with("HUP\n"));
}

#[test]
fn scripts_that_would_share_its_variables_are_found() {
    let machine = Machine::new();
    assert_eq!(machine.rcd.elsewhere(&machine.name), None);
    fs::create_dir(machine.at("system")).unwrap();
    fs::write(machine.at("rc.d/my.app"), "#!/bin/sh\n").unwrap();
    let found = machine.rcd.elsewhere(&"my-app".parse().unwrap()).unwrap();
    assert!(found.contains("rc.d/my.app") && found.contains("my_app_enable"), "{found}");
    assert_eq!(machine.rcd.elsewhere(&"my.app".parse().unwrap()), None);
    fs::write(machine.at("system/sshd"), "#!/bin/sh\n").unwrap();
    assert!(machine.rcd.elsewhere(&"sshd".parse().unwrap()).unwrap().contains("system/sshd"));
    let definitions = machine.rcd.definitions().unwrap();
    assert_eq!(definitions, [("my.app".parse().unwrap(), machine.at("rc.d/my.app"))]);
}

/// What service(8) does with a script, with what is FreeBSD's put into it.
const SERVICE: &str = r#"#!/bin/sh
folder=${0%/*}
sed "s#/etc/rc.subr#$folder/rc.subr#; s#/usr/sbin/daemon#$folder/daemon#" "$folder/rc.d/$1" >"$folder/script"
exec sh "$folder/script" "$2"
"#;

/// Through the engine, which wants root for it, as the real one does.
#[test]
fn a_service_is_installed_changed_run_and_removed() {
    use crate::manager::{Desired, ServiceManager as _, Uninstall};

    if !crate::account::is_privileged() {
        eprintln!("only root changes services: left out");
        return;
    }
    let machine = Machine::new();
    executable::put(&machine.at("service"), SERVICE);
    let mut rcd = machine.rcd.clone();
    rcd.tools.service = Some(machine.at("service"));
    rcd.layout.logs = machine.at("logs");
    let layout = rcd.layout.clone();
    let engine = crate::manager::engine::Engine::new(rcd, layout);
    let desired = |more: &str| {
        let mut spec = machine.program(&format!("account.run-as = \"system\"\n{more}"));
        spec.program.env.insert("SECRET".into(), "it's".into());
        Desired::new(spec, None, None)
    };
    let apply = |more: &str| {
        let plan = engine.plan(&desired(more)).unwrap();
        assert!(!plan.blocked(), "{:?}", plan.findings);
        engine.apply(&plan, &mut |_| {}).unwrap()
    };
    let quiet = &mut |_: crate::manager::Progress<'_>| {};
    let state = || engine.status(&machine.name).unwrap().state;
    assert!(apply("").changed && !apply("").changed);
    assert_eq!(engine.installed().unwrap(), std::slice::from_ref(&machine.name));
    assert!(machine.text("rc.conf").contains("orders_enable=\"YES\""));
    engine.start(&machine.name, PATIENCE, quiet).unwrap();
    assert_eq!(state(), ManagerState::Running);
    let first = machine.look().pid;
    assert!(apply("limits.open-files = 100").restarted);
    assert_eq!(state(), ManagerState::Running);
    assert_ne!(machine.look().pid, first);
    engine.restart(&machine.name, PATIENCE, quiet).unwrap();
    assert!(apply("start.mode = \"manual\"\nlimits.open-files = 100").changed);
    assert!(machine.text("rc.conf").contains("orders_enable=\"NO\""));
    assert_eq!(state(), ManagerState::Running);
    engine.uninstall(&machine.name, Uninstall { keep_logs: false, wait: PATIENCE }, quiet).unwrap();
    assert!(!engine.status(&machine.name).unwrap().installed);
    assert_eq!(machine.text("rc.conf"), "sshd_enable=\"YES\"\n");
    for gone in ["rc.d/orders", "specs/orders.env.sh", "specs/orders.toml", "run/.rc.d/orders"] {
        assert!(!machine.at(gone).exists(), "{gone}");
    }
}

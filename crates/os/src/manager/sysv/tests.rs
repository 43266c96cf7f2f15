//! What the scripts of SysV init say, and what they do: nothing but a shell is needed to try them.

use std::fs;

use abide_spec::{Name, Spec};

use super::render::{findings, render};
use super::*;
use crate::manager::openrc::tests::{MUCH, MUCH_DIRECT, context, direct, spec, text_at};
use crate::manager::{Level, MARKER};

fn script(spec: &Spec) -> String {
    let context = context(spec, Layout::unix());
    text_at(&render(spec, &context), &script_path(&context.layout, &spec.name))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[test]
fn the_scripts_are_as_they_were_read() {
    for (spec, golden) in [
        (spec(""), include_str!("golden/supervised.sh")),
        (spec(MUCH), include_str!("golden/much.sh")),
        (direct(""), include_str!("golden/direct.sh")),
        (direct(MUCH_DIRECT), include_str!("golden/direct-much.sh")),
    ] {
        assert_eq!(script(&spec), golden.replace("\r\n", "\n"));
    }
}

#[test]
fn a_script_is_known_as_ours_and_says_when_it_is_run() {
    let text = script(&spec(MUCH));
    assert_eq!(text.lines().next(), Some("#!/bin/sh"));
    assert_eq!(text.lines().nth(1), Some(MARKER));
    for line in [
        "# chkconfig: 2345 80 20",
        "# Provides:          orders",
        "# Required-Start:    $remote_fs",
        "# Should-Start:      $network $syslog $named $time postgres net.eth0",
        "# Default-Start:     2 3 4 5",
        "# Default-Stop:      0 1 6",
        "# Short-Description: Orders' API",
    ] {
        assert!(text.lines().any(|there| there == line), "{line}");
    }
}

#[test]
fn what_a_script_cannot_do_is_found() {
    assert_eq!(findings(&spec("")), []);
    assert!(findings(&direct("")).iter().all(|finding| finding.level == Level::Note));
    let errors = |spec: &Spec| findings(spec).iter().filter(|finding| finding.level == Level::Error).count();
    assert_eq!(errors(&direct(MUCH_DIRECT)), 0);
    assert_eq!(errors(&direct("stop.steps = [{ command = [\"/bin/true\"] }]")), 1);
    assert_eq!(errors(&spec("start.after = [\"$network\"]")), 1);
}

#[test]
fn a_process_is_known_by_its_birth() {
    assert_eq!(birth_in("12 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20"), Some("777"));
    assert_eq!(birth_in("12 (a) b) S) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20"), Some("777"));
    assert_eq!(birth_in("12 (a) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20"), None);
    assert_eq!(birth_in(""), None);
    assert_eq!(birth_in("12 (a) S 1"), None);
}

#[test]
fn nothing_is_known_of_what_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let native = Sysv::new(Layout::below(root.path()));
    assert_eq!(native.look(&name("orders")).unwrap(), Seen::NOTHING);
    assert_eq!(native.definitions().unwrap(), []);
    native.forget(&name("orders")).unwrap();
    assert_eq!(native.keeper(), Keeper::Links);
    for (tool, wanted) in [
        ("sbin/chkconfig", Keeper::Chkconfig(root.path().join("sbin/chkconfig"))),
        ("usr/sbin/update-rc.d", Keeper::UpdateRc(root.path().join("usr/sbin/update-rc.d"))),
    ] {
        fs::create_dir_all(root.path().join(tool).parent().unwrap()).unwrap();
        fs::write(root.path().join(tool), "").unwrap();
        assert_eq!(native.keeper(), wanted);
    }
}

#[cfg(target_os = "linux")]
mod running {
    //! The scripts at work, in a folder of the test's own. They want to be root's.

    use std::process::Command;
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::manager::openrc::tests::{assert_takes, awkward};

    const WAIT: Duration = Duration::from_secs(60);

    /// Writes a file by way of another process: what this one has open for writing, the child of another test may hold for
    /// a moment, and nobody can execute it meanwhile.
    fn put(path: &Path, text: &str, mode: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        crate::manager::executable::put_with(path, text, mode);
    }

    /// A service in a folder of its own; stopped when it goes.
    struct Installed {
        root: tempfile::TempDir,
        native: Sysv,
    }

    impl Installed {
        fn new(spec: &Spec) -> Self {
            let root = tempfile::tempdir().unwrap();
            let layout = Layout::below(root.path());
            fs::create_dir_all(root.path().join("run")).unwrap();
            fs::create_dir_all(layout.state_of(&spec.name)).unwrap();
            let context = context(spec, layout.clone());
            for artifact in render(spec, &context) {
                let crate::manager::Target::File { path, access } = artifact.target else { panic!("a file") };
                put(
                    &path,
                    &artifact.content,
                    if access == crate::fs::Access::Executable { "755" } else { "600" },
                );
            }
            Self { root, native: Sysv::new(layout) }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        /// The script's exit code and words.
        fn run(&self, verb: &str) -> (i32, String) {
            let answer = call(&self.native.definition(&name("orders")), &[verb], WAIT).unwrap();
            (answer.code.unwrap(), format!("{}{}", answer.text, answer.errors))
        }

        fn seen(&self) -> Seen {
            self.native.look(&name("orders")).unwrap()
        }

        fn until(&self, what: &str, so: impl Fn(&Seen) -> bool) -> Seen {
            let deadline = Instant::now() + WAIT;
            loop {
                let seen = self.seen();
                if so(&seen) {
                    return seen;
                }
                assert!(Instant::now() < deadline, "{what}: {seen:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    impl Drop for Installed {
        fn drop(&mut self) {
            let _ = call(&self.native.definition(&name("orders")), &["stop"], WAIT);
        }
    }

    fn is_root() -> bool {
        let root = crate::account::is_privileged();
        if !root {
            eprintln!("not tried: the scripts want to be root's");
        }
        root
    }

    fn program(text: &str, more: &str) -> Spec {
        let mut spec = direct(&format!("account.run-as = \"system\"\n{more}"));
        spec.program.command = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
        spec.program.working_dir = Some("/".into());
        spec
    }

    #[test]
    fn a_program_is_started_told_and_stopped() {
        if !is_root() {
            return;
        }
        let service = Installed::new(&program("exec sleep 1000", ""));
        assert_eq!(service.run("status").0, 3);
        assert_eq!(service.run("start").0, 0);
        let seen = service.seen();
        assert_eq!(seen.state, ManagerState::Running);
        assert!(seen.since.is_some());
        assert_eq!(service.run("status").0, 0);
        // Started once.
        assert_eq!(service.run("start").0, 0);
        assert_eq!(service.seen().pid, seen.pid);
        assert_eq!(service.run("restart").0, 0);
        assert_ne!(service.seen().pid, seen.pid);
        assert_eq!(service.run("reload").0, 3);
        assert_eq!(service.run("force-reload").0, 0);
        assert_eq!(service.run("stop").0, 0);
        assert_eq!((service.seen().state, service.seen().pid), (ManagerState::Stopped, None));
        assert_eq!(service.run("stop").0, 0);
        assert_eq!(service.run("try-restart").0, 0);
        assert_eq!(service.run("status").0, 3);
        assert_eq!(service.run("dance").0, 2);
        // Nothing is left but how it ended.
        let left: Vec<_> =
            fs::read_dir(service.path("run")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["abide-orders.exit"]);
    }

    #[test]
    fn a_killed_program_is_started_again_and_the_policy_kept() {
        if !is_root() {
            return;
        }
        let quick = "restart.delay = { initial = \"50ms\", factor = 1.0 }";
        let service = Installed::new(&program("exec sleep 1000", quick));
        service.run("start");
        let first = service.seen().pid.unwrap();
        let kill = |pid: u32| {
            assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success())
        };
        kill(first);
        service.until("started again", |seen| seen.pid.is_some_and(|pid| pid != first));
        drop(service);

        let service = Installed::new(&program("exit 0", quick));
        service.run("start");
        let seen = service.until("ended", |seen| seen.exit.is_some());
        assert_eq!((seen.state, seen.exit), (ManagerState::Stopped, Some(ManagerExit::Code(0))));
        assert_eq!(service.run("status").0, 3);

        let gives_up = format!("{quick}\nrestart.give-up = {{ after = 2, within = \"1m\" }}");
        let service = Installed::new(&program("echo x >>count; exit 7", &gives_up).in_folder());
        service.run("start");
        let seen = service.until("gave up", |seen| seen.state == ManagerState::Failed && seen.exit.is_some());
        assert_eq!(seen.exit, Some(ManagerExit::Code(7)));
        assert_eq!(service.run("status").0, 1);
        let count = service.path("var/lib/abide/orders/count");
        assert_eq!(fs::read_to_string(count).unwrap().lines().count(), 3);
    }

    trait InFolder {
        fn in_folder(self) -> Self;
    }

    impl InFolder for Spec {
        /// Works in the folder that the test looks into.
        fn in_folder(mut self) -> Self {
            self.program.command[2] = format!(
                "cd \"$STATE_DIRECTORY/..\" 2>/dev/null || cd \"${{STATE_DIRECTORY%/*}}\"; {}",
                self.program.command[2]
            );
            self
        }
    }

    #[test]
    fn what_is_deaf_is_killed_when_its_time_is_over() {
        if !is_root() {
            return;
        }
        let deaf = "trap '' TERM; while :; do sleep 1000 & wait; done";
        let service = Installed::new(&program(deaf, "stop.steps = [{ signal = \"TERM\", wait = \"1s\" }]"));
        service.run("start");
        assert_eq!(service.run("stop").0, 0);
        assert_eq!(service.seen().state, ManagerState::Stopped);
    }

    /// A supervisor that a signal kills comes back, one that ends by itself does not.
    #[test]
    fn a_supervisor_is_kept() {
        if !is_root() {
            return;
        }
        let service = Installed::new(&spec(""));
        let stand_in = "#!/bin/sh\ncase $1 in\nwait) exit 0 ;;\nesac\nROOT=${0%/usr/local/lib/abide/*}\n\
             trap 'echo ended 0 >$ROOT/run/abide-orders.exit; exit 0' TERM\n\
             trap 'echo failed 139 >$ROOT/run/abide-orders.exit; exit 139' USR1\nwhile :; do sleep 0.1; done\n";
        let supervisor = service.path("usr/local/lib/abide/abide-supervisor-0123456789ab");
        put(&supervisor, stand_in, "755");
        assert_eq!(service.run("start").0, 0);
        let first = service.until("started", |seen| seen.pid.is_some()).pid.unwrap();
        let send = |signal: &str, pid: u32| {
            // The script is the stand-in itself only after a moment.
            let is_there = || {
                fs::read_to_string(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|line| line.contains("abide-supervisor"))
            };
            service.until("executed", |_| is_there());
            assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
        };
        send("-9", first);
        let second =
            service.until("started again", |seen| seen.pid.is_some_and(|pid| pid != first)).pid.unwrap();
        assert_eq!(service.run("stop").0, 0);
        assert_eq!(service.seen().state, ManagerState::Stopped);
        assert_ne!(first, second);
        // A code above 128 that the supervisor chose is no death by a signal.
        assert_eq!(service.run("start").0, 0);
        let third = service.until("started", |seen| seen.pid.is_some()).pid.unwrap();
        std::thread::sleep(Duration::from_millis(100));
        send("-USR1", third);
        let seen = service.until("failed", |seen| seen.state == ManagerState::Failed);
        assert_eq!(seen.exit, Some(ManagerExit::Code(139)));
    }

    #[test]
    fn what_is_disabled_is_not_started() {
        if !is_root() {
            return;
        }
        let service = Installed::new(&program("exec sleep 1000", "start.mode = \"disabled\""));
        let (code, said) = service.run("start");
        assert_eq!(code, 6);
        assert!(said.contains("disabled"), "{said}");
        assert_eq!(service.seen().state, ManagerState::Stopped);
    }

    #[test]
    fn the_shell_takes_every_script() {
        for spec in [spec(""), spec(MUCH), direct(""), direct(MUCH_DIRECT)] {
            assert_takes(&script(&spec));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_program_gets_every_word_byte_for_byte(
            words in prop::collection::vec(awkward(), 0..4),
            folder in "[a'\" $`%\\\\é&;-]{1,8}",
            value in awkward(),
        ) {
            let mut spec = direct("account.run-as = \"system\"");
            let printing = "pwd; printf '%s' \"$ACCOUNT\"; for word do printf '\\0%s' \"$word\"; done";
            spec.program.command = ["/bin/sh", "-c", printing, "sh"].into_iter().map(str::to_owned).chain(words.iter().cloned()).collect();
            // A name that the script uses itself.
            spec.program.env.insert("ACCOUNT".into(), abide_spec::expand::escape(&value));
            spec.program.env.insert("PATH".into(), "/nonexistent".into());
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().canonicalize().unwrap().join(folder);
            fs::create_dir_all(&folder).unwrap();
            spec.program.working_dir = Some(folder.clone());
            let service = Installed::new(&spec);
            let (code, said) = service.run("run-program");
            prop_assert_eq!(code, 0);
            let mut wanted = format!("{}\n{value}", folder.display());
            for word in &words {
                wanted.push('\0');
                wanted.push_str(word);
            }
            prop_assert_eq!(said, wanted);
        }
    }
}

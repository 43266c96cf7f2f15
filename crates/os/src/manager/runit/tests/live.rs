//! Against a real scanner, where it is installed: one that watches a folder of the test's own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abide_spec::{Name, StartMode};

use super::{context, put, spec};
use crate::manager::native::{Native, Seen};
use crate::manager::runit::Runit;
use crate::manager::s6::S6;
use crate::manager::{ManagerError, ManagerExit, ManagerState};
use crate::paths::Layout;

const WAIT: Duration = Duration::from_secs(40);

/// A scanner and its folder; ended with all that it runs.
struct Running {
    child: Child,
    how: fn(&Path) -> Command,
    folder: std::path::PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = (self.how)(&self.folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // Children of a scanner that is killed live on, so it is asked first.
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && self.child.try_wait().ok().flatten().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What a failed test leaves.
        let mark = format!("{MARK}={}", self.folder.display());
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                let pid = process.file_name().into_string().unwrap_or_default();
                let _ = Command::new("kill").args(["-s", "KILL", &pid]).stderr(Stdio::null()).status();
            }
        }
    }
}

/// The variable by which all that a test has started is known.
const MARK: &str = "ABIDE_TEST_SCANNED";

/// Starts a scanner that holds none of this process's pipes.
fn scan(command: &str, folder: &Path) -> Child {
    Command::new(command)
        .arg(folder)
        .env(MARK, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the scanner can be tried: it is installed, and this is root, as whose only it counts.
fn can_be_tried(scanner: &str) -> bool {
    let there = crate::resolve::program(scanner, Some("/usr/bin:/bin:/usr/sbin:/sbin".as_ref())).is_ok();
    let root = crate::account::is_privileged();
    if !(there && root) {
        eprintln!("{scanner} is not tried: it is not installed, or this is not root");
    }
    there && root
}

/// A stand-in for the supervisor that does as the file beside it says.
fn stand_in(layout: &Layout, supervisor: &Path) {
    fs::create_dir_all(&layout.lib).unwrap();
    let orders = layout.lib.join("orders");
    fs::write(&orders, "exec sleep 1000").unwrap();
    let text = format!("#!/bin/sh\nexport ARGS=\"$*\"\n. '{}'\n", orders.display());
    crate::manager::executable::put(supervisor, &text);
}

fn the_whole_life(native: &dyn Native, layout: &Layout, scanned: &Path) {
    let spec = spec("", "");
    let name: Name = "orders".parse().unwrap();
    let context = context(&spec, layout.clone());
    stand_in(layout, &context.supervisor);
    let orders = layout.lib.join("orders");
    let look = || native.look(&name).unwrap();
    assert_eq!(look(), Seen::NOTHING);
    assert_eq!(native.elsewhere(&name), None);
    put(&native.render(&spec, &context));

    // Known, but not started; and what is on demand only is not for boot.
    native.register(&name, StartMode::Auto).unwrap();
    let seen = look();
    assert_eq!((seen.at_boot, seen.state, seen.pid), (true, ManagerState::Stopped, None));
    native.register(&name, StartMode::Manual).unwrap();
    assert!(!look().at_boot);
    native.register(&name, StartMode::Auto).unwrap();
    assert!(look().at_boot);
    let known: Vec<_> = native.definitions().unwrap();
    assert_eq!(known, [(name.clone(), native.definition(&name))]);

    // Started, and started again when it is killed.
    native.start(&name, WAIT).unwrap();
    let seen = look();
    assert_eq!(seen.state, ManagerState::Running);
    let first = seen.pid.unwrap();
    assert!(crate::process::start_token(first).is_some());
    let since = seen.since.unwrap();
    let now = std::time::SystemTime::now();
    assert!(since <= now && now.duration_since(since).unwrap() < WAIT, "{since:?} and now {now:?}");
    native.start(&name, WAIT).unwrap();
    assert_eq!(look().pid, Some(first));
    kill("KILL", first);
    until("brought back", || look().pid.is_some_and(|pid| pid != first));

    // Asked to restart by the manager's own means, it ends by the signal.
    let second = look().pid.unwrap();
    kill("TERM", second);
    until("restarted", || look().pid.is_some_and(|pid| pid != second));

    // Stopped it stays.
    native.stop(&name, WAIT).unwrap();
    let seen = look();
    assert_eq!((seen.state, seen.pid, seen.exit), (ManagerState::Stopped, None, None));
    native.stop(&name, WAIT).unwrap();

    // One that ends by itself with a code stays down, and tells the code.
    fs::write(&orders, "exit 7").unwrap();
    match native.start(&name, WAIT) {
        Ok(()) | Err(ManagerError::Failed { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    until("failed", || look().state == ManagerState::Failed);
    let seen = look();
    assert_eq!((seen.pid, seen.exit), (None, Some(ManagerExit::Code(7))));
    assert_eq!(seen.result.as_deref(), Some("exit code 7"));
    fs::write(&orders, "exit 0").unwrap();
    let _ = native.start(&name, WAIT);
    until("ended", || look().state == ManagerState::Stopped);

    // One that takes its time to stop is waited for, and no longer than asked.
    fs::write(&orders, "trap '' TERM; exec sleep 1000").unwrap();
    native.start(&name, WAIT).unwrap();
    let stubborn = look().pid.unwrap();
    until("deaf", || ignores_term(stubborn));
    let late = native.stop(&name, Duration::from_millis(200)).unwrap_err();
    assert!(matches!(late, ManagerError::TimedOut { .. }), "{late}");
    assert_eq!(look().state, ManagerState::Stopping);
    kill("KILL", stubborn);
    until("stopped", || look().state == ManagerState::Stopped);

    // Forgotten, nothing is left but what was put there.
    native.forget(&name).unwrap();
    native.forget(&name).unwrap();
    assert!(!look().at_boot);
    assert!(scanned.join("orders").symlink_metadata().is_err());
    let folder = native.definition(&name).parent().unwrap().to_path_buf();
    assert!(!folder.join("supervise").exists() && !folder.join("down").exists());
    for path in native.belongings(&name) {
        fs::remove_dir_all(path).unwrap();
    }
    assert_eq!(native.elsewhere(&name), None);

    // What is somebody else's is told.
    fs::create_dir_all(scanned.join("orders")).unwrap();
    fs::write(scanned.join("orders/down"), "").unwrap();
    assert!(native.elsewhere(&name).is_some_and(|what| what.contains("orders")));
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

fn end_s6(scanned: &Path) -> Command {
    let mut command = Command::new("s6-svscanctl");
    command.arg("-t").arg(scanned);
    command
}

fn ignores_term(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & (1 << 14) != 0)
}

#[test]
fn a_service_of_runit_lives_its_whole_life() {
    if !can_be_tried("runsvdir") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::below(root.path());
    let scanned = root.path().join("etc/service");
    fs::create_dir_all(&scanned).unwrap();
    let child = scan("runsvdir", &scanned);
    let pid = child.id();
    fs::write(root.path().join("pid"), pid.to_string()).unwrap();
    // On HUP it ends what it runs.
    let how = |scanned: &Path| {
        let pid = fs::read_to_string(scanned.ancestors().nth(2).unwrap().join("pid")).unwrap_or_default();
        let mut command = Command::new("kill");
        command.args(["-HUP", &pid]);
        command
    };
    let _running = Running { child, how, folder: scanned.clone() };
    // A child goes by its parent's name until it has become the scanner.
    until("the scanner is there", || crate::manager::runit::machine::RUNSVDIR.watched(&layout).is_some());
    the_whole_life(&Runit::new(layout.clone()), &layout, &scanned);
}

#[test]
fn a_service_of_s6_lives_its_whole_life() {
    if !can_be_tried("s6-svscan") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::below(root.path());
    let scanned = root.path().join("service");
    fs::create_dir_all(&scanned).unwrap();
    let _running = Running { child: scan("s6-svscan", &scanned), how: end_s6, folder: scanned.clone() };
    until("the scanner is there", || scanned.join(".s6-svscan/control").exists());
    the_whole_life(&S6::new(layout.clone()), &layout, &scanned);
}

/// A folder that is made anew at every boot does for what is started by hand; for the rest it is linked into what that
/// folder is made from as well.
#[test]
fn a_scanned_folder_in_memory_is_not_enough_for_boot() {
    if !can_be_tried("s6-svscan") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::below(root.path());
    let scanned = root.path().join("run/service");
    fs::create_dir_all(&scanned).unwrap();
    let _running = Running { child: scan("s6-svscan", &scanned), how: end_s6, folder: scanned.clone() };
    until("the scanner is there", || scanned.join(".s6-svscan/control").exists());
    let native = S6::new(layout.clone());
    let spec = spec("", "");
    let name: Name = "orders".parse().unwrap();
    let context = context(&spec, layout.clone());
    stand_in(&layout, &context.supervisor);
    put(&native.render(&spec, &context));

    let refused = native.register(&name, StartMode::Auto).unwrap_err();
    assert!(refused.why.contains("made anew at every boot") && refused.hint.is_some(), "{}", refused.why);
    native.register(&name, StartMode::Manual).unwrap();
    assert!(!native.look(&name).unwrap().at_boot);

    let image = root.path().join("etc/s6-linux-init/current/run-image/service");
    fs::create_dir_all(&image).unwrap();
    native.register(&name, StartMode::Auto).unwrap();
    assert!(native.look(&name).unwrap().at_boot);
    let folder = native.definition(&name).parent().unwrap().to_path_buf();
    for place in [&scanned, &image] {
        assert_eq!(fs::read_link(place.join("orders")).unwrap(), folder);
    }
    native.forget(&name).unwrap();
    for place in [&scanned, &image] {
        assert!(place.join("orders").symlink_metadata().is_err());
    }
}

#[test]
fn without_a_scanner_nothing_can_be_registered() {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::below(root.path());
    let name: Name = "orders".parse().unwrap();
    let natives: [&dyn Native; 2] = [&Runit::new(layout.clone()), &S6::new(layout.clone())];
    for native in natives {
        let refused = native.register(&name, StartMode::Auto).unwrap_err();
        assert!(refused.why.contains("runs here"), "{}", refused.why);
        assert_eq!(native.look(&name).unwrap(), Seen::NOTHING);
        native.forget(&name).unwrap();
        native.stop(&name, WAIT).unwrap();
    }
}

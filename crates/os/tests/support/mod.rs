//! What the tests with real processes share. A process has one loop, so they run one after the other.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abide_os::events::{Happening, Loop, Signals};
use abide_os::process::{Identity, Launch, OutputMode, Spawned, Tree};
use abide_spec::{Exit, Limits};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Keeps other tests of this binary from having a loop.
pub fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn new_loop() -> Loop<u32> {
    Loop::new(Signals::Leave).unwrap()
}

/// A loop that makes no control groups.
pub fn plain_loop() -> Loop<u32> {
    let mut events = new_loop();
    events.without_groups();
    events
}

pub fn launch(program: &str, args: &[&str]) -> Launch {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    Launch {
        program: PathBuf::from(program),
        args: args.iter().map(OsString::from).collect(),
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap_or_default())],
        working_dir: None,
        identity: Identity::Inherit,
        limits: Limits::default(),
        instance: format!("test.{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        output: OutputMode::Pipes,
        notify: None,
    }
}

/// A script for sh.
pub fn sh(script: &str) -> Launch {
    launch("/bin/sh", &["-c", script])
}

pub fn start(launch: &Launch, events: &mut Loop<u32>) -> Spawned {
    Tree::spawn(launch, events).unwrap()
}

/// Waits for the end of this main program, ignoring everything else.
pub fn wait_exit(events: &mut Loop<u32>, pid: u32) -> Exit {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match events.wait(Some(deadline)).unwrap() {
            Happening::Exited { pid: ended, exit } if ended == pid => return exit,
            Happening::Due => panic!("process {pid} did not end in time"),
            _ => {}
        }
    }
}

/// Waits until nothing of the tree is left, by happenings alone.
pub fn wait_gone(events: &mut Loop<u32>, tree: &mut Tree) {
    let deadline = Instant::now() + PATIENCE;
    while !tree.is_gone() {
        if let Happening::Due = events.wait(Some(deadline)).unwrap() {
            panic!("{:?} of {tree:?} are left", tree.members());
        }
    }
}

/// Waits for a condition that no happening tells.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Reads lines from what a program writes, as they come.
pub struct Lines(BufReader<std::io::PipeReader>);

impl Lines {
    pub fn of(spawned: &mut Spawned) -> Self {
        Self(BufReader::new(spawned.output.take().unwrap().0))
    }

    pub fn next(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn number(&mut self) -> u32 {
        let line = self.next();
        line.trim().parse().unwrap_or_else(|_| panic!("{line:?} is no number"))
    }

    pub fn rest(mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}

/// The state letter of a process; `None` when there is none.
pub fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub fn is_running(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// A process leaves its control group, and with it its tree, a little before it counts as dead.
pub fn until_dead(pid: u32) {
    let deadline = Instant::now() + Duration::from_millis(500);
    while is_running(pid) {
        assert!(Instant::now() < deadline, "process {pid} is alive");
        std::thread::yield_now();
    }
}

/// Ends a process at the end of a test, however that comes.
pub struct Ends(pub u32);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-KILL", &self.0.to_string()]).status();
    }
}

/// Runs the test with both ways of holding a tree together.
pub fn both(test: impl Fn(&mut Loop<u32>)) {
    let _alone = alone();
    test(&mut plain_loop());
    test(&mut new_loop());
    assert_eq!(left_groups(), Vec::<PathBuf>::new());
}

/// The groups made by this process that are still there.
pub fn left_groups() -> Vec<PathBuf> {
    groups_of(std::process::id())
}

/// The groups that a process made beside this process.
pub fn groups_of(pid: u32) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let Some(mount) = mounts.lines().find(|line| line.contains(" - cgroup2 ")) else { return Vec::new() };
    let mount = PathBuf::from(mount.split(' ').nth(4).unwrap());
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    let is_its = |name: &str| name.starts_with("abide-") && name.contains(&format!("-{pid}-"));
    let entries = fs::read_dir(mount.join(own)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().is_some_and(is_its)).collect()
}

/// The children of this process, dead ones included.
pub fn children() -> Vec<u32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

pub fn am_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

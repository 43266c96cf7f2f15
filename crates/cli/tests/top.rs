//! `abide top` in a real terminal.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Folder, LONG};

/// Sleeps without a second process, and ends when it is told to.
const SLEEP: &str = "echo here I am; exec sleep 1000";

/// A terminal of 80 × 24 with a command in it, that ends with this value.
struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    screen: Arc<Mutex<vt100::Parser>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Terminal {
    /// Runs `abide top` there. The settings of the terminal before and after it are left in the files `before` and `after`,
    /// its process in `pid`, its exit code in `code`, and the terminal's name in `tty`.
    fn of(folder: &Folder, arguments: &str, variables: &[(&str, &str)]) -> Self {
        let abide = env!("CARGO_BIN_EXE_abide");
        let script = format!(
            "stty rows 24 cols 80; tty >tty; stty -g >before\n\
             sh -c 'echo $$ >pid; exec {abide} top {arguments}'\n\
             echo $? >code; stty -g >after; echo it is over\n"
        );
        folder.write("in-terminal", script);
        let mut command = Command::new("script");
        command.args(["-qec", "exec sh in-terminal", "/dev/null"]).current_dir(folder.path());
        for variable in ["NO_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
            .env("ABIDE_ROOT", folder.path().join("root"))
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh");
        command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let keys = child.stdin.take();
        let mut output = child.stdout.take().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(number(24), number(80), 0)));
        let shown = Arc::clone(&screen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap().process(&buffer[..length]);
            }
        });
        Self { child, keys, screen, reader: Some(reader) }
    }

    fn press(&mut self, keys: &str) {
        let to = self.keys.as_mut().unwrap();
        to.write_all(keys.as_bytes()).unwrap();
        to.flush().unwrap();
    }

    fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until it is so on the screen, and tells what stands there then.
    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + LONG;
        loop {
            let shown = self.shown();
            if is_so(&shown) {
                return shown;
            }
            assert!(Instant::now() < until, "not so in time: {what}\n{shown}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        self.wait(text, |shown| shown.contains(text))
    }

    /// It is over, and the terminal is as it was before.
    #[track_caller]
    fn ends_restored(mut self, folder: &Folder, code: &str) {
        self.wait_for("it is over");
        self.keys = None;
        assert!(self.child.wait().unwrap().success());
        self.reader.take().unwrap().join().unwrap();
        let left = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(left("code").trim(), code);
        assert_eq!(left("before"), left("after"));
        let screen = self.screen.lock().unwrap();
        assert!(!screen.screen().alternate_screen() && !screen.screen().hide_cursor());
        assert!(!screen.screen().contents().contains("abide top"), "{}", screen.screen().contents());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // What runs in the terminal is hung up with it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn number(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

/// The line of the list that is about a service.
fn row<'a>(shown: &'a str, name: &str) -> &'a str {
    let is_its = |line: &&str| line.split_whitespace().any(|word| word == name);
    shown.lines().skip(2).find(is_its).unwrap_or("")
}

fn two_services() -> Folder {
    let folder = Folder::new();
    folder.shell("api", SLEEP, "[restart]\ndelay = { initial = \"10ms\" }");
    folder.shell("worker", "echo ERROR out of luck >&2; exec sleep 1000", "");
    folder
}

#[test]
fn services_are_watched_and_acted_on() {
    let folder = two_services();
    let _up = folder.up(&[]);
    let first = folder.wait_ready("api")["pid"].as_u64().unwrap();
    folder.wait_ready("worker");
    let dir = folder.path().display().to_string();
    let mut top = Terminal::of(&folder, &format!("--dir {dir}"), &[]);

    // Both run, what the first one prints is shown, and what they use once there are samples.
    top.wait("both run", |shown| row(shown, "api").contains("ok") && row(shown, "worker").contains("ok"));
    top.wait_for("here I am");
    top.wait("what it uses", |shown| row(shown, "api").contains('K') || row(shown, "api").contains('M'));

    // It is started again, and that is seen.
    assert!(Command::new("kill").args(["-KILL", &first.to_string()]).status().unwrap().success());
    folder.wait("api", |status| status["restarts"] == 1 && status["state"] == "running");
    top.wait("a restart", |shown| row(shown, "api").split_whitespace().any(|word| word == "1"));
    top.press("2");
    top.wait_for("was killed by signal KILL");

    // A tab of another service.
    top.press("j1");
    top.wait_for("ERROR out of luck");
    top.press("3");
    let pid = folder.wait_ready("worker")["pid"].to_string();
    top.wait_for(&format!("Process: {pid}, under supervisor"));

    // A no leaves it running, a yes does not.
    top.press("s");
    top.wait_for("stop worker?");
    top.press("n");
    top.wait_for("worker is left as it is");
    top.press("sy");
    top.wait_for("worker is stopped");
    top.wait("it is stopped", |shown| row(shown, "worker").contains("stopped"));
    folder.abide(&["status", "worker"]).ended(3);
    top.press("s");
    top.wait_for("worker is running");
    folder.wait_ready("worker");

    // What harms nobody is not asked for.
    top.press("kd");
    folder.wait("api", |status| status["debug"] == true);
    top.press("p");
    top.wait("a pause", |shown| row(shown, "api").contains("paused"));
    top.press("p");
    top.wait("it goes on", |shown| row(shown, "api").contains("running"));
    top.press("/work\r");
    top.wait("a filter", |shown| row(shown, "api").is_empty() && shown.contains("1 with `work`"));
    top.press("?");
    top.wait_for("this help");
    top.press("x");
    top.press("q");
    top.ends_restored(&folder, "0");
}

#[test]
fn it_ends_in_good_order_on_ctrl_c_and_on_signals() {
    let folder = two_services();
    for end in ["", "TERM", "HUP"] {
        let mut top = Terminal::of(&folder, "--dir .", &[]);
        top.wait_for("no services here yet");
        if end.is_empty() {
            top.press("\x03");
        } else {
            let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
            let killed = Command::new("kill").args([&format!("-{end}"), pid.trim()]).status();
            assert!(killed.unwrap().success());
        }
        top.ends_restored(&folder, "0");
    }
}

#[test]
fn services_that_come_are_seen_and_those_that_die_too() {
    let folder = two_services();
    let mut top = Terminal::of(&folder, "--dir .", &[("NO_COLOR", "1")]);
    top.wait_for("no services here yet");
    let up = folder.up(&[]);
    top.wait("they have come", |shown| {
        row(shown, "api").contains("ok") && row(shown, "worker").contains("ok")
    });
    // No file tells of that.
    drop(up);
    top.wait("it has died", |shown| {
        row(shown, "api").contains("stopped") && shown.contains("the supervisor (pid ")
    });
    let screen = top.screen.lock().unwrap();
    for (row, column) in (0..24).flat_map(|row| (0..80).map(move |column| (row, column))) {
        let cell = screen.screen().cell(row, column).unwrap();
        assert_eq!((cell.fgcolor(), cell.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
    }
    drop(screen);
    top.press("q");
    top.ends_restored(&folder, "0");
}

#[test]
fn a_terminal_that_shrinks_is_filled_anew() {
    let folder = two_services();
    let _up = folder.up(&[]);
    folder.wait_ready("api");
    folder.wait_ready("worker");
    let mut top = Terminal::of(&folder, "worker", &[]);
    top.wait("what is below the folder", |shown| row(shown, "worker").contains("ok"));
    top.wait_for("d debug  / filter");
    let tty = std::fs::read_to_string(folder.path().join("tty")).unwrap();
    top.screen.lock().unwrap().screen_mut().set_size(number(10), number(40));
    let resized = Command::new("stty").args(["-F", tty.trim(), "rows", "10", "cols", "40"]).status();
    assert!(resized.unwrap().success());
    top.wait("it is as small as that", |shown| {
        let lines: Vec<&str> = shown.lines().collect();
        lines.len() == 10 && lines[9].ends_with('…') && row(shown, "worker").contains("running")
    });
    top.press("q");
    top.ends_restored(&folder, "0");
}

#[test]
fn without_a_terminal_it_says_where_to_look() {
    let folder = Folder::new();
    folder.abide(&["top"]).error(2, &["no terminal", "hint: `abide status`"]);
    folder.abide(&["top", "--user", "--dir", "."]).ended(2);
    let top = Terminal::of(&folder, "", &[("TERM", "dumb")]);
    top.wait_for("TERM=dumb");
    top.wait_for("it is over");
    assert_eq!(std::fs::read_to_string(folder.path().join("code")).unwrap(), "2\n");
}

#[test]
fn a_program_that_prints_all_the_time_holds_nothing_up() {
    let folder = Folder::new();
    folder.shell("flood", "exec yes WARN so much", "[logs]\nrotate = { size = \"4MiB\", keep = 1 }");
    let _up = folder.up(&["--no-output"]);
    folder.wait_ready("flood");
    let mut top = Terminal::of(&folder, "--dir .", &[]);
    top.wait_for("WARN so much");
    top.wait("what it uses", |shown| row(shown, "flood").contains('M') || row(shown, "flood").contains('K'));
    top.press("sy");
    top.wait("it is stopped", |shown| row(shown, "flood").contains("stopped"));
    top.press("q");
    top.ends_restored(&folder, "0");
}

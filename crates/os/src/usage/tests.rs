//! What holds wherever processes are told at all.
#![cfg(any(target_os = "linux", windows))]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// Reads its standard input until that ends.
struct Reader(Child);

impl Reader {
    fn start() -> Self {
        let (program, args): (_, &[&str]) =
            if cfg!(windows) { ("cmd.exe", &["/d", "/c", "set /p answer="]) } else { ("cat", &[]) };
        Self(
            Command::new(program)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_child_is_below_its_parent_and_its_tree_is_itself() {
    let child = Reader::start();
    let processes = Processes::look().unwrap();
    let below = processes.tree(std::process::id());
    assert!(below.contains(&child.0.id()));
    assert!(!below.contains(&std::process::id()));
    let tree = processes.program(child.0.id());
    assert_eq!(tree.first(), Some(&child.0.id()));
    let usage = processes.usage(&tree);
    assert!(usage.processes >= 1 && usage.threads >= usage.processes, "{usage:?}");
    assert!(usage.resident > 10_000, "{usage:?}");
    // Wine counts no handles, and says so with 0.
    let least = u64::from(cfg!(unix));
    assert!(usage.open_files.is_some_and(|open| open >= least), "{usage:?}");
}

#[test]
fn what_is_not_there_uses_nothing() {
    let ended = {
        let child = Reader::start();
        child.0.id()
    };
    let processes = Processes::look().unwrap();
    let nobody = u32::MAX - 1;
    assert!(processes.tree(nobody).is_empty());
    assert!(processes.program(nobody).is_empty());
    assert_eq!(processes.usage(&[nobody]), Usage::default());
    assert_eq!(processes.usage(&[]), Usage::default());
    assert_eq!(processes.proportional(&[nobody]), None);
    let mut meter = Meter::new();
    assert_eq!(meter.read(&processes, None), Usage::default());
    assert!(!processes.tree(std::process::id()).contains(&ended));
}

#[test]
fn the_meter_counts_what_this_process_burns() {
    let own = std::process::id();
    let mut meter = Meter::new();
    let cpu = |usage: &Usage| usage.cpu_user + usage.cpu_system;
    let before = cpu(&meter.read(&Processes::look().unwrap(), Some(own)));
    let until = Instant::now() + Duration::from_secs(30);
    let mut number = 1_u64;
    loop {
        for _ in 0..10_000_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
        let now = cpu(&meter.read(&Processes::look().unwrap(), Some(own)));
        assert!(now >= before);
        if now >= before + Duration::from_millis(100) {
            break;
        }
        assert!(Instant::now() < until, "no processor time in 30 s of work");
    }
}

//! What an earlier supervisor of a service left behind when it was killed, where no control group holds it together.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::procfs;

/// How long what was killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Kills every process with these entries in the environment it was started with; answers their ids.
///
/// What is killed may have started more just before, so it is looked again until there is nothing.
pub(crate) fn clear(marks: &[Vec<u8>]) -> Vec<u32> {
    let until = Instant::now() + PATIENCE;
    let mut killed = Vec::new();
    loop {
        let found: Vec<(u32, OwnedFd)> = procfs::all().filter_map(|pid| marked(pid, marks)).collect();
        if found.is_empty() {
            return killed;
        }
        for (pid, process) in &found {
            let _ = pidfd_send_signal(process, Signal::KILL);
            if !killed.contains(pid) {
                killed.push(*pid);
            }
        }
        for (_, process) in &found {
            wait(process, until);
        }
        if Instant::now() >= until {
            return killed;
        }
    }
}

/// A process that has all the marks, by a descriptor that will never mean another one.
fn marked(pid: u32, marks: &[Vec<u8>]) -> Option<(u32, OwnedFd)> {
    let process = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
    // Read after it was opened: it is this process's environment, or that of none.
    let environ = fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).ok()?;
    let has = |mark: &Vec<u8>| environ.split(|byte| *byte == 0).any(|entry| entry == mark.as_slice());
    let lives = procfs::stat(pid).is_some_and(|stat| !stat.is_dead());
    (pid != std::process::id() && lives && marks.iter().all(has)).then_some((pid, process))
}

fn wait(process: &OwnedFd, until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    let Ok(left) = Timespec::try_from(left) else { return };
    let _ = poll(&mut [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)], Some(&left));
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_has_all_marks_is_ended_and_nothing_else() {
        let run = |marks: &[(&str, &str)]| {
            Command::new("/bin/sleep")
                .arg("600")
                .env_clear()
                .envs(marks.iter().copied())
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        };
        let own = std::process::id().to_string();
        let mut both = run(&[("LEFT_A", &own), ("LEFT_B", "x")]);
        let mut one = run(&[("LEFT_A", &own), ("LEFT_B", "xy")]);
        let marks = [format!("LEFT_A={own}").into_bytes(), b"LEFT_B=x".to_vec()];
        assert_eq!(clear(&marks), [both.id()]);
        both.wait().unwrap();
        assert!(one.try_wait().unwrap().is_none());
        one.kill().unwrap();
        one.wait().unwrap();
        assert!(clear(&marks).is_empty());
    }
}

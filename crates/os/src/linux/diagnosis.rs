//! Linux side of [`crate::diagnosis`].

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::procfs;
use crate::diagnosis::{Group, Process, Thread};

/// So many processes of a tree are looked at, and no more.
const MOST_PROCESSES: usize = 4096;

/// So many lines of the kernel's log are read, and no more.
const MOST_LINES: usize = 20_000;

pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let (mut found, mut next) = (Vec::new(), VecDeque::from([pid]));
    while let Some(pid) = next.pop_front() {
        if found.contains(&pid) || found.len() >= MOST_PROCESSES {
            continue;
        }
        found.push(pid);
        next.extend(procfs::children(pid));
    }
    found
}

pub(crate) fn process(pid: u32) -> Option<Process> {
    let cpu = cpu(Path::new(&format!("/proc/{pid}/stat")))?;
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok().map(|files| files.flatten().count() as u64);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok();
    let limit = limits.and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?.to_owned();
        line.split_whitespace().next()?.parse().ok()
    });
    Some(Process {
        memory: pages.saturating_mul(rustix::param::page_size() as u64),
        cpu,
        descriptors: open,
        descriptor_limit: limit,
    })
}

pub(crate) fn threads(pid: u32) -> Vec<Thread> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let thread = |folder: PathBuf| {
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        let name = fs::read_to_string(folder.join("comm")).ok()?.trim_end().to_owned();
        let cpu = cpu(&folder.join("stat"))?;
        // On a processor and waiting for one, in nanoseconds; not every kernel counts it.
        let waits = fs::read_to_string(folder.join("schedstat")).ok();
        let waited = waits.and_then(|text| text.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        Some(Thread { id, name, cpu, waited: Duration::from_nanos(waited) })
    };
    entries.filter_map(|entry| thread(entry.path())).collect()
}

/// User and system time of a `stat` file.
fn cpu(stat: &Path) -> Option<Duration> {
    let text = fs::read(stat).ok()?;
    let after = text.iter().rposition(|byte| *byte == b')')? + 2;
    let fields = std::str::from_utf8(text.get(after..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    ticks(user.saturating_add(system))
}

/// Clock ticks as a span.
fn ticks(count: u64) -> Option<Duration> {
    let second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_nanos(u64::try_from(u128::from(count) * 1_000_000_000 / u128::from(second)).ok()?))
}

pub(crate) fn started(pid: u32) -> Option<SystemTime> {
    let begun = ticks(procfs::stat(pid)?.started)?;
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(booted))?.checked_add(begun)
}

pub(crate) fn group(pid: u32) -> Option<Group> {
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .into_iter()
        .map(Path::new)
        .find(|root| root.join("cgroup.procs").exists())?;
    let folder = root.join(own);
    let mut limit: Option<u64> = None;
    for group in folder.ancestors().take_while(|group| group.starts_with(root)) {
        let max = fs::read_to_string(group.join("memory.max")).ok();
        if let Some(max) = max.and_then(|text| text.trim().parse().ok()) {
            limit = Some(limit.map_or(max, |limit| limit.min(max)));
        }
    }
    let events = fs::read_to_string(folder.join("memory.events")).ok();
    let kills = events
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok());
    Some(Group { memory_limit: limit, kills })
}

pub(crate) fn machine_memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let read = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().split(' ').next()?.parse().ok()?;
        Some(kib.saturating_mul(1024))
    };
    Some((read("MemAvailable:")?, read("MemTotal:")?))
}

pub(crate) fn clock_is_synchronised() -> Option<bool> {
    // SAFETY: all zeroes is a valid `timex`: numbers only, and no mode, so the call changes nothing.
    let mut clock: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `clock` lives through the call, which fills it.
    let state = unsafe { libc::adjtimex(&raw mut clock) };
    (state >= 0).then_some(state != libc::TIME_ERROR && clock.status & libc::STA_UNSYNC == 0)
}

pub(crate) fn kernel_log() -> io::Result<Vec<String>> {
    let mut log: File = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg")?;
    let mut lines = Vec::new();
    // One read gives one record, and none is larger.
    let mut record = vec![0_u8; 8192];
    while lines.len() < MOST_LINES {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(length) => {
                let text = String::from_utf8_lossy(record.get(..length).unwrap_or_default()).into_owned();
                let message = text.split_once(';').map_or(text.as_str(), |(_, message)| message);
                lines.extend(message.lines().next().map(str::to_owned));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // Overwritten while it was read: the next read goes on behind it.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(lines)
}

//! Linux side of [`crate::usage`]: `/proc`, and the control groups of programs that have one.

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cgroup::{self, Hierarchy};
use super::procfs::{self, Costs, Stat};
use crate::usage::{Charged, Counters, Details, Spent};

/// A process as the look saw it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    stat: Stat,
    costs: Costs,
}

pub(crate) fn look() -> io::Result<Vec<Process>> {
    fs::read_dir("/proc")?;
    let read = |pid| {
        let (stat, costs) = procfs::stat_and_costs(pid)?;
        Some(Process { pid, stat, costs })
    };
    Ok(procfs::all().filter_map(read).collect())
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn parent(&self) -> u32 {
        self.stat.parent
    }

    pub(crate) fn is_of_session(&self, leader: u32) -> bool {
        self.stat.session == leader || self.stat.group == leader
    }

    /// A parent that has ended is nobody's parent any more.
    pub(crate) fn may_be_child_of(&self, _parent: &Self) -> bool {
        true
    }

    pub(crate) fn details(&self) -> Option<Details> {
        let is_dead = self.stat.is_dead();
        let [user, system, waited_user, waited_system] = self.costs.ticks.map(ticks);
        let storage = storage(self.pid);
        let (read, written) = storage.unwrap_or_default();
        Some(Details {
            started: self.stat.started,
            threads: if is_dead { 0 } else { self.costs.threads },
            resident: self.costs.resident_pages.saturating_mul(rustix::param::page_size() as u64),
            spent: Spent {
                own: Counters::new(user, system, 0, 0),
                // The bytes are told in one with those of the children that were waited for.
                waited: Counters::new(waited_user, waited_system, read, written),
            },
            tells_storage: storage.is_some(),
            open_files: open_files(self.pid).filter(|_| !is_dead),
            open_files_limit: open_files_limit(self.pid).filter(|_| !is_dead),
        })
    }
}

fn ticks(ticks: u64) -> Duration {
    let each_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_micros(ticks.saturating_mul(1_000_000) / each_second)
}

/// Bytes fetched from storage and sent there.
fn storage(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let written = number(&text, "write_bytes:")?;
    // What was written to files that were gone before it came to the disk.
    let cancelled = number(&text, "cancelled_write_bytes:").unwrap_or(0);
    Some((number(&text, "read_bytes:")?, written.saturating_sub(cancelled)))
}

/// The number behind a word at the beginning of a line.
fn number(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        if words.next() == Some(word) { words.next()?.parse().ok() } else { None }
    })
}

fn open_files(pid: u32) -> Option<u64> {
    let folder = format!("/proc/{pid}/fd");
    // Kernels from 6.2 on tell the number as the size of the folder.
    let told = rustix::fs::stat(&folder).ok().and_then(|stat| u64::try_from(stat.st_size).ok());
    match told {
        Some(number @ 1..) => Some(number),
        _ => Some(fs::read_dir(folder).ok()?.count() as u64),
    }
}

fn open_files_limit(pid: u32) -> Option<u64> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: nothing is set, and the place for the answer is ours.
    let result = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

pub(crate) fn mark(pid: u32) -> Option<String> {
    procfs::instance(pid)
}

pub(crate) fn proportional(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    Some(number(&text, "Pss:")?.saturating_mul(1024))
}

/// The control groups of this machine.
#[derive(Debug)]
pub(crate) struct Groups(Hierarchy);

impl Groups {
    pub(crate) fn find() -> Self {
        Self(Hierarchy::find())
    }

    fn folder(&self, pid: u32) -> Option<PathBuf> {
        self.0.group_of(&pid.to_string())
    }

    /// The group that a supervisor made for the program that this process is of.
    pub(crate) fn of(&self, pid: u32) -> Option<Group<'_>> {
        let folder = self.folder(pid)?;
        let path = cgroup::group_around(&folder)?.to_owned();
        Some(Group { all: self, path, members: OnceCell::new() })
    }

    /// What the narrowest group is charged that counts memory and holds what is of the service alone: these processes, their
    /// supervisor, and others that are known to be the service's. A group that holds processes cannot have groups below it
    /// count memory, so it is mostly the supervisor's own, as of a unit of systemd.
    pub(crate) fn charged(
        &self,
        own: Option<&Group<'_>>,
        first: &Process,
        is_of_service: &dyn Fn(u32) -> bool,
    ) -> Option<Charged> {
        let around = match own {
            Some(own) => own.path.parent()?.to_owned(),
            None => self.folder(first.pid)?,
        };
        let folder = own.map(|own| &own.path).filter(|own| counts_memory(own));
        let folder = folder.unwrap_or(&around);
        let charged = charged(folder)?;
        let mut members = Vec::new();
        cgroup::collect_members(folder, &mut members);
        members.into_iter().all(is_of_service).then_some(charged)
    }
}

fn counts_memory(folder: &Path) -> bool {
    folder.join("memory.current").exists()
}

fn charged(folder: &Path) -> Option<Charged> {
    let text = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let value = |file: &str| text(file)?.trim().parse::<u64>().ok();
    Some(Charged {
        bytes: value("memory.current")?,
        cache: text("memory.stat").and_then(|text| number(&text, "inactive_file")).unwrap_or(0),
        peak: value("memory.peak"),
        // `max` where there is none.
        limit: value("memory.max"),
        oom_kills: text("memory.events").and_then(|text| number(&text, "oom_kill")).unwrap_or(0),
    })
}

/// A group that a supervisor made for a program.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    all: &'a Groups,
    path: PathBuf,
    members: OnceCell<Vec<u32>>,
}

impl Group<'_> {
    pub(crate) fn members(&self) -> &[u32] {
        self.members.get_or_init(|| {
            let mut members = Vec::new();
            cgroup::collect_members(&self.path, &mut members);
            members
        })
    }

    /// Whether none of these processes is elsewhere. Those that have ended are not among the members any more.
    pub(crate) fn holds_all(&self, pids: &[u32]) -> bool {
        let is_elsewhere = |pid| self.all.folder(pid).is_some_and(|folder| !folder.starts_with(&self.path));
        pids.iter().all(|pid| self.members().contains(pid) || !is_elsewhere(*pid))
    }

    /// Its count of processor time, with what tells this group from all others.
    pub(crate) fn counted(&self) -> Option<(u64, Counters)> {
        use std::os::unix::fs::MetadataExt;
        let text = fs::read_to_string(self.path.join("cpu.stat")).ok()?;
        let time = |word| number(&text, word).map(Duration::from_micros);
        let counted = Counters::new(time("user_usec")?, time("system_usec")?, 0, 0);
        Some((fs::metadata(&self.path).ok()?.ino(), counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_by_their_words() {
        let text = "rchar: 1\nread_bytes: 2\nwrite_bytes: 30\ncancelled_write_bytes: 4\n";
        assert_eq!(number(text, "read_bytes:"), Some(2));
        assert_eq!(number(text, "write_bytes:"), Some(30));
        assert_eq!(number(text, "bytes:"), None);
        assert_eq!(number("oom 3\noom_kill 7\n", "oom_kill"), Some(7));
        assert_eq!(number("Pss:\n", "Pss:"), None);
    }

    #[test]
    fn reads_what_a_group_is_charged() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        assert_eq!(charged(folder.path()), None);
        write("memory.current", "1000\n");
        let least = Charged { bytes: 1000, ..Charged::default() };
        assert_eq!(charged(folder.path()), Some(least));
        write("memory.stat", "anon 5\ninactive_file 300\nactive_file 9\n");
        write("memory.peak", "2000\n");
        write("memory.max", "max\n");
        write("memory.events", "low 0\nhigh 0\nmax 5\noom 2\noom_kill 3\noom_group_kill 0\n");
        let all = Charged { bytes: 1000, cache: 300, peak: Some(2000), limit: None, oom_kills: 3 };
        assert_eq!(charged(folder.path()), Some(all));
        assert_eq!(all.working_set(), 700);
        write("memory.max", "4096\n");
        assert_eq!(charged(folder.path()).unwrap().limit, Some(4096));
    }
}

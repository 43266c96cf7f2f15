//! What the process trees of services use: processor time, memory, files, storage.
//!
//! [`Processes::look`] goes over the machine's processes once; trees are told from that, and what they use is read for
//! their processes alone. Nothing has to be asked of a supervisor, and none needs to live. A [`Meter`] makes counters of
//! several looks that never go backwards.
//!
//! What belongs to a tree, and what is told of it:
//! - Linux: the members of the program's control group, where it has one of its own, and its descendants. Without a group:
//!   descendants, whoever shares its session, and orphans that carry its mark, as in [`crate::process`].
//! - Windows: descendants. The Job Object that holds a tree has no name and tells its members to the supervisor alone, so a
//!   process whose parent has ended is not found from outside.
//! - Other Unixes: not yet; [`Processes::look`] fails there with [`io::ErrorKind::Unsupported`].

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

mod meter;
mod spent;

pub use meter::Meter;
pub(crate) use spent::{Counters, Details, Spent};

#[cfg(target_os = "linux")]
use crate::linux::usage as imp;
#[cfg(all(unix, not(target_os = "linux")))]
use crate::unix::usage as imp;
#[cfg(windows)]
use crate::windows::usage as imp;

/// One look at all processes of this machine, from which trees are told. One pass, for any number of services.
#[derive(Debug)]
pub struct Processes {
    all: HashMap<u32, imp::Process>,
    children: HashMap<u32, Vec<u32>>,
    groups: imp::Groups,
    /// The marks of the children of supervisors, read when they are first asked for.
    marks: HashMap<u32, OnceCell<Option<String>>>,
}

/// What a tree uses at the moment of a look, and has used so far.
///
/// What the operating system does not tell, or not to this account, is left out: other users' files and storage are told to
/// root alone on Linux.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// How many processes live.
    pub processes: u32,
    /// How many threads they have.
    pub threads: u32,
    /// Processor time spent by the programs themselves; see [`Processes::usage`] and [`Meter`] for what is counted.
    pub cpu_user: Duration,
    /// Processor time that the operating system spent for them.
    pub cpu_system: Duration,
    /// Bytes of memory in use, summed over the processes; what several of them share counts for each. On Windows this is the
    /// sum of the working sets.
    pub resident: u64,
    /// Open files, sockets and pipes of all processes together; on Windows their handles, of whatever kind.
    pub open_files: Option<u64>,
    /// How many open files all processes together may have: the sum of their own (soft) limits. Windows has no such limit.
    pub open_files_limit: Option<u64>,
    /// How near that process is to its own limit of open files that is nearest: from 0 to 1.
    pub open_files_share: Option<f64>,
    /// Bytes read: on Linux those that were fetched from storage, on Windows all, those of pipes and sockets too.
    pub read_bytes: Option<u64>,
    /// Bytes written, as for `read_bytes`.
    pub written_bytes: Option<u64>,
    /// What a control group is charged that holds nothing but this service, its supervisor included (Linux).
    pub charged: Option<Charged>,
}

/// Memory as a control group counts it: every page once, the file cache that the tree has brought about with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// Bytes now.
    pub bytes: u64,
    /// Those of them that hold files nobody has looked at lately, which the kernel gives up first and at no harm.
    pub cache: u64,
    /// The most that it has been. Kernels before 5.19 do not tell.
    pub peak: Option<u64>,
    /// The most that it may be; nothing where it is not bounded.
    pub limit: Option<u64>,
    /// How many processes were killed since the group was made because there was no memory left for it.
    pub oom_kills: u64,
}

impl Charged {
    /// Bytes that cannot be had back without harm: what a limit is to be held against.
    #[must_use]
    pub const fn working_set(&self) -> u64 {
        self.bytes.saturating_sub(self.cache)
    }
}

/// What is read of a tree at one look: the usage, and what makes counters of it.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    usage: Usage,
    spent: Vec<((u32, u64), Spent)>,
    /// The processor time that the tree's own group counts, and what tells this group from others.
    group: Option<(u64, Counters)>,
}

impl Processes {
    /// Looks at all processes.
    ///
    /// # Errors
    /// Fails when the operating system does not list its processes; with [`io::ErrorKind::Unsupported`] where this is not
    /// made yet: on macOS and the BSDs.
    pub fn look() -> io::Result<Self> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut all = HashMap::new();
        for process in imp::look()? {
            children.entry(process.parent()).or_default().push(process.pid());
            all.insert(process.pid(), process);
        }
        let marks = all.keys().map(|pid| (*pid, OnceCell::new())).collect();
        Ok(Self { all, children, groups: imp::Groups::find(), marks })
    }

    /// The processes below a supervisor: its descendants, itself not included, parents before children. Of an `abide up`
    /// these are the processes of all its services; [`Self::program`] tells them apart.
    ///
    /// On Linux every process of a service is a descendant of its supervisor, which adopts what loses its parent. Processes
    /// that have ended and that nobody has waited for yet are among them: their processor time still counts.
    #[must_use]
    pub fn tree(&self, supervisor: u32) -> Vec<u32> {
        let mut found = Found::default();
        self.add_children(&mut found, supervisor);
        found.order
    }

    /// The processes of a program that a supervisor started, itself first; nothing when it is not there.
    #[must_use]
    pub fn program(&self, program: u32) -> Vec<u32> {
        let Some(main) = self.all.get(&program) else { return Vec::new() };
        let mut found = Found::default();
        self.add(&mut found, program);
        let group = self.groups.of(program);
        if let Some(group) = &group {
            for member in group.members() {
                self.add(&mut found, *member);
            }
            return found.order;
        }
        // What has lost its parent is a child of the supervisor now, in the session still or in one of its own.
        for orphan in self.children.get(&main.parent()).into_iter().flatten().copied() {
            let in_session = self.all.get(&orphan).is_some_and(|process| process.is_of_session(program));
            if !found.set.contains(&orphan) && (in_session || self.has_mark_of(orphan, program)) {
                self.add(&mut found, orphan);
            }
        }
        found.order
    }

    /// What processes use together: those of a tree, as [`Self::program`] and [`Self::tree`] answer them. What has ended
    /// meanwhile is passed over.
    ///
    /// Processor time and storage are those of the processes that live and of the children that they have waited for; they
    /// go back when a process ends and nobody of the tree waits for it. Where the processes have a control group of their
    /// own, its count of processor time is told instead, which never goes back, and begins with the group: one that an
    /// earlier program was in may count that too. A [`Meter`] makes up for both.
    #[must_use]
    pub fn usage(&self, pids: &[u32]) -> Usage {
        let Reading { mut usage, group, .. } = self.read(pids);
        if let Some((_, counted)) = group {
            (usage.cpu_user, usage.cpu_system) = counted.cpu();
        }
        usage
    }

    /// The share of memory of processes: what several processes share counts for each of them in part, so that the sum is
    /// right (PSS). It goes through all their page tables and takes milliseconds for large programs: not for every look.
    /// Nothing where it cannot be told: other users' to root alone, and on Linux only.
    #[must_use]
    pub fn proportional(&self, pids: &[u32]) -> Option<u64> {
        let shares: Vec<u64> = pids.iter().filter_map(|pid| imp::proportional(*pid)).collect();
        (!shares.is_empty()).then(|| shares.into_iter().sum())
    }

    pub(crate) fn read(&self, pids: &[u32]) -> Reading {
        let mut reading = Reading::default();
        for pid in pids {
            if let Some(details) = self.all.get(pid).and_then(imp::Process::details) {
                reading.add(*pid, &details);
            }
        }
        // From the first: what it is in, the others have to be in too.
        if let Some(first) = pids.first().and_then(|pid| self.all.get(pid)) {
            let group = self.groups.of(first.pid());
            reading.group =
                group.as_ref().filter(|group| group.holds_all(pids)).and_then(imp::Group::counted);
            reading.usage.charged = self.groups.charged(group.as_ref(), first, &|pid| {
                // One that has come since the look has come from one of the others, or is known at the next look.
                pids.contains(&pid)
                    || pid == first.parent()
                    || !self.all.contains_key(&pid)
                    || self.is_of_service_of(pid, first.pid())
            });
        }
        reading.usage.cpu_user = reading.spent.iter().map(|(_, spent)| spent.all().cpu().0).sum();
        reading.usage.cpu_system = reading.spent.iter().map(|(_, spent)| spent.all().cpu().1).sum();
        reading
    }

    fn add(&self, found: &mut Found, pid: u32) {
        if self.all.contains_key(&pid) && found.set.insert(pid) {
            found.order.push(pid);
            self.add_children(found, pid);
        }
    }

    fn add_children(&self, found: &mut Found, parent: u32) {
        let mut open = vec![parent];
        while let Some(parent) = open.pop() {
            for child in self.children.get(&parent).into_iter().flatten().copied() {
                let is_real = match (self.all.get(&parent), self.all.get(&child)) {
                    (Some(parent), Some(child)) => child.may_be_child_of(parent),
                    _ => false,
                };
                if is_real && found.set.insert(child) {
                    found.order.push(child);
                    open.push(child);
                }
            }
        }
    }

    /// Whether a process is one that the same service's supervisor has started besides, as to see whether it is healthy.
    fn is_of_service_of(&self, pid: u32, program: u32) -> bool {
        let service = |pid| Some(self.mark(pid)?.rsplit_once('.')?.0);
        service(program).is_some_and(|name| service(pid) == Some(name))
    }

    fn has_mark_of(&self, orphan: u32, program: u32) -> bool {
        // Asked for first: without it, nobody's environment needs to be read.
        self.mark(program).is_some_and(|mark| self.mark(orphan) == Some(mark))
    }

    fn mark(&self, pid: u32) -> Option<&str> {
        self.marks.get(&pid)?.get_or_init(|| imp::mark(pid)).as_deref()
    }
}

#[derive(Default)]
struct Found {
    set: HashSet<u32>,
    order: Vec<u32>,
}

impl Reading {
    fn add(&mut self, pid: u32, details: &Details) {
        let usage = &mut self.usage;
        usage.processes += u32::from(details.threads > 0);
        usage.threads += details.threads;
        usage.resident += details.resident;
        let sum = |total: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *total = Some(total.unwrap_or(0).saturating_add(more));
            }
        };
        sum(&mut usage.open_files, details.open_files);
        sum(&mut usage.open_files_limit, details.open_files_limit);
        if let (Some(open), Some(limit @ 1..)) = (details.open_files, details.open_files_limit) {
            let share = open as f64 / limit as f64;
            usage.open_files_share = Some(usage.open_files_share.map_or(share, |most| most.max(share)));
        }
        if details.tells_storage {
            let (read, written) = details.spent.all().storage();
            sum(&mut usage.read_bytes, Some(read));
            sum(&mut usage.written_bytes, Some(written));
        }
        self.spent.push(((pid, details.started), details.spent));
    }
}

// What a platform's `usage` module provides to this one:
//   struct Process, with fn pid(&self) -> u32, fn parent(&self) -> u32, fn is_of_session(&self, leader: u32) -> bool,
//     fn may_be_child_of(&self, parent: &Process) -> bool, fn details(&self) -> Option<Details>;
//   struct Groups, with fn find() -> Self, fn of(&self, pid) -> Option<Group>,
//     fn charged(&self, Option<&Group>, first: &Process, is_of_service: &dyn Fn(u32) -> bool) -> Option<Charged>;
//   struct Group, with fn members(&self) -> &[u32], fn holds_all(&self, &[u32]) -> bool,
//     fn counted(&self) -> Option<(u64, Counters)>;
//   fn look() -> io::Result<Vec<Process>>, fn mark(pid) -> Option<String>, fn proportional(pid) -> Option<u64>.

#[cfg(test)]
mod tests;

//! Which processes belong to which tree, where no control group tells.
//!
//! This process is a child-subreaper: whatever loses its parent becomes its child. So every process of every tree is a
//! descendant, and belongs to the tree of that direct child of ours it descends from. Direct children that are not main
//! programs are told apart by the instance they were started with, else by their session.

use std::collections::BTreeSet;

use super::procfs;
use crate::unix::children::Entry;

/// The kernel hands orphans of the trees to this process from now on.
pub(crate) fn become_reaper() {
    // SAFETY: a call without pointers. It cannot fail on any kernel since 3.4.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// The direct children of this process.
pub(crate) fn children() -> Vec<u32> {
    procfs::children(std::process::id())
}

/// When a process started, to be sure later that it is the same.
pub(crate) fn start_token(pid: u32) -> Option<crate::process::StartToken> {
    procfs::start_token(pid)
}

/// The tree to which a direct child belongs.
fn owner(trees: &[Entry], child: u32, stat: procfs::Stat) -> Option<&Entry> {
    if let Some(main) = trees.iter().find(|tree| tree.running && tree.pid == child) {
        return Some(main);
    }
    let mut candidates = trees.iter().filter(|tree| !tree.gone);
    let first = candidates.next()?;
    if candidates.next().is_none() {
        return Some(first);
    }
    let find = |wanted: &dyn Fn(&Entry) -> bool| trees.iter().find(|tree| !tree.gone && wanted(tree));
    let by_instance = procfs::instance(child).and_then(|name| find(&|tree| tree.instance == name));
    by_instance.or_else(|| find(&|tree| tree.pid == stat.session || tree.pid == stat.group))
}

/// The living processes of a tree, parents before children.
pub(crate) fn members(trees: &[Entry], foreign: &[u32], tree: &Entry) -> Vec<Member> {
    let mut found = BTreeSet::new();
    let mut order = Vec::new();
    let mut open: Vec<(u32, bool)> = children().into_iter().map(|pid| (pid, true)).collect();
    open.sort_by_key(|(pid, _)| *pid != tree.pid);
    open.reverse();
    while let Some((pid, direct)) = open.pop() {
        if foreign.contains(&pid) || found.contains(&pid) {
            continue;
        }
        let Some(stat) = procfs::stat(pid).filter(|stat| !stat.is_dead()) else { continue };
        if direct && owner(trees, pid, stat).is_none_or(|owner| owner.id != tree.id) {
            continue;
        }
        found.insert(pid);
        order.push(Member { pid, started: stat.started, direct });
        open.extend(procfs::children(pid).into_iter().map(|pid| (pid, false)));
    }
    order
}

/// Whether anything is left of a tree whose main program was reaped.
pub(crate) fn is_anything_left(trees: &[Entry], foreign: &[u32], tree: &Entry) -> bool {
    let mains = || trees.iter().filter(|tree| tree.running).map(|tree| tree.pid);
    if foreign.is_empty() && mains().next().is_none() && !has_children() {
        return false;
    }
    // A direct child is enough to know: what has another parent has an ancestor among them. One that is dead and not
    // reaped yet may have had children that became ours since the list was read, so it counts for every tree until then.
    children().into_iter().any(|pid| {
        !foreign.contains(&pid)
            && !mains().any(|main| main == pid)
            && procfs::stat(pid).is_none_or(|stat| {
                stat.is_dead() || owner(trees, pid, stat).is_some_and(|owner| owner.id == tree.id)
            })
    })
}

/// Whether a process descends from one of the tree's.
pub(crate) fn contains(trees: &[Entry], foreign: &[u32], tree: &Entry, pid: u32) -> bool {
    let own = std::process::id();
    let mut at = pid;
    // No chain of parents is longer, unless it changes while it is followed.
    for _ in 0..1024 {
        let Some(stat) = procfs::stat(at) else { return false };
        if stat.parent == own {
            return !foreign.contains(&at) && owner(trees, at, stat).is_some_and(|owner| owner.id == tree.id);
        }
        if stat.parent == 0 {
            return false;
        }
        at = stat.parent;
    }
    false
}

fn has_children() -> bool {
    // SAFETY: the structure is plain data that the call may fill; nothing is reaped.
    let result = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_ALL, 0, &raw mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT)
    };
    result == 0
}

/// A process of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    started: u64,
    /// A child of ours, whose id cannot pass to another process before we reap it.
    direct: bool,
}

impl Member {
    /// Signals this very process, or nobody. To be called while nothing is reaped.
    pub(crate) fn signal(self, signal: libc::c_int) {
        let Ok(pid) = libc::pid_t::try_from(self.pid) else { return };
        if self.direct {
            // SAFETY: a call without pointers.
            unsafe { libc::kill(pid, signal) };
            return;
        }
        let Some(raw) = rustix::process::Pid::from_raw(pid) else { return };
        match rustix::process::pidfd_open(raw, rustix::process::PidfdFlags::empty()) {
            Ok(fd) => {
                // The descriptor names one process for ever; whether it is the right one is seen now.
                if procfs::stat(self.pid).is_some_and(|stat| stat.started == self.started) {
                    // SAFETY: the descriptor is open, and no signal information is passed.
                    unsafe {
                        libc::syscall(
                            libc::SYS_pidfd_send_signal,
                            std::os::fd::AsRawFd::as_raw_fd(&fd),
                            signal,
                            std::ptr::null::<libc::siginfo_t>(),
                            0,
                        )
                    };
                }
            }
            // Kernels before 5.3.
            Err(rustix::io::Errno::NOSYS) => {
                if procfs::stat(self.pid).is_some_and(|stat| stat.started == self.started) {
                    // SAFETY: a call without pointers.
                    unsafe { libc::kill(pid, signal) };
                }
            }
            Err(_) => {}
        }
    }
}

//! All children of this process: the main programs of its trees, and the orphans the kernel handed to it.
//!
//! They are reaped and signalled under one lock, so that an id that is signalled cannot have passed to another process.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abide_spec::Exit;
use libc::c_int;

use super::extras::cgroup::{Group, Groups};
use super::extras::kin::{self, Member};

/// A tree, as long as somebody holds its [`crate::process::Tree`].
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    /// Of the main program, which is its session and process group too.
    pub(crate) pid: u32,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux tells orphans apart"))]
    pub(crate) instance: String,
    /// The main program was not reaped yet.
    pub(crate) running: bool,
    /// Nothing of it is left; never signalled again.
    pub(crate) gone: bool,
    /// Everything of it is to die, also what is started meanwhile.
    pub(crate) killing: bool,
    pub(crate) suspended: bool,
    /// Nobody holds it any more: it is forgotten when nothing is left of it.
    dropped: bool,
    /// Its main program has ended, others of it have not, and somebody wants to know when they have.
    pub(crate) watched: bool,
    pub(crate) group: Option<Group>,
}

#[derive(Debug)]
pub(crate) struct Children {
    pub(crate) trees: Vec<Entry>,
    pub(crate) groups: Groups,
    /// Children this process had before there was a loop: inherited over exec, and none of ours.
    foreign: Vec<u32>,
    next: u64,
}

/// The children as the loop and all trees share them.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Children>>);

/// What was reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaped {
    Main {
        pid: u32,
        exit: Exit,
    },
    Stranger,
    /// Nobody's business.
    Foreign,
}

impl Shared {
    pub(crate) fn new() -> Self {
        kin::become_reaper();
        let foreign = kin::children();
        Self(Arc::new(Mutex::new(Children { trees: Vec::new(), groups: Groups::find(), foreign, next: 0 })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Children> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(pid: u32, signal: c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: a call without pointers.
    if unsafe { libc::kill(pid, signal) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Signals a whole process group, whose leader must not have been reaped.
fn send_group(leader: u32, signal: c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(leader).map_err(io::Error::other)?;
    // SAFETY: a call without pointers.
    if unsafe { libc::kill(-pid, signal) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn none_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        result => result,
    }
}

impl Children {
    /// Takes over a process that was just created.
    pub(crate) fn add(&mut self, pid: u32, instance: String, group: Option<Group>) -> u64 {
        self.next += 1;
        self.trees.push(Entry {
            id: self.next,
            pid,
            instance,
            running: true,
            gone: false,
            killing: false,
            suspended: false,
            dropped: false,
            watched: false,
            group,
        });
        self.next
    }

    /// Kills what is left of a tree that nobody holds any more.
    pub(crate) fn remove(&mut self, id: u64) {
        let _ = self.kill(id);
        if let Some(tree) = self.tree(id) {
            tree.dropped = true;
        }
        self.forget();
    }

    /// Forgets the trees that nobody holds and of which nothing is left.
    fn forget(&mut self) {
        let dropped: Vec<u64> = self.trees.iter().filter(|tree| tree.dropped).map(|tree| tree.id).collect();
        for id in dropped {
            if self.is_gone(id)
                && let Some(at) = self.trees.iter().position(|tree| tree.id == id)
                && let Some(group) = self.trees.swap_remove(at).group
            {
                self.groups.give_back(group);
            }
        }
    }

    pub(crate) fn tree(&mut self, id: u64) -> Option<&mut Entry> {
        self.trees.iter_mut().find(|tree| tree.id == id)
    }

    fn at(&self, id: u64) -> Option<&Entry> {
        self.trees.iter().find(|tree| tree.id == id)
    }

    /// Reaps one child that has ended, if there is one.
    pub(crate) fn reap(&mut self) -> Option<Reaped> {
        let mut status = 0;
        let pid = loop {
            // SAFETY: the status is written only by the call.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
            if pid >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break u32::try_from(pid).ok().filter(|pid| *pid != 0)?;
            }
        };
        let exit = if libc::WIFSIGNALED(status) {
            Exit::Signal(libc::WTERMSIG(status))
        } else {
            Exit::Code(libc::WEXITSTATUS(status))
        };
        let reaped = match self.trees.iter_mut().find(|tree| tree.running && tree.pid == pid) {
            Some(tree) => {
                tree.running = false;
                if tree.dropped { Reaped::Foreign } else { Reaped::Main { pid, exit } }
            }
            None => match self.foreign.iter().position(|foreign| *foreign == pid) {
                Some(at) => {
                    self.foreign.swap_remove(at);
                    Reaped::Foreign
                }
                None => Reaped::Stranger,
            },
        };
        // What a killed process had started just before is an orphan now, and ours.
        let dying = self.trees.iter().filter(|tree| tree.killing && !tree.gone);
        for id in dying.map(|tree| tree.id).collect::<Vec<_>>() {
            self.sweep(id, libc::SIGKILL);
        }
        self.forget();
        self.groups.tidy();
        Some(reaped)
    }

    pub(crate) fn is_gone(&mut self, id: u64) -> bool {
        let Some(tree) = self.at(id) else { return true };
        if tree.gone {
            return true;
        }
        if tree.running {
            return false;
        }
        let left = match &tree.group {
            Some(group) => group.is_populated(),
            None => kin::is_anything_left(&self.trees, &self.foreign, tree),
        };
        if let Some(tree) = self.tree(id) {
            tree.gone = !left;
            tree.watched = left;
        }
        !left
    }

    pub(crate) fn members(&self, id: u64) -> Vec<u32> {
        match self.at(id) {
            Some(Entry { group: Some(group), pid: main, .. }) => {
                let mut members = group.members();
                members.sort_by_key(|pid| (pid != main, *pid));
                members
            }
            Some(tree) if !tree.gone => self.kin(tree).into_iter().map(|member| member.pid).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn contains(&self, id: u64, pid: u32) -> bool {
        match self.at(id) {
            Some(Entry { group: Some(group), .. }) => group.members().contains(&pid),
            Some(tree) => kin::contains(&self.trees, &self.foreign, tree, pid),
            None => false,
        }
    }

    fn kin(&self, tree: &Entry) -> Vec<Member> {
        kin::members(&self.trees, &self.foreign, tree)
    }

    pub(crate) fn signal(&mut self, id: u64, signal: c_int) -> io::Result<()> {
        match self.at(id) {
            Some(tree) if tree.running => send(tree.pid, signal),
            _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }

    pub(crate) fn kill(&mut self, id: u64) -> io::Result<()> {
        if self.is_gone(id) {
            return Ok(());
        }
        let Some(tree) = self.tree(id) else { return Ok(()) };
        tree.killing = true;
        tree.suspended = false;
        match &mut tree.group {
            Some(group) => {
                let (group, main) = (group.kill(), tree.running.then_some(tree.pid));
                // Also when a program with the right to do so had left its group.
                main.map_or(Ok(()), |main| none_is_fine(send_group(main, libc::SIGKILL))).and(group)
            }
            None => {
                let main = tree.running.then_some(tree.pid);
                let result = main.map_or(Ok(()), |main| none_is_fine(send_group(main, libc::SIGKILL)));
                self.sweep(id, libc::SIGKILL);
                result
            }
        }
    }

    /// Signals all of a tree that has no group, also what is started while it is being gone through.
    fn sweep(&mut self, id: u64, signal: c_int) {
        let Some(tree) = self.at(id).filter(|tree| tree.group.is_none()) else { return };
        let mut signalled: Vec<Member> = Vec::new();
        // A tree that starts processes quicker than this is caught when the next of them ends.
        for _ in 0..64 {
            let new: Vec<Member> =
                self.kin(tree).into_iter().filter(|member| !signalled.contains(member)).collect();
            if new.is_empty() {
                break;
            }
            for member in new {
                member.signal(signal);
                signalled.push(member);
            }
        }
    }

    pub(crate) fn suspend(&mut self, id: u64) -> io::Result<()> {
        let Some(tree) = self.tree(id).filter(|tree| !tree.gone) else { return Ok(()) };
        tree.suspended = true;
        if let Some(group) = &tree.group {
            return group.freeze(true);
        }
        let main = tree.running.then_some(tree.pid);
        let result = main.map_or(Ok(()), |main| none_is_fine(send_group(main, libc::SIGSTOP)));
        self.sweep(id, libc::SIGSTOP);
        result
    }

    pub(crate) fn resume(&mut self, id: u64) -> io::Result<()> {
        let Some(tree) = self.tree(id).filter(|tree| !tree.gone) else { return Ok(()) };
        tree.suspended = false;
        if let Some(group) = &tree.group {
            return group.freeze(false);
        }
        let main = tree.running.then_some(tree.pid);
        let result = main.map_or(Ok(()), |main| none_is_fine(send_group(main, libc::SIGCONT)));
        self.sweep(id, libc::SIGCONT);
        result
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for group in self.trees.drain(..).filter_map(|tree| tree.group) {
            self.groups.give_back(group);
        }
    }
}

//! What Unixes other than Linux have in place of control groups, clone3 and a child-subreaper: process groups and fork.
//!
//! Weaker in two points: a process that starts a session of its own leaves its tree, and the end of a process that is
//! not our child is not told to us, so that a tree whose program has ended is looked at again until it is empty.

/// Stands in for control groups.
pub(crate) mod cgroup {
    use std::io;
    use std::os::fd::BorrowedFd;

    /// Never makes any.
    #[derive(Debug)]
    pub(crate) struct Groups;

    impl Groups {
        pub(crate) fn find() -> Self {
            Self
        }

        pub(crate) fn take(&mut self) -> Option<Group> {
            None
        }

        pub(crate) fn give_up(&mut self) {}

        pub(crate) fn give_back(&mut self, _group: Group) {}

        pub(crate) fn tidy(&mut self) {}
    }

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Group {}

    impl Group {
        pub(crate) fn is_populated(&self) -> bool {
            match *self {}
        }

        pub(crate) fn events(&self) -> BorrowedFd<'_> {
            match *self {}
        }

        pub(crate) fn kill(&mut self) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn freeze(&self, _frozen: bool) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn members(&self) -> Vec<u32> {
            match *self {}
        }
    }
}

/// Starts processes by fork.
pub(crate) mod clone {
    use std::io::{self, Read};
    use std::os::fd::AsRawFd;

    use super::cgroup::Group;
    use crate::unix::child::{self, Failure, Plan};

    /// Creates a process that runs the plan and returns its id when it has become the program or failed, which
    /// `plan.failure` then tells.
    pub(crate) fn start(plan: &mut Plan, _group: Option<&Group>) -> io::Result<u32> {
        let (mut reader, writer) = std::io::pipe()?;
        plan.report = writer.as_raw_fd();
        // SAFETY: the child does nothing but run the plan, which makes only calls that are safe after fork.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: this is a new process with a copy of the plan.
            unsafe { child::run(plan) }
        }
        let pid = u32::try_from(pid).map_err(|_| io::Error::last_os_error())?;
        drop(writer);
        let mut bytes = [0_u8; size_of::<Failure>()];
        // The end of the pipe, by exec, says that all went well.
        if reader.read_exact(&mut bytes).is_ok() {
            let (step, errno) = bytes.split_at(size_of::<i32>());
            plan.failure = Failure {
                step: i32::from_ne_bytes(step.try_into().unwrap_or_default()),
                errno: i32::from_ne_bytes(errno.try_into().unwrap_or_default()),
            };
        }
        Ok(pid)
    }
}

/// Which processes belong to which tree.
pub(crate) mod kin {
    use crate::process::StartToken;
    use crate::unix::children::Entry;

    pub(crate) fn become_reaper() {}

    pub(crate) fn children() -> Vec<u32> {
        Vec::new()
    }

    /// The start as the system's process table tells it; systems for which this is not known here take the time for
    /// always the same, so that only the process id counts.
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    pub(crate) fn start_token(pid: u32) -> Option<StartToken> {
        let pid = libc::c_int::try_from(pid).ok()?;
        let size = size_of::<libc::proc_bsdinfo>() as libc::c_int;
        // SAFETY: the structure is plain data that the call fills with at most `size` bytes.
        let info = unsafe {
            let mut info: libc::proc_bsdinfo = std::mem::zeroed();
            let written = libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), size);
            (written == size).then_some(info)?
        };
        const ZOMBIE: u32 = 5;
        (info.pbi_status != ZOMBIE)
            .then(|| StartToken(format!("{}.{:06}", info.pbi_start_tvsec, info.pbi_start_tvusec)))
    }

    #[cfg(target_os = "freebsd")]
    pub(crate) fn start_token(pid: u32) -> Option<StartToken> {
        let process = table(libc::KERN_PROC_PID, pid).into_iter().next()?;
        (process.ki_stat != libc::SZOMB)
            .then(|| StartToken(format!("{}.{:06}", process.ki_start.tv_sec, process.ki_start.tv_usec)))
    }

    /// The processes of the system's process table that have a number in common: the process (`KERN_PROC_PID`) or its
    /// group (`KERN_PROC_PGRP`). See sysctl(3).
    #[cfg(target_os = "freebsd")]
    fn table(what: libc::c_int, number: u32) -> Vec<libc::kinfo_proc> {
        let Ok(number) = libc::c_int::try_from(number) else { return Vec::new() };
        let name = [libc::CTL_KERN, libc::KERN_PROC, what, number];
        let each = size_of::<libc::kinfo_proc>();
        let mut room = 16;
        loop {
            let mut found: Vec<libc::kinfo_proc> = Vec::with_capacity(room);
            let mut length = room * each;
            // SAFETY: the name has as many parts as said, and the buffer room for as many bytes as `length` says; nothing
            // is set.
            let result = unsafe {
                libc::sysctl(
                    name.as_ptr(),
                    name.len() as libc::c_uint,
                    found.as_mut_ptr().cast(),
                    &raw mut length,
                    std::ptr::null(),
                    0,
                )
            };
            if result == 0 {
                // SAFETY: so many bytes were written, each entry whole, and every pattern of bits is one of this type.
                unsafe { found.set_len((length / each).min(room)) };
                // A system whose entries have another size than ours tells nothing that could be read.
                found.retain(|process| usize::try_from(process.ki_structsize) == Ok(each));
                return found;
            }
            let is_short = std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM);
            if !is_short || room > 1 << 16 {
                return Vec::new();
            }
            room *= 4;
        }
    }

    #[cfg(not(any(target_os = "macos", target_os = "ios", target_os = "freebsd")))]
    pub(crate) fn start_token(pid: u32) -> Option<StartToken> {
        let pid = libc::pid_t::try_from(pid).ok()?;
        // SAFETY: a call without pointers that signals nobody.
        let result = unsafe { libc::kill(pid, 0) };
        let is_there = result == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
        is_there.then(|| StartToken("unknown".to_owned()))
    }

    pub(crate) fn members(_trees: &[Entry], _foreign: &[u32], tree: &Entry) -> Vec<Member> {
        let mut members: Vec<Member> = group(tree.pid).into_iter().map(|pid| Member { pid }).collect();
        members.sort_by_key(|member| member.pid != tree.pid);
        members
    }

    #[cfg(any(target_os = "macos", target_os = "ios"))]
    fn group(pid: u32) -> Vec<u32> {
        const PROC_PGRP_ONLY: u32 = 2;
        let mut pids = vec![0_u32; 1024];
        let size = (pids.len() * size_of::<u32>()) as libc::c_int;
        // SAFETY: the buffer is as long as said.
        let written = unsafe { libc::proc_listpids(PROC_PGRP_ONLY, pid, pids.as_mut_ptr().cast(), size) };
        pids.truncate(usize::try_from(written).unwrap_or(0) / size_of::<u32>());
        pids.retain(|pid| *pid != 0);
        pids
    }

    #[cfg(target_os = "freebsd")]
    fn group(pid: u32) -> Vec<u32> {
        let members = table(libc::KERN_PROC_PGRP, pid);
        members.into_iter().filter_map(|process| u32::try_from(process.ki_pid).ok()).collect()
    }

    #[cfg(not(any(target_os = "macos", target_os = "ios", target_os = "freebsd")))]
    fn group(pid: u32) -> Vec<u32> {
        start_token(pid).map(|_| pid).into_iter().collect()
    }

    pub(crate) fn contains(trees: &[Entry], foreign: &[u32], tree: &Entry, pid: u32) -> bool {
        members(trees, foreign, tree).iter().any(|member| member.pid == pid)
    }

    pub(crate) fn is_anything_left(_trees: &[Entry], _foreign: &[u32], tree: &Entry) -> bool {
        let Ok(pid) = libc::pid_t::try_from(tree.pid) else { return false };
        // SAFETY: a call without pointers that signals nobody. A group of dead processes only answers "not permitted".
        unsafe { libc::kill(-pid, 0) == 0 }
    }

    /// A process of a tree.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Member {
        pub(crate) pid: u32,
    }

    impl Member {
        pub(crate) fn signal(self, signal: libc::c_int) {
            if let Ok(pid) = libc::pid_t::try_from(self.pid) {
                // SAFETY: a call without pointers.
                unsafe { libc::kill(pid, signal) };
            }
        }
    }
}

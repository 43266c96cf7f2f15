//! What a new process does before it becomes the program.
//!
//! On Linux it does so in the memory of its parent, which waits; elsewhere in a copy of it. Either way only calls that
//! are async-signal-safe may be made here, nothing may be allocated, and nothing may panic.

use std::ffi::{CStr, CString};
use std::ptr;

use libc::{c_char, c_int};

use super::accounts::Account;
use crate::process::Stage;

/// Everything a new process needs, gathered before it is created.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) program: CString,
    /// NUL-terminated strings, ended by a null pointer; they live in `strings`.
    pub(crate) argv: Vec<*const c_char>,
    pub(crate) envp: Vec<*const c_char>,
    pub(crate) working_dir: Option<CString>,
    /// What become descriptors 0, 1 and 2; all above 2 themselves.
    pub(crate) streams: [c_int; 3],
    /// A file to write `0` to in order to enter a group, or -1.
    pub(crate) entrance: c_int,
    pub(crate) limits: [Option<(c_int, libc::rlim_t)>; 2],
    pub(crate) account: Option<Account>,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux ties a child to its parent")
    )]
    pub(crate) parent: libc::pid_t,
    /// Where a failure is written to, or -1 where the parent sees `failure`.
    pub(crate) report: c_int,
    pub(crate) failure: Failure,
    /// Keeps alive what `argv` and `envp` point to.
    #[expect(dead_code, reason = "owned for the sake of the pointers")]
    pub(crate) strings: Vec<u8>,
}

/// The step that failed and why.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Failure {
    pub(crate) step: c_int,
    pub(crate) errno: c_int,
}

impl Failure {
    /// No step failed.
    pub(crate) const NONE: Self = Self { step: -1, errno: 0 };
    /// No step was even begun. Where the parent sees what the child writes, this means that it was killed at birth.
    pub(crate) const NOT_BEGUN: Self = Self { step: -2, errno: 0 };

    pub(crate) fn is_not_begun(self) -> bool {
        self.step == Self::NOT_BEGUN.step
    }

    pub(crate) fn stage(self) -> Option<Stage> {
        STAGES.get(usize::try_from(self.step).ok()?).copied()
    }
}

const STAGES: [Stage; 8] = [
    Stage::Session,
    Stage::Streams,
    Stage::Group,
    Stage::Limits,
    Stage::Identity,
    Stage::WorkingDir,
    Stage::Tie,
    Stage::Exec,
];
const SESSION: c_int = 0;
const STREAMS: c_int = 1;
const GROUP: c_int = 2;
const LIMITS: c_int = 3;
const IDENTITY: c_int = 4;
const WORKING_DIR: c_int = 5;
#[cfg(target_os = "linux")]
const TIE: c_int = 6;
const EXEC: c_int = 7;

/// One past the highest signal number.
#[cfg(target_os = "linux")]
const SIGNALS: c_int = 65;
#[cfg(not(target_os = "linux"))]
const SIGNALS: c_int = 32;

/// Becomes the program, or reports why not and ends.
///
/// # Safety
/// To be called in a new process only, with all signals blocked, and with a plan that nobody else touches meanwhile.
pub(crate) unsafe fn run(plan: *mut Plan) -> ! {
    // SAFETY: by contract the plan is alive and this process's alone; all pointers in it are to NUL-terminated strings
    // or are null where the called function takes null; only async-signal-safe functions are called.
    unsafe {
        let plan = &mut *plan;
        ptr::write_volatile(&raw mut plan.failure, Failure::NONE);
        if libc::setsid() < 0 {
            fail(plan, SESSION);
        }
        if plan.entrance >= 0 && libc::write(plan.entrance, ptr::from_ref(b"0").cast(), 1) != 1 {
            fail(plan, GROUP);
        }
        let [stdin, stdout, stderr] = plan.streams;
        if libc::dup2(stdin, 0) < 0 || libc::dup2(stdout, 1) < 0 || libc::dup2(stderr, 2) < 0 {
            fail(plan, STREAMS);
        }
        for limit in &plan.limits {
            if let Some((resource, most)) = *limit {
                let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
                if libc::setrlimit(resource as _, &raw const limit) != 0 {
                    fail(plan, LIMITS);
                }
            }
        }
        if let Some(account) = &plan.account
            && !system::change(account)
        {
            fail(plan, IDENTITY);
        }
        if let Some(folder) = &plan.working_dir
            && libc::chdir(folder.as_ptr()) != 0
        {
            fail(plan, WORKING_DIR);
        }
        system::tie(plan);
        reset_signals();
        system::close_the_rest(plan.report);
        libc::execve(plan.program.as_ptr(), plan.argv.as_ptr(), plan.envp.as_ptr());
        fail(plan, EXEC)
    }
}

/// # Safety
/// As [`run`], of which it is a part.
unsafe fn fail(plan: &mut Plan, step: c_int) -> ! {
    // SAFETY: the failure is plain data, seen by the parent after this process has ended; write and _exit are
    // async-signal-safe.
    unsafe {
        let failure = Failure { step, errno: errno() };
        ptr::write_volatile(&raw mut plan.failure, failure);
        if plan.report >= 0 {
            libc::write(plan.report, ptr::from_ref(&failure).cast(), size_of::<Failure>());
        }
        libc::_exit(127)
    }
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// A program starts with no signal ignored or blocked, whatever this process or its ancestors did.
///
/// # Safety
/// As [`run`], of which it is a part.
unsafe fn reset_signals() {
    // SAFETY: plain data for which zero is valid; see `system::reset_signal`.
    unsafe {
        for signal in 1..SIGNALS {
            system::reset_signal(signal);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Account, Plan, TIE, c_int, fail};

    /// Changes the account of this process alone: the functions of the C library would change it for all threads of the
    /// parent, whose memory this is.
    ///
    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn change(account: &Account) -> bool {
        #[cfg(any(target_arch = "x86", target_arch = "arm"))]
        const CALLS: [libc::c_long; 3] =
            [libc::SYS_setgroups32, libc::SYS_setresgid32, libc::SYS_setresuid32];
        #[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
        const CALLS: [libc::c_long; 3] = [libc::SYS_setgroups, libc::SYS_setresgid, libc::SYS_setresuid];
        let [set_groups, set_gid, set_uid] = CALLS;
        let (uid, gid) = (account.uid, account.gid);
        // SAFETY: the list of groups is alive and as long as said; the others take numbers.
        unsafe {
            // What the process already is needs no right.
            (libc::geteuid() != 0
                && uid == libc::geteuid()
                && uid == libc::getuid()
                && gid == libc::getegid()
                || libc::syscall(set_groups, account.groups.len(), account.groups.as_ptr()) == 0
                    && libc::syscall(set_gid, gid, gid, gid) == 0
                    && libc::syscall(set_uid, uid, uid, uid) == 0)
                && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        }
    }

    /// Has the kernel kill this process when its parent ends. A change of account would undo it, so it comes after.
    ///
    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn tie(plan: &mut Plan) {
        // SAFETY: calls without pointers.
        unsafe {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) != 0 {
                fail(plan, TIE);
            }
            if libc::getppid() != plan.parent {
                // The parent ended before it could be told.
                libc::_exit(127);
            }
        }
    }

    /// The C library keeps two signals to itself, and would leave them ignored if an ancestor did; so it is not asked.
    ///
    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn reset_signal(signal: c_int) {
        /// Not smaller than what the kernel reads, on any architecture. All zero is the default action, nothing masked.
        const ACTION: [u64; 8] = [0; 8];
        /// The kernel's set of signals.
        const SET: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };
        // SAFETY: the action outlives the call; numbers the kernel reserves are refused.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, ACTION.as_ptr(), 0_usize, SET) };
    }

    /// Every descriptor of this process is closed by exec anyway; this is for those that a library left open.
    ///
    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn close_the_rest(_report: c_int) {
        const CLOEXEC: libc::c_uint = 4;
        // SAFETY: a call without pointers. Kernels without it keep what is not marked close-on-exec, which is nothing of
        // Abide's.
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOEXEC) };
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Account, Plan, c_int};

    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn change(account: &Account) -> bool {
        // SAFETY: the list of groups is alive and as long as said; the others take numbers.
        unsafe {
            libc::setgroups(account.groups.len() as _, account.groups.as_ptr()) == 0
                && libc::setgid(account.gid) == 0
                && libc::setuid(account.uid) == 0
        }
    }

    /// There is nothing to tie with.
    ///
    /// # Safety
    /// None; the signature is that of other systems.
    pub(super) unsafe fn tie(_plan: &mut Plan) {}

    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn reset_signal(signal: c_int) {
        // SAFETY: plain data for which zero is valid, with the default action; numbers the system reserves are refused.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }

    /// # Safety
    /// As [`super::run`], of which it is a part.
    pub(super) unsafe fn close_the_rest(report: c_int) {
        // SAFETY: getdtablesize and close are calls without pointers.
        unsafe {
            for fd in 3..libc::getdtablesize().min(4096) {
                if fd != report {
                    libc::close(fd);
                }
            }
        }
    }
}

/// Builds the array that exec takes from strings that stand one after the other, each ended by NUL, in memory that is not
/// moved any more.
pub(crate) fn pointers(strings: &[u8], count: usize) -> Vec<*const c_char> {
    let mut pointers = Vec::with_capacity(count + 1);
    let mut rest = strings;
    while let Ok(string) = CStr::from_bytes_until_nul(rest) {
        pointers.push(string.as_ptr());
        rest = rest.get(string.count_bytes() + 1..).unwrap_or_default();
    }
    pointers.push(ptr::null());
    pointers
}

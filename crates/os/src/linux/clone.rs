//! Creates processes without copying the memory of this one: the parent waits in the kernel until the child has become
//! its program, as with vfork(2). That is several times quicker than fork, and grows with nothing.

use std::io;
use std::mem::MaybeUninit;

use super::cgroup::Group;
use crate::unix::child::{self, Failure, Plan};

/// Room for the few frames of [`child::run`]. All of it stays in memory, because a frame so large is touched page by page.
const STACK: usize = 16 << 10;

#[repr(C, align(16))]
struct Stack([MaybeUninit<u8>; STACK]);

/// Creates a process that runs the plan, in the group if one is given, and returns its id when it has become the program
/// or failed, which `plan.failure` then tells.
pub(crate) fn start(plan: &mut Plan, group: Option<&Group>) -> io::Result<u32> {
    plan.report = -1;
    plan.entrance = -1;
    plan.failure = Failure::NOT_BEGUN;
    match quick::start(plan, group) {
        // Not this kernel, or not in this sandbox.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM | libc::EINVAL)) => {}
        result => return result,
    }
    let entrance = group.map(Group::entrance).transpose()?;
    if let Some(entrance) = &entrance {
        plan.entrance = std::os::fd::AsRawFd::as_raw_fd(entrance);
    }
    let mut stack = MaybeUninit::<Stack>::uninit();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child runs on a stack of its own, in memory that stays as it is because CLONE_VFORK holds this thread
    // until the child is gone from it; it gets the plan that nobody else touches meanwhile.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(1).cast();
        libc::clone(entry, top, flags, std::ptr::from_mut(plan).cast())
    };
    u32::try_from(pid).map_err(|_| io::Error::last_os_error())
}

extern "C" fn entry(plan: *mut libc::c_void) -> libc::c_int {
    // SAFETY: this is a new process, and what it was given is the plan.
    unsafe { child::run(plan.cast()) }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod quick {
    use std::arch::asm;
    use std::io;
    use std::mem::MaybeUninit;

    use super::{Group, Plan, STACK, Stack, child};

    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    const SYS_CLONE3: usize = 435;

    #[derive(Default)]
    #[repr(C)]
    struct Arguments {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
        set_tid: u64,
        set_tid_size: u64,
        cgroup: u64,
    }

    /// By clone3(2), which alone can create a process inside a group. To move one there later makes the kernel wait for
    /// all processors, for milliseconds.
    pub(super) fn start(plan: &mut Plan, group: Option<&Group>) -> io::Result<u32> {
        let mut stack = MaybeUninit::<Stack>::uninit();
        let mut arguments = Arguments {
            flags: (libc::CLONE_VM | libc::CLONE_VFORK) as u64,
            exit_signal: libc::SIGCHLD as u64,
            stack: stack.as_mut_ptr() as u64,
            stack_size: STACK as u64,
            ..Arguments::default()
        };
        if let Some(group) = group {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = u64::from(group.folder().cast_unsigned());
        }
        // SAFETY: the child runs on a stack of its own, in memory that stays as it is because CLONE_VFORK holds this
        // thread until the child is gone from it; it gets the plan that nobody else touches meanwhile.
        let result = unsafe { clone3(&raw const arguments, std::ptr::from_mut(plan)) };
        u32::try_from(result)
            .map_err(|_| io::Error::from_raw_os_error(i32::try_from(-result).unwrap_or(libc::EINVAL)))
    }

    extern "C" fn entry(plan: *mut Plan) -> ! {
        // SAFETY: this is a new process, and what it was given is the plan.
        unsafe { child::run(plan) }
    }

    /// # Safety
    /// The arguments must be valid for clone3, with CLONE_VM, CLONE_VFORK and a stack that nobody uses.
    #[cfg(target_arch = "x86_64")]
    unsafe fn clone3(arguments: *const Arguments, plan: *mut Plan) -> isize {
        let result: isize;
        // SAFETY: in the parent this is a plain system call. The child comes out of it with its own stack, aligned as a
        // call needs it, and calls a function that never returns.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, r12",
                "call r13",
                "ud2",
                "2:",
                inlateout("rax") SYS_CLONE3 as isize => result,
                in("rdi") arguments,
                in("rsi") size_of::<Arguments>(),
                in("r12") plan,
                in("r13") entry as extern "C" fn(*mut Plan) -> !,
                lateout("rcx") _,
                lateout("r11") _,
            );
        }
        result
    }

    /// # Safety
    /// The arguments must be valid for clone3, with CLONE_VM, CLONE_VFORK and a stack that nobody uses.
    #[cfg(target_arch = "aarch64")]
    unsafe fn clone3(arguments: *const Arguments, plan: *mut Plan) -> isize {
        let result: isize;
        // SAFETY: in the parent this is a plain system call. The child comes out of it with its own stack, aligned as a
        // call needs it, and calls a function that never returns.
        unsafe {
            asm!(
                "svc 0",
                "cbnz x0, 2f",
                "mov x29, xzr",
                "mov x0, x20",
                "blr x21",
                "brk 1",
                "2:",
                inlateout("x0") arguments => result,
                in("x1") size_of::<Arguments>(),
                in("x8") SYS_CLONE3,
                in("x20") plan,
                in("x21") entry as extern "C" fn(*mut Plan) -> !,
            );
        }
        result
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod quick {
    use std::io;

    use super::{Group, Plan};

    pub(super) fn start(_plan: &mut Plan, _group: Option<&Group>) -> io::Result<u32> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }
}

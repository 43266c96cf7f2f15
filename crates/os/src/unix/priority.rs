//! Unix side of [`crate::priority`]. Where a priority is that of the whole process, nothing is done.

#[cfg(target_os = "linux")]
pub(crate) fn background() {
    const WHO_THREAD: libc::c_int = 1;
    const CLASS_IDLE: libc::c_int = 3 << 13;
    // SAFETY: the structure is plain numbers.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: both are about the calling thread, whose id is 0; the parameters live until the call returns.
    unsafe {
        libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters);
        libc::syscall(libc::SYS_ioprio_set, WHO_THREAD, 0, CLASS_IDLE);
    }
}

#[cfg(target_vendor = "apple")]
pub(crate) fn background() {
    // SAFETY: about the calling thread, whose id is 0.
    unsafe { libc::setpriority(libc::PRIO_DARWIN_THREAD, 0, libc::PRIO_DARWIN_BG) };
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(crate) fn background() {}

//! Work that must never be in the way of a program.

#[cfg(unix)]
use crate::unix::priority as imp;
#[cfg(windows)]
use crate::windows::priority as imp;

/// Puts the calling thread behind all others: it gets processor and disk when nobody else wants them. Where the system does
/// not allow it, nothing changes.
pub fn background() {
    imp::background();
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_calling_thread_steps_back() {
        // SAFETY: asks about the calling thread, whose id is 0.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        let before = policy();
        let in_background = std::thread::spawn(move || {
            super::background();
            policy()
        });
        assert_eq!(in_background.join().unwrap(), libc::SCHED_IDLE);
        assert_eq!(policy(), before);
    }
}

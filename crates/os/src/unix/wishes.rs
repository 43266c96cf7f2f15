//! Unix side of [`crate::wishes`]: signals, by the registry that async runtimes use too, so that nobody takes them from
//! anybody.

use std::io;
use std::ptr;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use crate::wishes::{Listen, Wish};

pub(crate) fn listen(listen: Listen, take: Box<dyn Fn(Wish) + Send + Sync>) -> io::Result<()> {
    let mut wanted = vec![SIGTERM, SIGINT, SIGHUP];
    if listen.pauses {
        wanted.extend([SIGTSTP, SIGCONT]);
    }
    // A stop has to be heard whatever the starter ignored.
    wanted.retain(|signal| *signal == SIGTERM || !(listen.keep_ignored && is_ignored(*signal)));
    let mut signals = Signals::new(&wanted)?;
    unblock(&wanted)?;
    let told = move || {
        for signal in signals.forever() {
            match signal {
                SIGTERM => take(Wish::Terminate),
                SIGINT => take(Wish::Interrupt),
                SIGHUP => take(Wish::Hangup),
                SIGTSTP => take(Wish::Suspend),
                SIGCONT => take(Wish::Continue),
                _ => {}
            }
        }
    };
    std::thread::Builder::new().name("abide-signals".into()).spawn(told).map(drop)
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: zero is a valid value of this plain data, and only the present meaning of the signal is asked for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Whoever started this process may have blocked signals; a blocked one would never come.
fn unblock(signals: &[i32]) -> io::Result<()> {
    // SAFETY: the set is initialised by sigemptyset before use.
    let result = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}

pub(crate) fn suspend_self() {
    // It fails for init only, which cannot be stopped.
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP);
}

//! Windows side of [`crate::wishes`]: console control events.

use std::io;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;

use super::sys::check;
use crate::wishes::{Listen, Wish};

type Take = Box<dyn Fn(Wish) + Send + Sync>;

/// Who is told. Kept for as long as the process lives, as is the handler.
static TAKE: Mutex<Option<Take>> = Mutex::new(None);

pub(crate) fn listen(listen: Listen, take: Take) -> io::Result<()> {
    *TAKE.lock().unwrap_or_else(PoisonError::into_inner) = Some(take);
    if !listen.keep_ignored {
        // Whoever started this process may have set "ignore Ctrl-C", which is inherited.
        // SAFETY: no handler is given; this only clears a flag of this process.
        unsafe { SetConsoleCtrlHandler(None, 0) };
    }
    // SAFETY: the handler is a function that lives as long as the process.
    check(unsafe { SetConsoleCtrlHandler(Some(control), 1) })
}

unsafe extern "system" fn control(event: u32) -> i32 {
    const HANDLED: i32 = 1;
    let wish = match event {
        CTRL_C_EVENT | CTRL_BREAK_EVENT => Wish::Interrupt,
        // Services hear of every user's log-off, which is none of their business, and of the shutdown by the SCM.
        CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT if is_in_service_session() => return HANDLED,
        _ => Wish::Terminate,
    };
    if let Some(take) = &*TAKE.lock().unwrap_or_else(PoisonError::into_inner) {
        take(wish);
    }
    if wish == Wish::Terminate {
        // Windows ends the process as soon as this returns. The process ends itself when it is done, or Windows does
        // when its patience is over.
        loop {
            std::thread::park();
        }
    }
    HANDLED
}

fn is_in_service_session() -> bool {
    let mut session = u32::MAX;
    // SAFETY: the place for the answer is ours.
    unsafe { ProcessIdToSessionId(std::process::id(), &raw mut session) != 0 && session == 0 }
}

pub(crate) fn suspend_self() {}

//! Being told when a handle is signalled, without a thread of one's own for each: the system's wait thread calls.

use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Threading::{
    INFINITE, RegisterWaitForSingleObject, UnregisterWaitEx, WT_EXECUTEINWAITTHREAD, WT_EXECUTEONLYONCE,
};

use super::sys::check;

type Call = Box<dyn Fn() + Send + Sync>;

/// Calls a function once, on a thread of the system, when a handle is signalled. Dropping it makes sure that the
/// function is not and will not be running.
pub(crate) struct Waiter {
    registration: HANDLE,
    /// What the registration points to; it must not move or die before the registration does.
    call: *mut Call,
}

// SAFETY: the registration can be given up on any thread, and the call is `Send` and `Sync`.
unsafe impl Send for Waiter {}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

impl Waiter {
    /// The handle has to stay open for as long as the waiter lives. The function must be quick and must not drop
    /// the waiter.
    pub(crate) fn new(
        handle: BorrowedHandle<'_>,
        call: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let call: *mut Call = Box::into_raw(Box::new(Box::new(call)));
        let mut registration: HANDLE = ptr::null_mut();
        // SAFETY: the handle is open; `call` stays valid until `drop` has waited for the registration to end.
        let answer = check(unsafe {
            RegisterWaitForSingleObject(
                &raw mut registration,
                handle.as_raw_handle(),
                Some(signalled),
                call.cast(),
                INFINITE,
                WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD,
            )
        });
        match answer {
            Ok(()) => Ok(Self { registration, call }),
            Err(error) => {
                // SAFETY: made by `Box::into_raw` above, and the failed registration has no use of it.
                drop(unsafe { Box::from_raw(call) });
                Err(error)
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // SAFETY: the registration is ours; with this second argument the call returns when no callback runs any more.
        let answer = check(unsafe { UnregisterWaitEx(self.registration, INVALID_HANDLE_VALUE) });
        if answer.is_ok() {
            // SAFETY: made by `Box::into_raw` in `new`, and no callback can use it any more. If the system could not
            // end the registration, the few bytes are left to it.
            drop(unsafe { Box::from_raw(self.call) });
        }
    }
}

unsafe extern "system" fn signalled(context: *mut core::ffi::c_void, _timed_out: bool) {
    // SAFETY: `context` is the `call` of a live `Waiter` (see `Waiter::new` and its `drop`).
    let call = unsafe { &*context.cast::<Call>() };
    call();
}

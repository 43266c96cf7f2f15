//! Windows side of [`crate::priority`].

use windows_sys::Win32::System::Threading::{
    GetCurrentThread, SetThreadPriority, THREAD_MODE_BACKGROUND_BEGIN,
};

pub(crate) fn background() {
    // SAFETY: the handle stands for the calling thread and needs no closing.
    unsafe { SetThreadPriority(GetCurrentThread(), THREAD_MODE_BACKGROUND_BEGIN) };
}

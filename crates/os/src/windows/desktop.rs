//! The windows of a program, asked to close.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{HWND, LPARAM};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::WM_CLOSE;
use windows_sys::w;

type Visit = unsafe extern "system" fn(HWND, LPARAM) -> i32;
type EnumWindows = unsafe extern "system" fn(Visit, LPARAM) -> i32;
type GetWindowThreadProcessId = unsafe extern "system" fn(HWND, *mut u32) -> u32;
type PostMessageW = unsafe extern "system" fn(HWND, u32, usize, isize) -> i32;

/// The three calls of the window system. Loaded when they are needed: a process that is linked with it is counted
/// against the small store of windows that all services of a machine share.
struct User32 {
    enum_windows: EnumWindows,
    owner_of: GetWindowThreadProcessId,
    post: PostMessageW,
}

impl User32 {
    fn load() -> io::Result<Self> {
        // SAFETY: the name ends with a NUL, and only the system's own folder is searched. It is never unloaded.
        let library =
            unsafe { LoadLibraryExW(w!("user32.dll"), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
        if library.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the library is loaded, the names end with NULs, and the types are those of the calls' documentation.
        unsafe {
            let find = |name: *const u8| GetProcAddress(library, name).ok_or_else(io::Error::last_os_error);
            Ok(Self {
                enum_windows: std::mem::transmute::<unsafe extern "system" fn() -> isize, EnumWindows>(find(
                    c"EnumWindows".as_ptr().cast(),
                )?),
                owner_of: std::mem::transmute::<unsafe extern "system" fn() -> isize, GetWindowThreadProcessId>(
                    find(c"GetWindowThreadProcessId".as_ptr().cast())?,
                ),
                post: std::mem::transmute::<unsafe extern "system" fn() -> isize, PostMessageW>(find(
                    c"PostMessageW".as_ptr().cast(),
                )?),
            })
        }
    }
}

struct Search<'a> {
    calls: &'a User32,
    members: &'a [u32],
    asked: usize,
}

/// Asks every top-level window of these processes to close, as if by its own button. Answers how many were asked.
pub(crate) fn close(members: &[u32]) -> io::Result<usize> {
    let calls = User32::load()?;
    let mut search = Search { calls: &calls, members, asked: 0 };
    // SAFETY: the callback gets the address of `search`, which lives through the call and is used by nobody else.
    unsafe { (calls.enum_windows)(visit, (&raw mut search) as LPARAM) };
    Ok(search.asked)
}

unsafe extern "system" fn visit(window: HWND, search: LPARAM) -> i32 {
    // SAFETY: `close` passes the address of its own `Search`, and nothing else refers to it meanwhile.
    let search = unsafe { &mut *(search as *mut Search<'_>) };
    let mut owner = 0;
    // SAFETY: the place for the answer is ours; a window that is gone meanwhile answers 0.
    unsafe { (search.calls.owner_of)(window, &raw mut owner) };
    if owner != 0 && search.members.contains(&owner) {
        // SAFETY: a message without pointers; to a window that is gone it fails.
        let posted = unsafe { (search.calls.post)(window, WM_CLOSE, 0, 0) };
        search.asked += usize::from(posted != 0);
    }
    1
}

//! Windows side of [`crate::origin`].

use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

use std::os::windows::io::AsRawHandle;

use super::sys::{check, from_wide, owned, size_of};

/// The process id of the parent and the name of its executable, in small letters. The name is empty where it cannot be
/// told.
///
/// A parent's number may have been given to another process since: whoever believes to be a service because of that
/// learns better from the SCM.
pub(crate) fn parent() -> (u32, String) {
    let processes = processes();
    let parent =
        processes.iter().find(|(pid, ..)| *pid == std::process::id()).map_or(0, |(_, parent, _)| *parent);
    let name = processes.into_iter().find(|(pid, ..)| *pid == parent).map(|(.., name)| name);
    (parent, name.unwrap_or_default())
}

/// Every process there is: its number, its parent's and its name.
fn processes() -> Vec<(u32, u32, String)> {
    let mut all = Vec::new();
    // SAFETY: makes a new snapshot whose handle is ours.
    let Ok(snapshot) = (unsafe { owned(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0)) }) else {
        return all;
    };
    let mut entry = PROCESSENTRY32W { dwSize: size_of::<PROCESSENTRY32W>(), ..Default::default() };
    // SAFETY: the snapshot is open and the entry is ours and says its size.
    let mut more = check(unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) });
    while more.is_ok() {
        let name = from_wide(&entry.szExeFile).to_string_lossy().to_lowercase();
        all.push((entry.th32ProcessID, entry.th32ParentProcessID, name));
        // SAFETY: as above.
        more = check(unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) });
    }
    all
}

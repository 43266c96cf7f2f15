//! Who may keep a deleted service from going: the SCM does not tell, but few programs hold handles to services.

use std::io;

use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

use std::os::windows::io::AsRawHandle;

use crate::windows::sys::{check, from_wide, owned, size_of};

/// Programs that are known to keep services open, with what people call them.
const KNOWN: [(&str, &str); 9] = [
    ("mmc.exe", "services.msc or another console"),
    ("taskmgr.exe", "Task Manager"),
    ("procexp.exe", "Process Explorer"),
    ("procexp64.exe", "Process Explorer"),
    ("processhacker.exe", "Process Hacker"),
    ("systeminformer.exe", "System Informer"),
    ("eventvwr.exe", "Event Viewer"),
    ("sc.exe", "sc"),
    ("abide.exe", "another abide"),
];

/// The programs that run now and are known to hold services open: "Task Manager (process 4711)".
pub(super) fn suspects() -> Vec<String> {
    processes()
        .unwrap_or_default()
        .into_iter()
        .filter(|(pid, _)| *pid != std::process::id())
        .filter_map(|(pid, name)| {
            let (_, title) = KNOWN.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))?;
            Some(format!("{title} (process {pid})"))
        })
        .collect()
}

/// What to do about a service that is marked for deletion.
pub(super) fn hint() -> String {
    let suspects = suspects();
    if suspects.is_empty() {
        return "some program has it open: close what shows services (services.msc, Task Manager, monitoring), or \
                restart the machine, then repeat"
            .to_owned();
    }
    format!("close {}, then repeat", suspects.join(" and "))
}

fn processes() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: takes numbers; the handle is ours.
    let snapshot = unsafe { owned(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0)) }?;
    let mut entry = PROCESSENTRY32W { dwSize: size_of::<PROCESSENTRY32W>(), ..Default::default() };
    let mut found = Vec::new();
    // SAFETY: the snapshot is open and the place has the size that is told in it.
    let mut more = check(unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) });
    while more.is_ok() {
        found.push((entry.th32ProcessID, from_wide(&entry.szExeFile).to_string_lossy().into_owned()));
        // SAFETY: as above.
        more = check(unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) });
    }
    Ok(found)
}

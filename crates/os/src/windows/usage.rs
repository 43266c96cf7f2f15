//! Windows side of [`crate::usage`]: a snapshot of all processes, and what each of a tree tells of itself.

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};
use std::time::Duration;

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    GetProcessHandleCount, GetProcessIoCounters, GetProcessTimes, IO_COUNTERS,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
};

use super::process::{is_running, open};
use super::sys::{check, owned, size_of};
use crate::usage::{Charged, Counters, Details, Spent};

/// A process as the snapshot has it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    /// Of the process that made it, which may have ended, and whose id may be another's now.
    parent: u32,
    threads: u32,
}

pub(crate) fn look() -> io::Result<Vec<Process>> {
    // SAFETY: makes a new snapshot whose handle is ours.
    let snapshot = unsafe { owned(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0)) }?;
    let mut entry = PROCESSENTRY32W { dwSize: size_of::<PROCESSENTRY32W>(), ..Default::default() };
    let mut all = Vec::new();
    // SAFETY: the snapshot is open and the entry is ours and says its size.
    check(unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) })?;
    loop {
        let (pid, parent, threads) = (entry.th32ProcessID, entry.th32ParentProcessID, entry.cntThreads);
        all.push(Process { pid, parent, threads });
        // SAFETY: as above.
        if check(unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) }).is_err() {
            return Ok(all);
        }
    }
}

/// Processor time for the program and for the system, and when the process was made, in the system's unit of 100 ns.
struct Times {
    created: u64,
    user: Duration,
    system: Duration,
}

impl Times {
    fn of(process: &OwnedHandle) -> Option<Self> {
        let mut times = [FILETIME::default(); 4];
        let [created, exited, kernel, user] = &mut times;
        // SAFETY: the handle is open and the four places are ours.
        check(unsafe { GetProcessTimes(process.as_raw_handle(), created, exited, kernel, user) }).ok()?;
        let [created, _, kernel, user] =
            times.map(|time| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime));
        let span = |units: u64| Duration::from_nanos(units.saturating_mul(100));
        Some(Self { created, user: span(user), system: span(kernel) })
    }
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn parent(&self) -> u32 {
        self.parent
    }

    /// Nobody has a session here.
    pub(crate) fn is_of_session(&self, _leader: u32) -> bool {
        false
    }

    /// A parent's id may have passed to another process, which is younger than the child then.
    pub(crate) fn may_be_child_of(&self, parent: &Self) -> bool {
        let created = |pid| Some(Times::of(&opened(pid)?)?.created);
        // Where it is not told, the snapshot is believed.
        self.pid != parent.pid
            && match (created(parent.pid), created(self.pid)) {
                (Some(parent), Some(child)) => parent <= child,
                _ => true,
            }
    }

    /// `None` for what has ended, and for what this account may not look into.
    pub(crate) fn details(&self) -> Option<Details> {
        let process = opened(self.pid)?;
        let times = Times::of(&process)?;
        let storage = transferred(&process);
        let (read, written) = storage.unwrap_or_default();
        Some(Details {
            started: times.created,
            // One that has ended is kept for as long as somebody holds a handle to it.
            threads: if is_running(process.as_handle()) { self.threads } else { 0 },
            resident: working_set(&process).unwrap_or(0),
            spent: Spent {
                own: Counters::new(times.user, times.system, read, written),
                waited: Counters::default(),
            },
            tells_storage: storage.is_some(),
            open_files: handles(&process),
            open_files_limit: None,
        })
    }
}

fn opened(pid: u32) -> Option<OwnedHandle> {
    open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE).ok()?
}

fn working_set(process: &OwnedHandle) -> Option<u64> {
    let size = size_of::<PROCESS_MEMORY_COUNTERS>();
    let mut memory = PROCESS_MEMORY_COUNTERS { cb: size, ..Default::default() };
    // SAFETY: the handle is open, and the place is ours and has the size that is told.
    check(unsafe { K32GetProcessMemoryInfo(process.as_raw_handle(), &raw mut memory, size) }).ok()?;
    Some(memory.WorkingSetSize as u64)
}

/// Bytes read and written.
fn transferred(process: &OwnedHandle) -> Option<(u64, u64)> {
    let mut counters = IO_COUNTERS::default();
    // SAFETY: the handle is open and the place is ours.
    check(unsafe { GetProcessIoCounters(process.as_raw_handle(), &raw mut counters) }).ok()?;
    Some((counters.ReadTransferCount, counters.WriteTransferCount))
}

fn handles(process: &OwnedHandle) -> Option<u64> {
    let mut count = 0;
    // SAFETY: the handle is open and the place is ours.
    check(unsafe { GetProcessHandleCount(process.as_raw_handle(), &raw mut count) }).ok()?;
    Some(u64::from(count))
}

/// A Job Object without a name tells nothing to others.
pub(crate) fn mark(_pid: u32) -> Option<String> {
    None
}

/// Windows does not share the working set out among those who share it.
pub(crate) fn proportional(_pid: u32) -> Option<u64> {
    None
}

/// Control groups are Linux's.
#[derive(Debug)]
pub(crate) struct Groups;

impl Groups {
    pub(crate) fn find() -> Self {
        Self
    }

    pub(crate) fn of(&self, _pid: u32) -> Option<Group> {
        None
    }

    pub(crate) fn charged(
        &self,
        _own: Option<&Group>,
        _first: &Process,
        _is_of_service: &dyn Fn(u32) -> bool,
    ) -> Option<Charged> {
        None
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Group {}

impl Group {
    pub(crate) fn members(&self) -> &[u32] {
        match *self {}
    }

    pub(crate) fn holds_all(&self, _pids: &[u32]) -> bool {
        match *self {}
    }

    pub(crate) fn counted(&self) -> Option<(u64, Counters)> {
        match *self {}
    }
}

//! Job Objects: all processes of a tree, whatever they start and whoever dies in between, under one handle. When the
//! last handle to it is closed, the kernel ends them all.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle};
use std::ptr;

use abide_spec::Limits;
use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA, ERROR_NOT_SUPPORTED,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_CPU_RATE_CONTROL_ENABLE,
    JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP, JOB_OBJECT_LIMIT_ACTIVE_PROCESS,
    JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION, JOB_OBJECT_LIMIT_JOB_MEMORY,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_ASSOCIATE_COMPLETION_PORT,
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_CPU_RATE_CONTROL_INFORMATION,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS, JobObjectAssociateCompletionPortInformation,
    JobObjectBasicAccountingInformation, JobObjectBasicProcessIdList, JobObjectCpuRateControlInformation,
    JobObjectExtendedLimitInformation, QueryInformationJobObject, SetInformationJobObject,
    TerminateJobObject,
};
use windows_sys::Win32::System::SystemServices::{
    JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS, JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO, JOB_OBJECT_MSG_EXIT_PROCESS,
};

use super::events::KEY_JOB;
use super::sys::{check, is, owned, size_of};

/// The exit code of a process that was killed, as the system's own tools give it.
pub(crate) const KILLED: u32 = 1;

/// Whether a message of a Job Object says that some process of it ended.
pub(super) fn tells_of_an_end(message: u32) -> bool {
    matches!(
        message,
        JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO
            | JOB_OBJECT_MSG_EXIT_PROCESS
            | JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS
    )
}

/// Whether this Windows can limit processor time; Wine and versions before Windows 8 can't.
pub(crate) fn limits_processors() -> bool {
    let Ok(job) = Job::new() else { return false };
    job.limit_processors(1.0).unwrap_or(false)
}

/// A Job Object. Closing it ends every process in it.
#[derive(Debug)]
pub(crate) struct Job {
    handle: OwnedHandle,
}

impl Job {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: makes a new object without a name, which nobody else can open; the handle is ours.
        let handle = unsafe { owned(CreateJobObjectW(ptr::null(), ptr::null())) }?;
        Ok(Self { handle })
    }

    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }

    fn set<T>(&self, class: JOBOBJECTINFOCLASS, value: &T) -> io::Result<()> {
        // SAFETY: the value is a structure of the class (see the callers) and has the size that is told.
        check(unsafe {
            SetInformationJobObject(
                self.handle.as_raw_handle(),
                class,
                ptr::from_ref(value).cast::<c_void>(),
                size_of::<T>(),
            )
        })
    }

    /// Has the job tell its changes to the loop.
    pub(super) fn tell(&self, port: &OwnedHandle) -> io::Result<()> {
        let place = JOBOBJECT_ASSOCIATE_COMPLETION_PORT {
            CompletionKey: ptr::without_provenance_mut(KEY_JOB),
            CompletionPort: port.as_raw_handle(),
        };
        self.set(JobObjectAssociateCompletionPortInformation, &place)
    }

    /// Sets what holds for every tree, and its limits. Answers whether all of them could be set: the one for
    /// processors is not offered everywhere, which plans tell ([`limits_processors`]).
    pub(crate) fn limit(&self, limits: &Limits) -> io::Result<bool> {
        let mut all = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        // No box that asks what to do about a crash, waited for by nobody: a crash is an end.
        let mut flags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
        if let Some(memory) = limits.memory {
            flags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
            all.JobMemoryLimit = usize::try_from(memory.bytes()).unwrap_or(usize::MAX);
        }
        if let Some(processes) = limits.processes {
            flags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
            // One more for the host of the program's console, which counts too.
            let processes = u32::try_from(processes.saturating_add(1)).unwrap_or(u32::MAX);
            all.BasicLimitInformation.ActiveProcessLimit = processes.max(2);
        }
        all.BasicLimitInformation.LimitFlags = flags;
        self.set(JobObjectExtendedLimitInformation, &all)?;
        limits.cpu.map_or(Ok(true), |processors| self.limit_processors(processors))
    }

    fn limit_processors(&self, processors: f64) -> io::Result<bool> {
        let there = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        // In hundredths of a percent of the whole machine.
        let share = (processors / there * 10_000.0).clamp(1.0, 10_000.0) as u32;
        let mut rate = JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
            ControlFlags: JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP,
            ..Default::default()
        };
        rate.Anonymous.CpuRate = share;
        match self.set(JobObjectCpuRateControlInformation, &rate) {
            Ok(()) => Ok(true),
            Err(error) if NOT_OFFERED.iter().any(|&code| is(&error, code)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a process into the job, unless it was born there.
    pub(crate) fn take(&self, process: BorrowedHandle<'_>) -> io::Result<()> {
        let mut inside = 0;
        // SAFETY: both handles are open and the place for the answer is ours.
        let known = check(unsafe {
            IsProcessInJob(process.as_raw_handle(), self.handle.as_raw_handle(), &raw mut inside)
        });
        if known.is_ok() && inside != 0 {
            return Ok(());
        }
        // SAFETY: both handles are open.
        check(unsafe { AssignProcessToJobObject(self.handle.as_raw_handle(), process.as_raw_handle()) })
    }

    /// How many processes of the job live.
    pub(crate) fn living(&self) -> io::Result<u32> {
        let mut counts = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        // SAFETY: the place has the type of the class and the size that is told.
        check(unsafe {
            QueryInformationJobObject(
                self.handle.as_raw_handle(),
                JobObjectBasicAccountingInformation,
                (&raw mut counts).cast(),
                size_of::<JOBOBJECT_BASIC_ACCOUNTING_INFORMATION>(),
                ptr::null_mut(),
            )
        })?;
        Ok(counts.ActiveProcesses)
    }

    /// Their process ids.
    pub(crate) fn members(&self) -> io::Result<Vec<u32>> {
        let mut room = 64_usize;
        loop {
            // As the system lays it out: two 32-bit counts, then one id of the size of a pointer each.
            let mut list = vec![0_usize; 1 + room];
            // SAFETY: the buffer is aligned for the list and has the size that is told.
            let answer = check(unsafe {
                QueryInformationJobObject(
                    self.handle.as_raw_handle(),
                    JobObjectBasicProcessIdList,
                    list.as_mut_ptr().cast(),
                    (list.len() * std::mem::size_of::<usize>()) as u32,
                    ptr::null_mut(),
                )
            });
            // SAFETY: the counts lie at the beginning of the buffer.
            let [assigned, listed] = unsafe { list.as_ptr().cast::<[u32; 2]>().read() }.map(|n| n as usize);
            match answer {
                Err(error) if !is(&error, ERROR_MORE_DATA) => return Err(error),
                _ if assigned > room => room = assigned * 2,
                Err(_) => room *= 2,
                Ok(()) => {
                    return Ok(list[1..].iter().take(listed.min(room)).map(|&pid| pid as u32).collect());
                }
            }
        }
    }

    /// Ends every process of the job, at once.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        // SAFETY: the handle is open.
        check(unsafe { TerminateJobObject(self.handle.as_raw_handle(), KILLED) })
    }
}

/// What a system answers that has no limit for processors.
const NOT_OFFERED: [u32; 3] = [ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, ERROR_CALL_NOT_IMPLEMENTED];

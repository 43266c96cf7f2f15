//! The calls of the SCM, with what they take and give as values.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_LEVEL, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA,
    ERROR_PROCESS_ABORTED, ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_NEVER_STARTED,
    ERROR_SERVICE_SPECIFIC_ERROR, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Services::{
    ChangeServiceConfig2W, ChangeServiceConfigW, CloseServiceHandle, ControlService, CreateServiceW,
    DeleteService, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW, OpenServiceW,
    QUERY_SERVICE_CONFIGW, QueryServiceConfig2W, QueryServiceConfigW, QueryServiceStatusEx, SC_ACTION,
    SC_ACTION_NONE, SC_ACTION_RESTART, SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_STATUS_PROCESS_INFO,
    SERVICE_AUTO_START, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, SERVICE_CONFIG_DESCRIPTION,
    SERVICE_CONFIG_FAILURE_ACTIONS, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, SERVICE_CONFIG_PRESHUTDOWN_INFO,
    SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, SERVICE_CONFIG_SERVICE_SID_INFO,
    SERVICE_DELAYED_AUTO_START_INFO, SERVICE_DEMAND_START, SERVICE_DESCRIPTIONW, SERVICE_DISABLED,
    SERVICE_ERROR_NORMAL, SERVICE_FAILURE_ACTIONS_FLAG, SERVICE_FAILURE_ACTIONSW, SERVICE_NO_CHANGE,
    SERVICE_PRESHUTDOWN_INFO, SERVICE_REQUIRED_PRIVILEGES_INFOW, SERVICE_SID_INFO,
    SERVICE_SID_TYPE_UNRESTRICTED, SERVICE_STATE_ALL, SERVICE_STATUS, SERVICE_STATUS_PROCESS,
    SERVICE_STOPPED, SERVICE_WIN32, SERVICE_WIN32_OWN_PROCESS, StartServiceW,
};

use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject};

use super::registry;
use crate::manager::scm::{Entry, FailureActions, Setting, SidType, StartType};
use crate::windows::sys::{check, is, owned, size_of, text_at, wide};

/// `SERVICE_SID_TYPE_NONE`.
const SID_TYPE_NONE: u32 = 0;

/// `SERVICE_SID_TYPE_RESTRICTED`.
const SERVICE_SID_TYPE_RESTRICTED: u32 = 3;

/// A handle to the SCM or to a service. A service that was deleted is gone when the last handle to it is closed.
#[derive(Debug)]
struct Handle(SC_HANDLE);

// SAFETY: these handles can be used and closed on any thread.
unsafe impl Send for Handle {}
// SAFETY: as above; the SCM itself serialises the calls.
unsafe impl Sync for Handle {}

impl Handle {
    /// # Safety
    /// The handle was made by the call before, and nobody else owns it.
    unsafe fn owned(handle: SC_HANDLE) -> io::Result<Self> {
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and not closed before.
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// What is known about a service, and what this SCM does not tell.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) entry: Entry,
    /// Settings that this SCM can't be asked for; their values in the entry mean nothing.
    pub(super) untold: BTreeSet<Setting>,
}

/// What a service does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    /// One of `SERVICE_…`.
    pub(super) state: u32,
    pub(super) pid: u32,
    /// How it ended, when it did: its own code, or one of Windows.
    pub(super) exit: Exit,
    pub(super) checkpoint: u32,
    /// How long it may take until the next checkpoint, by its own word.
    pub(super) hint: Duration,
}

/// How a service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It never ran since the machine started.
    Never,
    /// With this code of Windows, 0 for all is well.
    Windows(u32),
    /// With a code of its own.
    Own(u32),
}

/// The SCM of this machine.
#[derive(Debug)]
pub(super) struct Manager(Handle);

impl Manager {
    pub(super) fn open(access: u32) -> io::Result<Self> {
        // SAFETY: without names it is this machine and its one database; the handle is ours.
        Ok(Self(unsafe { Handle::owned(OpenSCManagerW(ptr::null(), ptr::null(), access)) }?))
    }

    /// Opens a service; `None` when there is none of that name.
    pub(super) fn service(&self, name: &str, access: u32) -> io::Result<Option<Service>> {
        let wide_name = wide(name)?;
        // SAFETY: the name ends with a NUL; the handle is ours.
        match unsafe { Handle::owned(OpenServiceW(self.0.0, wide_name.as_ptr(), access)) } {
            Ok(handle) => Ok(Some(Service { handle, name: name.to_owned() })),
            Err(error) if is(&error, ERROR_SERVICE_DOES_NOT_EXIST) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the service, without what is not told at once.
    pub(super) fn create(
        &self,
        name: &str,
        entry: &Entry,
        password: Option<&[u16]>,
        access: u32,
    ) -> io::Result<Service> {
        let (wide_name, display) = (wide(name)?, wide(&entry.display_name)?);
        let (image_path, account) = (wide(&entry.image_path)?, wide(&entry.account)?);
        let dependencies = list(&entry.dependencies)?;
        // SAFETY: all texts end with a NUL, the list with two; the handle is ours.
        let handle = unsafe {
            Handle::owned(CreateServiceW(
                self.0.0,
                wide_name.as_ptr(),
                display.as_ptr(),
                access,
                SERVICE_WIN32_OWN_PROCESS,
                start_type(entry.start),
                SERVICE_ERROR_NORMAL,
                image_path.as_ptr(),
                ptr::null(),
                ptr::null_mut(),
                dependencies.as_ptr(),
                account.as_ptr(),
                password.map_or(ptr::null(), <[u16]>::as_ptr),
            ))
        }?;
        Ok(Service { handle, name: name.to_owned() })
    }

    /// The names of all services.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let (mut needed, mut count) = (0_u32, 0_u32);
        let mut buffer: Vec<u64> = vec![0; 8192];
        loop {
            // Always from the beginning, into a buffer that holds them all.
            let mut resume = 0;
            // SAFETY: the buffer has the size that is told, and is aligned for the entries.
            let answer = check(unsafe {
                EnumServicesStatusExW(
                    self.0.0,
                    SC_ENUM_PROCESS_INFO,
                    SERVICE_WIN32,
                    SERVICE_STATE_ALL,
                    buffer.as_mut_ptr().cast(),
                    (buffer.len() * 8) as u32,
                    &raw mut needed,
                    &raw mut count,
                    &raw mut resume,
                    ptr::null(),
                )
            });
            match answer {
                Ok(()) => break,
                Err(error) if is(&error, ERROR_MORE_DATA) => {
                    buffer = vec![0; buffer.len() * 2 + (needed as usize).div_ceil(8)];
                }
                Err(error) => return Err(error),
            }
        }
        // SAFETY: the system put that many entries at the beginning of the buffer, with texts that lie in it.
        let entries = unsafe {
            std::slice::from_raw_parts(buffer.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>(), count as usize)
        };
        // SAFETY: as above.
        Ok(entries.iter().map(|entry| unsafe { text_at(entry.lpServiceName) }).collect())
    }
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    handle: Handle,
    name: String,
}

impl Service {
    /// What the SCM keeps about it.
    pub(super) fn observe(&self) -> io::Result<Observed> {
        let buffer = grown(|buffer, size, needed| {
            // SAFETY: the buffer has the size that is told.
            unsafe { QueryServiceConfigW(self.handle.0, buffer.cast(), size, needed) }
        })?;
        // SAFETY: the system put the structure at the beginning of the buffer, which is aligned for it.
        let config = unsafe { &*buffer.as_ptr().cast::<QUERY_SERVICE_CONFIGW>() };
        // SAFETY: its texts lie in the same buffer and end with NULs.
        let (image_path, account, display_name, dependencies) = unsafe {
            (
                text_at(config.lpBinaryPathName),
                text_at(config.lpServiceStartName),
                text_at(config.lpDisplayName),
                list_at(config.lpDependencies),
            )
        };
        let mut observed = Observed {
            entry: Entry {
                image_path,
                environment: registry::environment(&self.name)?,
                display_name,
                description: String::new(),
                start: match config.dwStartType {
                    SERVICE_AUTO_START => StartType::Auto,
                    SERVICE_DEMAND_START => StartType::Manual,
                    SERVICE_DISABLED => StartType::Disabled,
                    _ => StartType::Other,
                },
                delayed: false,
                dependencies,
                account,
                sid_type: SidType::None,
                privileges: None,
                failure: FailureActions::default(),
                failures_without_crash: false,
                preshutdown: Duration::ZERO,
            },
            untold: BTreeSet::new(),
        };
        for (setting, level) in LEVELS {
            match self.query(level) {
                Ok(buffer) => put(&mut observed.entry, setting, &buffer),
                Err(error) if is(&error, ERROR_INVALID_LEVEL) => drop(observed.untold.insert(setting)),
                Err(error) => return Err(error),
            }
        }
        Ok(observed)
    }

    fn query(&self, level: u32) -> io::Result<Vec<u64>> {
        grown(|buffer, size, needed| {
            // SAFETY: the buffer has the size that is told.
            unsafe { QueryServiceConfig2W(self.handle.0, level, buffer.cast(), size, needed) }
        })
    }

    /// Changes what is told at once: path, names, start type, dependencies and, when told so, the account.
    pub(super) fn change(&self, entry: &Entry, account: Option<Option<&[u16]>>) -> io::Result<()> {
        let (image_path, display) = (wide(&entry.image_path)?, wide(&entry.display_name)?);
        let (dependencies, name) = (list(&entry.dependencies)?, wide(&entry.account)?);
        let (account, password) = match account {
            None => (ptr::null(), ptr::null()),
            Some(password) => (name.as_ptr(), password.map_or(ptr::null(), <[u16]>::as_ptr)),
        };
        // SAFETY: all texts end with a NUL, the list with two.
        check(unsafe {
            ChangeServiceConfigW(
                self.handle.0,
                SERVICE_NO_CHANGE,
                start_type(entry.start),
                SERVICE_NO_CHANGE,
                image_path.as_ptr(),
                ptr::null(),
                ptr::null_mut(),
                dependencies.as_ptr(),
                account,
                password,
                display.as_ptr(),
            )
        })
    }

    /// Sets one of the settings that have a call of their own. Answers whether this SCM offers it.
    pub(super) fn set(&self, setting: Setting, entry: &Entry) -> io::Result<bool> {
        let answer = match setting {
            Setting::Environment => registry::set_environment(&self.name, &entry.environment),
            Setting::Description => {
                let mut text = wide(&entry.description)?;
                self.set_to(
                    SERVICE_CONFIG_DESCRIPTION,
                    &SERVICE_DESCRIPTIONW { lpDescription: text.as_mut_ptr() },
                )
            }
            Setting::Delayed => self.set_to(
                SERVICE_CONFIG_DELAYED_AUTO_START_INFO,
                &SERVICE_DELAYED_AUTO_START_INFO { fDelayedAutostart: i32::from(entry.delayed) },
            ),
            Setting::SidType => {
                let kind = match entry.sid_type {
                    SidType::None => SID_TYPE_NONE,
                    SidType::Unrestricted => SERVICE_SID_TYPE_UNRESTRICTED,
                    SidType::Restricted => SERVICE_SID_TYPE_RESTRICTED,
                };
                self.set_to(SERVICE_CONFIG_SERVICE_SID_INFO, &SERVICE_SID_INFO { dwServiceSidType: kind })
            }
            Setting::Privileges => {
                let mut names = list(entry.privileges.as_deref().unwrap_or_default())?;
                self.set_to(
                    SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO,
                    &SERVICE_REQUIRED_PRIVILEGES_INFOW { pmszRequiredPrivileges: names.as_mut_ptr() },
                )
            }
            Setting::FailureActions => self.set_failure_actions(&entry.failure),
            Setting::FailuresWithoutCrash => self.set_to(
                SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
                &SERVICE_FAILURE_ACTIONS_FLAG {
                    fFailureActionsOnNonCrashFailures: i32::from(entry.failures_without_crash),
                },
            ),
            Setting::PreshutdownTimeout => self.set_to(
                SERVICE_CONFIG_PRESHUTDOWN_INFO,
                &SERVICE_PRESHUTDOWN_INFO { dwPreshutdownTimeout: milliseconds(entry.preshutdown) },
            ),
            // Those of `change`.
            Setting::ImagePath
            | Setting::DisplayName
            | Setting::Start
            | Setting::Dependencies
            | Setting::Account => Ok(()),
        };
        match answer {
            Ok(()) => Ok(true),
            Err(error) if is(&error, ERROR_INVALID_LEVEL) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn set_failure_actions(&self, failure: &FailureActions) -> io::Result<()> {
        let mut actions: Vec<SC_ACTION> = failure
            .actions
            .iter()
            .map(|action| match action {
                Some(delay) => SC_ACTION { Type: SC_ACTION_RESTART, Delay: milliseconds(*delay) },
                None => SC_ACTION { Type: SC_ACTION_NONE, Delay: 0 },
            })
            .collect();
        let count = actions.len() as u32;
        // An empty list takes all actions away, a missing one leaves them as they are.
        actions.push(SC_ACTION { Type: SC_ACTION_NONE, Delay: 0 });
        let value = SERVICE_FAILURE_ACTIONSW {
            dwResetPeriod: u32::try_from(failure.reset.as_secs()).unwrap_or(u32::MAX),
            lpRebootMsg: ptr::null_mut(),
            lpCommand: ptr::null_mut(),
            cActions: count,
            lpsaActions: actions.as_mut_ptr(),
        };
        self.set_to(SERVICE_CONFIG_FAILURE_ACTIONS, &value)
    }

    fn set_to<T>(&self, level: u32, value: &T) -> io::Result<()> {
        // SAFETY: the value is the structure of the level (see the callers), and what it points to lives through the call.
        check(unsafe { ChangeServiceConfig2W(self.handle.0, level, ptr::from_ref(value).cast::<c_void>()) })
    }

    pub(super) fn status(&self) -> io::Result<Status> {
        let mut status = SERVICE_STATUS_PROCESS::default();
        let mut needed = 0;
        // SAFETY: the place has the type of the level and the size that is told.
        check(unsafe {
            QueryServiceStatusEx(
                self.handle.0,
                SC_STATUS_PROCESS_INFO,
                (&raw mut status).cast(),
                size_of::<SERVICE_STATUS_PROCESS>(),
                &raw mut needed,
            )
        })?;
        // An SCM learns of a process that died and calls its service stopped, with this code; Wine's never does.
        if status.dwCurrentState != SERVICE_STOPPED
            && status.dwProcessId != 0
            && has_ended(status.dwProcessId)
        {
            let exit = Exit::Windows(ERROR_PROCESS_ABORTED);
            return Ok(Status { state: SERVICE_STOPPED, pid: 0, exit, checkpoint: 0, hint: Duration::ZERO });
        }
        Ok(Status {
            state: status.dwCurrentState,
            pid: status.dwProcessId,
            exit: match status.dwWin32ExitCode {
                ERROR_SERVICE_NEVER_STARTED => Exit::Never,
                ERROR_SERVICE_SPECIFIC_ERROR => Exit::Own(status.dwServiceSpecificExitCode),
                code => Exit::Windows(code),
            },
            checkpoint: status.dwCheckPoint,
            hint: Duration::from_millis(u64::from(status.dwWaitHint)),
        })
    }

    pub(super) fn start(&self) -> io::Result<()> {
        // SAFETY: no arguments are passed.
        check(unsafe { StartServiceW(self.handle.0, 0, ptr::null()) })
    }

    pub(super) fn control(&self, control: u32) -> io::Result<()> {
        let mut status = SERVICE_STATUS::default();
        // SAFETY: the place for the status is ours.
        check(unsafe { ControlService(self.handle.0, control, &raw mut status) })
    }

    /// Marks it to be gone when the last handle to it is closed.
    pub(super) fn delete(&self) -> io::Result<()> {
        // SAFETY: the handle is open.
        check(unsafe { DeleteService(self.handle.0) })
    }
}

/// Whether there is no such process any more. One that may not be looked at counts as living.
fn has_ended(pid: u32) -> bool {
    // SAFETY: takes numbers; the handle is ours.
    match unsafe { owned(OpenProcess(PROCESS_SYNCHRONIZE, 0, pid)) } {
        // SAFETY: the handle is open.
        Ok(process) => unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_OBJECT_0 },
        Err(error) => is(&error, ERROR_INVALID_PARAMETER),
    }
}

/// The settings that have a query of their own.
const LEVELS: [(Setting, u32); 7] = [
    (Setting::Description, SERVICE_CONFIG_DESCRIPTION),
    (Setting::FailureActions, SERVICE_CONFIG_FAILURE_ACTIONS),
    (Setting::Delayed, SERVICE_CONFIG_DELAYED_AUTO_START_INFO),
    (Setting::FailuresWithoutCrash, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG),
    (Setting::SidType, SERVICE_CONFIG_SERVICE_SID_INFO),
    (Setting::Privileges, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO),
    (Setting::PreshutdownTimeout, SERVICE_CONFIG_PRESHUTDOWN_INFO),
];

/// Copies the answer of a query into the entry.
fn put(entry: &mut Entry, setting: Setting, buffer: &[u64]) {
    let at = buffer.as_ptr();
    // SAFETY: the system filled the buffer, which is aligned for it, with the structure of the setting's level; texts and
    // lists that it points to lie in the same buffer and end with NULs.
    unsafe {
        match setting {
            Setting::Description => {
                entry.description = text_at((*at.cast::<SERVICE_DESCRIPTIONW>()).lpDescription)
            }
            Setting::Delayed => {
                entry.delayed = (*at.cast::<SERVICE_DELAYED_AUTO_START_INFO>()).fDelayedAutostart != 0
            }
            Setting::FailuresWithoutCrash => {
                let flag = &*at.cast::<SERVICE_FAILURE_ACTIONS_FLAG>();
                entry.failures_without_crash = flag.fFailureActionsOnNonCrashFailures != 0;
            }
            Setting::SidType => {
                entry.sid_type = match (*at.cast::<SERVICE_SID_INFO>()).dwServiceSidType {
                    SERVICE_SID_TYPE_UNRESTRICTED => SidType::Unrestricted,
                    SERVICE_SID_TYPE_RESTRICTED => SidType::Restricted,
                    _ => SidType::None,
                }
            }
            Setting::Privileges => {
                let names = list_at((*at.cast::<SERVICE_REQUIRED_PRIVILEGES_INFOW>()).pmszRequiredPrivileges);
                entry.privileges = Some(names).filter(|names| !names.is_empty());
            }
            Setting::PreshutdownTimeout => {
                let timeout = (*at.cast::<SERVICE_PRESHUTDOWN_INFO>()).dwPreshutdownTimeout;
                entry.preshutdown = Duration::from_millis(u64::from(timeout));
            }
            Setting::FailureActions => {
                let found = &*at.cast::<SERVICE_FAILURE_ACTIONSW>();
                let actions = if found.lpsaActions.is_null() {
                    &[]
                } else {
                    std::slice::from_raw_parts(found.lpsaActions, found.cActions as usize)
                };
                entry.failure = FailureActions {
                    reset: Duration::from_secs(u64::from(if actions.is_empty() {
                        0
                    } else {
                        found.dwResetPeriod
                    })),
                    actions: actions
                        .iter()
                        .map(|action| {
                            (action.Type == SC_ACTION_RESTART)
                                .then(|| Duration::from_millis(u64::from(action.Delay)))
                        })
                        .collect(),
                };
            }
            _ => {}
        }
    }
}

/// Calls with a buffer that grows until the answer has room in it. In 8-byte units for alignment.
fn grown(mut call: impl FnMut(*mut u8, u32, *mut u32) -> i32) -> io::Result<Vec<u64>> {
    let mut buffer: Vec<u64> = vec![0; 128];
    loop {
        let (size, mut needed) = ((buffer.len() * 8) as u32, 0);
        match check(call(buffer.as_mut_ptr().cast(), size, &raw mut needed)) {
            Ok(()) => return Ok(buffer),
            Err(error) if is(&error, ERROR_INSUFFICIENT_BUFFER) && needed > size => {
                buffer = vec![0; (needed as usize).div_ceil(8)];
            }
            Err(error) => return Err(error),
        }
    }
}

fn start_type(start: StartType) -> u32 {
    match start {
        StartType::Auto => SERVICE_AUTO_START,
        StartType::Manual => SERVICE_DEMAND_START,
        StartType::Disabled => SERVICE_DISABLED,
        StartType::Other => SERVICE_NO_CHANGE,
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// Texts one behind the other, each with a NUL, and one more NUL.
fn list<S: AsRef<str>>(texts: &[S]) -> io::Result<Vec<u16>> {
    let mut all = Vec::new();
    for text in texts {
        all.extend(wide(text.as_ref())?);
    }
    if all.is_empty() {
        all.push(0);
    }
    all.push(0);
    Ok(all)
}

/// # Safety
/// `texts` is null, or points to texts one behind the other, each with a NUL, and one more NUL, that live through the
/// call.
unsafe fn list_at(mut texts: *const u16) -> Vec<String> {
    let mut all = Vec::new();
    // SAFETY: the caller vouches for the list; each step goes behind the NUL of a text that is not empty.
    unsafe {
        while !texts.is_null() && *texts != 0 {
            let text = text_at(texts);
            texts = texts.add(text.encode_utf16().count() + 1);
            all.push(text);
        }
    }
    all
}

//! Windows side of [`crate::process`]: a program is made suspended, is in its Job Object before its first instruction,
//! has a console of its own that is never shown, and is given three handles and no other.

use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_spec::{ConsoleEvent, Exit, KillScope, Signal, StopAction};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BAD_EXE_FORMAT, ERROR_DIRECTORY, ERROR_ELEVATION_REQUIRED,
    ERROR_EXE_MACHINE_TYPE_MISMATCH, ERROR_FILE_NOT_FOUND, ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER,
    ERROR_NOT_SUPPORTED, ERROR_PATH_NOT_FOUND, ERROR_PRIVILEGE_NOT_HELD, FILETIME, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, CreateProcessW,
    EXTENDED_STARTUPINFO_PRESENT, GetExitCodeProcess, GetProcessTimes, OpenProcess, PROCESS_INFORMATION,
    PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SUSPEND_RESUME, PROCESS_SYNCHRONIZE,
    QueryFullProcessImageNameW, ResumeThread, STARTF_USESHOWWINDOW, STARTF_USESTDHANDLES, STARTUPINFOEXW,
    STARTUPINFOW, TerminateProcess, WaitForSingleObject,
};

use super::command::{Attributes, CommandLine, environment, system_folder};
use super::events::{Core, News, Port};
use super::job::{Job, KILLED};
use super::sys::{check, error, from_wide, is, owned, size_of, wide};
use super::wait::Waiter;
use super::{console, desktop, logon, pipes};
use crate::process::{
    ActError, INSTANCE_VARIABLE, Identity, Launch, OutputMode, SpawnError, Stage, StartToken,
};

/// `SW_HIDE`: how the first window of a program is shown that does not ask for anything else.
const HIDDEN: u16 = 0;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtSuspendProcess(process: windows_sys::Win32::Foundation::HANDLE) -> i32;
    fn NtResumeProcess(process: windows_sys::Win32::Foundation::HANDLE) -> i32;
    fn RtlNtStatusToDosError(status: i32) -> u32;
}

/// A program and its Job Object. The fields are dropped in this order: nothing is told any more, then all die.
#[derive(Debug)]
pub(crate) struct Tree {
    _waiter: Waiter,
    job: Job,
    process: OwnedHandle,
    pid: u32,
    started_at: StartToken,
    /// Raised when the loop has told of the program's end.
    told: Arc<AtomicBool>,
    /// The processes that are suspended, each held so that its id can't become another's.
    suspended: Vec<(u32, OwnedHandle)>,
}

impl Tree {
    pub(crate) fn spawn(
        launch: &Launch,
        events: &mut Core,
    ) -> Result<(Self, Option<(PipeReader, PipeReader)>), SpawnError> {
        let fail = |stage: Stage| move |source: io::Error| failed(launch, stage, source);
        if !launch.program.is_absolute() {
            let told = "the path of the program is not absolute";
            return Err(fail(Stage::Arguments)(io::Error::new(io::ErrorKind::InvalidInput, told)));
        }
        let command = CommandLine::new(&launch.program, &launch.args).map_err(fail(Stage::Arguments))?;
        let block = environment(&entries(launch)).map_err(fail(Stage::Arguments))?;
        let token = match &launch.identity {
            Identity::Inherit => None,
            Identity::User { name, .. } => Some(logon::token_of(name).map_err(fail(Stage::Identity))?),
        };
        let null = pipes::null().map_err(fail(Stage::Streams))?;
        let (writers, readers) = match launch.output {
            OutputMode::Null => (None, None),
            OutputMode::Pipes => {
                let (out, out_writer) = pipes::pair().map_err(fail(Stage::Pipes))?;
                let (err, err_writer) = pipes::pair().map_err(fail(Stage::Pipes))?;
                (Some((out_writer, err_writer)), Some((out, err)))
            }
        };
        let job = Job::new().map_err(fail(Stage::Group))?;
        job.limit(&launch.limits).map_err(fail(Stage::Limits))?;
        job.tell(events.port().handle()).map_err(fail(Stage::Group))?;
        let streams = match &writers {
            Some((out, err)) => [null.as_handle(), out.as_handle(), err.as_handle()],
            None => [null.as_handle(), null.as_handle(), null.as_handle()],
        };
        let made = create(launch, command, &block, token.as_ref(), streams, &job)?;
        let told = Arc::new(AtomicBool::new(false));
        let begun = begin(&made, &job, events.port(), &told);
        let (started_at, waiter) = begun.map_err(|(stage, source)| {
            // It exists, suspended, and perhaps outside of the job: it must not stay.
            // SAFETY: the handle is open and has all rights.
            unsafe { TerminateProcess(made.process.as_raw_handle(), KILLED) };
            failed(launch, stage, source)
        })?;
        let Made { process, pid, .. } = made;
        let tree = Self { _waiter: waiter, job, process, pid, started_at, told, suspended: Vec::new() };
        Ok((tree, readers))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn started_at(&self) -> StartToken {
        self.started_at.clone()
    }

    pub(crate) fn act(&mut self, action: &StopAction) -> Result<(), ActError> {
        match action {
            StopAction::Kill(KillScope::Tree) => self.kill().map_err(|error| self.refused(action, error)),
            StopAction::Kill(KillScope::Program) => {
                self.kill_program().map_err(|error| self.refused(action, error))
            }
            StopAction::Event(event) => self.event(*event, action),
            StopAction::Signal(signal) => self.signal(signal),
            StopAction::Command(_) => Err(unsupported(action, "a command is run by the supervisor")),
        }
    }

    /// The few signals that have a likeness here. A spec that asks for them on Windows has accepted that.
    pub(crate) fn signal(&mut self, signal: &Signal) -> Result<(), ActError> {
        let action = StopAction::Signal(*signal);
        match *signal {
            Signal::INT | Signal::TERM => self.event(ConsoleEvent::CtrlC, &action),
            Signal::QUIT => self.event(ConsoleEvent::CtrlBreak, &action),
            Signal::KILL => self.kill_program().map_err(|error| self.refused(&action, error)),
            _ => Err(unsupported(&action, "Windows has no signals; use `event` or `command`")),
        }
    }

    fn event(&mut self, event: ConsoleEvent, action: &StopAction) -> Result<(), ActError> {
        if self.has_ended() {
            return Err(ActError::Ended);
        }
        // A suspended program hears nothing.
        self.resume().map_err(|error| self.refused(action, error))?;
        if event == ConsoleEvent::CloseWindow {
            return match desktop::close(&self.members()) {
                Ok(0) => Err(unsupported(action, "the program has no window")),
                Ok(_) => Ok(()),
                Err(error) => Err(self.refused(action, error)),
            };
        }
        match console::send_by_helper(self.pid, event) {
            Ok(()) => Ok(()),
            Err(_) if self.has_ended() => Err(ActError::Ended),
            Err(error)
                if [ERROR_INVALID_HANDLE, ERROR_NOT_SUPPORTED].iter().any(|&code| is(&error, code)) =>
            {
                let why = match event {
                    ConsoleEvent::CtrlBreak => "the program has no console, or one without Ctrl-Break",
                    _ => "the program has no console; use close-window or a command",
                };
                Err(unsupported(action, why))
            }
            Err(error) => Err(self.refused(action, error)),
        }
    }

    fn refused(&self, action: &StopAction, source: io::Error) -> ActError {
        ActError::Os { action: action.to_string(), pid: self.pid, source }
    }

    fn has_ended(&self) -> bool {
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(self.process.as_raw_handle(), 0) != WAIT_TIMEOUT }
    }

    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.suspended.clear();
        self.job.terminate()
    }

    pub(crate) fn kill_program(&mut self) -> io::Result<()> {
        // SAFETY: the handle is open and has all rights.
        match check(unsafe { TerminateProcess(self.process.as_raw_handle(), KILLED) }) {
            Err(_) if self.has_ended() => Ok(()),
            answer => answer,
        }
    }

    pub(crate) fn is_gone(&mut self) -> bool {
        if !self.told.load(Ordering::Acquire) {
            return false;
        }
        match self.job.living() {
            Ok(0) => true,
            // The host of the program's console ends by itself, a little later: nobody needs to wait for it.
            Ok(1) if self.members().is_empty() => {
                let _ = self.job.terminate();
                true
            }
            _ => false,
        }
    }

    pub(crate) fn members(&mut self) -> Vec<u32> {
        let mut members = self.job.members().unwrap_or_default();
        members.retain(|&pid| pid == self.pid || !is_console_host(pid));
        if let Some(main) = members.iter().position(|&pid| pid == self.pid) {
            members.swap(0, main);
        }
        members
    }

    pub(crate) fn contains(&mut self, pid: u32) -> bool {
        self.members().contains(&pid)
    }

    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        // A process that is not suspended yet can start another meanwhile, so this goes on until none is new.
        loop {
            let mut found = false;
            for pid in self.job.members()? {
                if self.suspended.iter().any(|(known, _)| *known == pid) {
                    continue;
                }
                let Some(process) = open(pid, PROCESS_SUSPEND_RESUME)? else { continue };
                // SAFETY: the handle is open and has the right.
                status(unsafe { NtSuspendProcess(process.as_raw_handle()) })?;
                self.suspended.push((pid, process));
                found = true;
            }
            if !found {
                return Ok(());
            }
        }
    }

    pub(crate) fn resume(&mut self) -> io::Result<()> {
        let mut answer = Ok(());
        for (_, process) in self.suspended.drain(..) {
            // SAFETY: the handle is open and has the right. One that was killed meanwhile has nothing to resume.
            let resumed = status(unsafe { NtResumeProcess(process.as_raw_handle()) });
            if resumed.is_err() && is_running(process.as_handle()) {
                answer = resumed;
            }
        }
        answer
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = self.job.terminate();
    }
}

/// Whether a process is the system's own host of a console, which stands in the job of the program it serves.
fn is_console_host(pid: u32) -> bool {
    let Ok(Some(process)) = open(pid, PROCESS_QUERY_LIMITED_INFORMATION) else { return false };
    let mut path = [0_u16; 1024];
    let mut length = path.len() as u32;
    // SAFETY: the handle is open and the buffer has the length that is told.
    let answer = check(unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            PROCESS_NAME_WIN32,
            path.as_mut_ptr(),
            &raw mut length,
        )
    });
    let path = PathBuf::from(from_wide(&path));
    let is_host = path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("conhost.exe"));
    answer.is_ok()
        && is_host
        && system_folder()
            .is_ok_and(|own| path.parent().is_some_and(|dir| dir.as_os_str().eq_ignore_ascii_case(&own)))
}

fn unsupported(action: &StopAction, why: &str) -> ActError {
    ActError::Unsupported { action: action.to_string(), why: why.to_owned() }
}

fn status(status: i32) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: takes and gives numbers only.
    Err(error(unsafe { RtlNtStatusToDosError(status) }))
}

/// What the program gets, with the mark of its tree in place of one that it may have inherited.
fn entries(launch: &Launch) -> Vec<(OsString, OsString)> {
    let own = |name: &OsString| {
        name.eq_ignore_ascii_case(INSTANCE_VARIABLE) || name.eq_ignore_ascii_case("NOTIFY_SOCKET")
    };
    let mut entries: Vec<_> = launch.env.iter().filter(|(name, _)| !own(name)).cloned().collect();
    entries.push((INSTANCE_VARIABLE.into(), launch.instance.clone().into()));
    entries
}

/// A process that was made and has not run yet.
struct Made {
    process: OwnedHandle,
    thread: OwnedHandle,
    pid: u32,
}

fn create(
    launch: &Launch,
    mut command: CommandLine,
    block: &[u16],
    token: Option<&OwnedHandle>,
    [input, output, errors]: [BorrowedHandle<'_>; 3],
    job: &Job,
) -> Result<Made, SpawnError> {
    let mut attributes = Attributes::new(&[input, output, errors], Some(job.handle()))
        .map_err(|source| failed(launch, Stage::Streams, source))?;
    let folder = launch.working_dir.as_deref().map(wide).transpose();
    let folder = folder.map_err(|source| failed(launch, Stage::WorkingDir, source))?;
    let folder = folder.as_ref().map_or(ptr::null(), |folder| folder.as_ptr());
    let startup = STARTUPINFOEXW {
        StartupInfo: STARTUPINFOW {
            cb: size_of::<STARTUPINFOEXW>(),
            dwFlags: STARTF_USESTDHANDLES | STARTF_USESHOWWINDOW,
            wShowWindow: HIDDEN,
            hStdInput: input.as_raw_handle(),
            hStdOutput: output.as_raw_handle(),
            hStdError: errors.as_raw_handle(),
            ..Default::default()
        },
        lpAttributeList: attributes.as_ptr(),
    };
    let flags =
        CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
    let mut made = PROCESS_INFORMATION::default();
    let (application, line) = (command.application.as_ptr(), command.line.as_mut_ptr());
    let (startup, made_at) = ((&raw const startup).cast::<STARTUPINFOW>(), &raw mut made);
    let block = block.as_ptr().cast();
    // SAFETY: all texts end with NULs, the environment block with two; the structures are whole, and the attribute list
    // and the handles in it live until the call returns.
    let answer = check(unsafe {
        match token {
            None => CreateProcessW(
                application,
                line,
                ptr::null(),
                ptr::null(),
                1,
                flags,
                block,
                folder,
                startup,
                made_at,
            ),
            Some(token) => CreateProcessAsUserW(
                token.as_raw_handle(),
                application,
                line,
                ptr::null(),
                ptr::null(),
                1,
                flags,
                block,
                folder,
                startup,
                made_at,
            ),
        }
    });
    answer.map_err(|source| {
        let stage = match source.raw_os_error().map(i32::cast_unsigned) {
            Some(ERROR_DIRECTORY) => Stage::WorkingDir,
            Some(ERROR_PRIVILEGE_NOT_HELD) if token.is_some() => Stage::Identity,
            _ => Stage::Exec,
        };
        failed(launch, stage, source)
    })?;
    // SAFETY: both handles were just made for us.
    let handles = unsafe { owned(made.hProcess).and_then(|process| Ok((process, owned(made.hThread)?))) };
    let (process, thread) = handles.map_err(|source| failed(launch, Stage::Fork, source))?;
    Ok(Made { process, thread, pid: made.dwProcessId })
}

/// Puts a process into its job, has its end told, and lets it run.
fn begin(
    made: &Made,
    job: &Job,
    port: &Arc<Port>,
    told: &Arc<AtomicBool>,
) -> Result<(StartToken, Waiter), (Stage, io::Error)> {
    job.take(made.process.as_handle()).map_err(|error| (Stage::Group, error))?;
    let started_at = creation(made.process.as_handle()).map_err(|error| (Stage::Fork, error))?;
    let waiter = watch(made, Arc::clone(port), Arc::clone(told)).map_err(|error| (Stage::Tie, error))?;
    // SAFETY: the handle is open and has all rights.
    if unsafe { ResumeThread(made.thread.as_raw_handle()) } == u32::MAX {
        return Err((Stage::Exec, io::Error::last_os_error()));
    }
    Ok((started_at, waiter))
}

/// Has the end of a process told to the loop, with its exit code.
fn watch(made: &Made, port: Arc<Port>, told: Arc<AtomicBool>) -> io::Result<Waiter> {
    let (pid, process) = (made.pid, made.process.try_clone()?);
    Waiter::new(made.process.as_handle(), move || {
        let mut code = KILLED;
        // SAFETY: the handle is open for as long as this function lives, and the place for the code is ours.
        unsafe { GetExitCodeProcess(process.as_raw_handle(), &raw mut code) };
        port.put(News::Exited { pid, exit: Exit::Code(code.cast_signed()), told: Arc::clone(&told) });
    })
}

/// Opens a process; `None` when it has gone.
pub(super) fn open(pid: u32, access: u32) -> io::Result<Option<OwnedHandle>> {
    // SAFETY: takes numbers; the handle is ours.
    match unsafe { owned(OpenProcess(access, 0, pid)) } {
        Ok(process) => Ok(Some(process)),
        Err(error) if is(&error, ERROR_INVALID_PARAMETER) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn is_running(process: BorrowedHandle<'_>) -> bool {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_TIMEOUT }
}

fn creation(process: BorrowedHandle<'_>) -> io::Result<StartToken> {
    let mut times = [FILETIME::default(); 4];
    let [created, exited, kernel, user] = &mut times;
    // SAFETY: the handle is open and the four places are ours.
    check(unsafe { GetProcessTimes(process.as_raw_handle(), created, exited, kernel, user) })?;
    Ok(StartToken(format!("{}", u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime))))
}

pub(crate) fn start_token(pid: u32) -> Option<StartToken> {
    let process = open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE).ok()??;
    // A process that has ended keeps its id for as long as somebody holds a handle to it.
    is_running(process.as_handle()).then(|| creation(process.as_handle()).ok())?
}

fn failed(launch: &Launch, stage: Stage, source: io::Error) -> SpawnError {
    let explanation = explain(&launch.program, launch.working_dir.as_deref(), stage, &source);
    SpawnError { stage, program: launch.program.clone(), source, explanation }
}

fn explain(program: &Path, folder: Option<&Path>, stage: Stage, source: &io::Error) -> String {
    let folder = || folder.map_or_else(String::new, |folder| folder.display().to_string());
    let more = match (stage, source.raw_os_error().map(i32::cast_unsigned)) {
        (Stage::WorkingDir, _) => {
            return format!(
                "its working directory {} is not there, is no folder or can't be entered by its account; \
                 create it or change `program.working-dir`",
                folder()
            );
        }
        (Stage::Exec, Some(ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND)) => {
            return "there is no such file; check `program.command`".to_owned();
        }
        (Stage::Exec, _) if program.is_dir() => {
            return "it is a folder; name the program in it".to_owned();
        }
        (Stage::Exec, Some(ERROR_ACCESS_DENIED)) => {
            "its account may not execute it: give the account the right, or put the program where it has it"
        }
        (Stage::Exec, Some(ERROR_BAD_EXE_FORMAT))
            if program.extension().is_some_and(|ext| !ext.eq_ignore_ascii_case("exe")) =>
        {
            "it is no executable: put the program that runs such files (python.exe, node.exe, java.exe, …) first in \
             `program.command`"
        }
        (Stage::Exec, Some(ERROR_BAD_EXE_FORMAT | ERROR_EXE_MACHINE_TYPE_MISMATCH)) => {
            "it is no executable for this machine"
        }
        (Stage::Exec, Some(ERROR_ELEVATION_REQUIRED)) => {
            "it asks for the rights of an administrator: set `account.run-as = \"system\"` if it needs them"
        }
        (Stage::Identity, Some(ERROR_PRIVILEGE_NOT_HELD)) => {
            "starting a program as another account needs the rights of LocalSystem"
        }
        _ => return format!("{stage} failed: {source}"),
    };
    format!("{stage} failed: {source}: {more}")
}

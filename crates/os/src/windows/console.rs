//! Console events for a program in a console of its own. The sender has to be attached to that console, and the event
//! then reaches everybody who is: so a helper process does it, which has no other purpose and survives it. The
//! supervisor and the programs beside it are never attached, and never reached.

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};
use std::ptr;
use std::time::Duration;

use abide_spec::ConsoleEvent;
use windows_sys::Win32::Foundation::{INVALID_HANDLE_VALUE, WAIT_OBJECT_0};
use windows_sys::Win32::System::Console::{
    ATTACH_PARENT_PROCESS, AttachConsole, CTRL_BREAK_EVENT, CTRL_C_EVENT, FreeConsole,
    GenerateConsoleCtrlEvent, GetStdHandle, STD_OUTPUT_HANDLE, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::Threading::{
    CreateProcessW, DETACHED_PROCESS, GetExitCodeProcess, PROCESS_INFORMATION, STARTUPINFOW,
    TerminateProcess, WaitForSingleObject,
};

use super::command::CommandLine;
use super::sys::{check, error, milliseconds, owned, size_of};
use crate::console::HELPER_VERB;

/// Attaches to the console of the process that started this one, unless there is a standard output already.
pub(crate) fn borrow() {
    // SAFETY: these calls take and give no memory. Attaching fails where the starter has no console, which is as good;
    // where it succeeds, the system gives this process standard handles that lead there.
    unsafe {
        let output = GetStdHandle(STD_OUTPUT_HANDLE);
        if output.is_null() || output == INVALID_HANDLE_VALUE {
            AttachConsole(ATTACH_PARENT_PROCESS);
        }
    }
}

/// How long a helper may take. It does three calls; a machine that is so slow has a program that will not listen either.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends an event to all programs that share the console of a process. For the helper: it leaves its own console.
pub(crate) fn send(pid: u32, event: ConsoleEvent) -> io::Result<()> {
    let control = match event {
        ConsoleEvent::CtrlC => CTRL_C_EVENT,
        ConsoleEvent::CtrlBreak => CTRL_BREAK_EVENT,
        ConsoleEvent::CloseWindow => {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "close-window is no console event"));
        }
    };
    // SAFETY: these calls take and give no memory. The handler is a function that lives as long as the process.
    unsafe {
        // It fails where there is no console, which is as good.
        FreeConsole();
        check(AttachConsole(pid))?;
        // The event comes back to this process too.
        check(SetConsoleCtrlHandler(Some(unmoved), 1))?;
        check(SetConsoleCtrlHandler(None, 1))?;
        let sent = check(GenerateConsoleCtrlEvent(control, 0));
        FreeConsole();
        sent
    }
}

unsafe extern "system" fn unmoved(_: u32) -> i32 {
    1
}

/// Has a helper process send an event, and waits for it: a few milliseconds.
pub(crate) fn send_by_helper(pid: u32, event: ConsoleEvent) -> io::Result<()> {
    let program = std::env::current_exe()?;
    let args = [HELPER_VERB.into(), pid.to_string().into(), event.as_str().into()];
    let mut command = CommandLine::new(&program, &args)?;
    let startup = STARTUPINFOW { cb: size_of::<STARTUPINFOW>(), ..Default::default() };
    let mut made = PROCESS_INFORMATION::default();
    // SAFETY: the texts end with NULs and the structures are whole. Without a console (DETACHED_PROCESS) the helper
    // needs no window, and it inherits nothing.
    check(unsafe {
        CreateProcessW(
            command.application.as_ptr(),
            command.line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            0,
            DETACHED_PROCESS,
            ptr::null(),
            ptr::null(),
            &raw const startup,
            &raw mut made,
        )
    })?;
    // SAFETY: both handles were just made for us.
    let (process, _thread) = unsafe { (owned(made.hProcess)?, owned(made.hThread)?) };
    match wait_for(&process, PATIENCE)? {
        Some(0) => Ok(()),
        Some(code) => Err(error(code)),
        None => {
            // SAFETY: the handle is open and has the right to end the process.
            unsafe { TerminateProcess(process.as_handle().as_raw_handle(), 1) };
            Err(io::Error::new(io::ErrorKind::TimedOut, "the helper that sends it hangs"))
        }
    }
}

/// The exit code of a process when it ends in time.
fn wait_for(process: &OwnedHandle, patience: Duration) -> io::Result<Option<u32>> {
    // SAFETY: the handle is open.
    if unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds(patience)) } != WAIT_OBJECT_0 {
        return Ok(None);
    }
    let mut code = 0;
    // SAFETY: the handle is open and the place for the code is ours.
    check(unsafe { GetExitCodeProcess(process.as_raw_handle(), &raw mut code) })?;
    Ok(Some(code))
}

//! The helper process that sends console events on Windows. An executable that supervises programs calls
//! [`run_as_helper`] first thing in its `main`.

use std::io;

/// The first argument of a helper run: `console-event PID ctrl-c`.
pub const HELPER_VERB: &str = "console-event";

/// Lets this process print to the terminal of whoever started it, if it was started from one. For an executable that has
/// no console of its own (`windows_subsystem = "windows"`), so that no window shows when a service manager or the Task
/// Scheduler starts it. To be called first thing in `main`; does nothing away from Windows, and nothing when standard
/// output leads somewhere already.
pub fn borrow() {
    #[cfg(windows)]
    crate::windows::console::borrow();
}

/// Sends a console event (`ctrl-c` or `ctrl-break`) to the programs that share the console of a process. This process
/// leaves its own console for that, so it is for a helper only; see [`run_as_helper`].
///
/// # Errors
/// Fails when the process has no console, when the event is another one, and away from Windows.
pub fn send(pid: u32, event: &str) -> io::Result<()> {
    #[cfg(windows)]
    {
        use abide_spec::ConsoleEvent;
        let known =
            [ConsoleEvent::CtrlC, ConsoleEvent::CtrlBreak].into_iter().find(|known| known.as_str() == event);
        let Some(event) = known else {
            let told = format!("{event:?} is no console event; known are ctrl-c and ctrl-break");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
        };
        crate::windows::console::send(pid, event)
    }
    #[cfg(not(windows))]
    {
        let told = format!("{event} to process {pid}: console events exist on Windows only");
        Err(io::Error::new(io::ErrorKind::Unsupported, told))
    }
}

/// Does the helper's work when this process was started as one, and answers the exit code to end with; `None` when it
/// was started for something else. Away from Windows it never was.
#[must_use]
pub fn run_as_helper() -> Option<i32> {
    #[cfg(windows)]
    {
        let mut args = std::env::args_os().skip(1);
        if args.next()? != HELPER_VERB {
            return None;
        }
        let pid = args.next().and_then(|pid| pid.to_str().and_then(|pid| pid.parse().ok()));
        let event = args.next().and_then(|event| event.into_string().ok());
        // ERROR_BAD_ARGUMENTS and ERROR_GEN_FAILURE: the code that a helper ends with is a Windows error code.
        let (Some(pid), Some(event)) = (pid, event) else { return Some(160) };
        Some(match send(pid, &event) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().filter(|code| *code != 0).unwrap_or(31),
        })
    }
    #[cfg(not(windows))]
    None
}

//! The supervisor's link to the service manager that started it: what the manager is told, and what it orders.

use std::time::Duration;

use abide_spec::Exit;

pub use crate::manager::Kind as ManagerKind;

#[cfg(unix)]
use crate::unix::link as imp;
#[cfg(windows)]
use crate::windows::service_main as imp;

/// What a service manager orders. systemd orders by signals, which the [`crate::events::Loop`] tells instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Stop the program and end.
    Stop,
    /// The machine goes down: stop the program and end, and start nothing any more.
    Shutdown,
    /// Suspend the program.
    Pause,
    /// Let it run again.
    Continue,
    /// Let the program read its settings again.
    Reload,
    /// Begin new log files.
    Rotate,
    /// Make the program or the supervisor more (true) or less (false) talkative.
    Debug(bool),
}

/// Variables by which a service manager addresses its direct child: never to be passed on to a program.
pub const MANAGER_VARIABLES: &[&str] = &[
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MAINPID",
    "FDSTORE",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
];

/// Runs the body as what the service manager expects this process to be, and returns the exit code for the process.
///
/// systemd and the foreground call the body on this very thread; the Windows SCM calls it as the service's main.
pub fn host<F>(kind: ManagerKind, name: &str, body: F) -> i32
where
    F: FnOnce(Link) -> i32 + Send + 'static,
{
    imp::host(kind, name, move |imp| body(Link { imp }))
}

/// The same for a program that has its own words for a failure: the body was not called when it answers an error.
///
/// # Errors
/// On Windows, ERROR_FAILED_SERVICE_CONTROLLER_CONNECT (1063) when it was not the service control manager that started
/// this process. Elsewhere it does not fail.
pub fn try_host<F>(kind: ManagerKind, name: &str, body: F) -> std::io::Result<i32>
where
    F: FnOnce(Link) -> i32 + Send + 'static,
{
    #[cfg(windows)]
    return imp::try_host(kind, name, move |imp| body(Link { imp }));
    #[cfg(not(windows))]
    Ok(host(kind, name, body))
}

/// The line to the service manager. Telling it something never blocks and never fails: a manager that is not there, or
/// does not listen, is not told.
#[derive(Debug)]
pub struct Link {
    imp: imp::Link,
}

impl Link {
    /// Has the manager's orders handed to this function from now on, from any thread. Orders that came earlier are
    /// handed over at once.
    pub fn orders_to(&self, take: Box<dyn Fn(Order) + Send + Sync>) {
        self.imp.orders_to(take);
    }

    /// Which orders the program can follow besides stopping: the manager offers no others. Both, as long as nobody says
    /// otherwise. Only the SCM asks.
    pub fn accepts(&self, pause: bool, reload: bool) {
        #[cfg(windows)]
        self.imp.accepts(pause, reload);
        #[cfg(not(windows))]
        let _ = (pause, reload);
    }

    /// The program is not ready yet; the manager should be patient for this much longer.
    pub fn starting(&self, hint: Duration) {
        self.imp.starting(hint);
    }

    /// The program is ready.
    pub fn ready(&self) {
        self.imp.ready();
    }

    /// The program is being stopped; the manager should be patient for this much longer.
    pub fn stopping(&self, hint: Duration) {
        self.imp.stopping(hint);
    }

    /// The program is suspended.
    pub fn paused(&self) {
        self.imp.paused();
    }

    /// The program runs again.
    pub fn continued(&self) {
        self.imp.continued();
    }

    /// The program reads its settings again; [`Self::ready`] tells the end of that.
    pub fn reloading(&self) {
        self.imp.reloading();
    }

    /// The program has ended for good, in this way.
    pub fn stopped(&self, exit: Exit) {
        self.imp.stopped(exit);
    }

    /// Shows a line of text beside the service's state.
    pub fn text(&self, status: &str) {
        self.imp.text(status);
    }

    /// This supervisor is alive.
    pub fn watchdog(&self) {
        self.imp.watchdog();
    }

    /// How often the manager wants to hear [`Self::watchdog`]: half of the time after which it would act.
    #[must_use]
    pub fn watchdog_every(&self) -> Option<Duration> {
        self.imp.watchdog_every()
    }
}

//! Unix side of [`crate::link`]: datagrams to systemd, a line to s6, or nothing.

use std::path::Path;
use std::time::Duration;

use abide_spec::Exit;

use super::runsv::{self, Readiness};
use super::sd_notify::SdNotify;
use crate::link::{ManagerKind, Order};

pub(crate) fn host<F>(kind: ManagerKind, _name: &str, body: F) -> i32
where
    F: FnOnce(Link) -> i32 + Send + 'static,
{
    let of_runsv = matches!(kind, ManagerKind::Runit | ManagerKind::S6);
    if of_runsv {
        runsv::hold_to_parent();
    }
    let code = body(Link::new(kind));
    if of_runsv {
        runsv::end_as_asked();
    }
    code
}

/// Where to tell what, as the service manager said in the environment.
#[derive(Debug)]
pub(crate) struct Link {
    manager: Option<SdNotify>,
    /// Where s6 is told.
    ready: Option<Readiness>,
    watchdog: Option<Duration>,
}

impl Link {
    fn new(kind: ManagerKind) -> Self {
        if kind != ManagerKind::Systemd {
            let ready = (kind == ManagerKind::S6).then(Readiness::take);
            return Self { manager: None, ready, watchdog: None };
        }
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let manager = variable("NOTIFY_SOCKET").and_then(|address| SdNotify::new(Path::new(&address)));
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| for_us && *micros > 0);
        Self { manager, ready: None, watchdog: watchdog.map(|micros| Duration::from_micros(micros) / 2) }
    }

    fn tell(&self, lines: &str) {
        if let Some(manager) = &self.manager {
            manager.tell(lines);
        }
    }

    pub(crate) fn orders_to(&self, take: Box<dyn Fn(Order) + Send + Sync>) {
        // Orders come as signals and over the control endpoint.
        drop(take);
    }

    pub(crate) fn starting(&self, hint: Duration) {
        self.tell(&format!("EXTEND_TIMEOUT_USEC={}\n", hint.as_micros()));
    }

    pub(crate) fn ready(&self) {
        if let Some(ready) = &self.ready {
            ready.tell();
        }
        self.tell("READY=1\n");
    }

    pub(crate) fn stopping(&self, hint: Duration) {
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\n", hint.as_micros()));
    }

    pub(crate) fn paused(&self) {
        self.text("paused");
    }

    pub(crate) fn continued(&self) {
        self.text("running");
    }

    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\n"));
    }

    pub(crate) fn stopped(&self, exit: Exit) {
        // The text beside the state stays the caller's: it says why, which is more than how.
        match exit {
            Exit::Code(code) => self.tell(&format!("STOPPING=1\nEXIT_STATUS={code}\n")),
            Exit::Signal(_) => self.tell("STOPPING=1\n"),
        }
    }

    pub(crate) fn text(&self, status: &str) {
        // One line is one assignment: whatever follows a line break would be another.
        let status: String = status.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.tell(&format!("STATUS={status}\n"));
    }

    pub(crate) fn watchdog(&self) {
        self.tell("WATCHDOG=1\n");
    }

    pub(crate) fn watchdog_every(&self) -> Option<Duration> {
        self.watchdog
    }
}

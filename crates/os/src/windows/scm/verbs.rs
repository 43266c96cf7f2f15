//! Starting and stopping, each until it is so.

use std::io::{self, BufRead};
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::time::{Duration, Instant};

use abide_spec::Name;
use windows_sys::Win32::Foundation::{
    ERROR_INVALID_SERVICE_CONTROL, ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_CANNOT_ACCEPT_CTRL,
    ERROR_SERVICE_NOT_ACTIVE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Services::{
    SC_MANAGER_CONNECT, SERVICE_CONTROL_PARAMCHANGE, SERVICE_CONTROL_STOP, SERVICE_PAUSE_CONTINUE,
    SERVICE_QUERY_STATUS, SERVICE_RUNNING, SERVICE_START, SERVICE_STOP, SERVICE_STOP_PENDING,
    SERVICE_STOPPED,
};
use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject};

use super::calls::{Manager, Service, Status};
use super::{Scm, failed, state_of, words};
use crate::manager::scm::StartType;
use crate::manager::{ManagerError, ManagerState, Progress, ServiceManager as _, Watcher};
use crate::windows::sys::{is, milliseconds, owned};
use crate::windows::turn::Turn;

/// How many lines of what happened to the service go into an error.
const LAST_LINES: usize = 5;

/// How soon a change of state is seen. The SCM wakes nobody whose handle was opened for a moment; its process is waited
/// for meanwhile, so that an end is seen at once.
const LOOK_AGAIN: Duration = Duration::from_millis(40);

/// How long a service may be silent that has not said how long it will be.
const NO_ANSWER: Duration = Duration::from_secs(15);

impl Scm {
    pub(super) fn run_start(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(found.not_ours());
        }
        if found.observed.as_ref().is_some_and(|observed| observed.entry.start == StartType::Disabled) {
            return Err(ManagerError::Disabled { name: name.clone() });
        }
        if found.state() == ManagerState::Running {
            return Ok(());
        }
        self.may_change()?;
        let needs = found.observed.map(|observed| observed.entry.dependencies).unwrap_or_default();
        self.start_needed(&needs, wait, &mut vec![name.to_string()], watcher)?;
        self.start_and_wait(name, "start", wait, watcher)
    }

    /// Starts the services that one depends on, and waits for them. An SCM does so by itself, without saying what it is
    /// waiting for; that of Wine does not.
    fn start_needed(
        &self,
        needs: &[String],
        wait: Duration,
        seen: &mut Vec<String>,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        for need in needs {
            // Groups of services (`+GROUP`), and what is not there or not for us, are the SCM's to judge.
            let Ok(name) = Name::new(need) else { continue };
            if seen.iter().any(|known| known.eq_ignore_ascii_case(need)) {
                continue;
            }
            seen.push(need.clone());
            let Ok(found) = self.look(&name) else { continue };
            let Some(observed) = found.observed.as_ref() else { continue };
            if found.is_up() || observed.entry.start == StartType::Disabled {
                continue;
            }
            self.start_needed(&observed.entry.dependencies, wait, seen, watcher)?;
            watcher(Progress::Status(&format!("starting {need} first")));
            self.start_and_wait(&name, "start", wait, watcher)?;
        }
        Ok(())
    }

    pub(super) fn run_stop(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(found.not_ours());
        }
        if matches!(found.state(), ManagerState::Stopped | ManagerState::Failed) {
            return Ok(());
        }
        self.may_change()?;
        self.stop_and_wait(name, "stop", wait, watcher)
    }

    pub(super) fn run_restart(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(found.not_ours());
        }
        if found.observed.as_ref().is_some_and(|observed| observed.entry.start == StartType::Disabled) {
            return Err(ManagerError::Disabled { name: name.clone() });
        }
        self.may_change()?;
        self.stop_then_start(name, wait, watcher)
    }

    /// Passes it on as the control for changed parameters. What the program makes of it is its own matter.
    pub(super) fn tell_to_reload(&self, name: &Name) -> Result<(), ManagerError> {
        let found = self.look(name)?;
        if !found.is_ours() {
            return Err(found.not_ours());
        }
        self.may_change()?;
        let service = self.open(name, SERVICE_PAUSE_CONTINUE)?;
        service.control(SERVICE_CONTROL_PARAMCHANGE).map_err(|error| {
            let why = if is(&error, ERROR_INVALID_SERVICE_CONTROL) {
                "the program does not take that order".to_owned()
            } else if is(&error, ERROR_SERVICE_NOT_ACTIVE) {
                format!("it is {}", found.state().as_str())
            } else {
                words::why(&error)
            };
            self.not_so(name, "reload", why)
        })
    }

    pub(super) fn stop_then_start(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let begun = Instant::now();
        self.stop_and_wait(name, "restart", wait, watcher)?;
        self.start_and_wait(name, "restart", wait.saturating_sub(begun.elapsed()), watcher)
    }

    fn open(&self, name: &Name, access: u32) -> Result<Service, ManagerError> {
        let service =
            Manager::open(SC_MANAGER_CONNECT).and_then(|manager| manager.service(name.as_str(), access));
        service
            .map_err(|error| failed("opening the service", &error))?
            .ok_or_else(|| ManagerError::NotInstalled { name: name.clone() })
    }

    fn start_and_wait(
        &self,
        name: &Name,
        verb: &'static str,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let service = self.open(name, SERVICE_START | SERVICE_QUERY_STATUS)?;
        let begun = Instant::now();
        while let Err(error) = service.start() {
            if !is(&error, ERROR_SERVICE_ALREADY_RUNNING) {
                return Err(self.not_so(name, verb, words::why(&error)));
            }
            // Somebody else started it; or it has just stopped, and its process is not yet gone.
            let status = service.status().map_err(|error| failed("asking for its state", &error))?;
            if status.state != SERVICE_STOPPED || begun.elapsed() >= NO_ANSWER.min(wait) {
                break;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        watcher(Progress::Status("waiting until it is ready"));
        let status = self.wait(&service, name, verb, wait, |status| {
            matches!(status.state, SERVICE_RUNNING | SERVICE_STOPPED | SERVICE_STOP_PENDING)
        })?;
        if status.state == SERVICE_RUNNING {
            return Ok(());
        }
        // What it ended with is known when it has ended.
        let status = self.wait(&service, name, verb, wait, |status| status.state == SERVICE_STOPPED)?;
        Err(self.not_so(name, verb, words::ended(status.exit)))
    }

    pub(super) fn stop_and_wait(
        &self,
        name: &Name,
        verb: &'static str,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let service = self.open(name, SERVICE_STOP | SERVICE_QUERY_STATUS)?;
        let begun = Instant::now();
        let before = service.status().map_err(|error| failed("asking for its state", &error))?;
        if before.state == SERVICE_STOPPED {
            return Ok(());
        }
        let process = process(&before);
        loop {
            match self.order_stop(&service, name) {
                Ok(()) => break,
                Err(error) if is(&error, ERROR_SERVICE_NOT_ACTIVE) => break,
                // On its way up or down, and for a moment deaf.
                Err(error)
                    if is(&error, ERROR_SERVICE_CANNOT_ACCEPT_CTRL)
                        || is(&error, ERROR_INVALID_SERVICE_CONTROL) =>
                {
                    let status = service.status().map_err(|error| failed("asking for its state", &error))?;
                    if matches!(status.state, SERVICE_STOP_PENDING | SERVICE_STOPPED) {
                        break;
                    }
                    // A supervisor takes a stop from the moment on at which it is one.
                    let patience = wait.min(NO_ANSWER);
                    if begun.elapsed() >= patience {
                        return Err(ManagerError::TimedOut {
                            name: name.clone(),
                            verb,
                            after: patience,
                            state: state_of(&status).as_str().to_owned(),
                        });
                    }
                    std::thread::sleep(LOOK_AGAIN);
                }
                Err(error) => return Err(self.not_so(name, verb, words::why(&error))),
            }
        }
        watcher(Progress::Status("waiting until it has stopped"));
        self.wait(&service, name, verb, wait, |status| status.state == SERVICE_STOPPED)?;
        // Until its process has ended it holds its executable and its folders.
        if let Some(process) = process {
            let left = wait.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
            // SAFETY: the handle is open.
            unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds(left)) };
        }
        Ok(())
    }

    /// Orders a stop, nobody else's order being on its way: what is told to stop once more before it has answered, a
    /// service manager may end without asking (Wine's does). From the answer on the service is stopping, and takes none.
    fn order_stop(&self, service: &Service, name: &Name) -> io::Result<()> {
        let _turn = Turn::take(&self.layout.run_of(name), NO_ANSWER);
        service.control(SERVICE_CONTROL_STOP)
    }

    /// Waits until the state is as wanted.
    fn wait(
        &self,
        service: &Service,
        name: &Name,
        verb: &'static str,
        wait: Duration,
        is_so: impl Fn(&Status) -> bool,
    ) -> Result<Status, ManagerError> {
        let begun = Instant::now();
        let mut held = None;
        let (mut seen, mut moved) = ((0, 0, 0), begun);
        loop {
            let status = service.status().map_err(|error| failed("asking for its state", &error))?;
            if is_so(&status) {
                return Ok(status);
            }
            let now = (status.state, status.checkpoint, status.pid);
            if now != seen {
                (seen, moved) = (now, Instant::now());
            }
            // Without an end of its own, and without the sign of life that it promised: nothing is to be waited for.
            let patience = NO_ANSWER.max(status.hint);
            if moved.elapsed() >= patience {
                let (state, patience) = (state_of(&status).as_str(), abide_spec::Duration(patience));
                return Err(self.not_so(name, verb, format!("it is {state}, and silent for {patience}")));
            }
            if begun.elapsed() >= wait {
                let state = format!("{} (checkpoint {})", state_of(&status).as_str(), status.checkpoint);
                return Err(ManagerError::TimedOut { name: name.clone(), verb, after: wait, state });
            }
            if held.is_none() {
                held = process(&status);
            }
            let ended = held.as_ref().is_some_and(|process: &OwnedHandle| {
                // SAFETY: the handle is open.
                unsafe {
                    WaitForSingleObject(process.as_raw_handle(), milliseconds(LOOK_AGAIN)) == WAIT_OBJECT_0
                }
            });
            if ended || held.is_none() {
                // The SCM sees the end of a process a little later than we do.
                std::thread::sleep(LOOK_AGAIN / 4);
            }
        }
    }

    fn not_so(&self, name: &Name, verb: &'static str, why: String) -> ManagerError {
        ManagerError::Failed {
            name: name.clone(),
            verb,
            why,
            said: self.last_events(name).unwrap_or_default(),
        }
    }

    /// The last things that happened to the service, as its supervisor wrote them down.
    fn last_events(&self, name: &Name) -> io::Result<Vec<String>> {
        let file = std::fs::File::open(self.layout.state_of(name).join("events.ndjson"))?;
        let mut last = std::collections::VecDeque::new();
        for line in io::BufReader::new(file).lines() {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(&line?) else { continue };
            if let Some(text) = event.get("text").and_then(serde_json::Value::as_str) {
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(text.to_owned());
            }
        }
        Ok(last.into())
    }
}

/// The process of a service, to be waited for; `None` when it has none, or none that may be looked at.
fn process(status: &Status) -> Option<OwnedHandle> {
    if status.pid == 0 {
        return None;
    }
    // SAFETY: takes numbers; the handle is ours.
    unsafe { owned(OpenProcess(PROCESS_SYNCHRONIZE, 0, status.pid)) }.ok()
}

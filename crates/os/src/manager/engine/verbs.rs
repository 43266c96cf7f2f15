//! Starting and stopping, each until it is so.
//!
//! The service manager starts and stops a process; whether the *program* is ready is told by its supervisor's status
//! file, which is waited for. A program without a supervisor counts as ready when its manager has started it.

use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use abide_spec::{Name, Reload, StartMode};

use super::Engine;
use super::machine::Found;
use super::state::State;
use crate::manager::native::Native;
use crate::manager::{ManagerError, ManagerState, Progress, ServiceManager as _, Watcher};
use crate::watch::Watch;

/// How often the service manager is asked meanwhile whether the supervisor is still there: it may die before it wrote a
/// word, and that changes no file.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How often to look whether a supervisor that said its last word is gone.
const END_AGAIN: Duration = Duration::from_millis(50);

impl<N: Native> Engine<N> {
    /// The service, if it is one that may be started here.
    fn startable(&self, name: &Name) -> Result<Found, ManagerError> {
        let found = self.known(name)?;
        if self.installed_spec(name).is_some_and(|spec| spec.start.mode == StartMode::Disabled) {
            return Err(ManagerError::Disabled { name: name.clone() });
        }
        Ok(found)
    }

    /// The service, if there is one of ours.
    fn known(&self, name: &Name) -> Result<Found, ManagerError> {
        let found = self.look(name)?;
        match &found.foreign {
            Some(what) => Err(ManagerError::Foreign { name: name.clone(), what: what.clone() }),
            None if !found.is_ours() => Err(ManagerError::NotInstalled { name: name.clone() }),
            None => Ok(found),
        }
    }

    pub(super) fn run_start(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.startable(name)?;
        if found.state() == ManagerState::Running {
            return Ok(());
        }
        self.may_change()?;
        let until = Instant::now() + wait;
        self.start_others(name, until, watcher);
        self.bring_up("start", name, &found, until, watcher)
    }

    /// Starts the services that one starts after, and those that they start after. One that does not start holds up
    /// nobody: it is no condition, and its own start is somebody's to ask for.
    fn start_others(&self, name: &Name, until: Instant, watcher: &mut Watcher<'_>) {
        let others = |name: &Name| {
            let after = self.installed_spec(name).map(|spec| spec.start.after).unwrap_or_default();
            after.into_iter().filter_map(|other| Name::new(&other).ok()).collect::<Vec<_>>()
        };
        let mut order = Vec::new();
        let mut open = others(name);
        while let Some(other) = open.pop() {
            if other != *name && !order.contains(&other) {
                open.extend(others(&other));
                order.push(other);
            }
        }
        // What was found last is what the others start after.
        for other in order.iter().rev() {
            let Ok(found) = self.startable(other) else { continue };
            if !found.is_up() {
                watcher(Progress::Status(&format!("starting {other} first")));
                let _ = self.bring_up("start", other, &found, until, watcher);
            }
        }
    }

    pub(super) fn run_stop(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.known(name)?;
        if !found.is_up() && found.seen.pid.is_none() {
            return Ok(());
        }
        self.may_change()?;
        self.stop_all(name, wait, watcher)
    }

    pub(super) fn run_restart(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let found = self.startable(name)?;
        self.may_change()?;
        let until = Instant::now() + wait;
        if found.is_up() || found.seen.pid.is_some() {
            self.stop_all(name, wait, watcher)?;
        }
        self.bring_up("restart", name, &found, until, watcher)
    }

    /// Signals a program without a supervisor, as its spec says.
    pub(super) fn run_reload(&self, name: &Name) -> Result<(), ManagerError> {
        let found = self.known(name)?;
        self.may_change()?;
        let refuse =
            |why: String| ManagerError::Failed { name: name.clone(), verb: "reload", why, said: Vec::new() };
        let Some(Reload::Signal(signal)) = self.installed_spec(name).and_then(|spec| spec.reload) else {
            return Err(refuse("its spec says no signal for it (`reload.signal`)".to_owned()));
        };
        let Some(pid) = found.seen.pid else { return Err(refuse("it does not run".to_owned())) };
        crate::process::send(pid, &signal)
            .map_err(|error| refuse(format!("{signal} to process {pid}: {error}")))
    }

    /// Stops whatever runs of a service of ours.
    pub(super) fn stop_all(
        &self,
        name: &Name,
        wait: Duration,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let folder = self.layout.state_of(name);
        let begun = Instant::now();
        let outcome = while_told(&folder, watcher, || self.native.stop(name, wait));
        let found = self.look(name)?;
        match outcome {
            _ if !found.is_up() && found.seen.pid.is_none() => Ok(()),
            Err(error @ ManagerError::TimedOut { .. }) => Err(error),
            Err(error) => Err(error),
            Ok(()) => Err(ManagerError::TimedOut {
                name: name.clone(),
                verb: "stop",
                after: begun.elapsed().max(wait),
                state: described(&found),
            }),
        }
    }

    /// Has the manager start it and waits until it is ready.
    fn bring_up(
        &self,
        verb: &'static str,
        name: &Name,
        before: &Found,
        until: Instant,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), ManagerError> {
        let begun = Instant::now();
        let folder = self.layout.state_of(name);
        let left = || until.saturating_duration_since(Instant::now());
        let old = before.state.as_ref();
        let supervised = self.installed_spec(name).is_none_or(|spec| spec.program.supervised);
        let outcome = while_told(&folder, watcher, || self.native.start(name, left()));
        if !supervised {
            outcome?;
            return match self.native.look(name)?.state {
                ManagerState::Running => Ok(()),
                state => Err(self.not_up(verb, name, &format!("it is {}", state.as_str()))),
            };
        }
        let alive = old.filter(|old| old.is_alive());
        match wait_until_ready(&folder, old.filter(|_| alive.is_none()), until, watcher, || {
            let seen = self.native.look(name)?;
            Ok(seen.pid.is_some() || seen.state == ManagerState::Starting)
        })? {
            Awaited::Ready => Ok(()),
            Awaited::Failed(why) | Awaited::Ended(why) => Err(self.not_up(verb, name, &why)),
            // The manager's own words, where it had any.
            Awaited::Gone => {
                outcome?;
                let seen = self.native.look(name)?;
                let why = seen.result.unwrap_or_else(|| "its supervisor ended at once".to_owned());
                Err(self.not_up(verb, name, &why))
            }
            Awaited::TimedOut => {
                let state = described(&self.look(name)?);
                Err(ManagerError::TimedOut { name: name.clone(), verb, after: begun.elapsed(), state })
            }
        }
    }

    fn not_up(&self, verb: &'static str, name: &Name, why: &str) -> ManagerError {
        ManagerError::Failed { name: name.clone(), verb, why: why.to_owned(), said: Vec::new() }
    }
}

fn described(found: &Found) -> String {
    let state = found.state().as_str();
    match found.state.as_ref().filter(|told| told.is_alive()).and_then(State::told) {
        Some(text) => format!("{state}: {text}"),
        None => state.to_owned(),
    }
}

/// How waiting for a supervisor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The program is ready.
    Ready,
    /// The service failed, in its supervisor's words.
    Failed(String),
    /// It ended by itself, and that is no failure by its restart policy.
    Ended(String),
    /// There is no supervisor, and none is about to come.
    Gone,
    /// It is not so yet.
    TimedOut,
}

/// Waits until the program of a service is ready, by its supervisor's status in the service's state folder. Until a
/// supervisor has written there, one is waited for: who starts one takes the status of the last run away before.
///
/// For scripts of service managers, whose start is done when the program is ready.
///
/// # Errors
/// Fails when the folder cannot be watched.
pub fn await_supervisor(folder: &Path, until: Instant) -> Result<Awaited, ManagerError> {
    wait_until_ready(folder, None, until, &mut |_| {}, || {
        // One that has ended will write nothing more; one that has written nothing yet may come.
        Ok(State::read(folder).is_none_or(|state| state.is_alive()))
    })
}

/// Waits until no supervisor of a service is left; false when one still is at the end.
///
/// # Errors
/// Fails when the folder cannot be watched.
pub fn await_end(folder: &Path, until: Instant) -> Result<bool, ManagerError> {
    let fail = |source| ManagerError::File { what: "watch folder", path: folder.to_path_buf(), source };
    let mut watch = Watch::new(folder).map_err(fail)?;
    while State::read(folder).is_some_and(|state| state.is_alive()) {
        let now = Instant::now();
        if now >= until {
            return Ok(false);
        }
        // Its last word is a change of its status; its end comes a moment later and changes nothing.
        watch.wait_until(until.min(now + END_AGAIN)).map_err(fail)?;
    }
    Ok(true)
}

/// Waits for another status than the one that `old`'s supervisor left, until it says ready or failed. `may_come` tells
/// whether a supervisor is there or about to be.
fn wait_until_ready(
    folder: &Path,
    old: Option<&State>,
    until: Instant,
    watcher: &mut Watcher<'_>,
    may_come: impl Fn() -> Result<bool, ManagerError>,
) -> Result<Awaited, ManagerError> {
    let fail = |source| ManagerError::File { what: "watch folder", path: folder.to_path_buf(), source };
    let mut watch = Watch::new(folder).map_err(fail)?;
    let mut told = String::new();
    loop {
        // Asked before it is read: who is gone by now has written its last word.
        let may_come = may_come()?;
        let state = State::read(folder).filter(|state| state.is_of_another(old));
        let state_now = state.as_ref().map(State::now);
        let text = state.as_ref().and_then(State::told).unwrap_or_default();
        if state.as_ref().is_some_and(State::has_started) {
            return Ok(Awaited::Ready);
        }
        match state_now {
            Some(ManagerState::Failed) => return Ok(Awaited::Failed(text.to_owned())),
            Some(ManagerState::Stopped) if !may_come => return Ok(Awaited::Ended(text.to_owned())),
            _ if !may_come => return Ok(Awaited::Gone),
            _ => {}
        }
        if !text.is_empty() && text != told {
            text.clone_into(&mut told);
            watcher(Progress::Status(text));
        }
        let now = Instant::now();
        if now >= until {
            return Ok(Awaited::TimedOut);
        }
        watch.wait_until(until.min(now + LOOK_AGAIN)).map_err(fail)?;
    }
}

/// Runs a call of the service manager, telling meanwhile what the service says about itself.
fn while_told<T: Send>(folder: &Path, watcher: &mut Watcher<'_>, call: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let call = scope.spawn(move || {
            // Dropped at the end of the call, however it ends.
            let _done = done;
            call()
        });
        let mut told = String::new();
        while ended.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
            let state = State::read(folder).filter(State::is_alive);
            if let Some(text) = state.as_ref().and_then(State::told).filter(|text| *text != told) {
                text.clone_into(&mut told);
                watcher(Progress::Status(text));
            }
        }
        call.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

//! The service folder of a machine's runit: what is there, and giving `runsv` its orders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use abide_spec::{Family, Name, Spec, StartMode};

use super::render;
use super::scanner::{Scanner, outlives_boot};
use super::status::{Doing, Status};
use crate::fs::{public_dir, remove_file};
use crate::manager::apply::StepError;
use crate::manager::native::Seen;
use crate::manager::shared;
use crate::manager::{ManagerError, ManagerExit, ManagerState};
use crate::orders::{Orders, link};
use crate::paths::Layout;
use crate::watch::Watch;

pub(super) const RUNSVDIR: Scanner = Scanner {
    command: "runsvdir",
    valued: "",
    inside: false,
    usual: &["/etc/service", "/var/service", "/service"],
};

/// How long `runsvdir` may take to notice a new service: it looks every five seconds.
const NOTICE: Duration = Duration::from_secs(20);

/// How often to look at what changes no file: a process that has opened or closed a pipe.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Waits until `so` has an answer, asking it again whenever something in the folder changes.
pub(crate) fn await_change<T, E: From<io::Error>>(
    folder: &Path,
    until: Instant,
    mut so: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let mut watch = Watch::new(folder)?;
    loop {
        if let Some(answer) = so()? {
            return Ok(Some(answer));
        }
        let now = Instant::now();
        if now >= until {
            return Ok(None);
        }
        watch.wait_until(until.min(now + LOOK_AGAIN))?;
    }
}

/// One service of runit.
pub(super) struct Service<'a> {
    layout: &'a Layout,
    name: &'a Name,
    folder: PathBuf,
}

/// How `run` ended, as `finish` wrote it down.
struct Ended {
    exit: Option<ManagerExit>,
    failed: bool,
}

impl<'a> Service<'a> {
    pub(super) fn new(layout: &'a Layout, name: &'a Name) -> Self {
        Self { layout, name, folder: render::folder(layout, name) }
    }

    fn supervise(&self, file: &str) -> PathBuf {
        self.folder.join("supervise").join(file)
    }

    fn down(&self) -> PathBuf {
        self.folder.join("down")
    }

    /// Where it stands, or would stand, in the scanned folder.
    pub(super) fn entry(&self) -> PathBuf {
        RUNSVDIR.folder(self.layout).join(self.name.as_str())
    }

    /// Whether the scanned folder has it.
    pub(super) fn is_linked(&self) -> bool {
        leads_to(&self.entry(), &self.folder)
    }

    /// Something else under its name in the scanned folder, or in the place of its folder.
    pub(super) fn foreign(&self) -> Option<PathBuf> {
        let entry = self.entry();
        if entry.symlink_metadata().is_ok() && !self.is_linked() {
            return Some(entry);
        }
        // What an uninstall that was cut short leaves is ours.
        const OURS: [&str; 7] = ["finish", "check", "env", "control", "down", "supervise", "run"];
        let found = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names: Vec<_> = found.map(|entry| entry.file_name()).collect();
        let other = |name: &std::ffi::OsString| {
            name.to_str().is_none_or(|name| !name.starts_with('.') && !OURS.contains(&name))
        };
        names.iter().any(other).then(|| self.folder.clone())
    }

    /// The way to its `runsv`; `None` where none runs.
    fn orders(&self) -> io::Result<Option<Orders>> {
        Orders::open(&self.supervise("control"))
    }

    /// Whether its `runsv` runs; one that this user may not talk to counts as running.
    fn is_supervised(&self) -> bool {
        // This pipe is opened last: whoever finds it open finds all else decided.
        !matches!(Orders::open(&self.supervise("ok")), Ok(None))
    }

    fn status(&self) -> io::Result<Option<Status>> {
        match fs::read(self.supervise("status")) {
            Ok(bytes) => Ok(Status::read(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ended(&self) -> Option<Ended> {
        let text = fs::read_to_string(self.supervise("ended")).ok()?;
        let mut words = text.split_whitespace();
        let (code, status) = (words.next()?.parse::<i32>().ok()?, words.next()?.parse::<i32>().ok()?);
        let how = words.next()?;
        let exit = if code < 0 { ManagerExit::Signal(status & 127) } else { ManagerExit::Code(code) };
        Some(Ended { exit: (how != "asked").then_some(exit), failed: how == "failed" })
    }

    pub(super) fn seen(&self) -> Result<Seen, ManagerError> {
        let at_boot = self.is_linked() && !self.down().exists();
        let nothing = Seen { at_boot, ..Seen::NOTHING };
        let ended = |since: Option<SystemTime>| {
            let ended = self.ended();
            let failed = ended.as_ref().is_some_and(|ended| ended.failed);
            let exit = ended.and_then(|ended| ended.exit);
            Seen {
                state: if failed { ManagerState::Failed } else { ManagerState::Stopped },
                since,
                exit,
                result: exit.filter(|_| failed).map(|exit| exit.to_string()),
                ..nothing.clone()
            }
        };
        if !self.is_supervised() {
            return Ok(ended(None));
        }
        let status = match self.status() {
            Ok(Some(status)) => status,
            Ok(None) => return Ok(nothing),
            // Folders that runsv itself made are for root alone.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(Seen { state: ManagerState::Unknown, ..nothing });
            }
            Err(source) => {
                return Err(ManagerError::File { what: "read", path: self.supervise("status"), source });
            }
        };
        let (state, pid) = match (status.doing, status.wanted) {
            (Doing::Run, true) if status.paused => (ManagerState::Paused, status.pid),
            (Doing::Run, true) => (ManagerState::Running, status.pid),
            (Doing::Run, false) => (ManagerState::Stopping, status.pid),
            (Doing::Finish | Doing::Down, true) => (ManagerState::Starting, None),
            (Doing::Finish, false) => (ManagerState::Stopping, None),
            (Doing::Down, false) => return Ok(ended(status.since)),
        };
        Ok(Seen { state, pid, since: status.since, ..nothing })
    }

    /// Has runit know it. See `Native::register`.
    pub(super) fn register(&self, mode: StartMode) -> Result<(), StepError> {
        let Some(scanned) = RUNSVDIR.watched(self.layout) else {
            return Err(StepError::new("no runsvdir of root runs here, so nothing would start it"));
        };
        let at_boot = matches!(mode, StartMode::Auto | StartMode::Delayed);
        if at_boot && !outlives_boot(self.layout, &scanned) {
            return Err(StepError {
                why: format!(
                    "{} is made anew at every boot, so it would not start with the machine",
                    scanned.display()
                ),
                hint: Some("have runsvdir watch a folder on disk, or set `start.mode` to \"manual\"".into()),
            });
        }
        let entry = scanned.join(self.name.as_str());
        if mode == StartMode::Disabled {
            self.put_down()?;
            // Taken out while it runs, it would be stopped.
            let runs =
                self.seen().is_ok_and(|seen| seen.pid.is_some() || seen.state == ManagerState::Starting);
            return if runs { Ok(()) } else { self.forget_by(&entry, Instant::now() + NOTICE) };
        }
        if !(leads_to(&entry, &self.folder) && self.is_supervised()) {
            // Being made known is not being started.
            self.put_down()?;
            let supervise = self.folder.join("supervise");
            // As runsv would make it, but open to those who may only look.
            public_dir(&supervise).map_err(|error| StepError::io(&supervise, &error))?;
            link(&self.folder, &entry).map_err(|error| StepError::io(&entry, &error))?;
            let noticed = await_change(&supervise, Instant::now() + NOTICE, || {
                Ok::<_, io::Error>(self.is_supervised().then_some(()))
            });
            if noticed.map_err(|error| StepError::io(&supervise, &error))?.is_none() {
                let text =
                    format!("runsvdir took no notice of {} within {} s", entry.display(), NOTICE.as_secs());
                return Err(StepError::new(text));
            }
        }
        if at_boot {
            let down = self.down();
            return remove_file(&down).map(drop).map_err(|error| StepError::io(&down, &error));
        }
        self.put_down()
    }

    fn put_down(&self) -> Result<(), StepError> {
        let down = self.down();
        fs::write(&down, "").map_err(|error| StepError::io(&down, &error))
    }

    pub(super) fn forget(&self) -> Result<(), StepError> {
        self.forget_by(&self.entry(), Instant::now() + NOTICE + self.own_stop_budget())?;
        let supervise = self.folder.join("supervise");
        // Where /etc can't be written, supervise is a link to where runsv keeps it.
        let elsewhere = fs::read_link(&supervise).ok().map(|target| self.folder.join(target));
        for path in [Some(supervise), elsewhere, Some(self.down())].into_iter().flatten() {
            shared::drop_folder(&path).map_err(|error| StepError::new(error.to_string()))?;
        }
        Ok(())
    }

    fn forget_by(&self, entry: &Path, until: Instant) -> Result<(), StepError> {
        // First out of the folder: runsvdir would start another runsv.
        if leads_to(entry, &self.folder) {
            remove_file(entry).map_err(|error| StepError::io(entry, &error))?;
        }
        let control = self.supervise("control");
        let fail = |error: io::Error| StepError::io(&control, &error);
        let Some(orders) = self.orders().map_err(fail)? else { return Ok(()) };
        orders.send(b"x").map_err(fail)?;
        if orders.is_gone(until).map_err(fail)? {
            return Ok(());
        }
        Err(StepError::new(format!("the runsv of {} does not end", self.name)))
    }

    fn spec(&self) -> Option<Spec> {
        shared::installed_spec(self.layout, self.name)
    }

    fn own_stop_budget(&self) -> Duration {
        shared::stop_patience(self.spec().as_ref(), Family::Unix)
    }

    pub(super) fn start(&self, wait: Duration) -> Result<(), ManagerError> {
        let until = Instant::now() + wait;
        let supervise = self.folder.join("supervise");
        let fail = |source| ManagerError::File { what: "read", path: self.supervise("status"), source };
        let failed = |why: String| ManagerError::Failed {
            name: self.name.clone(),
            verb: "start",
            why,
            said: Vec::new(),
        };
        // After a boot, runsvdir may be about to come to it.
        let orders =
            await_change(&supervise, until.min(Instant::now() + NOTICE), || match self.is_supervised() {
                true => self.orders(),
                false => Ok(None),
            });
        let Some(orders) = orders.map_err(fail)? else {
            return Err(failed(format!("runit does not run {}", self.entry().display())));
        };
        // What happened before is over when its finish script is.
        let before = await_change(&supervise, until, || {
            Ok(self.status()?.filter(|status| status.doing != Doing::Finish))
        });
        let before = before.map_err(fail)?;
        let ran = before.filter(|before| before.doing == Doing::Run);
        if ran.is_some_and(|status| status.wanted) {
            return Ok(());
        }
        remove_file(&self.supervise("ended")).map_err(fail)?;
        orders.send(b"u").map_err(fail)?;
        let outcome = await_change(&supervise, until, || {
            let Some(status) = self.status()? else { return Ok(None) };
            Ok(match (status.doing, status.wanted) {
                (Doing::Run, true) if ran.is_none_or(|ran| ran.pid != status.pid) => Some(Ok(())),
                (Doing::Down, false) => self.ended().filter(|ended| ended.exit.is_some()).map(Err),
                _ => None,
            })
        });
        match outcome.map_err(fail)? {
            Some(Ok(())) => Ok(()),
            Some(Err(ended)) => {
                let how = ended.exit.map(|exit| exit.to_string()).unwrap_or_default();
                Err(failed(format!("it ended at once with {how}")))
            }
            None => Err(self.too_late("start", wait)),
        }
    }

    pub(super) fn stop(&self, wait: Duration) -> Result<(), ManagerError> {
        let until = Instant::now() + wait;
        let supervise = self.folder.join("supervise");
        let fail = |source| ManagerError::File { what: "read", path: self.supervise("status"), source };
        let Some(orders) = self.orders().map_err(fail)? else { return Ok(()) };
        orders.send(b"d").map_err(fail)?;
        let stopped = |until: Instant| {
            await_change(&supervise, until, || {
                let status = self.status()?;
                let down = status.is_none_or(|status| status.doing == Doing::Down && !status.wanted);
                Ok((down || orders.is_gone(Instant::now())?).then_some(()))
            })
            .map_err(fail)
        };
        // A supervisor kills what does not want to stop; without one, runit has to be told to.
        let unsupervised = self.spec().filter(|spec| !spec.program.supervised);
        if let Some(spec) = unsupervised {
            let patience = Instant::now() + spec.stop_budget(Family::Unix).0;
            if stopped(patience.min(until))?.is_some() {
                return Ok(());
            }
            orders.send(b"k").map_err(fail)?;
        }
        stopped(until)?.ok_or_else(|| self.too_late("stop", wait))
    }

    fn too_late(&self, verb: &'static str, after: Duration) -> ManagerError {
        let state = self.seen().map_or(ManagerState::Unknown, |seen| seen.state).as_str().to_owned();
        ManagerError::TimedOut { name: self.name.clone(), verb, after, state }
    }
}

/// Whether a link leads to a folder, which need not be there any more.
pub(crate) fn leads_to(entry: &Path, folder: &Path) -> bool {
    let Ok(target) = fs::read_link(entry) else { return false };
    let target = entry.parent().map_or(target.clone(), |parent| parent.join(&target));
    target == folder
        || fs::canonicalize(target).ok().is_some_and(|real| fs::canonicalize(folder).ok() == Some(real))
}

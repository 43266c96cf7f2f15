//! The service folder of a machine's s6: what is there, and giving `s6-supervise` its orders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use abide_spec::{Family, Name, StartMode};

use super::render::{self, SCANNED};
use super::status::{ASKED, Status};
use crate::fs::{public_dir, remove_file};
use crate::manager::apply::StepError;
use crate::manager::native::Seen;
use crate::manager::runit::machine::{await_change, leads_to};
use crate::manager::runit::scanner::{Scanner, outlives_boot};
use crate::manager::shared;
use crate::manager::{ManagerError, ManagerExit, ManagerState};
use crate::orders::{Orders, link};
use crate::paths::Layout;

pub(super) const SVSCAN: Scanner = Scanner {
    command: "s6-svscan",
    valued: "CLXcdt",
    inside: true,
    usual: &["/run/service", "/service", "/var/service"],
};

/// What s6-linux-init fills the scanned folder from at every boot.
const BOOT_IMAGE: &str = "/etc/s6-linux-init/current/run-image/service";

/// How long s6 may take to come to a new service.
const NOTICE: Duration = Duration::from_secs(20);

/// Where the tools are, if not on the PATH of who calls: s6-svscan may have got another one.
const SEARCHED: &str = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/command";

/// One service of s6.
pub(super) struct Service<'a> {
    layout: &'a Layout,
    name: &'a Name,
    folder: PathBuf,
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

    /// Where links to it stand, or would stand: in the scanned folder, and in what that is made from at boot.
    fn entries(&self) -> Vec<PathBuf> {
        let scanned = SVSCAN.folder(self.layout);
        let mut entries = vec![scanned.join(self.name.as_str())];
        if !outlives_boot(self.layout, &scanned) {
            entries.extend(self.image().map(|image| image.join(self.name.as_str())));
        }
        entries
    }

    /// What the scanned folder is made from at boot, where that is known.
    fn image(&self) -> Option<PathBuf> {
        let image = self.layout.native(BOOT_IMAGE);
        image.is_dir().then_some(image)
    }

    /// The links to it that are there.
    pub(super) fn links(&self) -> Vec<PathBuf> {
        self.entries().into_iter().filter(|entry| leads_to(entry, &self.folder)).collect()
    }

    /// Something else under its name in the scanned folder.
    pub(super) fn foreign(&self) -> Option<PathBuf> {
        let mut entries = self.entries().into_iter();
        entries.find(|entry| entry.symlink_metadata().is_ok() && !leads_to(entry, &self.folder))
    }

    /// The way to its `s6-supervise`; `None` where none runs.
    fn orders(&self) -> io::Result<Option<Orders>> {
        Orders::open(&self.supervise("control"))
    }

    /// Whether its `s6-supervise` runs; one that this user may not talk to counts as running.
    fn is_supervised(&self) -> bool {
        !matches!(self.orders(), Ok(None))
    }

    fn status(&self) -> Result<Option<Status>, ManagerError> {
        let path = self.supervise("status");
        match fs::read(&path) {
            Ok(bytes) => match Status::read(&bytes) {
                Some(status) => Ok(Some(status)),
                // A torn file can't be: it is renamed into its place.
                None => self.asked_status().map(Some),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ManagerError::File { what: "read", path, source }),
        }
    }

    fn asked_status(&self) -> Result<Status, ManagerError> {
        let folder = self.folder.to_string_lossy();
        let words = ["s6-svstat", "-o", ASKED, &folder];
        let fail = |why: String| ManagerError::Call { call: words.join(" "), why };
        let ended = tool(&words).map_err(|error| fail(error.to_string()))?;
        if !ended.status.success() {
            return Err(fail(said(&ended)));
        }
        let text = String::from_utf8_lossy(&ended.stdout);
        Status::told(&text).ok_or_else(|| fail(format!("it answered {text:?}")))
    }

    pub(super) fn seen(&self) -> Result<Seen, ManagerError> {
        // The last of them is the one that counts at boot.
        let entries = self.entries();
        let linked = entries.last().is_some_and(|entry| leads_to(entry, &self.folder));
        let lasting = entries.len() > 1 || outlives_boot(self.layout, &SVSCAN.folder(self.layout));
        let nothing = Seen { at_boot: linked && lasting && !self.down().exists(), ..Seen::NOTHING };
        if !self.is_supervised() {
            return Ok(nothing);
        }
        let status = match self.status() {
            Ok(Some(status)) => status,
            Ok(None) => return Ok(nothing),
            // Folders that s6-supervise itself made are for root alone.
            Err(ManagerError::File { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(Seen { state: ManagerState::Unknown, ..nothing });
            }
            Err(error) => return Err(error),
        };
        let exit = status.exit.filter(|exit| !is_asked_for(*exit));
        let failed = exit.filter(|exit| *exit != ManagerExit::Code(0));
        let state = match (status.pid.is_some(), status.wanted) {
            (true, true) if status.paused => ManagerState::Paused,
            (true, true) => ManagerState::Running,
            (true, false) => ManagerState::Stopping,
            (false, true) => ManagerState::Starting,
            (false, false) if status.finishing => ManagerState::Stopping,
            (false, false) if failed.is_some() => ManagerState::Failed,
            (false, false) => ManagerState::Stopped,
        };
        let result = failed.filter(|_| state == ManagerState::Failed).map(|exit| exit.to_string());
        Ok(Seen { state, pid: status.pid, since: status.since, exit, result, ..nothing })
    }

    /// Has s6 know it. See `Native::register`.
    pub(super) fn register(&self, mode: StartMode) -> Result<(), StepError> {
        let Some(scanned) = SVSCAN.watched(self.layout) else {
            return Err(StepError::new("no s6-svscan of root runs here, so nothing would start it"));
        };
        let at_boot = matches!(mode, StartMode::Auto | StartMode::Delayed);
        if mode == StartMode::Disabled {
            self.put_down()?;
            // Taken out while it runs, it would be stopped.
            let runs =
                self.seen().is_ok_and(|seen| seen.pid.is_some() || seen.state == ManagerState::Starting);
            return if runs { Ok(()) } else { self.forget_until(Instant::now() + NOTICE) };
        }
        let lasting = outlives_boot(self.layout, &scanned);
        if at_boot && !lasting && self.image().is_none() {
            return Err(StepError {
                why: format!(
                    "{} is made anew at every boot, and from what is not known (there is no {BOOT_IMAGE}), so it would not \
                     start with the machine",
                    scanned.display()
                ),
                hint: Some("have s6-svscan watch a folder on disk, or set `start.mode` to \"manual\"".into()),
            });
        }
        let entry = scanned.join(self.name.as_str());
        if !(leads_to(&entry, &self.folder) && self.is_supervised()) {
            // Being made known is not being started.
            self.put_down()?;
            let supervise = self.folder.join("supervise");
            // As s6-supervise would make it, but open to those who may only look.
            public_dir(&supervise).map_err(|error| StepError::io(&supervise, &error))?;
            // Written when s6-supervise has looked whether it is to stay down, a moment after it takes orders; that of an
            // earlier one would say so too soon.
            let status = self.supervise("status");
            if !self.is_supervised() {
                remove_file(&status).map_err(|error| StepError::io(&status, &error))?;
            }
            self.note_scanned(&scanned)?;
            link(&self.folder, &entry).map_err(|error| StepError::io(&entry, &error))?;
            scan(&scanned, "-a")?;
            let noticed = await_change(&supervise, Instant::now() + NOTICE, || {
                Ok::<_, io::Error>((self.is_supervised() && status.exists()).then_some(()))
            });
            if noticed.map_err(|error| StepError::io(&supervise, &error))?.is_none() {
                let text =
                    format!("s6-svscan took no notice of {} within {} s", entry.display(), NOTICE.as_secs());
                return Err(StepError::new(text));
            }
        }
        if !lasting && let Some(image) = self.image() {
            let kept = image.join(self.name.as_str());
            link(&self.folder, &kept).map_err(|error| StepError::io(&kept, &error))?;
        }
        if at_boot {
            let down = self.down();
            return remove_file(&down).map(drop).map_err(|error| StepError::io(&down, &error));
        }
        self.put_down()
    }

    /// Leaves a link for the run script, which asks for others by where they are.
    fn note_scanned(&self, scanned: &Path) -> Result<(), StepError> {
        let path = self.folder.join(SCANNED);
        let fail = |error: io::Error| StepError::io(&path, &error);
        if fs::read_link(&path).is_ok_and(|there| there != scanned) {
            remove_file(&path).map_err(fail)?;
        }
        link(scanned, &path).map_err(fail)
    }

    fn put_down(&self) -> Result<(), StepError> {
        let down = self.down();
        fs::write(&down, "").map_err(|error| StepError::io(&down, &error))
    }

    pub(super) fn forget(&self) -> Result<(), StepError> {
        self.forget_until(Instant::now() + NOTICE + self.own_stop_budget())?;
        for path in
            [self.folder.join("supervise"), self.folder.join("event"), self.folder.join(SCANNED), self.down()]
        {
            shared::drop_folder(&path).map_err(|error| StepError::new(error.to_string()))?;
        }
        Ok(())
    }

    fn forget_until(&self, until: Instant) -> Result<(), StepError> {
        for entry in self.links() {
            remove_file(&entry).map_err(|error| StepError::io(&entry, &error))?;
        }
        let control = self.supervise("control");
        let fail = |error: io::Error| StepError::io(&control, &error);
        let Some(orders) = self.orders().map_err(fail)? else { return Ok(()) };
        match SVSCAN.watched(self.layout) {
            // What is not in the folder any more is ended.
            Some(scanned) => scan(&scanned, "-an")?,
            None => orders.send(b"dx").map_err(fail)?,
        }
        if orders.is_gone(until).map_err(fail)? {
            return Ok(());
        }
        Err(StepError::new(format!("the s6-supervise of {} does not end", self.name)))
    }

    fn own_stop_budget(&self) -> Duration {
        let spec = shared::installed_spec(self.layout, self.name);
        shared::stop_patience(spec.as_ref(), Family::Unix)
    }

    pub(super) fn start(&self, wait: Duration) -> Result<(), ManagerError> {
        let until = Instant::now() + wait;
        let supervise = self.folder.join("supervise");
        // After a boot, s6-svscan may be about to come to it.
        let there = await_change(&supervise, until.min(Instant::now() + NOTICE), || {
            Ok::<_, io::Error>(self.is_supervised().then_some(()))
        });
        let fail = |source| ManagerError::File { what: "watch folder", path: supervise.clone(), source };
        if there.map_err(fail)?.is_none() {
            return Err(ManagerError::Failed {
                name: self.name.clone(),
                verb: "start",
                why: format!("s6 does not run {}", self.folder.display()),
                said: Vec::new(),
            });
        }
        if self.status()?.is_some_and(|status| status.pid.is_some() && !status.wanted) {
            // On its way down, it would count as up already.
            self.order("start", "-wD", "-d", until)?;
        }
        self.order("start", "-wu", "-u", until)
    }

    pub(super) fn stop(&self, wait: Duration) -> Result<(), ManagerError> {
        if !self.is_supervised() {
            return Ok(());
        }
        self.order("stop", "-wD", "-d", Instant::now() + wait)
    }

    /// Gives an order and waits until it is so.
    fn order(
        &self,
        verb: &'static str,
        awaited: &str,
        order: &str,
        until: Instant,
    ) -> Result<(), ManagerError> {
        /// What s6-svc answers when the time is over.
        const LATE: i32 = 99;
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let folder = self.folder.to_string_lossy().into_owned();
        let words = ["s6-svc", awaited, "-T", &left.as_millis().to_string(), order, &folder];
        let fail = |why: String| ManagerError::Call { call: words.join(" "), why };
        let ended = tool(&words).map_err(|error| fail(error.to_string()))?;
        match ended.status.code() {
            Some(0) => Ok(()),
            Some(LATE) => {
                let state = self.seen().map_or(ManagerState::Unknown, |seen| seen.state).as_str().to_owned();
                Err(ManagerError::TimedOut { name: self.name.clone(), verb, after: left, state })
            }
            _ => Err(fail(said(&ended))),
        }
    }
}

/// Whether a process that ended by this signal did what it was asked to: stopping is asked for by signals.
fn is_asked_for(exit: ManagerExit) -> bool {
    const ASKING: [i32; 5] = [1, 2, 3, 9, 15];
    matches!(exit, ManagerExit::Signal(signal) if ASKING.contains(&signal))
}

/// Has s6-svscan look at its folder again.
fn scan(scanned: &Path, how: &str) -> Result<(), StepError> {
    let folder = scanned.to_string_lossy();
    let words = ["s6-svscanctl", how, &folder];
    let fail = |why: String| StepError::new(format!("{}: {why}", words.join(" ")));
    let ended = tool(&words).map_err(|error| fail(error.to_string()))?;
    if ended.status.success() { Ok(()) } else { Err(fail(said(&ended))) }
}

fn said(ended: &std::process::Output) -> String {
    let said = String::from_utf8_lossy(&ended.stderr);
    if said.trim().is_empty() { ended.status.to_string() } else { said.trim().to_owned() }
}

fn tool(words: &[&str]) -> io::Result<std::process::Output> {
    let path =
        std::env::var("PATH").map_or_else(|_| SEARCHED.to_owned(), |path| format!("{path}:{SEARCHED}"));
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program).args(arguments).env("PATH", path).env("LC_ALL", "C").stdin(Stdio::null()).output()
}

//! What the chosen service printed, and what happened to it.

use std::io;
use std::path::{Path, PathBuf};

use abide_host::{Home, home};
use abide_logs::{Follow, JoinRule, LevelOf, Line, Reader, Start, Stream, Streams};
use abide_os::watches::{WatchId, Watches};
use abide_spec::Name;
use abide_supervisor::history;

use super::news::{Happened, LogLine};
use crate::{shown, text};

/// So many lines are shown of what was printed before.
const BEFORE: usize = 500;
/// So many lines are told at once.
const BATCH: usize = 1000;
/// After so many batches in a row, what was printed meanwhile is left out: nobody reads as fast as that.
const PATIENCE: u32 = 8;
/// What is said in its place.
const LEFT_OUT: &str = "(more was printed than is shown here; `abide logs` has it)";

/// The log of a service, as it grows.
pub struct Log {
    folder: PathBuf,
    /// Why there is none to read.
    none: Option<String>,
    watch: Option<WatchId>,
    lines: Option<Follow<fn() -> bool>>,
    levels: [LevelOf; 2],
    /// The stream whose line has no end yet, where it was told last.
    open: Option<Stream>,
    dry: bool,
    /// So many batches in a row were full.
    full: u32,
}

impl Log {
    /// The log of a service, of which nothing has been read yet.
    pub fn new(name: &Name, home: &Home) -> Self {
        let direct = home.is_direct(name);
        let none = direct.then(|| {
            let failure = home::without_supervisor(name, home, "nobody keeps what it prints");
            failure.hint.map_or(failure.error.clone(), |hint| format!("{}; {hint}", failure.error))
        });
        let spec = home.read_spec(name);
        let start = spec.and_then(|spec| spec.logs.multiline).map(|multiline| multiline.start.to_string());
        // A rule that cannot be read is the supervisor's to complain about.
        let rule = JoinRule::new(start.as_deref()).unwrap_or_default();
        Self {
            folder: home.place(name).logs,
            none,
            watch: None,
            lines: None,
            levels: [LevelOf::new(&rule), LevelOf::new(&rule)],
            open: None,
            dry: true,
            full: 0,
        }
    }

    /// What has come since the last time, up to a batch. Fails with the reason, once where it is a lasting one.
    pub fn read(&mut self, watches: &mut Watches) -> Result<Vec<LogLine>, Option<String>> {
        if let Some(why) = self.none.take() {
            self.folder = PathBuf::new();
            return Err(Some(why));
        }
        if self.folder.as_os_str().is_empty() {
            return Err(None);
        }
        let told = self.read_on(watches);
        told.map_err(|error| match error.kind() {
            // It has printed nothing yet; when it starts, its state changes, and it is tried again.
            io::ErrorKind::NotFound => None,
            io::ErrorKind::PermissionDenied => Some(format!(
                "the log in {} is not yours to read: programs print secrets, so only administrators and the account \
                 that runs it may",
                self.folder.display()
            )),
            _ => Some(format!("the log in {} cannot be read: {error}", self.folder.display())),
        })
    }

    fn read_on(&mut self, watches: &mut Watches) -> io::Result<Vec<LogLine>> {
        if self.lines.is_none() {
            // Before the first look: what comes between the two is told.
            if self.watch.is_none() {
                self.watch = Some(watches.add(&self.folder)?);
            }
            self.lines = Some(newest(&self.folder)?);
        }
        let mut told = Vec::new();
        if self.full >= PATIENCE {
            self.lines = Some(newest(&self.folder)?);
            (self.full, self.open) = (0, None);
            told.push(LogLine { text: LEFT_OUT.to_owned(), level: None, goes_on: false });
        }
        let Some(lines) = &mut self.lines else { return Ok(told) };
        let mut line = Line::default();
        self.dry = false;
        while told.len() < BATCH {
            if !lines.read(&mut line).map_err(as_io)? {
                self.dry = true;
                break;
            }
            let [out, err] = &mut self.levels;
            let levels = if line.stream == Stream::Stderr { err } else { out };
            let level = levels.of(&line.bytes, line.complete);
            let goes_on = self.open == Some(line.stream);
            self.open = (!line.complete).then_some(line.stream);
            let text = anstream::adapter::strip_str(&text::line(&line.bytes)).to_string();
            told.push(LogLine { text, level, goes_on });
        }
        self.full = if self.dry { 0 } else { self.full + 1 };
        Ok(told)
    }

    /// Whether all there was has been read.
    pub const fn is_dry(&self) -> bool {
        self.dry
    }

    /// The folder under this watch is gone.
    pub fn forget(&mut self, watch: WatchId) {
        if self.watch == Some(watch) {
            (self.watch, self.lines) = (None, None);
        }
    }

    /// It is not wanted any more.
    pub fn end(self, watches: &mut Watches) {
        if let Some(watch) = self.watch {
            watches.remove(watch);
        }
    }
}

/// The last lines of a log, and what comes.
fn newest(folder: &Path) -> io::Result<Follow<fn() -> bool>> {
    let reader = Reader::open(folder).map_err(as_io)?;
    reader.follow(Start::Tail(BEFORE), Streams::Both, (|| false) as fn() -> bool).map_err(as_io)
}

fn as_io(error: abide_logs::Error) -> io::Error {
    io::Error::new(error.kind(), error)
}

/// What happened to a service, oldest first, or why that is not told.
pub fn events(name: &Name, home: &Home) -> Result<Vec<Happened>, String> {
    if home.is_direct(name) {
        return Err(home::without_supervisor(name, home, "nobody writes down what happens to it").error);
    }
    match history::read(&home.place(name).state) {
        Ok(events) => {
            let happened = |event: history::Event| Happened {
                time: shown::local(&event.time),
                text: text::plain(&event.text),
            };
            Ok(events.into_iter().map(happened).collect())
        }
        // It never ran.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("the events of {name} cannot be read: {error}")),
    }
}

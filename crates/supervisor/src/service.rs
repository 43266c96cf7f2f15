//! One service under supervision: its machine, its processes, and what is told of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

use abide_lifecycle::{Level, Machine, Moment, Policy, Record, State};
use abide_logs::{Capture, Files, Refine, Stream};
use abide_os::eventlog::{EventLog, Severity};
use abide_os::fs::{Lock, LockError};
use abide_os::link::ManagerKind;
use abide_os::pipes::{PipeReader, StreamId};
use abide_os::process::{Identity, Tree, clear_leftovers};
use abide_spec::{Exit, Family, Probe, Signal, Spec, StopStep};

use crate::checks::Checks;
use crate::control::Answer;
use crate::driver::Charge;
use crate::error::SetupError;
use crate::goal::Waiter;
use crate::history::History;
use crate::launch::{self, Plan};
use crate::output::{Output, Outputs, Show};
use crate::place::Place;
use crate::status::{self, LogStatus, Status, SupervisorStatus};
use crate::timestamp::rfc3339;

/// Patience asked of a service manager beyond what the spec's own times add up to.
const MARGIN: Duration = Duration::from_secs(10);
/// What becomes of the output changes the status at most this often.
const NEWS: Duration = Duration::from_secs(1);

/// Something to be written down.
#[derive(Debug)]
pub(crate) enum Kept {
    /// By the lifecycle.
    Record(Record),
    /// By the supervisor, in words.
    Note(String),
}

pub(crate) struct Service {
    pub spec: Spec,
    pub place: Place,
    pub ladder: Vec<StopStep>,
    pub machine: Machine,
    pub checks: Checks,
    pub output: Arc<Output>,
    pub tree: Option<Tree>,
    /// Number of the program's run, counted from 1.
    pub run: u64,
    pub started: Option<SystemTime>,
    pub last_exit: Option<Exit>,
    /// What the program says of itself.
    pub text: Option<String>,
    pub debug: bool,
    pub debug_env: BTreeMap<String, String>,
    /// Who waits for the program to have been told of debug.
    pub switching: Vec<(bool, Sender<Answer>)>,
    pub waiters: Vec<Waiter>,
    /// Services of the same driver that must be ready first.
    pub waits_for: Vec<usize>,
    /// Has not had its turn to start.
    pub waiting: bool,
    /// Stopped by request: the driver of `abide up` stays, so that it can be started again.
    pub held: bool,
    /// The driver ends, and has told so.
    pub told_to_end: bool,
    /// The program was ready once.
    was_ready: bool,
    /// Something changed that is not on disk yet.
    pub dirty: bool,
    /// Where the program may tell how it fares.
    pub notify: Option<PathBuf>,
    base: Option<PathBuf>,
    env_file: Option<PathBuf>,
    manager: ManagerKind,
    kept: Vec<Kept>,
    /// When what became of the output is told next, if there is news.
    pub output_due: Option<Instant>,
    output_told: Option<Instant>,
    /// When the capture is to try again, or to remove what is too old.
    pub flush_due: Option<Instant>,
    /// What hindered the capture when it was told last.
    trouble: Option<String>,
    /// What the newest status on disk says of the output.
    shown: LogStatus,
    history: History,
    /// The service manager's own log; in the foreground the terminal shows the events.
    event_log: Option<EventLog>,
    streams: Vec<StreamId>,
    why: Option<String>,
    since: (String, SystemTime),
    _lock: Lock,
}

impl Service {
    pub fn open(
        charge: Charge,
        manager: ManagerKind,
        show: Option<Arc<dyn Show>>,
        output_changed: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Self, SetupError> {
        let Charge { spec, place, base, env_file } = charge;
        let name = &spec.name;
        place.create().map_err(SetupError::Place)?;
        let lock = Lock::acquire(&place.lock()).map_err(|error| match error {
            LockError::Held { pid, .. } => SetupError::Busy { name: name.clone(), pid },
            error @ LockError::Io { .. } => SetupError::Lock { path: place.lock(), why: error.to_string() },
        })?;
        let capture = Capture::open_with(
            &place.logs,
            &(&spec.logs).into(),
            Files { append: abide_os::fs::open_append, background: abide_os::priority::background },
        )
        .map_err(|source| SetupError::Logs { name: name.clone(), source })?;
        let refine = Refine::new(&spec.logs, launch::random())
            .map_err(|source| SetupError::Refine { name: name.clone(), source })?;
        let history = History::open(&place.state, name.as_str())
            .map_err(|source| SetupError::History { path: place.state.clone(), source })?;
        let family = Family::current();
        Ok(Self {
            ladder: spec.effective_stop(family),
            machine: Machine::new(Policy::from_spec(&spec, family), launch::random()),
            checks: Checks::of(&spec),
            output: Output::new(name.as_str(), capture, refine, show, output_changed),
            tree: None,
            run: 0,
            started: None,
            last_exit: None,
            text: None,
            debug: false,
            debug_env: BTreeMap::new(),
            switching: Vec::new(),
            waiters: Vec::new(),
            waits_for: Vec::new(),
            waiting: true,
            held: false,
            told_to_end: false,
            was_ready: false,
            dirty: true,
            notify: None,
            base,
            env_file,
            manager,
            kept: Vec::new(),
            output_due: Some(Instant::now()),
            output_told: None,
            flush_due: None,
            trouble: None,
            shown: LogStatus::default(),
            history,
            // A log that cannot be opened is missed, not waited for: the events are kept here anyway.
            event_log: if manager == ManagerKind::Foreground {
                None
            } else {
                EventLog::open(spec.name.as_str()).ok()
            },
            streams: Vec::new(),
            why: None,
            since: (String::new(), SystemTime::now()),
            _lock: lock,
            spec,
            place,
        })
    }

    /// Process id of the main program, while its tree lives.
    pub fn pid(&self) -> Option<u32> {
        self.tree.as_ref().map(Tree::pid)
    }

    pub fn plan(&self) -> Plan<'_> {
        Plan {
            spec: &self.spec,
            place: &self.place,
            base: self.base.as_ref(),
            env_file: self.env_file.as_ref(),
            debug_env: &self.debug_env,
            manager: self.manager,
            notify: self.notify.clone(),
        }
    }

    pub fn identity(&self) -> Identity {
        launch::identity(&self.spec, self.manager)
    }

    /// Ends what a supervisor that was killed left behind.
    pub fn clear_leftovers(&mut self) {
        let marks = launch::marks(&self.spec, &self.place);
        let entries: Vec<Vec<u8>> = marks
            .into_iter()
            .map(|(name, value)| [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat())
            .collect();
        let ended = clear_leftovers(&entries);
        if !ended.is_empty() {
            let text = format!("ended {} processes that an earlier supervisor left: {ended:?}", ended.len());
            self.keep(Kept::Note(text));
        }
    }

    /// Nothing of it runs, and nothing will without being asked for.
    pub fn is_at_rest(&self) -> bool {
        !self.waiting && self.machine.state().is_at_rest() && self.tree.is_none()
    }

    /// Services that start after this one may start.
    pub fn lets_others_start(&self) -> bool {
        match self.machine.state() {
            State::Running { ready, .. } => *ready,
            State::Paused { .. } => true,
            State::Stopped { exit, .. } => exit.is_some(),
            _ => false,
        }
    }

    /// The spec cannot be honoured without notifications.
    pub fn needs_notify(&self) -> bool {
        self.ready_by_notify() || self.spec.health.iter().any(|health| health.probe == Probe::Notify)
    }

    pub fn ready_by_notify(&self) -> bool {
        self.spec.start.ready.as_ref().is_some_and(|ready| ready.probe == Probe::Notify)
    }

    /// The text of output that means "ready".
    pub fn ready_text(&self) -> Option<String> {
        match &self.spec.start.ready.as_ref()?.probe {
            Probe::Log(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Connects a run's output to the log.
    pub fn connect(&mut self, outputs: &mut Outputs, stdout: PipeReader, stderr: PipeReader) {
        for (stream, pipe) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            self.streams.push(outputs.add(&self.output, stream, pipe));
        }
    }

    /// The pipes of the run that ended.
    pub fn take_streams(&mut self) -> Vec<StreamId> {
        std::mem::take(&mut self.streams)
    }

    pub fn signal(&mut self, signal: &Signal) -> Result<(), String> {
        match &mut self.tree {
            Some(tree) => tree.signal(signal).map_err(|error| error.to_string()),
            None => Err("the program does not run".into()),
        }
    }

    /// Suspends or resumes; a failure is told, and nothing else can be done about it.
    pub fn tree_act(&mut self, what: &str, act: impl FnOnce(&mut Tree) -> std::io::Result<()>) {
        if let Some(tree) = &mut self.tree
            && let Err(error) = act(tree)
        {
            self.keep(Kept::Note(format!("the program could not be {what}: {error}")));
        }
    }

    /// Gives up the tree if nothing of it is left, and tells whose it was.
    pub fn take_gone_tree(&mut self) -> Option<u32> {
        let pid = self.pid()?;
        self.tree.as_mut()?.is_gone().then(|| {
            self.tree = None;
            pid
        })
    }

    /// Lets go of a tree that the machine has given up on: what of it cannot be killed is reported, and
    /// nobody waits for it. A program that will not die is still ours: nothing may start beside it.
    pub fn leave_behind(&mut self) {
        let state = self.machine.state();
        if state.is_at_rest() && state.pid().is_none() {
            self.tree = None;
        }
    }

    /// Begins new log files.
    pub fn rotate(&mut self) {
        if let Err(error) = self.output.rotate() {
            self.keep(Kept::Note(format!("the log files could not be rotated: {error}")));
        }
    }

    /// What became of the output is news: it is told soon, but not too often.
    pub fn output_changed(&mut self, now: Instant) {
        let next = self.output_told.map_or(now, |told| (told + NEWS).max(now));
        self.output_due.get_or_insert(next);
    }

    /// Tells what became of the output, if that is due.
    pub fn tell_output(&mut self, now: Instant) {
        if self.flush_due.is_some_and(|due| due <= now) {
            self.flush_due = None;
            self.output.flush();
        }
        if self.output_due.is_none_or(|due| due > now) {
            return;
        }
        (self.output_due, self.output_told, self.dirty) = (None, Some(now), true);
        let trouble = self.output.status().trouble;
        self.flush_due = self.output.next_flush().and_then(|wait| now.checked_add(wait));
        match (&self.trouble, &trouble) {
            (None, Some(why)) => {
                self.keep(Kept::Note(format!("the output is not kept as it should be: {why}")))
            }
            (Some(_), None) => self.keep(Kept::Note("the output is kept as it should be again".into())),
            _ => {}
        }
        self.trouble = trouble;
    }

    pub fn keep(&mut self, kept: Kept) {
        self.kept.push(kept);
        self.dirty = true;
    }

    /// How long the service manager should be patient in the present state.
    pub fn patience(&self, now: Moment) -> Duration {
        let ready = self.spec.start.ready.as_ref().map_or(Duration::ZERO, |ready| ready.timeout.get());
        let budget = self.spec.stop_budget(Family::current()).get();
        let wait = self.machine.due().map_or(Duration::ZERO, |due| due.since(now));
        MARGIN
            + match self.machine.state() {
                State::BackingOff { .. } => wait + ready,
                State::Stopping { .. } => budget.max(wait),
                _ => wait.max(ready),
            }
    }

    /// Writes down what was kept, tells the waiters, and gives back the events in words and the status.
    pub fn settle(&mut self) -> (Vec<String>, Status) {
        self.dirty = false;
        self.was_ready |= matches!(self.machine.state(), State::Running { ready: true, .. });
        let now = SystemTime::now();
        let (mut told, mut records) = (Vec::new(), Vec::new());
        for kept in std::mem::take(&mut self.kept) {
            let (text, record, severity) = match kept {
                Kept::Record(record) => {
                    // What changed nothing is of interest while looking for a fault only.
                    if matches!(record, Record::Ignored { .. }) && !self.debug {
                        continue;
                    }
                    let value = serde_json::to_value(&record).unwrap_or_default();
                    if explains(&record) {
                        self.why = Some(record.sentence());
                    }
                    (record.sentence(), value, severity(&record))
                }
                Kept::Note(text) => {
                    let value = serde_json::json!({ "kind": "note", "text": text });
                    (text, value, Severity::Info)
                }
            };
            if let Some(log) = &self.event_log {
                log.report(severity, &text);
            }
            self.waiters.retain(|waiter| waiter.progress(&text));
            told.push(text);
            records.push(record);
        }
        // A full disk must not end supervision: the status tells, the events are lost.
        if let Err(error) = self.history.append(now, told.iter().zip(records)) {
            let why = self.why.take().unwrap_or_default();
            self.why = Some(format!("{why} (not in the event log: {error})"));
        }
        let state = self.state_name();
        if self.since.0 != state {
            self.since = (state.to_owned(), now);
        }
        let status = self.status();
        self.shown = status.logs.clone();
        // As above; the next change tries again.
        let _ = status::write(&self.place.state, &status);
        let run = self.run;
        self.waiters.retain(|waiter| !waiter.answer(&status, run));
        (told, status)
    }

    /// All output has been taken: tells what became of the last of it.
    pub fn last_words(&mut self) {
        if self.shown != self.output.status() {
            self.settle();
        }
    }

    fn state_name(&self) -> &'static str {
        if self.waiting { "waiting" } else { self.machine.state().name() }
    }

    /// The status at this moment.
    pub fn status(&self) -> Status {
        let state = self.machine.state();
        let (ready, healthy) = match state {
            State::Running { ready, healthy, .. } => (*ready, *healthy),
            _ => (false, true),
        };
        let runs = state.pid().is_some();
        let next_start = match state {
            State::BackingOff { since, until, .. } => Some(self.since.1 + until.since(*since)),
            _ => None,
        };
        Status {
            schema: status::SCHEMA.into(),
            name: self.spec.name.to_string(),
            description: self.spec.description.clone(),
            state: self.state_name().into(),
            ready,
            was_ready: self.was_ready,
            healthy,
            since: rfc3339(self.since.1),
            pid: state.pid(),
            started: self.started.filter(|_| runs).map(rfc3339),
            restarts: self.machine.restarts().into(),
            failures: self.machine.failures(),
            next_start: next_start.map(rfc3339),
            last_exit: self.last_exit,
            why: self.why.clone(),
            text: self.text.clone().filter(|_| runs),
            debug: self.debug,
            logs: self.output.status(),
            supervisor: SupervisorStatus::own(self.manager.as_str()),
            orphaned: false,
        }
    }
}

/// Whether a record says why the service is in its state; the steps of a stop only say how it got there.
fn explains(record: &Record) -> bool {
    !matches!(record, Record::StopStep { .. } | Record::StoppedBy { .. } | Record::KilledAgain { .. })
}

fn severity(record: &Record) -> Severity {
    match record.level() {
        Level::Debug | Level::Info => Severity::Info,
        Level::Warning => Severity::Warning,
        Level::Error => Severity::Error,
    }
}

//! Making a service do something: through the service manager where that runs it and has the verb, else through the control
//! endpoint of its supervisor. It returns when it is so, or tells why not.

use std::fmt;
use std::io::ErrorKind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use abide_os::manager::{self, Progress};
use abide_spec::Name;
use abide_supervisor::control::{self, AskError, Done, Verb};

use crate::error::{HostError, Kind};
use crate::home::{self, Home};

/// How long an answer is waited for that no setting of a spec bounds.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a service is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start it, and wait until it is ready.
    Start,
    /// Stop it, and wait until its whole process tree is gone.
    Stop,
    /// Stop it, then start it.
    Restart,
    /// Let the program read its configuration again.
    Reload,
    /// Suspend the program.
    Pause,
    /// Let a suspended program go on.
    Continue,
    /// Begin new log files.
    Rotate,
    /// Switch its verbosity.
    Debug {
        /// True for `debug on`.
        on: bool,
    },
}

impl Order {
    const fn verb(self) -> Verb {
        match self {
            Self::Start => Verb::Start,
            Self::Stop => Verb::Stop,
            Self::Restart => Verb::Restart,
            Self::Reload => Verb::Reload,
            Self::Pause => Verb::Pause,
            Self::Continue => Verb::Continue,
            Self::Rotate => Verb::Rotate,
            Self::Debug { on } => Verb::Debug { on },
        }
    }

    /// Whether the service manager has to know of it.
    const fn is_the_managers(self) -> bool {
        matches!(self, Self::Start | Self::Stop | Self::Restart)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Pause => "pause",
            Self::Continue => "continue",
            Self::Debug { .. } => "switch its verbosity",
            Self::Rotate => "begin new log files",
        })
    }
}

/// Something that a service is to do.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// The service.
    pub name: &'a Name,
    /// Where it lives.
    pub home: &'a Home,
    /// What it is told.
    pub order: Order,
    /// How long it may take in all; nothing: as long as the spec allows.
    pub timeout: Option<Duration>,
}

/// How long each half of it may take.
struct Budget {
    start: Duration,
    stop: Duration,
}

impl Deed<'_> {
    /// Does it. Answers what is so then, in words that go on after the service's name: ` is stopped`.
    ///
    /// `progress` is told what happens meanwhile.
    pub fn run(&self, progress: &mut dyn FnMut(&Progress<'_>)) -> Result<String, HostError> {
        let (name, home, order) = (self.name, self.home, self.order);
        if let Home::Project(_) = home {
            return self.ask(progress);
        }
        let manager = || home::manager(home.scope().unwrap_or_default());
        if order.is_the_managers() {
            let (manager, budget) = (manager()?, self.budget());
            let mut watch = |told: Progress<'_>| progress(&told);
            match order {
                Order::Start => manager.start(name, budget.start, &mut watch)?,
                Order::Stop => manager.stop(name, budget.stop, &mut watch)?,
                _ => manager.restart(name, budget.start + budget.stop, &mut watch)?,
            }
            return Ok(format!(" is {}", if order == Order::Stop { "stopped" } else { "running" }));
        }
        if !home.is_direct(name) {
            return self.ask(progress);
        }
        if order == Order::Reload {
            let patience = self.timeout.unwrap_or(PATIENCE);
            manager()?.reload(name, patience, &mut |told: Progress<'_>| progress(&told))?;
            return Ok(" was told to reload".into());
        }
        Err(home::without_supervisor(name, home, "that is a supervisor's work"))
    }

    /// As long as the spec allows, unless the caller says otherwise.
    fn budget(&self) -> Budget {
        if let Some(timeout) = self.timeout {
            return Budget { start: timeout, stop: timeout };
        }
        match self.home.read_spec(self.name) {
            Some(spec) => Budget {
                start: manager::start_budget(&spec),
                stop: manager::stop_budget(&spec, abide_spec::Family::current()),
            },
            // Not for everybody to read.
            None => Budget { start: PATIENCE, stop: PATIENCE },
        }
    }

    /// Asks the supervisor.
    fn ask(&self, progress: &mut dyn FnMut(&Progress<'_>)) -> Result<String, HostError> {
        match self.answer(progress)? {
            Ok(done) => {
                // The answer may name the service, and so do we.
                let told = done.text.strip_prefix(self.name.as_str()).filter(|told| told.starts_with(' '));
                Ok(told.map_or_else(|| format!(": {}", done.text), str::to_owned))
            }
            Err(AskError::Unreachable { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
            {
                // Nobody there: for `stop` that is as it should be.
                if self.order == Order::Stop { Ok(" is stopped".into()) } else { Err(self.not_running()) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits no longer than the patience in all, whatever is told meanwhile.
    fn answer(&self, progress: &mut dyn FnMut(&Progress<'_>)) -> Result<Result<Done, AskError>, HostError> {
        enum Told {
            Progress(String),
            Answer(Box<Result<Done, AskError>>),
        }
        let patience = self.timeout.unwrap_or(PATIENCE);
        let until = Instant::now() + patience;
        let (endpoint, verb) = (self.home.place(self.name).endpoint(), self.order.verb());
        let (told, heard) = mpsc::channel();
        std::thread::Builder::new()
            .name("ask".into())
            .spawn(move || {
                let answer = control::ask(&endpoint, verb, patience, |text| {
                    // Whoever asked may have lost patience.
                    let _ = told.send(Told::Progress(text.to_owned()));
                });
                let _ = told.send(Told::Answer(Box::new(answer)));
            })
            .map_err(|error| HostError::io("no thread to ask the supervisor with", &error))?;
        loop {
            match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Told::Progress(text)) => progress(&Progress::Status(&text)),
                Ok(Told::Answer(answer)) => return Ok(*answer),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let (name, shown) = (self.name, abide_spec::Duration(patience));
                    let error = format!("{name} did not {} within {shown}", self.order);
                    return Err(HostError::new(Kind::TimedOut, error).hint(format!(
                        "`abide status {name}` tells how it goes on, `--timeout` gives it longer"
                    )));
                }
            }
        }
    }

    fn not_running(&self) -> HostError {
        let name = self.name;
        let error = match (self.home, self.order) {
            (Home::Project(_), Order::Start | Order::Restart) => {
                format!("{name} cannot be started: its `abide up` has ended")
            }
            _ => format!("{name} is not running"),
        };
        let error = HostError::new(Kind::NotRunning, error);
        match self.home.project() {
            Some(folder) => error.hint(format!("`abide up` in {} starts it", folder.display())),
            None => error.hint(format!("`abide start {name}` starts it")),
        }
    }
}

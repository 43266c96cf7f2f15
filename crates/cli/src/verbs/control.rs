//! The verbs that make a service do something: through the service manager where that runs it and has
//! the verb, else through the control endpoint of its supervisor.

use std::io::ErrorKind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use abide_os::manager::{self, ManagerError, Progress, ServiceManager, Watcher};
use abide_spec::Name;
use abide_supervisor::control::{self, AskError, Done, Verb};

use crate::args::{Act, Common, Names, Switch, SwitchDebug};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};
use crate::services::{self, Home};
use crate::verbs::apply::words;

/// How long an answer is waited for that no setting of a spec bounds.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is done to one service; what is so then, in words.
type Deed<'a> = &'a dyn Fn(&Name, &Home) -> Result<String, Failure>;

/// `abide start`
pub fn start(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    act(args, common, printer, Verb::Start, |manager, name, budget, watch| {
        manager.start(name, budget.start, watch)
    })
}

/// `abide stop`
pub fn stop(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    act(args, common, printer, Verb::Stop, |manager, name, budget, watch| {
        manager.stop(name, budget.stop, watch)
    })
}

/// `abide restart`
pub fn restart(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    act(args, common, printer, Verb::Restart, |manager, name, budget, watch| {
        manager.restart(name, budget.start + budget.stop, watch)
    })
}

/// `abide reload`
pub fn reload(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(&args.names, common, printer, &|name, home| {
        if !home.is_direct(name) {
            return ask(name, home, Verb::Reload, None, printer);
        }
        let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
        services::manager(home.scope().unwrap_or_default())?.reload(name, PATIENCE, &mut watch)?;
        Ok(" was told to reload".into())
    })
}

/// `abide pause`
pub fn pause(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    tell(&args.names, common, printer, Verb::Pause)
}

/// `abide continue`
pub fn go_on(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    tell(&args.names, common, printer, Verb::Continue)
}

/// `abide rotate`
pub fn rotate(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    tell(&args.names, common, printer, Verb::Rotate)
}

/// `abide debug`
pub fn debug(args: &SwitchDebug, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let verb = Verb::Debug { on: args.switch == Switch::On };
    tell(std::slice::from_ref(&args.name), common, printer, verb)
}

/// How long each verb may take.
struct Budget {
    start: Duration,
    stop: Duration,
}

impl Budget {
    /// As long as the spec allows, unless the user says otherwise.
    fn of(name: &Name, home: &Home, timeout: Option<Duration>) -> Self {
        if let Some(timeout) = timeout {
            return Self { start: timeout, stop: timeout };
        }
        match home.read_spec(name) {
            Some(spec) => Self {
                start: manager::start_budget(&spec),
                stop: manager::stop_budget(&spec, abide_spec::Family::current()),
            },
            // Not for everybody to read.
            None => Self { start: PATIENCE, stop: PATIENCE },
        }
    }
}

/// Starts or stops services: by the service manager, or by the supervisor in an `abide up`.
fn act(
    args: &Act,
    common: &Common,
    printer: &Printer,
    verb: Verb,
    order: impl Fn(&dyn ServiceManager, &Name, &Budget, &mut Watcher<'_>) -> Result<(), ManagerError>,
) -> Result<Exit, Failure> {
    let timeout = args.timeout.map(abide_spec::Duration::get);
    each(&args.names, common, printer, &|name, home| {
        if let Home::Project(_) = home {
            return ask(name, home, verb, timeout, printer);
        }
        let manager = services::manager(home.scope().unwrap_or_default())?;
        let budget = Budget::of(name, home, timeout);
        let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
        order(&*manager, name, &budget, &mut watch)?;
        Ok(format!(" is {}", if verb == Verb::Stop { "stopped" } else { "running" }))
    })
}

/// What only the supervisor can do.
fn tell(names: &[Name], common: &Common, printer: &Printer, verb: Verb) -> Result<Exit, Failure> {
    each(names, common, printer, &|name, home| {
        if home.is_direct(name) {
            return Err(services::without_supervisor(name, home, "that is a supervisor's work"));
        }
        ask(name, home, verb, None, printer)
    })
}

/// Every name is known before anything is done; then what fails for one is done for the others all the same.
fn each(names: &[Name], common: &Common, printer: &Printer, deed: Deed<'_>) -> Result<Exit, Failure> {
    let homes = names.iter().map(|name| Ok((name, Home::required(name, common)?)));
    let homes = homes.collect::<Result<Vec<_>, Failure>>()?;
    let mut failed = None;
    for (name, home) in &homes {
        match deed(name, home) {
            Ok(told) => printer.result(format!("{GOOD}{name}{GOOD:#}{told}"))?,
            Err(failure) if homes.len() == 1 => return Err(failure),
            Err(failure) => {
                printer.failure(&failure);
                failed.get_or_insert(failure.exit);
            }
        }
    }
    Ok(failed.unwrap_or(Exit::Ok))
}

/// Asks the supervisor of a service.
fn ask(
    name: &Name,
    home: &Home,
    verb: Verb,
    timeout: Option<Duration>,
    printer: &Printer,
) -> Result<String, Failure> {
    match answer(name, home, verb, timeout.unwrap_or(PATIENCE), printer)? {
        Ok(done) => {
            // The answer may name the service, and so do we.
            let told = done.text.strip_prefix(name.as_str()).filter(|told| told.starts_with(' '));
            Ok(told.map_or_else(|| format!(": {}", done.text), str::to_owned))
        }
        Err(AskError::Unreachable { source, .. })
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            // Nobody there: for `stop` that is as it should be.
            if verb == Verb::Stop { Ok(" is stopped".into()) } else { Err(not_running(name, home, verb)) }
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits no longer than `patience` in all, whatever is told meanwhile.
fn answer(
    name: &Name,
    home: &Home,
    verb: Verb,
    patience: Duration,
    printer: &Printer,
) -> Result<Result<Done, AskError>, Failure> {
    enum Told {
        Progress(String),
        Answer(Box<Result<Done, AskError>>),
    }
    let until = Instant::now() + patience;
    let endpoint = home.place(name).endpoint();
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
        .map_err(|error| Failure::io("no thread to ask the supervisor with", &error))?;
    loop {
        match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Told::Progress(text)) => printer.progress(&crate::text::plain(&text)),
            Ok(Told::Answer(answer)) => return Ok(*answer),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let shown = crate::shown::span(patience);
                let error = format!("{name} did not {} within {shown}", word(verb));
                return Err(Failure::new(Exit::TimedOut, error).hint(format!(
                    "`abide status {name}` tells how it goes on, `--timeout` gives it longer"
                )));
            }
        }
    }
}

const fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Status => "answer",
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Restart => "restart",
        Verb::Reload => "reload",
        Verb::Pause => "pause",
        Verb::Continue => "continue",
        Verb::Debug { .. } => "switch its verbosity",
        Verb::Rotate => "begin new log files",
    }
}

fn not_running(name: &Name, home: &Home, verb: Verb) -> Failure {
    let error = match (home, verb) {
        (Home::Project(_), Verb::Start | Verb::Restart) => {
            format!("{name} cannot be started: its `abide up` has ended")
        }
        _ => format!("{name} is not running"),
    };
    let failure = Failure::new(Exit::NotRunning, error);
    match home.project() {
        Some(folder) => failure.hint(format!("`abide up` in {} starts it", folder.display())),
        None => failure.hint(format!("`abide start {name}` starts it")),
    }
}

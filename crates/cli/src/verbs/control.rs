//! The verbs that make a service do something: through the service manager where that runs it and has
//! the verb, else through the control endpoint of its supervisor.

use std::time::Duration;

use abide_os::manager::{self, Progress, ServiceManager};
use abide_spec::{Name, Spec};
use abide_supervisor::control::{self, AskError, Verb};

use crate::args::{Act, Common, Debug_, Names, Switch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};
use crate::services::{self, Home};
use crate::verbs::apply::words;

/// How long an answer is waited for that no setting of a spec bounds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Patience for a service whose spec cannot be read by this user.
const UNKNOWN_BUDGET: Duration = Duration::from_secs(300);

/// `abide start`
pub fn start(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(args, common, printer, Verb::Start, "is running", |manager, name, budget, watch| {
        manager.start(name, budget.start, watch)
    })
}

/// `abide stop`
pub fn stop(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(args, common, printer, Verb::Stop, "is stopped", |manager, name, budget, watch| {
        manager.stop(name, budget.stop, watch)
    })
}

/// `abide restart`
pub fn restart(args: &Act, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    each(args, common, printer, Verb::Restart, "is running", |manager, name, budget, watch| {
        manager.restart(name, budget.start + budget.stop, watch)
    })
}

/// `abide reload`
pub fn reload(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    ask_each(&args.names, common, printer, Verb::Reload)
}

/// `abide pause`
pub fn pause(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    ask_each(&args.names, common, printer, Verb::Pause)
}

/// `abide continue`
pub fn go_on(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    ask_each(&args.names, common, printer, Verb::Continue)
}

/// `abide rotate`
pub fn rotate(args: &Names, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    ask_each(&args.names, common, printer, Verb::Rotate)
}

/// `abide debug`
pub fn debug(args: &Debug_, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    ask_each(std::slice::from_ref(&args.name), common, printer, Verb::Debug { on: args.switch == Switch::On })
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
        let Home::Installed(layout) = home else { return Self { start: PATIENCE, stop: PATIENCE } };
        let spec = std::fs::read(layout.spec(name)).ok().and_then(|bytes| Spec::from_bytes(&bytes).ok());
        match spec {
            Some(spec) => Self {
                start: manager::start_budget(&spec),
                stop: manager::stop_budget(&spec, abide_spec::Family::current()),
            },
            None => Self { start: UNKNOWN_BUDGET, stop: UNKNOWN_BUDGET },
        }
    }
}

fn each(
    args: &Act,
    common: &Common,
    printer: &Printer,
    verb: Verb,
    done: &str,
    act: impl Fn(
        &dyn ServiceManager,
        &Name,
        &Budget,
        &mut manager::Watcher<'_>,
    ) -> Result<(), manager::ManagerError>,
) -> Result<Exit, Failure> {
    let timeout = args.timeout.map(abide_spec::Duration::get);
    for name in &args.names {
        let home = Home::required(name, common)?;
        match &home {
            Home::Installed(_) => {
                let manager = services::manager()?;
                manager.may_change()?;
                let budget = Budget::of(name, &home, timeout);
                act(&*manager, name, &budget, &mut |progress: Progress<'_>| {
                    printer.progress(&words(&progress))
                })?;
            }
            Home::Project(_) => ask(name, &home, verb, timeout, printer)?,
        }
        printer.data(format!("{GOOD}{name}{GOOD:#} {done}"))?;
    }
    Ok(Exit::Ok)
}

fn ask_each(names: &[Name], common: &Common, printer: &Printer, verb: Verb) -> Result<Exit, Failure> {
    for name in names {
        let home = Home::required(name, common)?;
        let text = answer(name, &home, verb, None, printer)?;
        printer.data(format!("{GOOD}{name}{GOOD:#}: {text}"))?;
    }
    Ok(Exit::Ok)
}

fn ask(
    name: &Name,
    home: &Home,
    verb: Verb,
    timeout: Option<Duration>,
    printer: &Printer,
) -> Result<(), Failure> {
    answer(name, home, verb, timeout, printer).map(drop)
}

fn answer(
    name: &Name,
    home: &Home,
    verb: Verb,
    timeout: Option<Duration>,
    printer: &Printer,
) -> Result<String, Failure> {
    let endpoint = home.place(name).endpoint();
    let patience = timeout.unwrap_or(PATIENCE);
    match control::ask(&endpoint, verb, patience, |text| printer.progress(text)) {
        Ok(done) => Ok(done.text),
        Err(AskError::Unreachable { source, .. })
            if matches!(
                source.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            Err(not_running(name, home, verb))
        }
        Err(error) => Err(error.into()),
    }
}

/// Nobody listens: for `stop` that is as it should be.
fn not_running(name: &Name, home: &Home, verb: Verb) -> Failure {
    let failure = Failure::new(Exit::NotRunning, format!("{name} is not running"));
    match (home, verb) {
        (Home::Project(_), _) => failure.hint("`abide up` in its folder starts it"),
        (Home::Installed(_), _) => failure.hint(format!("`abide start {name}` starts it")),
    }
}

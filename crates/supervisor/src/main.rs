//! `abide-supervisor`: supervises one service, started by a service manager or by hand.

// On Windows it is started by the service manager or at a logon, and must not open a window for that.
#![windows_subsystem = "windows"]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abide_os::eventlog::{EventLog, Severity};
use abide_os::link::{self, Link, ManagerKind};
use abide_os::manager::{self, Scope, last_act};
use abide_os::paths::{self, Layout};
use abide_spec::{Name, Spec};
use abide_supervisor::control::{self, AskError, Verb};
use abide_supervisor::history::History;
use abide_supervisor::status::{self, Status, SupervisorStatus};
use abide_supervisor::{Charge, Driver, Outcome, Place, timestamp};

const HELP: &str = "\
abide-supervisor: supervises one service. Service managers start it; people use `abide`.

usage:
  abide-supervisor run --manager MANAGER [--user] NAME
      supervise an installed service of the machine, or of the user, for that service manager
  abide-supervisor run --manager foreground --spec FILE --dir DIR
      supervise the service of a spec file, with state, logs and endpoint below DIR
  abide-supervisor control [--user] VERB NAME
      ask the supervisor of an installed service: status, start, stop, restart, reload, pause,
      continue, rotate
  abide-supervisor wait [--user] NAME ready|gone SECONDS
      wait until the program is ready, or its supervisor gone; for scripts of service managers, which take
      the status of the last run away before they start another. Ends with 0 when it is so, 1 when the
      service failed, 3 when it ended by itself as it should, 4 when it is not so in time
  abide-supervisor --version | --help
";

/// Exit codes, as those of `abide`.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const BAD_SPEC: u8 = 6;

/// The longest wait, in seconds: a moment further away could not be reckoned with.
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// What was waited for is not so yet: the code of a service whose state is not known.
const NOT_YET: u8 = 4;

/// The service ended as it should: the code of a service that is stopped.
const ENDED: u8 = 3;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
enum Wish {
    Help,
    Version,
    Installed { manager: ManagerKind, scope: Scope, name: Name },
    Foreground { spec: PathBuf, dir: PathBuf },
    Control { verb: Verb, scope: Scope, name: Name },
    Wait { what: Awaited, scope: Scope, name: Name, seconds: u64 },
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Ready,
    Gone,
}

fn main() -> ExitCode {
    abide_os::console::borrow();
    if let Some(code) = abide_os::console::run_as_helper() {
        return ExitCode::from(u8::try_from(code).unwrap_or(FAILED));
    }
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match parse(&words) {
        Ok(Wish::Help) => tell(HELP),
        Ok(Wish::Version) => tell(concat!("abide-supervisor ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Wish::Installed { manager, scope, name }) => run_installed(manager, scope, &name),
        Ok(Wish::Foreground { spec, dir }) => run_foreground(&spec, &dir),
        Ok(Wish::Control { verb, scope, name }) => ask(verb, scope, &name),
        Ok(Wish::Wait { what, scope, name, seconds }) => wait(what, scope, &name, seconds),
        Err(error) => Err(Failure { code: USAGE, error, hint: Some("see `abide-supervisor --help`".into()) }),
    };
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Why this process ends badly.
#[derive(Debug)]
struct Failure {
    code: u8,
    error: String,
    hint: Option<String>,
}

impl Failure {
    fn new(code: u8, error: impl std::fmt::Display) -> Self {
        Self { code, error: error.to_string(), hint: None }
    }

    fn report(self) -> ExitCode {
        eprintln!("error: {}", self.error);
        if let Some(hint) = self.hint {
            eprintln!("\nhint: {hint}");
        }
        ExitCode::from(self.code)
    }
}

fn tell(text: &str) -> Result<ExitCode, Failure> {
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

fn parse(words: &[&str]) -> Result<Wish, String> {
    match words {
        [] | ["--help" | "-h" | "help"] => Ok(Wish::Help),
        ["--version" | "-V"] => Ok(Wish::Version),
        ["run", options @ ..] => parse_run(options),
        ["control", rest @ ..] => {
            let (scope, rest) = parse_scope(rest);
            let [verb, name] = rest else { return Err("control needs a verb and a name".into()) };
            Ok(Wish::Control { verb: parse_verb(verb)?, scope, name: parse_name(name)? })
        }
        ["wait", rest @ ..] => {
            let (scope, rest) = parse_scope(rest);
            let [name, what, seconds] = rest else { return Err("wait needs NAME ready|gone SECONDS".into()) };
            let what = match *what {
                "ready" => Awaited::Ready,
                "gone" => Awaited::Gone,
                other => return Err(format!("`{other}` cannot be waited for; `ready` and `gone` can")),
            };
            let seconds = seconds.parse().map_err(|_| format!("`{seconds}` is not a number of seconds"))?;
            Ok(Wish::Wait { what, scope, name: parse_name(name)?, seconds })
        }
        [first, ..] => Err(format!("`{first}` with these arguments is not understood")),
    }
}

fn parse_scope<'a, 'b>(words: &'a [&'b str]) -> (Scope, &'a [&'b str]) {
    match words {
        ["--user", rest @ ..] => (Scope::User, rest),
        _ => (Scope::System, words),
    }
}

fn parse_run(mut options: &[&str]) -> Result<Wish, String> {
    let (mut manager, mut spec, mut dir, mut name) = (None, None, None, None);
    let mut scope = Scope::System;
    while let [option, rest @ ..] = options {
        options = rest;
        if *option == "--user" {
            scope = Scope::User;
            continue;
        }
        if !option.starts_with("--") {
            name = Some(parse_name(option)?);
            continue;
        }
        let [value, rest @ ..] = options else { return Err(format!("{option} needs a value")) };
        options = rest;
        match *option {
            "--manager" => manager = Some(value.parse::<ManagerKind>()?),
            "--spec" => spec = Some(PathBuf::from(value)),
            "--dir" => dir = Some(PathBuf::from(value)),
            _ => return Err(format!("`{option}` is not an option of run")),
        }
    }
    match (manager, name, spec, dir) {
        (Some(ManagerKind::Foreground), None, Some(spec), Some(dir)) => Ok(Wish::Foreground { spec, dir }),
        (Some(manager), Some(name), None, None) if manager != ManagerKind::Foreground => {
            Ok(Wish::Installed { manager, scope, name })
        }
        _ => Err("run needs --manager and NAME, or --manager foreground with --spec and --dir".into()),
    }
}

fn parse_name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn parse_verb(text: &str) -> Result<Verb, String> {
    Ok(match text {
        "status" => Verb::Status,
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "restart" => Verb::Restart,
        "reload" => Verb::Reload,
        "pause" => Verb::Pause,
        "continue" => Verb::Continue,
        "rotate" => Verb::Rotate,
        other => return Err(format!("`{other}` is not a verb of the control endpoint")),
    })
}

/// The folders of the machine's services, or the user's.
fn layout_of(scope: Scope) -> Result<Layout, Failure> {
    Layout::of(scope).map_err(|error| Failure::new(FAILED, error))
}

fn run_installed(manager: ManagerKind, scope: Scope, name: &Name) -> Result<ExitCode, Failure> {
    let layout = layout_of(scope)?;
    let charge = || -> Result<Charge, Failure> {
        let file = paths::credential(paths::SPEC_CREDENTIAL).unwrap_or_else(|| layout.spec(name));
        Ok(Charge {
            spec: read_spec(&file)?,
            place: Place::of(&layout, name),
            base: None,
            env_file: paths::credential(paths::ENV_FILE_CREDENTIAL),
        })
    };
    let code = hosted(manager, name.as_str(), Place::of(&layout, name), charge());
    Ok(exit_with(last_act(manager, scope, name, code)))
}

fn exit_with(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(FAILED))
}

fn run_foreground(file: &Path, dir: &Path) -> Result<ExitCode, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Failure::new(FAILED, format!("{}: {error}", path.display())))
    };
    let (file, dir) = (absolute(file)?, absolute(dir)?);
    let spec = read_spec(&file)?;
    let name = spec.name.to_string();
    let base = file.parent().map(PathBuf::from);
    let place = Place::below(&dir);
    let charge = Charge { spec, place: place.clone(), base, env_file: None };
    Ok(exit_with(hosted(ManagerKind::Foreground, &name, place, Ok(charge))))
}

fn read_spec(file: &Path) -> Result<Spec, Failure> {
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::new(BAD_SPEC, format!("the spec {} cannot be read: {error}", file.display()))
    })?;
    let refuse = |errors: &abide_spec::Errors, text: &str| {
        Failure::new(BAD_SPEC, errors.render(file, text, false).trim_start_matches("error: "))
    };
    let text =
        abide_spec::text_of(&bytes).map_err(|errors| refuse(&errors, &String::from_utf8_lossy(&bytes)))?;
    Spec::parse_lean(text).map_err(|errors| refuse(&errors, text))
}

/// Supervises as what the service manager expects this process to be. Whatever goes wrong is told to
/// the service manager too: a service that never answers would only be waited for.
fn hosted(manager: ManagerKind, name: &str, place: Place, charge: Result<Charge, Failure>) -> i32 {
    let service = name.to_owned();
    link::host(manager, name, move |link| {
        let link = Arc::new(link);
        match charge.and_then(|charge| supervise(manager, &link, charge)) {
            Ok(outcome) => exit_code(&outcome),
            Err(failure) => {
                let code = i32::from(failure.code);
                link.text(&failure.error);
                leave_word(manager, &place, &service, &failure.error);
                let _ = failure.report();
                link.stopped(abide_spec::Exit::Code(code));
                code
            }
        }
    })
}

/// Writes down why there is no supervision, where `abide events` and `abide start` look for it. It is on
/// standard error anyway, so a folder that cannot be written changes nothing.
fn leave_word(manager: ManagerKind, place: &Place, service: &str, why: &str) {
    let text = format!("the supervisor could not begin: {why}");
    // Standard error has it already, and a service of the SCM has none.
    if manager == ManagerKind::Scm
        && let Ok(log) = EventLog::open(service)
    {
        log.report(Severity::Error, &text);
    }
    let record = serde_json::json!({ "kind": "not-supervised", "why": why });
    let _ = place.create();
    if let Ok(name) = service.parse() {
        // Not when another supervisor is at work there: its status is the true one.
        let running =
            status::read(&place.state).ok().flatten().is_some_and(|told| status::supervisor_lives(&told));
        let failed = Status {
            why: Some(text.clone()),
            supervisor: SupervisorStatus::own(manager.as_str()),
            since: timestamp::rfc3339(SystemTime::now()),
            ..Status::never_ran(&name, "failed")
        };
        let _ = (!running).then(|| status::write(&place.state, &failed));
    }
    let _ = History::open(&place.state, service)
        .and_then(|mut history| history.append(SystemTime::now(), [(&text, record)]));
}

fn supervise(manager: ManagerKind, link: &Arc<Link>, charge: Charge) -> Result<Outcome, Failure> {
    let failed = |error| Failure::new(FAILED, error);
    let mut driver = Driver::new(manager, Arc::clone(link), None).map_err(failed)?;
    driver.add(charge, None).map_err(failed)?;
    driver.run().map_err(failed)
}

/// The program's own code where the service ended in failure, so that the service manager shows it.
fn exit_code(outcome: &Outcome) -> i32 {
    match outcome.services.as_slice() {
        [service] if service.state == "failed" => match service.last_exit.map(|exit| exit.shell_code()) {
            None | Some(0) => i32::from(FAILED),
            Some(code) => code,
        },
        _ => 0,
    }
}

fn wait(what: Awaited, scope: Scope, name: &Name, seconds: u64) -> Result<ExitCode, Failure> {
    let folder = Place::of(&layout_of(scope)?, name).state;
    let until = Instant::now() + Duration::from_secs(seconds.min(LONGEST));
    if what == Awaited::Gone {
        let gone = manager::await_end(&folder, until).map_err(|error| Failure::new(FAILED, error))?;
        return Ok(ExitCode::from(if gone { 0 } else { NOT_YET }));
    }
    match manager::await_supervisor(&folder, until).map_err(|error| Failure::new(FAILED, error))? {
        manager::Awaited::Ready => Ok(ExitCode::SUCCESS),
        manager::Awaited::Failed(why) => Err(Failure::new(FAILED, format!("{name} failed: {why}"))),
        manager::Awaited::Ended(_) | manager::Awaited::Gone => Ok(ExitCode::from(ENDED)),
        manager::Awaited::TimedOut => Ok(ExitCode::from(NOT_YET)),
    }
}

fn ask(verb: Verb, scope: Scope, name: &Name) -> Result<ExitCode, Failure> {
    let endpoint = Place::of(&layout_of(scope)?, name).endpoint();
    match control::ask(&endpoint, verb, Duration::from_secs(600), |text| eprintln!("{text}")) {
        Ok(done) => tell(&format!("{}\n", done.text)),
        Err(AskError::Refused(refusal)) => {
            Err(Failure { code: FAILED, error: refusal.error, hint: refusal.hint })
        }
        Err(error) => Err(Failure::new(FAILED, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        assert_eq!(parse(&[]), Ok(Wish::Help));
        assert_eq!(
            parse(&["run", "--manager", "systemd", "orders"]),
            Ok(Wish::Installed {
                manager: ManagerKind::Systemd,
                scope: Scope::System,
                name: "orders".parse().unwrap()
            })
        );
        assert_eq!(
            parse(&["run", "--manager", "systemd", "--user", "orders"]),
            Ok(Wish::Installed {
                manager: ManagerKind::Systemd,
                scope: Scope::User,
                name: "orders".parse().unwrap()
            })
        );
        assert_eq!(
            parse(&["wait", "orders", "ready", "30"]),
            Ok(Wish::Wait {
                what: Awaited::Ready,
                scope: Scope::System,
                name: "orders".parse().unwrap(),
                seconds: 30
            })
        );
        assert_eq!(
            parse(&["run", "--spec", "a.toml", "--manager", "foreground", "--dir", "d"]),
            Ok(Wish::Foreground { spec: "a.toml".into(), dir: "d".into() })
        );
        assert_eq!(
            parse(&["control", "stop", "orders"]),
            Ok(Wish::Control { verb: Verb::Stop, scope: Scope::System, name: "orders".parse().unwrap() })
        );
    }

    #[test]
    fn bad_command_lines_say_what_is_wrong() {
        for (words, expected) in [
            (&["run", "--manager"][..], "needs a value"),
            (&["run", "--manager", "cron", "x"], "cron"),
            (&["run", "orders"], "needs --manager"),
            (&["run", "--manager", "foreground", "x"], "--spec"),
            (&["control", "explode", "x"], "explode"),
            (&["dance"], "dance"),
            (&["wait", "x", "ready"], "SECONDS"),
            (&["wait", "x", "ready", "soon"], "soon"),
            (&["wait", "x", "dead", "1"], "dead"),
            (&["control", "stop", "a/b"], "a/b"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(expected), "{words:?}: {error}");
        }
    }
}

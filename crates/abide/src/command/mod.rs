//! What [`Service::main`] does besides running the program.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;

use abide_os::manager::Level;

use crate::run::Body;
use crate::{Error, Service};
use parse::{Command, Install, Scope};

mod help;
pub(crate) mod parse;

/// The command line is not understood.
const USAGE: u8 = 2;

/// Does what the command line says, and answers the exit code for the process.
pub(crate) fn main(service: Service, args: &[OsString], body: Box<dyn Body>) -> i32 {
    let name = service.name.clone();
    let command = match parse::parse(args, service.usage.is_some()) {
        Ok(command) => command,
        Err(why) => {
            complain(&name, &why);
            hint(&format!("`{} --help` tells what is", help::executable()));
            return USAGE.into();
        }
    };
    let of = |scope: Scope, service: Service| if scope.user { service.for_user() } else { service };
    let done = match command {
        Command::Run(own) => return service.run_body(own, body),
        Command::Help => {
            say(help::text(&service).trim_end());
            return 0;
        }
        Command::Install(how) => install(of(how.scope, service), how),
        Command::Uninstall(scope) => uninstall(&of(scope, service)),
        Command::Start(scope) => of(scope, service).start().map(|()| say(format_args!("{name} is running"))),
        Command::Stop(scope) => of(scope, service).stop().map(|()| say(format_args!("{name} is stopped"))),
        Command::Restart(scope) => {
            of(scope, service).restart().map(|()| say(format_args!("{name} is running")))
        }
        Command::Status { scope, json } => return status(&of(scope, service), json),
    };
    match done {
        Ok(()) => 0,
        Err(error) => tell(&name, &error),
    }
}

fn install(mut service: Service, how: Install) -> Result<(), Error> {
    if let Some(arguments) = how.arguments {
        service = service.arguments(arguments);
    }
    if how.plan {
        let plan = service.plan()?;
        say(plan.to_string().trim_end());
        return match plan.is_blocked() {
            true => Err(Error::Refused { name: service.name, findings: vec!["see above".into()] }),
            false => Ok(()),
        };
    }
    let (done, notes) = service.install_told()?;
    for note in notes.iter().filter(|note| note.level == Level::Warning) {
        eprintln!("warning: {note}");
    }
    let name = &service.name;
    if how.no_start || !service.starts_by_itself() {
        say(format_args!("{name} is installed"));
        return Ok(());
    }
    if !done.restarted {
        service.start()?;
    }
    say(format_args!("{name} is installed and running"));
    Ok(())
}

fn uninstall(service: &Service) -> Result<(), Error> {
    let gone = service.uninstall()?;
    for kept in gone.kept {
        say(format_args!("kept {kept}"));
    }
    say(format_args!("{} is uninstalled", service.name));
    Ok(())
}

fn status(service: &Service, json: bool) -> i32 {
    match service.status() {
        Ok(status) if json => {
            say(status.to_json());
            status.exit_code().into()
        }
        Ok(status) => {
            say(&status);
            status.exit_code().into()
        }
        Err(error) => {
            tell(&service.name, &error);
            // By the standard, `status` has codes of its own.
            4
        }
    }
}

fn tell(name: &str, error: &Error) -> i32 {
    complain(name, error);
    if let Some(text) = error.hint() {
        hint(&text);
    }
    error.exit_code().into()
}

fn complain(name: &str, why: &dyn Display) {
    let why = why.to_string();
    // Most errors begin with the name of the service as it is.
    let prefix = if why.starts_with(name) { String::new() } else { format!("{name}: ") };
    eprintln!("error: {prefix}{why}");
}

fn hint(text: &str) {
    eprintln!("hint: {text}");
}

/// A reader that has gone is no reason to die.
fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

//! The `abide` command: parsing, calling and printing. One module a verb.

mod args;
mod converted;
mod diff;
mod examples;
mod exit;
mod failure;
mod findings;
mod install_spec;
mod printer;
mod screen;
mod services;
mod shown;
mod specs;
mod table;
mod text;
mod verbs;

use clap::FromArgMatches;

use args::{Cli, Verb};
use failure::Failure;
use printer::Printer;

/// Runs the command line of this process.
pub fn main() -> std::process::ExitCode {
    if let Some(code) = abide_os::console::run_as_helper() {
        return std::process::ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    clap_complete::CompleteEnv::with_factory(args::command).complete();
    let cli = Cli::from_arg_matches(&args::command().get_matches()).unwrap_or_else(|error| error.exit());
    let printer = Printer::new(cli.common.color, cli.common.quiet).of_user(cli.common.user);
    match run(cli, &printer) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli, printer: &Printer) -> Result<exit::Exit, Failure> {
    let common = &cli.common;
    if common.user && !cli.verb.is_about_services() {
        let error = "`--user` does not go with this verb, which is not about installed services";
        return Err(Failure::new(exit::Exit::Usage, error).hint("leave `--user` out"));
    }
    match &cli.verb {
        Verb::Up(args) => verbs::up::run(args, common, printer),
        Verb::Check(args) => verbs::check::run(args, common, printer),
        Verb::Plan(args) => verbs::plan::run(args, common, printer),
        Verb::Apply(args) => verbs::apply::run(args, common, printer),
        Verb::Install(args) => verbs::install::run(args, common, printer),
        Verb::Uninstall(args) => verbs::uninstall::run(args, common, printer),
        Verb::Start(args) => verbs::control::start(args, common, printer),
        Verb::Stop(args) => verbs::control::stop(args, common, printer),
        Verb::Restart(args) => verbs::control::restart(args, common, printer),
        Verb::Reload(args) => verbs::control::reload(args, common, printer),
        Verb::Pause(args) => verbs::control::pause(args, common, printer),
        Verb::Continue(args) => verbs::control::go_on(args, common, printer),
        Verb::Rotate(args) => verbs::control::rotate(args, common, printer),
        Verb::Debug(args) => verbs::control::debug(args, common, printer),
        Verb::Status(args) => verbs::status::run(args, common, printer),
        Verb::Top(args) => verbs::top::run(args, common, printer),
        Verb::Logs(args) => verbs::logs::run(args, common, printer),
        Verb::Events(args) => verbs::events::run(args, common, printer),
        Verb::Agent(args) => verbs::agent::run(args, common, printer),
        Verb::Doctor(args) => verbs::doctor::run(args, common, printer),
        Verb::Forward(args) => verbs::forward::run(args, common, printer),
        Verb::Import(args) => verbs::import::run(args, printer),
        Verb::Export(args) => verbs::export::run(args, printer),
        Verb::Backends(args) => verbs::backends::run(args, printer),
        Verb::Schema => verbs::schema::run(printer),
        Verb::Completions(args) => verbs::completions::run(args, printer),
        Verb::Man(args) => verbs::man::run(args, printer),
        Verb::Version(args) => verbs::version::run(args, printer),
        Verb::Help(args) => verbs::help::run(args, printer),
    }
}

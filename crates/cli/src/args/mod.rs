//! The command line, as types.

mod asking;
mod converting;
mod diagnosing;
mod forwarding;
mod making;
mod serving;
mod watching;

use std::path::PathBuf;

use abide_host::Whose;
use abide_os::manager::Scope;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::engine::CompletionCandidate;

pub use asking::{
    Act, Completions, Count, Events, Form, Help, Json, Logs, Man, Names, Shell, Status, StreamChoice, Switch,
    SwitchDebug,
};
pub use converting::{Export, Import};
pub use diagnosing::Doctor;
pub use forwarding::{Forward, ForwardAct, ForwardInstall, ForwardUninstall};
pub use making::{Apply, Backends, Check, Install, Plan, Uninstall, Up};
pub use serving::{Agent, AgentAct, AgentInstall, TokenAct, TokenCreate};
pub use watching::Top;

use crate::examples;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Examples come before the list of arguments: they are what most readers look for.
const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\n{all-args}";

/// The command line, with the examples of every verb.
pub fn command() -> clap::Command {
    let with_examples = |command: clap::Command| {
        let examples = examples::render(command.get_name());
        if examples.to_string().is_empty() {
            command
        } else {
            command.after_help(examples).help_template(TEMPLATE)
        }
    };
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print help");
    let command = Cli::command().disable_help_flag(true).mut_subcommands(|verb| verb.disable_help_flag(true));
    let command = with_examples(command.mut_subcommands(with_examples));
    let command = command.arg(help.global(true).help_heading("Global options"));
    command.help_template(format!("{TEMPLATE}\n\n{}", crate::exit::short()))
}

/// Turns any program into a silent, self-healing background service.
#[derive(Debug, Parser)]
#[command(name = "abide", version, styles = STYLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub common: Common,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Global options")]
    pub color: Color,
    /// Say only what was asked for, and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// The user's own services, not those of the machine
    #[arg(long, global = true, conflicts_with = "dir", help_heading = "Global options")]
    pub user: bool,
    /// Folder of the `abide up` whose services are meant
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = "Global options")]
    pub dir: Option<PathBuf>,
}

impl Common {
    /// Whose services are meant.
    pub const fn scope(&self) -> Scope {
        if self.user { Scope::User } else { Scope::System }
    }

    /// Whose services are meant, and of which folder.
    pub fn whose(&self) -> Whose {
        Whose { scope: self.scope(), dir: self.dir.clone() }
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What `abide` does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run services in the foreground: development, containers, machines without a service manager
    Up(Up),
    /// Validate specs
    Check(Check),
    /// Show the exact change that `apply` would make
    Plan(Plan),
    /// Make the machine as the specs say, as a whole or not at all
    Apply(Apply),
    /// Make a program a service: write a spec, apply it, start it
    Install(Install),
    /// Stop a service and remove everything that was made for it
    Uninstall(Uninstall),
    /// Start services, and wait until they are ready
    Start(Act),
    /// Stop services, and wait until their whole process trees are gone
    Stop(Act),
    /// Stop services, start them, and wait until they are ready
    Restart(Act),
    /// Let programs read their configuration again
    Reload(Names),
    /// Suspend programs
    Pause(Names),
    /// Let suspended programs go on
    Continue(Names),
    /// Begin new log files
    Rotate(Names),
    /// Switch the verbosity of a program while it runs
    Debug(SwitchDebug),
    /// What services do
    Status(Status),
    /// Watch services live in the terminal: what they do, print and use, and keys to act on them
    Top(Top),
    /// What services printed
    Logs(Logs),
    /// What happened to a service, and why
    Events(Events),
    /// See all services of this machine over HTTP: state, events, logs, orders; for dashboards and other programs
    Agent(Agent),
    /// What is wrong with a service or the machine, why, and what to do
    Doctor(Doctor),
    /// Carry what services print to where logs are kept: OTLP, Loki, ClickHouse, syslog, journald, Event Log
    Forward(Forward),
    /// Make specs of other tools' configuration: NSSM, WinSW, shawl, supervisord, PM2, Procfile, systemd, Compose
    Import(Import),
    /// Write a spec as another tool's configuration: systemd, launchd, WinSW, NSSM
    Export(Export),
    /// What each service manager offers and honours
    Backends(Backends),
    /// The JSON Schema of specs, for editors
    Schema,
    /// A completion script for a shell
    Completions(Completions),
    /// The manual pages
    Man(Man),
    /// Version, commit, build time and target
    Version(Json),
    /// Help about a verb, or about exit codes
    Help(Help),
}

impl Verb {
    /// Whether it works on services that are installed, or could be.
    pub const fn is_about_services(&self) -> bool {
        !matches!(
            self,
            Self::Up(_)
                | Self::Backends(_)
                | Self::Schema
                | Self::Completions(_)
                | Self::Man(_)
                | Self::Version(_)
                | Self::Help(_)
        )
    }
}

/// The services that a shell may complete.
fn service_names(current: &std::ffi::OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let mut names: Vec<_> = crate::services::everywhere().into_iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| name.as_str().starts_with(&*current))
        .map(|name| CompletionCandidate::new(name.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}

//! The command line, as types.

use std::path::PathBuf;

use abide_os::manager::Kind;
use abide_spec::{Duration, HttpUrl, Name, When};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

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
    /// Folder of the `abide up` whose services are meant
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = "Global options")]
    pub dir: Option<PathBuf>,
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
    /// What a service printed
    Logs(Logs),
    /// What happened to a service, and why
    Events(Events),
    /// What each service manager can honour
    Backends(Json),
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

/// `abide up`
#[derive(Debug, Args)]
pub struct Up {
    /// Spec files, or folders of them [default: this folder]
    #[arg(value_name = "FILE or DIR", value_hint = clap::ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Show output and events only, no live table
    #[arg(long)]
    pub plain: bool,
    /// Do not show what the programs print (`abide logs` does)
    #[arg(long)]
    pub no_output: bool,
}

/// `abide check`
#[derive(Debug, Args)]
pub struct Check {
    /// Spec files, or folders of them
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// Check against another service manager than this machine's
    #[arg(long, value_enum, value_name = "NAME")]
    pub backend: Option<Backend>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `abide plan`
#[derive(Debug, Args)]
pub struct Plan {
    /// Spec files, or folders of them
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// Plan for another service manager than this machine's
    #[arg(long, value_enum, value_name = "NAME")]
    pub backend: Option<Backend>,
    /// As JSON, with every generated file whole
    #[arg(long)]
    pub json: bool,
}

/// A service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// systemd.
    Systemd,
    /// The Windows Service Control Manager.
    Scm,
    /// None: `abide up`.
    Foreground,
}

impl From<Backend> for Kind {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Systemd => Self::Systemd,
            Backend::Scm => Self::Scm,
            Backend::Foreground => Self::Foreground,
        }
    }
}

/// `abide apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// Spec files, or folders of them
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// Do not start services that are to start with the machine and do not run yet
    #[arg(long)]
    pub no_start: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `abide install`
#[derive(Debug, Args)]
pub struct Install {
    /// Name of the new service
    pub name: Name,
    /// The command, after `--`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// What the service is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Folder the program runs in [default: this one if an argument names a file in it, else the program's]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub working_dir: Option<PathBuf>,
    /// Account: least-privilege, system, or a user [default: least-privilege]
    #[arg(long, value_name = "ACCOUNT")]
    pub run_as: Option<String>,
    /// Environment of the program, may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// The service is ready when this http:// URL answers
    #[arg(long, value_name = "URL")]
    pub ready: Option<HttpUrl>,
    /// When to restart it [default: on-failure]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub restart: Option<RestartWhen>,
    /// Services or units to start after, may be repeated
    #[arg(long, value_name = "NAME")]
    pub after: Vec<String>,
    /// Do not start it now
    #[arg(long)]
    pub no_start: bool,
    /// Print the spec, and change nothing
    #[arg(long)]
    pub print: bool,
}

/// When a program is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RestartWhen {
    /// However it ended.
    Always,
    /// When it failed.
    OnFailure,
    /// Not at all.
    Never,
}

impl From<RestartWhen> for When {
    fn from(when: RestartWhen) -> Self {
        match when {
            RestartWhen::Always => Self::Always,
            RestartWhen::OnFailure => Self::OnFailure,
            RestartWhen::Never => Self::Never,
        }
    }
}

/// `abide uninstall`
#[derive(Debug, Args)]
pub struct Uninstall {
    /// The services
    #[arg(required = true, add = ArgValueCompleter::new(service_names))]
    pub names: Vec<Name>,
    /// Leave what the program printed
    #[arg(long)]
    pub keep_logs: bool,
}

/// Services, and how long to wait.
#[derive(Debug, Args)]
pub struct Act {
    /// The services
    #[arg(required = true, add = ArgValueCompleter::new(service_names))]
    pub names: Vec<Name>,
    /// How long to wait, such as 30s [default: as long as the spec allows]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Duration>,
}

/// Services.
#[derive(Debug, Args)]
pub struct Names {
    /// The services
    #[arg(required = true, add = ArgValueCompleter::new(service_names))]
    pub names: Vec<Name>,
}

/// `abide debug`
#[derive(Debug, Args)]
pub struct SwitchDebug {
    /// The service
    #[arg(add = ArgValueCompleter::new(service_names))]
    pub name: Name,
    /// On or off
    #[arg(value_enum)]
    pub switch: Switch,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// More is told.
    On,
    /// As usual.
    Off,
}

/// `abide status`
#[derive(Debug, Args)]
pub struct Status {
    /// One service in detail; all in a table when not given
    #[arg(add = ArgValueCompleter::new(service_names))]
    pub name: Option<Name>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `abide logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// The service
    #[arg(add = ArgValueCompleter::new(service_names))]
    pub name: Name,
    /// Go on with what comes
    #[arg(short, long)]
    pub follow: bool,
    /// So many lines from the end [default: 100; all with --since or --grep]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "since")]
    pub lines: Option<usize>,
    /// From a time on: 10m (ago), 2026-11-22, 2026-11-22T13:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// One stream only
    #[arg(long, value_enum)]
    pub stream: Option<StreamChoice>,
    /// Only lines that this regular expression matches
    #[arg(long, value_name = "RE")]
    pub grep: Option<String>,
    /// With the time and the stream of each line
    #[arg(short, long)]
    pub timestamps: bool,
    /// As JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// Which stream of a program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StreamChoice {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// `abide events`
#[derive(Debug, Args)]
pub struct Events {
    /// The service
    #[arg(add = ArgValueCompleter::new(service_names))]
    pub name: Name,
    /// So many from the end [default: all]
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,
    /// Go on with what comes
    #[arg(short, long)]
    pub follow: bool,
    /// As JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `abide help`
#[derive(Debug, Args)]
pub struct Help {
    /// A verb, or exit-codes [default: all verbs]
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}

/// As JSON or not.
#[derive(Debug, Args)]
pub struct Json {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `abide completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Shells that completions can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Elvish.
    Elvish,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Zsh.
    Zsh,
}

/// `abide man`
#[derive(Debug, Args)]
pub struct Man {
    /// Folder to write the pages to
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// The services that a shell may complete.
fn service_names(current: &std::ffi::OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    crate::services::known(None)
        .into_iter()
        .map(|(name, _)| name)
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

//! Arguments of the verbs for services that are there, and of those about `abide` itself.

use std::path::PathBuf;

use abide_spec::{Duration, Name};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::service_names;

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

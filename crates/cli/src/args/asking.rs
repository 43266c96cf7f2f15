//! Arguments of the verbs for services that are there, and of those about `abide` itself.

use std::path::PathBuf;

use abide_logs::Level;
use abide_spec::{Duration, Name};
use clap::builder::{PossibleValuesParser, TypedValueParser};
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
    /// The services; `*` and `?` stand for any letters [default: all]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(service_names))]
    pub names: Vec<String>,
    /// Go on with what comes
    #[arg(short, long)]
    pub follow: bool,
    /// So many lines from the end, or `all` [default: 100; all when it is said which]
    #[arg(short = 'n', long, visible_alias = "tail", value_name = "N")]
    pub lines: Option<Count>,
    /// From a time on: 10m (ago), 13:00, yesterday, 2026-11-22, 2026-11-22T13:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Up to a time, written the same way
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with = "follow")]
    pub until: Option<String>,
    /// Since this boot of the machine, or during the one that was N boots before (-1, -2)
    #[arg(short, long, value_name = "N", num_args = 0..=1, default_missing_value = "0", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub boot: Option<String>,
    /// Only lines that this regular expression matches
    #[arg(short, long, value_name = "RE", allow_hyphen_values = true)]
    pub grep: Option<String>,
    /// Let --grep take capital and small letters for the same
    #[arg(short, long, requires = "grep")]
    pub ignore_case: bool,
    /// Only lines that --grep does not match
    #[arg(short = 'v', long, requires = "grep")]
    pub invert_match: bool,
    /// Only entries of this level and above, with the lines that belong to them
    #[arg(short, long, value_name = "LEVEL", value_parser = level())]
    pub level: Option<Level>,
    /// One stream only
    #[arg(long, value_enum)]
    pub stream: Option<StreamChoice>,
    /// How lines look
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub output: Option<Form>,
    /// With the time and the stream of each line, as --output short
    #[arg(short, long, conflicts_with_all = ["output", "json"])]
    pub timestamps: bool,
    /// As JSON, one object a line, as --output json
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
}

/// How many lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Last(usize),
    /// As many as there are.
    All,
}

impl std::str::FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Last).map_err(|_| "give a number of lines, or all".to_owned()),
        }
    }
}

/// How lines of a log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Time, stream and text.
    Short,
    /// The same with the time as ISO 8601 has it, with its zone.
    Iso,
    /// The text alone.
    Cat,
    /// One JSON object a line.
    Json,
}

/// Takes the words that are levels, those that mean the same included.
fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(Level::ALL.map(Level::name)).try_map(|word| word.parse::<Level>())
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

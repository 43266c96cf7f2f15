//! Arguments of the verbs that read and write other tools' configuration.

use std::path::PathBuf;

use abide_import::{Kind, Target};
use abide_spec::Name;
use clap::{Args, ValueEnum};

/// `abide import`
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct Import {
    /// Whose configuration it is [default: told by name or content]
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Option<Source>,
    /// The file, or - for standard input
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// Folder to write NAME.toml to, one for each service [default: standard output]
    #[arg(short, long = "output", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Name of the service, where the file has one service
    #[arg(long, value_name = "NAME")]
    pub name: Option<Name>,
    /// Replace files that are there
    #[arg(long, requires = "output")]
    pub force: bool,
    /// As JSON: specs and report, whole
    #[arg(long)]
    pub json: bool,
}

/// A tool whose configuration can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// A registry export of a service (.reg), or what `nssm dump` prints.
    Nssm,
    /// WinSW's XML, versions 2 and 3.
    Winsw,
    /// shawl's command line, or what `sc qc` prints.
    Shawl,
    /// supervisord.conf.
    #[value(alias = "supervisor")]
    Supervisord,
    /// A PM2 ecosystem file: JSON, YAML, or JavaScript that holds one plain object.
    Pm2,
    /// A Procfile.
    Procfile,
    /// A .service unit, or what `systemctl cat` prints.
    Systemd,
    /// Docker Compose: the services that say what they run.
    #[value(alias = "docker-compose")]
    Compose,
}

impl From<Source> for Kind {
    fn from(source: Source) -> Self {
        match source {
            Source::Nssm => Self::Nssm,
            Source::Winsw => Self::Winsw,
            Source::Shawl => Self::Shawl,
            Source::Supervisord => Self::Supervisord,
            Source::Pm2 => Self::Pm2,
            Source::Procfile => Self::Procfile,
            Source::Systemd => Self::Systemd,
            Source::Compose => Self::Compose,
        }
    }
}

/// `abide export`
#[derive(Debug, Args)]
pub struct Export {
    /// Whose configuration is wanted
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Sink,
    /// The spec file, or - for standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// Folder to write the file to [default: standard output]
    #[arg(short, long = "output", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
    /// As JSON: file and report, whole
    #[arg(long)]
    pub json: bool,
}

/// A tool whose configuration can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sink {
    /// A plain unit that starts the program itself.
    Systemd,
    /// A property list.
    Launchd,
    /// WinSW's XML.
    Winsw,
    /// A script of NSSM commands.
    Nssm,
}

impl From<Sink> for Target {
    fn from(sink: Sink) -> Self {
        match sink {
            Sink::Systemd => Self::Systemd,
            Sink::Launchd => Self::Launchd,
            Sink::Winsw => Self::Winsw,
            Sink::Nssm => Self::Nssm,
        }
    }
}

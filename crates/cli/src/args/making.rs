//! Arguments of the verbs that bring services into being, and take them away.

use std::path::PathBuf;

use abide_os::manager::Kind;
use abide_spec::{HttpUrl, Name, When};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::service_names;

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
    /// OpenRC.
    #[value(name = "openrc")]
    OpenRc,
    /// runit.
    Runit,
    /// s6.
    S6,
    /// SysV init.
    Sysv,
    /// launchd of macOS.
    Launchd,
    /// rc.d of FreeBSD.
    #[value(name = "rc.d")]
    Rcd,
    /// The Windows Service Control Manager.
    Scm,
    /// The Windows Task Scheduler, for users' own services.
    Task,
    /// None: `abide up`.
    Foreground,
}

/// `abide backends`
#[derive(Debug, Args)]
pub struct Backends {
    /// Tell of this one in words
    #[arg(value_enum, value_name = "NAME")]
    pub name: Option<Backend>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

impl From<Backend> for Kind {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Systemd => Self::Systemd,
            Backend::OpenRc => Self::OpenRc,
            Backend::Runit => Self::Runit,
            Backend::S6 => Self::S6,
            Backend::Sysv => Self::Sysv,
            Backend::Launchd => Self::Launchd,
            Backend::Rcd => Self::Rcd,
            Backend::Scm => Self::Scm,
            Backend::Task => Self::Task,
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
    /// Do not start services that are new, or that failed
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
    /// Folder the program runs in [default: this one if an argument names a file in it, else the service's own]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub working_dir: Option<PathBuf>,
    /// Account: least-privilege, system, or a user [default: least-privilege]
    #[arg(long, value_name = "ACCOUNT")]
    pub run_as: Option<String>,
    /// Environment of the program, may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<Variable>,
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

/// A variable of a program's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, as it was typed.
    pub value: String,
}

impl std::str::FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.into(), value: value.into() }),
            _ => Err("it has no name and value; write NAME=VALUE".into()),
        }
    }
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

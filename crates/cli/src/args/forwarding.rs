//! Arguments of `abide forward`.

use std::path::PathBuf;

use abide_spec::Name;
use clap::{Args, Subcommand};

/// `abide forward`
#[derive(Debug, Args)]
pub struct Forward {
    /// What to do.
    #[command(subcommand)]
    pub act: ForwardAct,
    /// Configuration [default: forward.toml beside the folder of specs]
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Folder for queues and status, on the file system of the logs [default: .forward in the folder of logs]
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub state: Option<PathBuf>,
}

/// What `abide forward` does.
#[derive(Debug, Subcommand)]
pub enum ForwardAct {
    /// Forward until it is stopped; SIGHUP reads the configuration again
    Run,
    /// Validate the configuration, with the files it names
    Check(ForwardJson),
    /// How each sink fares
    Status(ForwardJson),
    /// Send one record to a sink, and say what became of it
    Test(ForwardTest),
    /// Have it run from boot on, as a service of its own
    Install(ForwardInstall),
    /// Stop that service and remove it, with what it has on disk
    Uninstall(ForwardUninstall),
}

/// `abide forward check` and `abide forward status`
#[derive(Clone, Copy, Debug, Args)]
pub struct ForwardJson {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `abide forward test`
#[derive(Clone, Debug, Args)]
pub struct ForwardTest {
    /// The sink
    pub sink: Name,
}

/// `abide forward uninstall`
#[derive(Clone, Copy, Debug, Args)]
pub struct ForwardUninstall {
    /// Leave what waits and what was acknowledged: another `install` goes on there
    #[arg(long)]
    pub keep_queue: bool,
}

/// `abide forward install`
#[derive(Clone, Copy, Debug, Args)]
pub struct ForwardInstall {
    /// Do not start it now
    #[arg(long)]
    pub no_start: bool,
    /// Print the spec, and change nothing
    #[arg(long)]
    pub print: bool,
}

//! Arguments of `abide doctor`.

use std::path::PathBuf;

use abide_spec::{Duration, Name};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::service_names;

/// `abide doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// The service [default: the whole machine, a line a service]
    #[arg(add = ArgValueCompleter::new(service_names))]
    pub name: Option<Name>,
    /// How long its memory, processor and files are watched: 5m shows leaks [default: 1s]
    #[arg(long, value_name = "DURATION", requires = "name")]
    pub window: Option<Duration>,
    /// Also pack what was seen, without secrets: NAME.tar.zst or NAME.tar.gz
    #[arg(long, value_name = "FILE", requires = "name", value_hint = clap::ValueHint::FilePath)]
    pub bundle: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

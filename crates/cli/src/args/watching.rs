//! Arguments of the verbs that watch services live.

use clap::Args;

/// `abide top`
#[derive(Debug, Args)]
pub struct Top {
    /// Only services whose names hold this text; `/` changes it
    #[arg(value_name = "TEXT")]
    pub filter: Option<String>,
}

//! Arguments of `abide agent`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

/// Where the agent speaks HTTP when nothing is said but `--http`.
const HTTP: &str = "127.0.0.1:4780";

/// `abide agent`
#[derive(Debug, Args)]
pub struct Agent {
    /// What to do.
    #[command(subcommand)]
    pub act: AgentAct,
}

/// What `abide agent` does.
#[derive(Debug, Subcommand)]
pub enum AgentAct {
    /// Serve what the services of this machine do, until it is stopped
    Run(AgentRun),
    /// Whether it runs, and where it can be reached
    Status(AgentJson),
    /// What was changed through it, by whom, and what came of it
    Audit(AgentJson),
    /// Who may speak to it over TCP
    Token(AgentToken),
    /// Have it run from boot on, as a service of its own
    Install(AgentInstall),
    /// Stop that service and remove it; tokens and the record of changes stay
    Uninstall,
}

/// `abide agent run`
#[derive(Clone, Copy, Debug, Args)]
pub struct AgentRun {
    /// Serve the dashboard and the API to holders of tokens at this loopback address as well
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = HTTP)]
    pub http: Option<SocketAddr>,
}

/// `abide agent status` and `abide agent audit`
#[derive(Clone, Copy, Debug, Args)]
pub struct AgentJson {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `abide agent install`
#[derive(Clone, Copy, Debug, Args)]
pub struct AgentInstall {
    /// Serve the dashboard and the API to holders of tokens at this loopback address as well
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = HTTP)]
    pub http: Option<SocketAddr>,
    /// Do not start it now
    #[arg(long)]
    pub no_start: bool,
    /// Print the spec, and change nothing
    #[arg(long)]
    pub print: bool,
}

/// `abide agent token`
#[derive(Debug, Args)]
pub struct AgentToken {
    /// What to do.
    #[command(subcommand)]
    pub act: TokenAct,
}

/// What `abide agent token` does.
#[derive(Debug, Subcommand)]
pub enum TokenAct {
    /// Make a token; it is shown this once
    Create(TokenCreate),
    /// The tokens there are, and what each may do
    List(AgentJson),
    /// Let a token be none any more
    Remove(TokenRemove),
}

/// `abide agent token create`
#[derive(Clone, Debug, Args)]
pub struct TokenCreate {
    /// What it is called: 1 to 64 of A-Z a-z 0-9 . _ -
    pub name: String,
    /// viewer (look), operator (start, stop and restart as well) or admin (everything)
    #[arg(long, default_value = "viewer", value_name = "ROLE")]
    pub role: abide_agent::tokens::Role,
    /// How long it is one [default: until it is removed]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<abide_spec::Duration>,
}

/// `abide agent token remove`
#[derive(Clone, Debug, Args)]
pub struct TokenRemove {
    /// What it is called
    pub name: String,
}

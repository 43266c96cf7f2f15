//! The agent: one per host. It sees all services of the host and serves what it sees over HTTP.
//!
//! ```text
//!  state folders ─change─▶ View ─ Snapshot ─▶ api ─▶ abide, curl, Prometheus, a browser
//!                                              │            (its pages: dashboard)
//!                            orders ───────────┘─▶ host::Deed ─▶ service manager, supervisor
//! ```
//!
//! It stands between no supervisor and its program: it reads the files that supervisors leave and asks through their
//! control endpoints, as the command line does. Killing it changes nothing for a service.

pub mod api;
pub mod audit;
mod dashboard;
mod error;
mod limit;
mod readings;
mod sample;
mod server;
pub mod settings;
pub mod tokens;
pub mod view;

pub use error::AgentError;
pub use server::Agent;
pub use settings::{Places, Settings};

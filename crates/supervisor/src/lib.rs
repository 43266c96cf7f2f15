//! Drives the lifecycle with real processes, probes, logs and the control endpoint.
//!
//! [`Driver`] supervises; [`status`], [`history`] and [`control`] are what others may see of it: the
//! status and the events on disk, which outlive the supervisor, and the endpoint that answers while it
//! lives.

pub mod checks;
pub mod control;
mod driver;
mod environment;
mod error;
mod goal;
pub mod history;
mod launch;
mod output;
mod place;
mod service;
pub mod status;
pub mod timestamp;

pub use driver::{Charge, Driver, Outcome, Watch};
pub use environment::EnvironmentError;
pub use error::SetupError;
pub use output::Show;
pub use place::Place;

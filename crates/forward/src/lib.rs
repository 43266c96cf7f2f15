//! Carries what services print, and what happens to them, to where logs are kept.
//!
//! It reads the files that supervisors write, and nothing else: no supervisor knows of it, and none waits for it.

#![forbid(unsafe_code)]

pub mod config;
pub mod engine;
pub mod sink;
pub mod sinks;

pub use engine::Forwarder;

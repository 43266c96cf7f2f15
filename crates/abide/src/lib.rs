//! For programs that are services themselves: on Windows, Linux, macOS and FreeBSD, under whichever service manager
//! there is, with one small API.
//!
//! ```no_run
//! use std::thread::JoinHandle;
//! use std::time::Duration;
//!
//! use abide::{Context, Program, Service, Stop};
//!
//! #[derive(Default)]
//! struct Ticker(Option<JoinHandle<()>>);
//!
//! impl Program for Ticker {
//!     fn start(&mut self, context: &Context) -> abide::Result {
//!         let (stop, log) = (context.stop_token(), context.logger().clone());
//!         self.0 = Some(std::thread::spawn(move || {
//!             while stop.wait_for(Duration::from_secs(1)).is_none() {
//!                 log.info("tick");
//!             }
//!         }));
//!         Ok(())
//!     }
//!
//!     fn stop(&mut self, _: &Stop) -> abide::Result {
//!         self.0.take().map_or(Ok(()), |ticker| ticker.join().map_err(|_| "the ticker died".into()))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Service::new("ticker").description("Ticks every second").main(Ticker::default())
//! }
//! ```
//!
//! That program understands `ticker install`, `uninstall`, `start`, `stop`, `restart`, `status` and `run`; started by
//! systemd, the Windows Service Control Manager, OpenRC, runit, s6, SysV init, launchd, rc.d or `abide up`, it just
//! runs, says when it is ready, and stops when it is told to. In a terminal, Ctrl-C stops it.
//!
//! - [`Program`]: what a program has to say. [`Service::main_fn`] takes a function instead, [`Service::main_tokio`] a
//!   future; [`Context`] is what they are given, [`StopToken`] how they learn of their end.
//! - [`Service`]: what it is called and how it is run; installs, starts, stops, asks for and removes it.
//! - [`Logger`]: the Event Log, the journal, syslog or the terminal, whichever is right.
//! - [`Backend`], [`Origin`], [`interactive`], [`platform`]: where the program finds itself.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `tokio` | [`Service::main_tokio`] |
//! | `tracing` | [`Logger::layer`] |
//! | `log` | [`Logger::install`] |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod command;
mod context;
mod error;
mod logger;
mod options;
mod origin;
mod policy;
mod program;
mod run;
mod service;
mod status;
mod token;

pub use context::Context;
pub use error::Error;
#[cfg(feature = "tracing")]
pub use logger::Layer;
pub use logger::{Level, LogTarget, Logger};
pub use options::{LaunchdOptions, ScriptOptions, SystemdOptions, WindowsOptions};
pub use origin::{Backend, Origin, interactive, platform};
pub use policy::{Account, Restart, StartMode};
pub use program::{Abilities, Failure, Program, Result, Stop, StopReason};
pub use service::{Installed, Plan, Removed, Service};
pub use status::{Exit, State, Status};
pub use token::StopToken;

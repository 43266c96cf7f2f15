//! What a service is: types, defaults and validation. No I/O.
//!
//! Start reading at [`Spec`]: each of its fields is one section of the TOML file, and each section has a module of
//! its own. [`Spec::parse`] turns text into a checked [`Spec`] or into [`Errors`] that name line and column.

#![forbid(unsafe_code)]

mod account;
#[cfg(feature = "diagnose")]
mod diagnose;
mod duration;
pub mod env_file;
mod error;
mod exit;
mod exit_codes;
pub mod expand;
mod family;
mod health;
mod http_request;
mod limits;
mod lines;
mod logs;
mod name;
mod order;
mod parse;
mod path;
mod probe;
mod program;
#[cfg(feature = "schema")]
mod reference;
mod register;
mod reload;
mod render;
mod restart;
#[cfg(feature = "schema")]
mod schema;
mod security;
mod settings;
mod signal;
mod size;
mod spec;
mod start;
mod stop;
mod suggest;
#[cfg(feature = "testing")]
pub mod testing;
mod text_value;
mod validate;
#[cfg(feature = "write")]
mod write;

pub use account::{Account, RunAs};
pub use duration::{Duration, DurationError};
pub use error::{Errors, SpecError};
pub use exit::Exit;
pub use family::Family;
pub use health::{Health, Then};
pub use http_request::{HttpRequest, Method};
pub use limits::Limits;
pub use lines::{Ansi, Encoding, Encodings, LogLevel, Multiline, Pattern, RateLimit};
pub use logs::{Compress, Logs, Rotate, WhenFull};
pub use name::{Name, NameError};
pub use order::{Cycle, order};
pub use parse::text_of;
pub use probe::{HttpUrl, Probe, TcpAddress};
pub use program::{CommandKind, InheritEnv, Program};
#[cfg(feature = "schema")]
pub use reference::{EXAMPLE, reference_markdown};
pub use register::Register;
pub use reload::{Act, DebugSwitch, Reload};
pub use restart::{CodeRules, Delay, GiveUp, Restart, SignalRules, When};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use security::{Hardening, Home, Network, Profile, Security};
pub use signal::{Signal, SignalError};
pub use size::{Size, SizeError};
pub use spec::Spec;
pub use start::{Ready, Start, StartMode};
pub use stop::{ConsoleEvent, KillScope, Stop, StopAction, StopStep};
pub use suggest::nearest;

/// Whether a field has its default value, and so needs not be written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

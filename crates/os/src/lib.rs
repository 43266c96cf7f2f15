//! Everything in which operating systems differ: service managers, process trees, signals, accounts, limits.

pub mod account;
pub mod boot;
pub mod console;
pub mod diagnosis;
pub mod endpoint;
pub mod eventlog;
pub mod events;
pub mod fs;
pub mod host;
pub mod journal;
pub mod link;
#[cfg(feature = "async")]
pub mod listener;
pub mod manager;
pub mod memory;
pub mod notify;
pub(crate) mod orders;
pub mod origin;
pub mod paths;
pub mod pipes;
pub mod priority;
pub mod probe;
pub mod process;
pub mod quote;
pub mod resolve;
pub mod syslog;
pub mod terminal;
pub mod usage;
pub mod watch;
pub mod watches;
pub mod wishes;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

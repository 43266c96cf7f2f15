//! What all Unix systems share. Linux extras are in `linux`.

pub(crate) mod account;
pub(crate) mod accounts;
#[cfg(not(target_os = "linux"))]
pub(crate) mod boot;
pub(crate) mod child;
pub(crate) mod children;
pub(crate) mod endpoint;
pub(crate) mod eventlog;
pub(crate) mod events;
mod explain;
pub(crate) mod fs;
pub(crate) mod journal;
pub(crate) mod link;
#[cfg(feature = "async")]
pub(crate) mod listener;
pub(crate) mod notify;
pub(crate) mod orders;
pub(crate) mod origin;
pub(crate) mod pipes;
#[cfg(not(target_os = "linux"))]
pub(crate) mod plain;
pub(crate) mod priority;
pub(crate) mod process;
pub(crate) mod reach;
mod runsv;
mod sd_notify;
mod signals;
mod socket_path;
pub(crate) mod syslog;
pub(crate) mod terminal;
#[cfg(not(target_os = "linux"))]
pub(crate) mod usage;
mod wake;
#[cfg(not(target_os = "linux"))]
pub(crate) mod watch;
pub(crate) mod wishes;

/// What differs between Unixes: control groups, how processes are created, and which belong together.
#[cfg(target_os = "linux")]
pub(crate) use crate::linux as extras;
#[cfg(not(target_os = "linux"))]
pub(crate) use plain as extras;

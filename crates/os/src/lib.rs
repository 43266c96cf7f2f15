//! Everything in which operating systems differ: service managers, process trees, signals, accounts, limits.

pub mod fs;
pub mod manager;
pub mod paths;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

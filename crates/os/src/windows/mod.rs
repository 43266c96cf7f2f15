//! What only Windows has: Job Objects, console events, named pipes, security descriptors, the service control manager.

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod boot;
pub(crate) mod command;
pub(crate) mod console;
pub(crate) mod desktop;
pub(crate) mod endpoint;
pub(crate) mod eventlog;
pub(crate) mod events;
pub(crate) mod fs;
pub(crate) mod job;
pub(crate) mod logon;
pub(crate) mod notify;
pub(crate) mod origin;
pub(crate) mod pipes;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod scm;
pub(crate) mod security;
pub(crate) mod service_main;
pub(crate) mod sys;
pub(crate) mod task;
pub(crate) mod turn;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod wishes;

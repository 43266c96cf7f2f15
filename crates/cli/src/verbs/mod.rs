//! One module a verb.

pub mod agent;
pub mod apply;
pub mod backends;
pub mod check;
pub mod completions;
pub mod control;
pub mod doctor;
pub mod events;
pub mod export;
pub mod forward;
pub mod help;
pub mod import;
pub mod install;
pub mod logs;
pub mod man;
pub mod own;
pub mod plan;
pub mod schema;
pub mod status;
pub mod top;
pub mod uninstall;
pub mod up;
pub mod version;

//! Finds what is wrong with a service or a machine, step by step, with evidence and a next step.
//!
//! It works in two halves. [`look`] gathers a [`Scene`]: plain data, each look bounded in time, nothing changed on the
//! machine. [`diagnose`] makes [`Finding`]s of a scene, and is pure: whatever can be found can be tried with a scene made
//! by hand. There is one module a step, in the order in which people look: from the service manager over the program, its
//! ports and its peers down to the line of source that failed. [`bundle`] packs what was seen for somebody else, without
//! secrets.

pub mod bundle;
mod catalog;
mod finding;
pub mod leak;
pub mod look;
mod machine;
mod net;
pub mod redact;
mod scene;
mod steps;
pub mod trace;
mod words;

pub use catalog::{CATALOG, Known};
pub use finding::{Finding, Severity, Step};
pub use machine::{Machine, diagnose as diagnose_machine};
pub use scene::{
    Answer, Applied, Clock, Disk, Firewall, Folder, Happened, Health, Hot, Kernel, Output, Peer, Port,
    Reached, Rule, Said, Scene, SpecSeen, Usage,
};
pub use steps::{Checked, checked, diagnose};

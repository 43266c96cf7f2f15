//! The services of this machine, for whoever looks at them from outside: the command line and the agent.
//!
//! [`home`] tells which services there are and where each lives, [`Known`] what one does, from both sides: its supervisor's
//! and its service manager's. [`deed`] makes one do something, and waits until it is so. Nothing here prints, and nothing
//! needs an agent to run.

pub mod deed;
mod error;
pub mod home;
mod known;

pub use deed::{Deed, Order};
pub use error::{HostError, Kind};
pub use home::{Home, Whose};
pub use known::Known;

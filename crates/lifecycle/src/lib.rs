//! The supervision state machine: `(state, event, now)` in, `(state, actions)` out. No clock, no I/O, no threads.
//!
//! The driver owns the processes, probes and clocks. It calls [`Machine::step`] with what happened, carries out the
//! [`Action`]s that come back, in order, and at [`Machine::due`] delivers [`Event::Due`]. `docs/lifecycle.md` shows
//! the states and what is proven of them.

mod action;
mod backoff;
mod event;
mod machine;
mod moment;
mod policy;
mod record;
mod state;
mod window;
mod words;

pub use action::Action;
pub use event::{Cause, Event};
pub use machine::Machine;
pub use moment::Moment;
pub use policy::{HealthRule, Policy};
pub use record::{Level, Next, Record};
pub use state::{FailReason, Fault, Phase, State, StopReason, Then};

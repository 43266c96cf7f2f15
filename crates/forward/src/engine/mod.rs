//! The engine: finds services, reads what they print, and sees to it that every sink gets all of it.
//!
//! ```text
//!  scout (one thread) ── tells of new services, of output, of rotations ──▶ inbox of each sink
//!                     └─ holds rotated files for each sink (hard links), before retention takes them
//!  courier (one thread a sink): read from the mark ─▶ batch ─▶ Sink::send ─▶ mark moves on, written down
//! ```
//!
//! Whatever happens to the process, each record is sent at least once, and the only ones sent twice are those of the
//! one batch that was on its way.

mod acked;
mod backoff;
mod courier;
mod delivery;
mod events;
mod inbox;
mod log;
mod names;
mod places;
mod queue;
mod scout;
mod source;
pub mod status;

pub use courier::{Opener, Report};
pub use places::{Places, SinkPlaces};

mod forwarder;
pub use forwarder::{Forwarder, StartError};

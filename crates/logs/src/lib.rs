//! Capture, rotation, retention and reading back of what a program prints.

mod backlog;
mod capture;
mod codec;
mod compress;
mod counters;
mod cut;
mod direct;
mod error;
mod files;
mod index;
mod index_file;
mod keeper;
mod names;
mod queued;
mod read;
mod retention;
mod settings;
mod stamper;
mod stream;
mod writer;

pub use capture::Capture;
pub use counters::Stats;
pub use error::Error;
pub use files::Files;
pub use read::{Follow, Line, Lines, Reader, Start};
pub use settings::{Compression, Settings, WhenFull};
pub use stream::{Stream, Streams};

//! Capture, rotation, retention and reading back of what a program prints.

mod capture;
mod error;
mod files;
mod read;
mod settings;
mod stream;

pub use capture::{Capture, Failure, Stats};
pub use error::Error;
pub use files::Files;
pub use read::{Follow, Line, Lines, Reader, Start};
pub use settings::{Compression, Settings, WhenFull};
pub use stream::{Stream, Streams};

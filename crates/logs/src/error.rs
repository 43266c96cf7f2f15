//! What can go wrong.

use std::{io, path::PathBuf};

/// Why a log could not be opened or read. Writing has no errors: what cannot be written is held, counted and
/// shown by [`Stats`](crate::Stats).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The settings ask for a compression that this build leaves out.
    #[error(
        "this build of Abide cannot compress with {0}; leave out `logs.rotate.compress` or use a full build"
    )]
    Unsupported(&'static str),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// The kind of the operating system's error, so that callers can tell "not there" from "not allowed".
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Io { source, .. } => source.kind(),
            Self::Unsupported(_) => io::ErrorKind::Unsupported,
        }
    }
}

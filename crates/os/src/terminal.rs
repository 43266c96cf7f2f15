//! The terminal that a person sits at.

#[cfg(unix)]
use crate::unix::terminal as imp;

/// Whether this process may use the terminal of its standard input as its own: false for one that a shell runs in the
/// background.
#[must_use]
pub fn is_in_foreground() -> bool {
    #[cfg(unix)]
    return imp::is_in_foreground();
    #[cfg(not(unix))]
    true
}

/// Keeps what is typed from showing up on the terminal, and so from moving its cursor, until it is dropped. Keys that
/// send signals, such as Ctrl-C, do so as ever.
#[derive(Debug)]
pub struct Silence {
    #[cfg(unix)]
    _imp: imp::Silence,
}

impl Silence {
    /// Silences the terminal of this process's standard input. `None` where there is none, where this process is not
    /// in its foreground, and on Windows, which shows keys only while somebody reads them.
    #[must_use]
    pub fn begin() -> Option<Self> {
        #[cfg(unix)]
        return imp::Silence::begin().map(|imp| Self { _imp: imp });
        #[cfg(not(unix))]
        None
    }
}

//! The logs that Unix systems keep for their services: the journal of systemd by its own protocol, and syslog.

#[cfg(unix)]
use crate::unix::syslog as imp;

/// Whether standard error goes to the journal of systemd.
#[must_use]
pub fn stderr_is_journal() -> bool {
    #[cfg(unix)]
    return imp::stderr_is_journal();
    #[cfg(not(unix))]
    false
}

/// A line to the journal or to syslog. Sending never blocks; what cannot be taken is told, so that the caller can say
/// it elsewhere.
#[derive(Debug)]
pub struct Syslog {
    #[cfg(unix)]
    imp: imp::Syslog,
    #[cfg(not(unix))]
    never: std::convert::Infallible,
}

impl Syslog {
    /// The journal. `None` where there is none.
    #[must_use]
    pub fn journal(name: &str) -> Option<Self> {
        #[cfg(unix)]
        return imp::Syslog::journal(name).map(|imp| Self { imp });
        #[cfg(not(unix))]
        {
            let _ = name;
            None
        }
    }

    /// syslog. `None` where nobody listens.
    #[must_use]
    pub fn open(name: &str) -> Option<Self> {
        #[cfg(unix)]
        return imp::Syslog::open(name).map(|imp| Self { imp });
        #[cfg(not(unix))]
        {
            let _ = name;
            None
        }
    }

    /// Sends one message with its fields (names of `A-Z 0-9 _` for the journal; syslog has no fields). False when it was
    /// not taken.
    #[must_use]
    pub fn send(&self, priority: u8, text: &str, fields: &[(String, String)]) -> bool {
        #[cfg(unix)]
        return self.imp.send(priority, text, fields);
        #[cfg(not(unix))]
        {
            let _ = (priority, text, fields);
            match self.never {}
        }
    }
}

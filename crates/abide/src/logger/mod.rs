//! A log that ends up where the log of a service belongs.

use std::fmt::{self, Display};
use std::io::Write;
use std::sync::Arc;

use abide_os::eventlog::{EventLog, Severity};
use abide_os::syslog::{self, Syslog};

use crate::{Backend, Origin};

#[cfg(feature = "log")]
mod log;
#[cfg(test)]
mod tests;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "tracing")]
pub use tracing::Layer;

/// How much a message matters.
///
/// ```
/// assert!(abide::Level::Error < abide::Level::Debug, "what matters most comes first");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something does not work and needs a person.
    Error,
    /// Something is not as it should be.
    Warning,
    /// The ordinary course of things.
    Info,
    /// For whoever looks for a mistake.
    Debug,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The priority of syslog(3).
    const fn priority(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where a [`Logger`] writes.
///
/// ```
/// let logger = abide::Logger::new("orders");
/// if logger.target() == abide::LogTarget::EventLog {
///     println!("look into the Event Viewer");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogTarget {
    /// Standard error, a line a message, with its level in words: terminals, containers, and supervisors that keep what
    /// their program says.
    Stderr,
    /// Standard error with the priority prefixes that systemd's journal reads (`<4>`).
    Prefixed,
    /// The journal of systemd by its own protocol, with fields.
    Journal,
    /// syslog.
    Syslog,
    /// The Application log of Windows.
    EventLog,
}

/// A log that ends up where the log of a service belongs: the Event Log of Windows, the journal of systemd, syslog, or
/// standard error at a terminal, in a container and under a supervisor that keeps it.
///
/// Writing never blocks for long and never fails; what the log does not take goes to standard error.
///
/// ```
/// let logger = abide::Logger::new("orders");
/// logger.info("listening on port 9000");
/// logger.warning(format_args!("{} orders are waiting", 12));
/// ```
#[derive(Clone, Debug)]
pub struct Logger {
    inner: Arc<Inner>,
    level: Level,
}

#[derive(Debug)]
struct Inner {
    name: String,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    Prefixed,
    Journal(Syslog),
    Syslog(Syslog),
    EventLog(EventLog),
    /// Kept, for tests.
    #[cfg(test)]
    Kept(std::sync::Mutex<Vec<String>>),
}

impl Logger {
    /// The log that is right for a service of this name, here and now.
    ///
    /// ```
    /// let logger = abide::Logger::new("orders");
    /// logger.info("begins");
    /// ```
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::for_origin(name, Origin::detect())
    }

    pub(crate) fn for_origin(name: &str, origin: Origin) -> Self {
        let journal = || match Syslog::journal(name) {
            Some(journal) => Sink::Journal(journal),
            None => Sink::Prefixed,
        };
        let sink = match origin {
            _ if syslog::stderr_is_journal() => journal(),
            Origin::Backend(Backend::WindowsScm) => EventLog::open(name).map_or(Sink::Stderr, Sink::EventLog),
            // Their standard error goes nowhere, unless somebody has sent it somewhere.
            Origin::Backend(
                Backend::OpenRc | Backend::Runit | Backend::S6 | Backend::Sysv | Backend::Rcd,
            ) => Syslog::open(name).map_or(Sink::Stderr, Sink::Syslog),
            _ => Sink::Stderr,
        };
        Self { inner: Arc::new(Inner { name: name.to_owned(), sink }), level: Level::Info }
    }

    /// Writes to standard error, wherever the program runs.
    ///
    /// ```
    /// let logger = abide::Logger::stderr("orders");
    /// assert_eq!(logger.target(), abide::LogTarget::Stderr);
    /// ```
    #[must_use]
    pub fn stderr(name: &str) -> Self {
        let inner = Inner { name: name.to_owned(), sink: Sink::Stderr };
        Self { inner: Arc::new(inner), level: Level::Info }
    }

    /// Messages that matter less than this are left out. Without it, those of [`Level::Debug`] are.
    ///
    /// ```
    /// let logger = abide::Logger::new("orders").with_level(abide::Level::Debug);
    /// logger.debug("looking closely");
    /// ```
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Whether messages of this level are written.
    ///
    /// ```
    /// assert!(!abide::Logger::new("orders").is_enabled(abide::Level::Debug));
    /// ```
    #[must_use]
    pub fn is_enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Where it writes.
    ///
    /// ```
    /// println!("{:?}", abide::Logger::new("orders").target());
    /// ```
    #[must_use]
    pub fn target(&self) -> LogTarget {
        match self.inner.sink {
            Sink::Stderr => LogTarget::Stderr,
            Sink::Prefixed => LogTarget::Prefixed,
            Sink::Journal(_) => LogTarget::Journal,
            Sink::Syslog(_) => LogTarget::Syslog,
            Sink::EventLog(_) => LogTarget::EventLog,
            #[cfg(test)]
            Sink::Kept(_) => LogTarget::Stderr,
        }
    }

    /// Something does not work and needs a person.
    ///
    /// ```
    /// abide::Logger::new("orders").error("the database is gone");
    /// ```
    pub fn error(&self, text: impl Display) {
        self.log(Level::Error, text);
    }

    /// Something is not as it should be.
    ///
    /// ```
    /// abide::Logger::new("orders").warning("the disk is nearly full");
    /// ```
    pub fn warning(&self, text: impl Display) {
        self.log(Level::Warning, text);
    }

    /// The ordinary course of things.
    ///
    /// ```
    /// abide::Logger::new("orders").info("listening on port 9000");
    /// ```
    pub fn info(&self, text: impl Display) {
        self.log(Level::Info, text);
    }

    /// For whoever looks for a mistake.
    ///
    /// ```
    /// abide::Logger::new("orders").debug("asked for 3 rows");
    /// ```
    pub fn debug(&self, text: impl Display) {
        self.log(Level::Debug, text);
    }

    /// Writes a message of any level.
    ///
    /// ```
    /// use abide::{Level, Logger};
    ///
    /// let full = 0.97;
    /// let level = if full > 0.95 { Level::Error } else { Level::Info };
    /// Logger::new("orders").log(level, format_args!("the disk is {:.0} % full", full * 100.0));
    /// ```
    pub fn log(&self, level: Level, text: impl Display) {
        self.log_with(level, text, &[]);
    }

    /// Writes a message with fields. The journal keeps them as fields of their own, in capitals; elsewhere they stand
    /// behind the text.
    ///
    /// ```
    /// use abide::{Level, Logger};
    ///
    /// Logger::new("orders").log_with(Level::Info, "order taken", &[("order", "1234"), ("user", "eve")]);
    /// ```
    pub fn log_with(&self, level: Level, text: impl Display, fields: &[(&str, &str)]) {
        if !self.is_enabled(level) {
            return;
        }
        let plain = || {
            let mut line = text.to_string();
            for (key, value) in fields {
                line.push_str(&format!(" {key}={value}"));
            }
            line
        };
        let taken = match &self.inner.sink {
            Sink::Stderr => return self.to_stderr(level, &plain()),
            Sink::Prefixed => return to_stderr(&prefixed(level, &plain())),
            Sink::Journal(journal) => {
                let fields: Vec<_> =
                    fields.iter().map(|(key, value)| (field_name(key), (*value).to_owned())).collect();
                journal.send(level.priority(), &text.to_string(), &fields)
            }
            Sink::Syslog(syslog) => syslog.send(level.priority(), &plain(), &[]),
            Sink::EventLog(log) => {
                let severity = match level {
                    Level::Error => Severity::Error,
                    Level::Warning => Severity::Warning,
                    Level::Info | Level::Debug => Severity::Info,
                };
                log.report(severity, &plain());
                true
            }
            #[cfg(test)]
            Sink::Kept(kept) => {
                kept.lock().unwrap().push(format!("{level}: {}", plain()));
                true
            }
        };
        if !taken {
            match self.inner.sink {
                Sink::Journal(_) => to_stderr(&prefixed(level, &plain())),
                _ => self.to_stderr(level, &plain()),
            }
        }
    }

    fn to_stderr(&self, level: Level, text: &str) {
        to_stderr(&format!("{}: {level}: {text}\n", self.inner.name));
    }
}

/// Whole lines at once, so that those of several threads don't mix. A standard error that is closed is no reason to die.
fn to_stderr(lines: &str) {
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

/// Each line with the priority that the journal reads.
fn prefixed(level: Level, text: &str) -> String {
    text.lines().map(|line| format!("<{}>{line}\n", level.priority())).collect()
}

/// A name that the journal takes for a field: `A-Z 0-9 _`, beginning with a letter, none of its own.
fn field_name(key: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = key.chars().map(upper).collect();
    let own = ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"].contains(&name.as_str());
    if own || !name.starts_with(|c: char| c.is_ascii_alphabetic()) { format!("F_{name}") } else { name }
}

//! What a behaviour is, and how it ends.

use std::fmt;

use crate::context::Context;

/// Why a behaviour did not pass.
#[derive(Debug)]
pub enum Fault {
    /// The product did something else.
    Failed(String),
    /// The backend has no such thing.
    NotHere(String),
}

pub type Outcome = Result<(), Fault>;

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::NotHere(text) => f.write_str(text),
        }
    }
}

/// Something a behaviour cannot do without, and that not every backend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Services are installed into a service manager.
    Manager,
    /// The machine can be restarted.
    Boot,
    /// Unix signals.
    Signals,
    /// `NOTIFY_SOCKET`.
    Notify,
    /// Consoles and windows.
    Console,
    /// The service manager itself can pause a service.
    Pause,
    /// `abide up`.
    Up,
    /// The file system of Unix: modes, links, mounts.
    UnixFiles,
}

/// How a behaviour is tried.
pub enum Test {
    Now(fn(&Context) -> Outcome),
    /// Around a restart of the machine, which all such behaviours share.
    Restart {
        before: fn(&Context) -> Outcome,
        after: fn(&Context) -> Outcome,
    },
}

/// One line of the list.
pub struct Behaviour {
    /// Unique, for the table and for `--only`.
    pub name: &'static str,
    /// What holds, as a sentence.
    pub says: &'static str,
    pub needs: &'static [Need],
    pub test: Test,
}

/// A behaviour that is tried at once.
pub const fn now(
    name: &'static str,
    says: &'static str,
    needs: &'static [Need],
    test: fn(&Context) -> Outcome,
) -> Behaviour {
    Behaviour { name, says, needs, test: Test::Now(test) }
}

/// A behaviour around a restart of the machine.
pub const fn restart(
    name: &'static str,
    says: &'static str,
    needs: &'static [Need],
    before: fn(&Context) -> Outcome,
    after: fn(&Context) -> Outcome,
) -> Behaviour {
    Behaviour { name, says, needs, test: Test::Restart { before, after } }
}

/// Fails the behaviour with a message unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::behaviour::Fault::Failed(format!($($message)+)));
        }
    };
}

//! Unix side of [`crate::terminal`]: the terminal's `ECHO` mode.

use std::io;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr};

/// True also where standard input is no terminal.
pub(crate) fn is_in_foreground() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}

#[derive(Debug)]
pub(crate) struct Silence {
    before: Termios,
}

impl Silence {
    pub(crate) fn begin() -> Option<Self> {
        let input = io::stdin();
        // A process in the background would be stopped for changing the terminal.
        if !isatty(&input) || !is_in_foreground() {
            return None;
        }
        let before = tcgetattr(&input).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Now, &silent).ok()?;
        Some(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let input = io::stdin();
        if is_in_foreground() {
            // A terminal that has gone needs nothing back.
            let _ = tcsetattr(&input, OptionalActions::Now, &self.before);
        }
    }
}

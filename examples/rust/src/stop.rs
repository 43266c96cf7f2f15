//! Being asked to stop: SIGTERM, SIGINT and SIGHUP on Unix; Ctrl-C, Ctrl-Break, a closing console and shutdown on
//! Windows.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Requests to stop, from the moment of [`Stop::listen`] on.
#[derive(Debug)]
pub struct Stop(Receiver<()>);

impl Stop {
    /// Takes over the requests that would otherwise end the process. Call it first, so that no request is missed.
    ///
    /// # Errors
    /// The operating system refuses the handler, or one is set already.
    pub fn listen() -> Result<Self, ctrlc::Error> {
        let (asked, requests) = channel();
        ctrlc::set_handler(move || {
            // Nobody listens any more only while the process is ending already.
            let _ = asked.send(());
        })?;
        Ok(Self(requests))
    }

    /// Waits until this process is asked to stop.
    pub fn wait(&self) {
        // The sender lives in the handler for as long as the process does.
        let _ = self.0.recv();
    }

    /// Waits for `time` at most; tells whether this process was asked to stop meanwhile.
    pub fn within(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}

//! Collects what programs write, without ever letting a pipe decide about the life of a program.
//!
//! A grandchild can hold the writing end of a pipe for ever. So the end of a program is what the loop says it is, and
//! then [`Collector::drain`] sets a deadline by which its pipes are read empty and closed.

use std::io;
use std::time::Instant;

pub use std::io::PipeReader;

#[cfg(unix)]
use crate::unix::pipes as imp;
#[cfg(windows)]
use crate::windows::pipes as imp;

/// Names a pipe inside its [`Collector`], as the caller likes. Two whose numbers differ in the lowest bit alone belong
/// together, as the standard output and error of one program do: what was written into the one is not handed over after
/// what was written into the other later.
pub type StreamId = u64;

/// What a [`Collector`] hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes as they came; never empty.
    Data(&'a [u8]),
    /// The pipe is closed; nothing follows.
    End {
        /// Whether everything that was written into the pipe was read. False when somebody still holds it.
        complete: bool,
    },
}

/// Called by the collector, from one thread at a time, for every chunk. While it blocks, nothing is read: that is how a
/// full disk slows a program down when its spec says so.
pub type Handler = Box<dyn FnMut(StreamId, Chunk<'_>) + Send>;

/// What a [`Collector`] can be told.
#[derive(Debug)]
pub enum Order {
    /// As [`Collector::add`].
    Add(StreamId, PipeReader),
    /// As [`Collector::drain`].
    Drain(StreamId, Instant),
}

/// Reads many pipes in the background.
#[derive(Debug)]
pub struct Collector {
    imp: imp::Collector,
}

impl Collector {
    /// Starts with no pipes.
    ///
    /// # Errors
    /// Fails when the operating system refuses a thread or a pipe.
    pub fn start(handler: Handler) -> io::Result<Self> {
        Ok(Self { imp: imp::Collector::start(handler)? })
    }

    /// Reads the pipe from now on, until its end.
    ///
    /// # Errors
    /// Fails when the pipe cannot be made non-blocking, or on Windows when no thread can be started.
    pub fn add(&self, id: StreamId, pipe: PipeReader) -> io::Result<()> {
        self.imp.add(id, pipe)
    }

    /// The program is dead: reads on until the end of the pipe, but not longer than until the deadline, when somebody
    /// still holds it. For a pipe that has ended already, nothing happens.
    pub fn drain(&self, id: StreamId, deadline: Instant) {
        self.imp.drain(id, deadline);
    }

    /// Gives several orders at once: the reading thread is woken by them once, not by each. A pipe that cannot be read is
    /// handed over as ended.
    pub fn follow(&self, orders: Vec<Order>) {
        #[cfg(unix)]
        self.imp.follow(orders);
        #[cfg(windows)]
        for order in orders {
            match order {
                // The port takes no order only when the reading thread is gone, and then nothing is read.
                Order::Add(id, pipe) => {
                    let _ = self.imp.add(id, pipe);
                }
                Order::Drain(id, deadline) => self.imp.drain(id, deadline),
            }
        }
    }

    /// Reads what is in the pipes now, hands over their ends and joins the thread.
    pub fn stop(self) {
        self.imp.stop();
    }
}

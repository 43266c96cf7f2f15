//! Capture, rotation, retention and reading back of what a program prints.
//!
//! [`Capture`] takes the chunks that come out of the pipes and keeps them; [`Reader`] gives them back as lines. Where the
//! spec says so, [`Refine`] stands before the capture: it transcodes, filters, limits and redacts, and what it gives is
//! what "as it came" means here.
//! Nothing but files stands between the two, so each works without the other, and after it.
//!
//! # What is kept
//!
//! The two streams are kept apart, byte for byte as they came: NUL, escape sequences and what is not UTF-8
//! included. Abide adds three things, each of them told by the index:
//!
//! - a line feed before output that follows a last line without an end, when the stream or the supervisor that
//!   wrote it ended there: so every run begins on a fresh line;
//! - the same before a rotation on demand;
//! - a line `[abide: 1234 lines (56 KiB) dropped here]` where output had to be dropped.
//!
//! # The files
//!
//! | name | what |
//! |---|---|
//! | `stdout.log`, `stderr.log` | being written; `tail -F` follows them |
//! | `stdout.000042.log` | the 42nd file, rotated. In the order of their names, and `stdout.log` last, the files are the log |
//! | `stdout.000042.log.zst`, `….gz` | the same, compressed |
//! | `stdout.000042.idx` | its index: when what arrived, and in which order across both streams |
//!
//! A file is rotated by one rename and holds whole lines. It is full when the next line would take it beyond its
//! limit; only a line that arrives in parts can turn out not to fit when it has begun. A line that reaches the
//! limit on its own is cut there, between two characters where it is UTF-8; it is one line to a reader all the
//! same. Rotation by age happens at the first output that is due: silence makes no files.
//!
//! Rotated files go by number for each stream ([`Settings::keep`]), by the age of their last byte
//! ([`Settings::max_age`]), and by what those of both streams take up together ([`Settings::max_size`]), the oldest
//! first. That is looked after when a capture is opened and at every rotation, and age at the first output when it
//! is due, or at a [`Capture::flush`] then ([`Capture::next_upkeep`] tells when).
//!
//! Compression happens on a thread that ends with its work and stands behind all others ([`Files::background`]), one
//! file at a time in a process, so on one core at most, and on next to none while its program prints more than 64
//! MiB/s; the compressed file is whole and on the disk before the
//! plain one goes. The newest file comes first: a program that prints faster than that for long loses its oldest
//! files to retention before they were compressed, and nothing piles up. What a crash leaves is removed or finished
//! at the next start. On Windows the standard library opens files so that others may read, rename and delete them, so no
//! reader hinders any of this; nor does a capture hinder others: a file that someone takes away or empties is
//! begun anew within a second of output.
//!
//! # When the disk does not keep up
//!
//! With [`WhenFull::Block`], whoever brings output writes it, straight from its own buffer to the file, and waits
//! for a slow disk: then the pipe fills and the program waits too. With [`WhenFull::DropOldest`] a thread of its
//! own writes, nobody waits, and what does not fit into [`Settings::buffer`] is dropped, oldest first, by whole
//! lines. Only of a line that has begun in the file, and whose end is not at hand when what follows is dropped, the
//! beginning stays; it is not counted as missing. A disk that refuses to write, as when it is full, stops nobody in either way: output waits in
//! memory up to that bound, then the oldest is dropped, [`Stats::trouble`] says so, and each new output tries again.
//!
//! # Order and time
//!
//! A program's two pipes are two queues, and no reader of both can know what went into them first; kept is the
//! order in which they were read. Times are exact to 10 ms within a stream, and to the read wherever output
//! changes from one stream to the other; the supervisor reads a pipe that is written to all the time up to 10 ms
//! later than it is written to. A line has the place and the time of its end: that is when it was whole.
//! A clock that is set back does not turn the order around.
//!
//! Losing an index loses times, and the order across streams, but never a line. Records of one size in the order of
//! time make finding a moment a bisection: of the files by their indexes, then within one index.
//!
//! # Levels and entries
//!
//! [`Level::of`] tells how much a line matters, as far as the line says so itself: in JSON, in logfmt, or at the place
//! where loggers put it in text. [`Joiner`] makes entries of the lines that belong together, such as a message and
//! its stack trace; [`LevelOf`] gives each line the level of its entry. Neither changes what is kept.
//!
//! # When files are damaged
//!
//! Readers take a folder as it is. A compressed file ends where its damage begins, what is no file is passed over, and
//! either counts as a lost file; all else is read. Files with other names are left alone.
//!
//! # When the supervisor is killed
//!
//! What was handed to [`Capture::write`] with [`WhenFull::Block`] is with the operating system when the call
//! returns, so a kill loses what was still in the pipe, and nothing else. With [`WhenFull::DropOldest`], or while the disk
//! refuses to write, it also loses what waits in memory, and with it
//! the count of what was dropped and not told yet. Nothing is synced: a machine that loses power loses what
//! its operating system had not written yet. A last index record that came half through is cut off at the next
//! start, one that speaks of bytes that never came as well.

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
mod joined;
mod keeper;
mod level;
mod names;
mod queued;
mod read;
mod refine;
mod retention;
mod settings;
mod stamper;
mod stream;
mod writer;

pub use capture::Capture;
pub use counters::Stats;
pub use error::Error;
pub use files::Files;
pub use joined::{BadStart, Entry, JoinRule, Joiner, LevelOf};
pub use level::{Level, UnknownLevel};
pub use read::{Find, Follow, Found, Line, Lines, Mark, Range, Reader, Start, Until, search, search_last};
pub use refine::{Flow, Refine, RefineControl, RefineError, Refined};
pub use settings::{Compression, Settings, WhenFull};
pub use stream::{Stream, Streams};

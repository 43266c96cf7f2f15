//! A place in a log that is found again later.

use std::io;

use super::{Position, records, seek, segment, segment::Segment};
use crate::{Stream, names::Names};

/// A place in the log of a service: behind the last line that was read, in both streams.
///
/// It is kept by files' numbers and offsets in what they hold, so it stays right through rotation, compression and the
/// loss of the index. Reading from it gives what reading on would have given: nothing twice, and nothing left out but
/// what retention removed meanwhile, which is counted ([`Lines::lost_files`](super::Lines::lost_files)). In a log that
/// was removed and begun anew since, it means the beginning.
///
/// With the feature `serde` it can be written down and read again; [`Mark::default`] is the beginning of any log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mark {
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    stdout: Option<Place>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    stderr: Option<Place>,
}

/// A place in one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Place {
    /// The number of the file.
    pub file: u64,
    /// The offset in what it holds.
    pub offset: u64,
    /// The place of the last line in the order of lines, where the index told it: by this a log is known again.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub order: Option<u64>,
    /// What was read last.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Behind::is_line"))]
    pub behind: Behind,
}

/// What comes before a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub(crate) enum Behind {
    /// A line with its line feed.
    #[default]
    Line,
    /// A line without one, for its stream ended: a line feed that comes later belongs to it.
    End,
    /// A part of a line: what comes later goes on with it.
    Piece,
}

impl Behind {
    #[cfg(feature = "serde")]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    fn is_line(&self) -> bool {
        *self == Self::Line
    }
}

/// Where reading from a mark goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resumed {
    pub position: Position,
    pub order: Option<u64>,
    pub behind: Behind,
    /// So many files were removed before they were read to their end.
    pub lost: u64,
}

impl Mark {
    /// The number of the file of `stream` that the place is in; `None` if nothing of the stream was read.
    #[must_use]
    pub fn file(&self, stream: Stream) -> Option<u64> {
        self.place(stream).map(|place| place.file)
    }

    /// The offset of the place in what that file holds, uncompressed.
    #[must_use]
    pub fn offset(&self, stream: Stream) -> Option<u64> {
        self.place(stream).map(|place| place.offset)
    }

    /// The same mark with the place of `stream` taken from another: for whoever is done with one stream further than
    /// with the other.
    #[must_use]
    pub const fn with(mut self, stream: Stream, of: &Self) -> Self {
        match stream {
            Stream::Stdout => self.stdout = of.stdout,
            Stream::Stderr => self.stderr = of.stderr,
        }
        self
    }

    /// The same mark as if `file` of `stream` had been read to its end: for whoever passes over it.
    #[must_use]
    pub fn past(mut self, stream: Stream, file: u64) -> Self {
        let order = self.place(stream).and_then(|place| place.order);
        self.set(stream, Place { file: file + 1, offset: 0, order, behind: Behind::Line });
        self
    }

    pub(crate) const fn place(&self, stream: Stream) -> Option<Place> {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }

    pub(crate) const fn set(&mut self, stream: Stream, place: Place) {
        match stream {
            Stream::Stdout => self.stdout = Some(place),
            Stream::Stderr => self.stderr = Some(place),
        }
    }
}

impl Resumed {
    /// A beginning with nothing before it.
    pub const fn fresh(position: Position) -> Self {
        Self { position, order: None, behind: Behind::Line, lost: 0 }
    }
}

/// Finds `place` again; without one, the beginning.
pub(crate) fn resume(names: &Names, place: Option<Place>) -> io::Result<Resumed> {
    let Some(place) = place else { return Ok(Resumed::fresh(seek::oldest(names)?)) };
    // Numbers only grow: what is beyond them, or begins after what is known to be in it, is of another log.
    if place.file > names.list()?.current() || is_of_another_log(names, place)? {
        return Ok(Resumed::fresh(seek::oldest(names)?));
    }
    let at = |file, offset| Position { number: file, offset };
    match segment::open(names, place.file)? {
        Segment::There(mut source) => {
            // A machine that lost its power may have lost the end of a file.
            let offset = place.offset.min(source.length()?);
            let position = at(place.file, offset);
            Ok(Resumed { position, order: place.order, behind: place.behind, lost: 0 })
        }
        Segment::Coming => Ok(Resumed { order: place.order, ..Resumed::fresh(at(place.file, 0)) }),
        Segment::Gone => {
            let next = segment::next(names, place.file)?;
            let lost = next - place.file;
            Ok(Resumed { order: place.order, lost, ..Resumed::fresh(at(next, 0)) })
        }
    }
}

/// The position of `place`, for reading up to it.
pub(crate) fn found(names: &Names, place: Place) -> io::Result<Position> {
    let current = names.list()?.current();
    Ok(if place.file > current {
        seek::end(names)?
    } else {
        Position { number: place.file, offset: place.offset }
    })
}

fn is_of_another_log(names: &Names, place: Place) -> io::Result<bool> {
    let Some(order) = place.order.filter(|_| place.offset > 0) else { return Ok(false) };
    let first = records::first(names, place.file)?.filter(|first| first.covers_from() < place.offset);
    Ok(first.is_some_and(|first| first.stamp.order > order))
}

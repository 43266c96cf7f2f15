//! Finding and opening a file of a stream by its number, whatever form it has by now.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::source::Source;
use crate::{Compression, names::Names};

/// How often opening is tried anew because a rotation or a compression came in between.
const ATTEMPTS: usize = 100;

/// Windows' code for a file that someone else has open and does not share. On Unix it is that of a broken pipe, with which
/// opening a file does not end.
const SHARING_VIOLATION: i32 = 32;

/// What is found under a number.
#[derive(Debug)]
pub(crate) enum Segment {
    /// The file.
    There(Source),
    /// Nothing any more: retention removed it.
    Gone,
    /// Nothing yet.
    Coming,
}

/// Opens file `number`.
pub(crate) fn open(names: &Names, number: u64) -> io::Result<Segment> {
    // Most files are rotated ones, and then the folder need not be listed, however many there are.
    if let there @ Segment::There(_) = open_rotated(names, number)? {
        return Ok(there);
    }
    for _ in 0..ATTEMPTS {
        let current = names.list()?.current();
        if number > current {
            return Ok(Segment::Coming);
        }
        if number < current {
            return open_rotated(names, number);
        }
        let Some(file) = present(&names.current())? else { return Ok(Segment::Coming) };
        // The name may have gone to the next file between the two calls; then the number has changed too.
        if names.list()?.current() == current {
            return Ok(Segment::There(Source::Plain(file)));
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the log rotates faster than it can be opened"))
}

/// Whether there is a file after `number`, so that nothing more will be written to this one.
pub(crate) fn is_succeeded(names: &Names, number: u64) -> bool {
    names.index(number + 1).exists()
        || names.rotated(number).exists()
        // The index may be lost.
        || names.compressed(number, Compression::Zstd).exists()
        || names.compressed(number, Compression::Gzip).exists()
        || names.second().is_some_and(|second| is_succeeded(&second, number))
        // Retention may have taken all of these.
        || names.list().is_ok_and(|listing| listing.current() > number)
}

/// The number of the oldest file after `number`.
pub(crate) fn next(names: &Names, number: u64) -> io::Result<u64> {
    if names.rotated(number + 1).exists() {
        return Ok(number + 1);
    }
    let listing = names.list()?;
    let later = listing.rotated.iter().find(|rotated| **rotated > number);
    Ok(later.copied().unwrap_or_else(|| listing.current().max(number + 1)))
}

fn open_rotated(names: &Names, number: u64) -> io::Result<Segment> {
    // In the order in which the forms replace each other, so that one of them is always found.
    let forms = [
        (names.rotated(number), Compression::None),
        (names.compressed(number, Compression::Zstd), Compression::Zstd),
        (names.compressed(number, Compression::Gzip), Compression::Gzip),
    ];
    for (path, compression) in forms {
        match present(&path) {
            Ok(Some(file)) => return Ok(Segment::There(Source::new(file, compression)?)),
            Ok(None) => {}
            // A backup, say, that has the file for itself on Windows must not keep all others from being read.
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => {}
            Err(error) => return Err(error),
        }
    }
    match names.second() {
        Some(second) => open_rotated(&second, number),
        None => Ok(Segment::Gone),
    }
}

/// The file at `path`, if one is there: not a folder, say, nor a pipe, whose opening might wait for ever.
fn present(path: &Path) -> io::Result<Option<File>> {
    let found = fs::metadata(path).and_then(|found| found.is_file().then(|| File::open(path)).transpose());
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // A link to itself, say.
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => Ok(None),
        other => other,
    }
}

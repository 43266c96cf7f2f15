//! Which rotated files stay.

use std::{fs, io, path::Path};

use crate::{
    Compression,
    names::{Listing, Names},
};

/// Removes all but the newest `keep` rotated files of `listing`, and every index that has lost its file. `current`
/// is the number of the file being written. Goes on when one cannot be removed; the first failure is returned, and
/// the next rotation tries again.
pub(crate) fn retain(names: &Names, listing: &Listing, current: u64, keep: usize) -> io::Result<()> {
    let excess = listing.rotated.len().saturating_sub(keep);
    let mut outcome = Ok(());
    for &number in &listing.rotated[..excess] {
        outcome = outcome
            .and(remove(&names.rotated(number)))
            .and(remove(&names.compressed(number, Compression::Zstd)))
            .and(remove(&names.compressed(number, Compression::Gzip)));
    }
    let kept = &listing.rotated[excess..];
    for &number in listing.indexes.iter().filter(|number| **number < current && !kept.contains(*number)) {
        outcome = outcome.and(remove(&names.index(number)));
    }
    outcome
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn the_newest_stay_with_their_indexes() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path(), Stream::Stdout);
        for number in 1..=5 {
            fs::write(names.rotated(number), "").unwrap();
            fs::write(names.index(number), "").unwrap();
        }
        fs::write(names.compressed(1, Compression::Zstd), "").unwrap();
        fs::remove_file(names.rotated(4)).unwrap();
        fs::write(names.index(6), "").unwrap();
        retain(&names, &names.list().unwrap(), 6, 2).unwrap();
        let listing = names.list().unwrap();
        assert_eq!(listing.rotated, [3, 5]);
        assert_eq!(listing.indexes, [3, 5, 6]);
        retain(&names, &names.list().unwrap(), 6, 0).unwrap();
        assert_eq!(names.list().unwrap().indexes, [6]);
    }
}

//! Being told of changes in many folders at once, for whoever follows the files of many services on one thread.

use std::io;
use std::path::Path;
use std::time::Instant;

#[cfg(target_os = "linux")]
use crate::linux::watches as imp;
#[cfg(not(target_os = "linux"))]
use looking as imp;

#[cfg_attr(target_os = "linux", cfg(test))]
mod looking;

/// A folder that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub(crate) u64);

/// A folder in which something may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub id: WatchId,
    /// Files may have come, gone or been renamed; otherwise some have only been written to.
    pub names: bool,
    /// The folder itself was removed or moved; it is watched no more.
    pub gone: bool,
}

/// Watches many folders.
///
/// What changes between two waits is not missed. Linux tells at once and otherwise sleeps; elsewhere the folders are
/// looked at a few times a second.
#[derive(Debug)]
pub struct Watches {
    imp: imp::Watches,
}

/// Ends a wait from another thread.
#[derive(Clone, Debug)]
pub struct Waker {
    imp: imp::Waker,
}

impl Waker {
    /// Ends the wait in hand, or the next one.
    pub fn wake(&self) {
        self.imp.wake();
    }
}

impl Watches {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// Fails when the operating system has no watch left to give.
    pub fn new() -> io::Result<Self> {
        Ok(Self { imp: imp::Watches::new()? })
    }

    /// What ends a wait from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker { imp: self.imp.waker() }
    }

    /// Watches a folder, which must be there.
    ///
    /// # Errors
    /// Fails when it is not there, may not be looked into, or no watch is left.
    pub fn add(&mut self, folder: &Path) -> io::Result<WatchId> {
        self.imp.add(folder)
    }

    /// Watches a folder no longer.
    pub fn remove(&mut self, id: WatchId) {
        self.imp.remove(id);
    }

    /// Waits for changes, until a moment or for ever. Nothing is told where time is up or a [`Waker`] woke it.
    ///
    /// # Errors
    /// Fails when the operating system cannot wait.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Vec<Changed>> {
        self.imp.wait(until)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    /// Waits until something is told that is wanted; half a minute is for ever.
    macro_rules! wait_for {
        ($watches:expr, $wanted:expr) => {{
            let until = Instant::now() + Duration::from_secs(30);
            loop {
                let told = $watches.wait(Some(until)).unwrap();
                if let Some(found) = told.iter().find($wanted) {
                    break *found;
                }
                assert!(Instant::now() < until, "nothing was told");
            }
        }};
    }

    macro_rules! both_kinds {
        ($name:ident, $kind:path) => {
            mod $name {
                use super::*;

                #[test]
                fn changes_are_told_with_their_folder() {
                    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
                    let mut watches = <$kind>::new().unwrap();
                    let (one_id, other_id) =
                        (watches.add(one.path()).unwrap(), watches.add(other.path()).unwrap());
                    fs::write(other.path().join("a"), "1").unwrap();
                    assert!(wait_for!(watches, |it: &&Changed| it.id == other_id).names);
                    fs::write(one.path().join("a"), "1").unwrap();
                    wait_for!(watches, |it: &&Changed| it.id == one_id && it.names);
                    watches.remove(one_id);
                    fs::write(one.path().join("a"), "12").unwrap();
                    fs::write(other.path().join("a"), "123").unwrap();
                    wait_for!(watches, |it: &&Changed| {
                        assert_ne!(it.id, one_id);
                        it.id == other_id
                    });
                }

                #[test]
                fn a_folder_that_goes_is_told() {
                    let root = tempfile::tempdir().unwrap();
                    let folder = root.path().join("a");
                    let mut watches = <$kind>::new().unwrap();
                    assert!(watches.add(&folder).is_err());
                    fs::create_dir(&folder).unwrap();
                    let id = watches.add(&folder).unwrap();
                    fs::remove_dir(&folder).unwrap();
                    wait_for!(watches, |it: &&Changed| it.id == id && it.gone);
                }

                #[test]
                fn a_wait_ends_when_it_is_woken_or_its_time_is_up() {
                    let mut watches = <$kind>::new().unwrap();
                    let waker = watches.waker();
                    waker.wake();
                    // Woken before: it does not wait at all.
                    assert!(watches.wait(None).unwrap().is_empty());
                    let until = Instant::now() + Duration::from_millis(20);
                    while Instant::now() < until {
                        assert!(watches.wait(Some(until)).unwrap().is_empty());
                    }
                    let woken = std::thread::spawn(move || waker.wake());
                    assert!(watches.wait(None).unwrap().is_empty());
                    woken.join().unwrap();
                }
            }
        };
    }

    both_kinds!(here, Watches);
    both_kinds!(by_looking, looking::Watches);
}

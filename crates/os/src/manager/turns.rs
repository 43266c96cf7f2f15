//! Taking turns with other Abides at what services share.
//!
//! On Unix, what is locked are folders that are always there, so that nothing is left behind; on Windows it is a mutex with a
//! name. The system frees both when their holder dies.

#[cfg(not(windows))]
use std::fs::{File, TryLockError};
#[cfg(not(windows))]
use std::path::Path;
use std::time::Duration;
#[cfg(not(windows))]
use std::time::Instant;

use crate::paths::Layout;

/// How long to wait for others, who need theirs for moments. Anybody who can read a folder can hold its lock, so nobody
/// is waited for without end; without a turn the locks of the services still tell most of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look: a lock can be waited for without end or not at all.
#[cfg(not(windows))]
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A turn, until it is dropped. Where the system has no such locks it is none, and there is nothing else to be done.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn {
    #[cfg(not(windows))]
    _folder: Option<File>,
    #[cfg(windows)]
    _turn: Option<crate::windows::turn::Turn>,
}

#[cfg(not(windows))]
impl Turn {
    fn at(folder: Option<&Path>, lock: fn(&File) -> Result<(), TryLockError>) -> Self {
        let Some(folder) = folder.and_then(|folder| File::open(folder).ok()) else {
            return Self { _folder: None };
        };
        let until = Instant::now() + PATIENCE;
        loop {
            match lock(&folder) {
                Ok(()) => return Self { _folder: Some(folder) },
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
                Err(_) => return Self { _folder: None },
            }
        }
    }

    /// To count on copies of the supervisor and on folders that are there: with all others who do. To be taken by one who
    /// holds the lock of a service, by which those who remove see it.
    pub(crate) fn to_use(layout: &Layout) -> Self {
        Self::at(place(layout), File::try_lock_shared)
    }

    /// To remove those that nobody needs: alone, from the look at who needs them to the end.
    pub(crate) fn to_remove(layout: &Layout) -> Self {
        Self::at(place(layout), File::try_lock)
    }

    /// To change accounts: their tools give up when another has the list for long.
    pub(crate) fn at_accounts() -> Self {
        Self::at(Some(Path::new("/usr")), File::try_lock)
    }
}

#[cfg(windows)]
impl Turn {
    fn take(layout: &Layout) -> Self {
        Self { _turn: crate::windows::turn::Turn::take(&layout.run, PATIENCE).ok() }
    }

    /// As on Unix. There is no turn together with others here: who removes has finished, or sees the lock.
    pub(crate) fn to_use(layout: &Layout) -> Self {
        drop(Self::take(layout));
        Self { _turn: None }
    }

    /// As on Unix.
    pub(crate) fn to_remove(layout: &Layout) -> Self {
        Self::take(layout)
    }

    /// Nothing changes accounts here.
    pub(crate) fn at_accounts() -> Self {
        Self { _turn: None }
    }
}

/// The folder above Abide's own settings (`/etc`), or the nearest above it that is there.
#[cfg(not(windows))]
fn place(layout: &Layout) -> Option<&Path> {
    layout.specs.ancestors().skip(2).find(|folder| folder.is_dir())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn many_use_and_one_removes() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::below(root.path());
        let one = Turn::to_use(&layout);
        let other = Turn::to_use(&layout);
        let (tell, told) = mpsc::channel();
        let waiting = layout.clone();
        let remover = std::thread::spawn(move || {
            let _turn = Turn::to_remove(&waiting);
            tell.send(()).unwrap();
        });
        drop(one);
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        drop(other);
        told.recv_timeout(Duration::from_secs(20)).unwrap();
        remover.join().unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}

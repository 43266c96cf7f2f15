//! Taking turns with other Abides at what services share.
//!
//! On Unix, what is locked are folders that are always there, so that nothing is left behind; on Windows it is a mutex with a
//! name. The system frees both when their holder dies.

#[cfg(not(windows))]
use std::fs::File;
#[cfg(not(windows))]
use std::path::Path;
#[cfg(windows)]
use std::time::Duration;

use crate::paths::Layout;

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
    fn at(folder: Option<&Path>, lock: fn(&File) -> std::io::Result<()>) -> Self {
        let folder = folder.and_then(|folder| File::open(folder).ok());
        Self { _folder: folder.filter(|folder| lock(folder).is_ok()) }
    }

    /// To count on copies of the supervisor and on folders that are there: with all others who do. To be taken by one who
    /// holds the lock of a service, by which those who remove see it.
    pub(crate) fn to_use(layout: &Layout) -> Self {
        Self::at(place(layout), File::lock_shared)
    }

    /// To remove those that nobody needs: alone, from the look at who needs them to the end.
    pub(crate) fn to_remove(layout: &Layout) -> Self {
        Self::at(place(layout), File::lock)
    }

    /// To change accounts: their tools give up when another has the list for long.
    pub(crate) fn at_accounts() -> Self {
        Self::at(Some(Path::new("/usr")), File::lock)
    }
}

#[cfg(windows)]
impl Turn {
    /// How long to wait for others, who need theirs for moments.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn take(layout: &Layout) -> Self {
        Self { _turn: crate::windows::turn::Turn::take(&layout.run, Self::PATIENCE).ok() }
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

#[cfg(not(windows))]
/// The folder above Abide's own settings (`/etc`), or the nearest above it that is there.
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

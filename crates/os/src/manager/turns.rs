//! Taking turns with other Abides at what services share. What is locked are folders that are always there, so that nothing
//! is left behind; the system frees them when their holder dies.
//!
//! Windows has turns of its own, by name.

use std::fs::File;
use std::path::Path;

use crate::paths::Layout;

/// A turn, until it is dropped. Where the file system has no locks it is none, and there is nothing else to be done.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn {
    _folder: Option<File>,
}

impl Turn {
    fn at(folder: Option<&Path>, lock: fn(&File) -> std::io::Result<()>) -> Self {
        let folder = folder.and_then(|folder| File::open(folder).ok());
        Self { _folder: folder.filter(|folder| lock(folder).is_ok()) }
    }

    /// To count on copies of the supervisor and on folders that are there: with all others who do.
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

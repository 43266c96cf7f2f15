//! Being told when something in a folder changes, for those who follow files that others write.

use std::io;
use std::path::Path;
use std::time::Instant;

#[cfg(target_os = "linux")]
use crate::linux::watch as imp;
#[cfg(all(unix, not(target_os = "linux")))]
use crate::unix::watch as imp;
#[cfg(windows)]
use crate::windows::watch as imp;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something in the folder may have changed: look again.
    Changed,
    /// Nobody reads this process's standard output any more. Windows tells it by the next write alone.
    OutputClosed,
}

/// Tells when files in one folder are made, written, renamed or removed.
///
/// What changes between two waits is not missed. Linux tells at once and otherwise sleeps; where the operating system
/// does not tell of every write, each wait ends after a fraction of a second.
#[derive(Debug)]
pub struct Watch {
    imp: imp::Watch,
}

impl Watch {
    /// Watches a folder. One that is not there yet is waited for.
    ///
    /// # Errors
    /// Fails when neither the folder nor any above it can be watched.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self { imp: imp::Watch::new(folder)? })
    }

    /// Waits for the next change.
    ///
    /// # Errors
    /// Fails when the operating system cannot wait.
    pub fn wait(&mut self) -> io::Result<Woken> {
        self.imp.wait()
    }

    /// Waits for the next change, or until a moment, whoever reads standard output.
    ///
    /// # Errors
    /// Fails when the operating system cannot wait.
    pub fn wait_until(&mut self, until: Instant) -> io::Result<()> {
        self.imp.wait_until(until)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_ends_when_its_time_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            watch.wait_until(until).unwrap();
        }
    }

    /// Waits on another thread, so that a change that is missed fails the test and does not hang it.
    fn woken(mut watch: Watch, until: impl Fn() -> bool + Send + 'static) -> mpsc::Receiver<()> {
        let (told, wait) = mpsc::channel();
        std::thread::spawn(move || {
            while !until() {
                watch.wait().unwrap();
            }
            let _ = told.send(());
        });
        wait
    }

    #[test]
    fn a_write_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "1").unwrap();
        let watch = Watch::new(folder.path()).unwrap();
        // Before the first wait: nothing is missed.
        fs::write(&file, "22").unwrap();
        let seen = woken(watch, move || fs::metadata(&file).unwrap().len() == 2);
        seen.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a_folder_that_comes_later_is_watched_then() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("logs/web");
        let file = folder.join("a");
        let watch = Watch::new(&folder).unwrap();
        let looked = file.clone();
        let seen = woken(watch, move || fs::read(&looked).is_ok_and(|text| text == b"there"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(&file, "not yet").unwrap();
        fs::write(&file, "there").unwrap();
        seen.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    // Windows keeps the name of a folder taken for as long as it is watched.
    #[cfg(not(windows))]
    #[test]
    fn a_folder_that_is_made_anew_is_watched_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("web");
        fs::create_dir(&folder).unwrap();
        let watch = Watch::new(&folder).unwrap();
        fs::remove_dir(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        let file = folder.join("a");
        let looked = file.clone();
        let seen = woken(watch, move || looked.is_file());
        fs::write(&file, "there").unwrap();
        seen.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}

//! Files and folders as a service tool needs them: private before they have content, whole or not there at all,
//! locked against a second writer, and open in a way that lets others read, rename and remove them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::process::Identity;

#[cfg(unix)]
use crate::unix::fs as imp;
#[cfg(windows)]
use crate::windows::fs as imp;

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only the owner (Unix 0600; Windows: SYSTEM, Administrators and the creator).
    Private,
    /// Everyone may read (Unix 0644).
    Public,
    /// Everyone may read and execute (Unix 0755).
    Executable,
}

/// Creates a folder, and those above it that are missing, that only its owner can look into. An existing folder
/// is left with the permissions it has.
///
/// The folder is never, not even for a moment, open to others.
pub fn private_dir(path: &Path) -> io::Result<()> {
    make_dir(path, true)
}

/// Creates a folder, and those above it that are missing, that everyone can look into (Unix 0755).
pub fn public_dir(path: &Path) -> io::Result<()> {
    make_dir(path, false)
}

fn make_dir(path: &Path, private: bool) -> io::Result<()> {
    match imp::create_dir(path, private) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).ok_or(error)?;
            make_dir(parent, false)?;
            match imp::create_dir(path, private) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
                other => other,
            }
        }
        Err(error) => Err(error),
    }
}

/// Replaces the content of a file as a whole: readers see the old content or the new, also after a crash.
///
/// The new file gets its permissions before its content. Nothing is left behind when it fails.
pub fn atomic_write(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let temporary = Temporary::beside(path, access)?;
    temporary.fill(bytes)?;
    temporary.take_place_of(path)
}

/// Like [`atomic_write`], but without waiting for the disk: readers see the old content or the new, a power cut may
/// bring back either or an empty file. For what is written often and told anew after a boot.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let temporary = Temporary::beside(path, access)?;
    if let Some(mut file) = temporary.file.as_ref() {
        file.write_all(bytes)?;
    }
    temporary.swap(path)
}

/// The end of passing names: `.NAME.PID-COUNT.tmp`.
const PASSING: &str = ".tmp";

/// The end of the names under which replaced files are kept until all is settled: `.NAME.before`.
pub(crate) const KEPT: &str = ".before";

/// Removes what killed processes left beside a file: half-written content and kept originals.
pub(crate) fn sweep_beside(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    let ours = format!(".{name}.");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(rest) = file.to_str().and_then(|file| file.strip_prefix(&ours)) else { continue };
        let left = match rest.strip_suffix(PASSING).and_then(|rest| rest.split_once('-')) {
            Some((pid, _)) => pid.parse::<u32>().is_ok_and(|pid| pid != std::process::id() && is_dead(pid)),
            None => format!(".{rest}") == KEPT,
        };
        if left {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a process is known to be dead. Not on Windows: where Wine shows it `/proc`, that counts other processes.
fn is_dead(pid: u32) -> bool {
    cfg!(unix) && Path::new("/proc/self").exists() && !Path::new("/proc").join(pid.to_string()).exists()
}

/// A file under a passing name, removed again unless it took its place.
struct Temporary {
    path: PathBuf,
    file: Option<File>,
}

impl Temporary {
    fn beside(path: &Path, access: Access) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        loop {
            let mut passing = std::ffi::OsString::from(".");
            passing.push(name);
            passing.push(format!(
                ".{}-{}{PASSING}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            ));
            let passing = path.with_file_name(passing);
            match imp::create_new(&passing, access) {
                Ok(file) => return Ok(Self { path: passing, file: Some(file) }),
                // Left by an earlier process of the same id that was killed: take the next number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn take_place_of(self, path: &Path) -> io::Result<()> {
        self.swap(path)?;
        // The rename itself has happened; a folder that cannot be synced must not make it look undone.
        let _ = path.parent().map(sync_dir);
        Ok(())
    }

    fn swap(mut self, path: &Path) -> io::Result<()> {
        self.file = None;
        imp::replace(&self.path, path)?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.file = None;
        if !self.path.as_os_str().is_empty() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Creates a file that is not there yet, with its permissions from the start. One that is there is left alone, and an error.
pub fn create_new(path: &Path, access: Access) -> io::Result<File> {
    imp::create_new(path, access)
}

/// Opens a file to append to, creating it private when it is missing. On Windows others may read, rename and
/// remove it meanwhile.
pub fn open_append(path: &Path) -> io::Result<File> {
    imp::open_append(path)
}

/// Makes created, renamed and removed names in a folder survive a power cut (nothing to do on Windows).
pub fn sync_dir(path: &Path) -> io::Result<()> {
    imp::sync_dir(path)
}

/// Removes a file; one that is not there counts as removed. Answers whether there was one.
pub fn remove_file(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => {
            let _ = path.parent().map(sync_dir);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives a folder and all that is in it to the account of a program, and lets that account pass through the folders of
/// ours above it (not list them). Windows does it by access lists when a service is applied.
pub fn hand_over(folder: &Path, identity: &Identity) -> io::Result<()> {
    #[cfg(unix)]
    return crate::unix::fs::hand_over(folder, identity);
    #[cfg(not(unix))]
    {
        let _ = (folder, identity);
        Ok(())
    }
}

/// A file that only one process holds at a time. The system frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why a lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{} is held by {}", path.display(), holder(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, where it can be told.
        pid: Option<u32>,
    },
    /// The file could not be opened or locked.
    #[error("cannot lock {}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

impl Lock {
    /// Takes the lock at `path`, creating the file (private) and its folder as needed; never waits.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let fail = |source| LockError::Io { path: path.to_path_buf(), source };
        let mut tries = 0;
        loop {
            tries += 1;
            if let Some(parent) = path.parent() {
                public_dir(parent).map_err(fail)?;
            }
            let file = match imp::open_lock(path) {
                // Whoever held the last lock there may have taken the empty folder away just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 10 => continue,
                opened => opened.map_err(fail)?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held { path: path.to_path_buf(), pid: read_pid(path) });
                }
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
            // A holder that removes the file while we opened it leaves us with a lock on nothing.
            if imp::is_same_file(&file, path) {
                let mut lock = Self { file, path: path.to_path_buf() };
                lock.write_pid().map_err(fail)?;
                return Ok(lock);
            }
        }
    }

    fn write_pid(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        writeln!(self.file, "{}", std::process::id())
    }

    /// Removes the lock file and frees the lock; whoever comes next makes a new one.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// Whether someone seems to hold the lock at a path, without disturbing them: false only when there is no lock file or
/// its holder is known to be dead.
pub(crate) fn is_held(path: &Path) -> bool {
    path.exists() && read_pid(path).is_none_or(|pid| !is_dead(pid))
}

fn read_pid(path: &Path) -> Option<u32> {
    let mut text = String::new();
    OpenOptions::new().read(true).open(path).ok()?.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        atomic_write(&path, b"one", Access::Private).unwrap();
        atomic_write(&path, b"two", Access::Private).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        replace(&path, b"three", Access::Private).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        // A folder that is not empty can't be replaced by a file.
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("b"), "x").unwrap();
        assert!(atomic_write(&path, b"two", Access::Public).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_has_one_holder_and_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks").join("a");
        let lock = Lock::acquire(&path).unwrap();
        match Lock::acquire(&path) {
            Err(LockError::Held { pid, .. }) => {
                assert!(pid.is_none_or(|pid| pid == std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        lock.remove().unwrap();
        assert!(!path.exists());
        drop(Lock::acquire(&path).unwrap());
        Lock::acquire(&path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_killed_processes_left_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.service");
        let own = format!(".a.service.{}-0.tmp", std::process::id());
        // No process has the number 0 or one beyond the kernel's bound.
        for name in
            ["a.service", ".a.service.4999999-0.tmp", ".a.service.before", ".ab.service.before", own.as_str()]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        sweep_beside(&path);
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [own.as_str(), ".ab.service.before", "a.service"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_private_from_the_start() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let inner = folder.path().join("x/y");
        private_dir(&inner).unwrap();
        private_dir(&inner).unwrap();
        assert_eq!((mode(&inner), mode(inner.parent().unwrap())), (0o700, 0o755));
        for (access, wanted) in
            [(Access::Private, 0o600), (Access::Public, 0o644), (Access::Executable, 0o755)]
        {
            let path = inner.join(format!("{access:?}"));
            atomic_write(&path, b"", access).unwrap();
            assert_eq!(mode(&path), wanted);
        }
        drop(open_append(&inner.join("log")).unwrap());
        assert_eq!(mode(&inner.join("log")), 0o600);
    }
}

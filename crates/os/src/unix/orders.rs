//! Unix side of [`crate::orders`].

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::{Errno, write};

#[derive(Debug)]
pub(crate) struct Orders {
    pipe: OwnedFd,
}

impl Orders {
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        // Never waits for a reader: without one, the answer is ENXIO.
        let pipe = match open(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Ok(pipe) => pipe,
            Err(Errno::NXIO | Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let kind = FileType::from_raw_mode(fstat(&pipe)?.st_mode);
        Ok((kind == FileType::Fifo).then_some(Self { pipe }))
    }

    pub(crate) fn send(&self, orders: &[u8]) -> io::Result<()> {
        // A few bytes are written whole or not at all.
        write(&self.pipe, orders)?;
        Ok(())
    }

    pub(crate) fn is_gone(&self, until: Instant) -> io::Result<bool> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // Nothing is asked for: that nobody reads is told unasked.
            let mut waited = [PollFd::new(&self.pipe, PollFlags::empty())];
            let found = match poll(&mut waited, Some(&timespec(left))) {
                Ok(found) => found,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if found > 0 {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    let duration = duration.min(Duration::from_secs(3600));
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: i64::from(duration.subsec_nanos()) as _ }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn fifo() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        (folder, path)
    }

    #[test]
    fn without_a_reader_there_is_nobody_to_order() {
        let (folder, path) = fifo();
        assert!(Orders::open(&path).unwrap().is_none());
        assert!(Orders::open(&folder.path().join("nothing")).unwrap().is_none());
        let file = folder.path().join("file");
        std::fs::write(&file, "kept").unwrap();
        assert!(Orders::open(&file).unwrap().is_none());
        assert_eq!(std::fs::read(&file).unwrap(), b"kept");
    }

    #[test]
    fn orders_arrive_and_the_readers_end_is_noticed() {
        let (_folder, path) = fifo();
        let reader = open(&path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let orders = Orders::open(&path).unwrap().unwrap();
        orders.send(b"dx").unwrap();
        let mut read = [0; 8];
        assert_eq!(rustix::io::read(&reader, &mut read).unwrap(), 2);
        assert_eq!(&read[..2], b"dx");
        assert!(!orders.is_gone(Instant::now()).unwrap());
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = done.send(orders.is_gone(Instant::now() + Duration::from_secs(30)).unwrap());
        });
        drop(reader);
        assert!(wait.recv_timeout(Duration::from_secs(20)).unwrap());
    }
}

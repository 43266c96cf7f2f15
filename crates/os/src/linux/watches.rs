//! Linux side of [`crate::watches`]: one inotify for all folders, and an eventfd to be woken by.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use crate::watches::{Changed, WatchId};

#[derive(Debug)]
pub(crate) struct Watches {
    queue: OwnedFd,
    waker: Waker,
    /// By the kernel's numbers. A folder that is watched under two of ours has one of the kernel's.
    watched: HashMap<i32, Vec<WatchId>>,
    next: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(crate) fn wake(&self) {
        // Only a count that is full refuses, and that wakes too.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

impl Watches {
    pub(crate) fn new() -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let waker = Waker(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?));
        Ok(Self { queue, waker, watched: HashMap::new(), next: 0 })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(crate) fn add(&mut self, folder: &Path) -> io::Result<WatchId> {
        let flags = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let number = inotify::add_watch(&self.queue, folder, flags)?;
        let id = WatchId(self.next);
        self.next += 1;
        self.watched.entry(number).or_default().push(id);
        Ok(id)
    }

    pub(crate) fn remove(&mut self, id: WatchId) {
        let Some((&number, ids)) = self.watched.iter_mut().find(|(_, ids)| ids.contains(&id)) else { return };
        ids.retain(|known| *known != id);
        if ids.is_empty() {
            self.watched.remove(&number);
            // The kernel has forgotten a folder that is gone by itself.
            let _ = inotify::remove_watch(&self.queue, number);
        }
    }

    pub(crate) fn wait(&mut self, until: Option<Instant>) -> io::Result<Vec<Changed>> {
        let left = until.map(|until| {
            // A hair longer, so that who waits again until the same moment doesn't turn in circles.
            let left = until.saturating_duration_since(Instant::now()) + Duration::from_micros(1);
            Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 })
        });
        let mut waited =
            [PollFd::new(&self.queue, PollFlags::IN), PollFd::new(&*self.waker.0, PollFlags::IN)];
        match poll(&mut waited, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Many wakes are one.
        let _ = rustix::io::read(&*self.waker.0, &mut [0_u8; 8]);
        self.changed()
    }

    /// What the kernel told since it was asked last, once a folder.
    fn changed(&mut self) -> io::Result<Vec<Changed>> {
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut found: BTreeMap<WatchId, Changed> = BTreeMap::new();
        let mut gone = Vec::new();
        let mut reader = Reader::new(&self.queue, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let flags = event.events();
            let lost = flags.contains(ReadFlags::QUEUE_OVERFLOW);
            let ended =
                flags.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) && !lost;
            // When the kernel had to forget some, anything may have happened anywhere.
            let ids = self
                .watched
                .iter()
                .filter(|(number, _)| lost || **number == event.wd())
                .flat_map(|(_, ids)| ids.iter().copied());
            for id in ids {
                let entry = found.entry(id).or_insert(Changed { id, names: false, gone: false });
                entry.names |= flags != ReadFlags::MODIFY;
                entry.gone |= ended;
            }
            if flags.contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
            }
        }
        for number in gone {
            self.watched.remove(&number);
        }
        Ok(found.into_values().collect())
    }
}

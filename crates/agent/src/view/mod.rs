//! What the agent knows of all services: looked at once, and again whenever something changes.
//!
//! One thread follows the folders of the services and replaces the [`Snapshot`] when one of them changes; whoever asks gets
//! the newest without waiting for it. Nothing is asked at intervals.

mod follow;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use abide_host::{Home, Known, Whose};
use abide_os::watches::Waker;
use abide_spec::{Name, Spec};
use tokio::sync::watch;

/// A service as it was last seen.
#[derive(Debug)]
pub struct Seen {
    /// Its name.
    pub name: Name,
    /// Where it lives.
    pub home: Home,
    /// What it does.
    pub known: Known,
    /// Its spec, where that is installed, can be read and is valid.
    pub spec: Option<Arc<Spec>>,
}

/// All services at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By name.
    pub services: BTreeMap<Name, Arc<Seen>>,
}

/// The newest [`Snapshot`], and word of the next one.
#[derive(Clone, Debug)]
pub struct View {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    snapshot: RwLock<Arc<Snapshot>>,
    /// Counts snapshots.
    changes: watch::Sender<u64>,
}

/// Keeps a [`View`] up to date until it is dropped.
#[derive(Debug)]
pub struct Follower {
    waker: Waker,
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl View {
    /// Looks at all services, and follows them from then on.
    ///
    /// # Errors
    /// Fails when the operating system has no watch or no thread to give.
    pub fn follow(whose: &Whose) -> io::Result<(Self, Follower)> {
        let view =
            Self { shared: Arc::new(Shared { snapshot: RwLock::default(), changes: watch::Sender::new(0) }) };
        let follower = follow::begin(&view, whose)?;
        Ok((view, follower))
    }

    /// All services as they were last seen.
    #[must_use]
    pub fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One service as it was last seen.
    #[must_use]
    pub fn service(&self, name: &Name) -> Option<Arc<Seen>> {
        self.now().services.get(name).cloned()
    }

    /// Tells of each snapshot that comes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    fn replace(&self, snapshot: Snapshot) {
        *self.shared.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.shared.changes.send_modify(|count| *count += 1);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Release);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

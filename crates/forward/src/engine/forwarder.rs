//! All sinks together.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use abide_os::fs::{Lock, LockError};
use abide_spec::Name;

use super::acked::{Acked, LoadError};
use super::courier::{Courier, Opener, Report};
use super::inbox::Inbox;
use super::places::{self, Places};
use super::scout::{Client, Recall, Scout};
use super::source;
use crate::config::{Config, From, SinkConfig};
use crate::sink::Host;

/// Why a forwarder does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another one runs.
    #[error("{0}; two forwarders would send everything twice")]
    Busy(LockError),
    /// A folder or a file of its own cannot be used.
    #[error("{path} cannot be used: {source}")]
    Place {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be known what was acknowledged.
    #[error(transparent)]
    Acked(#[from] LoadError),
    /// Changes of files cannot be watched.
    #[error("{path} cannot be watched: {source}")]
    Watch {
        /// The folder of logs.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system has no thread left.
    #[error("no thread can be started: {0}")]
    Thread(io::Error),
}

/// Carries what all services print to all sinks, until it is stopped.
#[derive(Debug)]
pub struct Forwarder {
    inboxes: Vec<Arc<Inbox>>,
    recall: Recall,
    /// Tells of each thread that has ended.
    ended: Receiver<()>,
    running: usize,
    _lock: Lock,
}

impl Forwarder {
    /// Starts it: one thread a sink, and one that watches. `opener` makes the sinks, `report` is told what people should
    /// know of.
    ///
    /// # Errors
    /// When another one runs with these folders, or they cannot be used. A sink that cannot be reached is no error: it is
    /// tried again.
    pub fn start(
        config: &Config,
        places: &Places,
        host: &Arc<Host>,
        opener: Opener,
        report: Report,
    ) -> Result<Self, StartError> {
        make(&places.logs, abide_os::fs::public_dir)?;
        make(&places.own, abide_os::fs::private_dir)?;
        let lock = Lock::acquire(&places.lock()).map_err(|error| match error {
            LockError::Io { path, source } => StartError::Place { path, source },
            held @ LockError::Held { .. } => StartError::Busy(held),
        })?;
        let mut couriers = Vec::new();
        let mut clients = Vec::new();
        for sink in &config.sinks {
            let (sink, inbox) = (Arc::new(sink.clone()), Arc::new(Inbox::default()));
            let own = places.sink(&sink.name);
            let acked = begin(&sink, places)?;
            clients.push(Client { config: sink.clone(), places: own, inbox: inbox.clone() });
            couriers.push(Courier::new(
                sink,
                host.clone(),
                places.clone(),
                inbox,
                opener.clone(),
                report.clone(),
                acked,
            ));
        }
        let inboxes: Vec<_> = clients.iter().map(|client| client.inbox.clone()).collect();
        let watched = |source| StartError::Watch { path: places.logs.clone(), source };
        let scout = Scout::new(places.clone(), clients).map_err(watched)?;
        let recall = scout.recall();
        let (end, ended) = mpsc::channel();
        let mut forwarder = Self { inboxes, recall, ended, running: 0, _lock: lock };
        for courier in couriers {
            forwarder.thread("courier", end.clone(), move || courier.run())?;
        }
        let names: Vec<Name> = config.sinks.iter().map(|sink| sink.name.clone()).collect();
        forwarder.thread("scout", end, move || {
            if let Err(error) = scout.run() {
                for name in &names {
                    report(name, &format!("changes of files are not told any more: {error}"));
                }
            }
        })?;
        Ok(forwarder)
    }

    fn thread(
        &mut self,
        name: &str,
        end: mpsc::Sender<()>,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), StartError> {
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            body();
            let _ = end.send(());
        });
        if let Err(error) = started {
            self.tell_to_stop();
            return Err(StartError::Thread(error));
        }
        self.running += 1;
        Ok(())
    }

    fn tell_to_stop(&self) {
        self.recall.recall();
        for inbox in &self.inboxes {
            inbox.put(|news| news.stop = true);
        }
    }

    /// Stops it. What is on its way is waited for, up to `patience`; the rest stays where it is and is sent by the next
    /// one. False if something was still on its way then: it may arrive twice.
    #[must_use]
    pub fn stop(mut self, patience: Duration) -> bool {
        self.tell_to_stop();
        let until = Instant::now() + patience;
        while self.running > 0 {
            match self.ended.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(()) => self.running -= 1,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.running == 0
    }
}

/// What a sink has acknowledged; for a new one, what it need not be sent.
fn begin(sink: &SinkConfig, places: &Places) -> Result<Acked, StartError> {
    let own = places.sink(&sink.name);
    make(&own.folder, abide_os::fs::private_dir)?;
    if let Some(acked) = Acked::load(&own.acked())? {
        return Ok(acked);
    }
    let mut acked = Acked::default();
    if sink.from == From::Now {
        for name in places::services(&places.logs) {
            acked.services.insert(name.to_string(), source::end_of_all(&name, places));
        }
    }
    // Before anything is read: after a crash, what came since is still what it was.
    let path = own.acked();
    let saved = acked.save_for_good(&path).and_then(|()| acked.save(&path));
    saved.map_err(|source| StartError::Place { path, source })?;
    Ok(acked)
}

fn make(path: &std::path::Path, how: fn(&std::path::Path) -> io::Result<()>) -> Result<(), StartError> {
    how(path).map_err(|source| StartError::Place { path: path.to_owned(), source })
}

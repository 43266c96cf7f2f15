//! Finds services as they come and go, and tells every courier what it needs to know. One thread for all of them.
//!
//! It also holds rotated files for the sinks at once: a courier may be busy with a slow sink while retention goes on.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_logs::Stream;
use abide_os::watches::{Changed, Waker, WatchId, Watches};
use abide_spec::Name;

use super::inbox::Inbox;
use super::names::Rotated;
use super::places::{self, Places, SinkPlaces};
use super::queue::Queue;
use crate::config::SinkConfig;

/// A courier as the scout sees it.
pub struct Client {
    /// What it wants.
    pub config: Arc<SinkConfig>,
    /// Its folder.
    pub places: SinkPlaces,
    /// Where it is told.
    pub inbox: Arc<Inbox>,
}

/// A service that is followed.
struct Known {
    logs: WatchId,
    state: Option<WatchId>,
    /// The newest rotated file of each stream that was looked at.
    newest: [Option<u64>; 2],
}

/// Looks out.
pub struct Scout {
    places: Places,
    clients: Vec<Client>,
    watches: Watches,
    root: WatchId,
    known: BTreeMap<Name, Known>,
    by_watch: BTreeMap<WatchId, Name>,
    stop: Arc<AtomicBool>,
}

/// Ends a scout.
#[derive(Clone, Debug)]
pub struct Recall {
    stop: Arc<AtomicBool>,
    waker: Waker,
}

impl Recall {
    /// Ends it soon.
    pub fn recall(&self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl Scout {
    /// A scout that has told every courier what services there are.
    pub fn new(places: Places, clients: Vec<Client>) -> io::Result<Self> {
        let mut watches = Watches::new()?;
        let root = watches.add(&places.logs)?;
        let mut scout = Self {
            places,
            clients,
            watches,
            root,
            known: BTreeMap::new(),
            by_watch: BTreeMap::new(),
            stop: Arc::default(),
        };
        scout.look();
        Ok(scout)
    }

    /// What ends it.
    pub fn recall(&self) -> Recall {
        Recall { stop: self.stop.clone(), waker: self.watches.waker() }
    }

    /// Looks out until it is recalled.
    pub fn run(mut self) -> io::Result<()> {
        loop {
            let changes = self.watches.wait(None)?;
            if self.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            for change in changes {
                self.tell(change);
            }
        }
    }

    fn tell(&mut self, change: Changed) {
        if change.id == self.root {
            if change.names {
                self.look();
            }
            return;
        }
        let Some(name) = self.by_watch.get(&change.id).cloned() else { return };
        let is_log = self.known.get(&name).is_some_and(|known| known.logs == change.id);
        if change.gone {
            if is_log {
                self.lose(&name);
                // It may have been made anew already.
                self.look();
            } else {
                self.by_watch.remove(&change.id);
                if let Some(known) = self.known.get_mut(&name) {
                    known.state = None;
                }
            }
            return;
        }
        if !is_log {
            self.put(&name, |client, inbox| {
                if client.takes_events() {
                    inbox.put(|news| {
                        news.happened.insert(name.clone());
                    });
                }
            });
            return;
        }
        if change.names {
            self.hold(&name);
            // Its state comes to be with its first start, as its log does.
            self.watch_state(&name);
        }
        self.put(&name, |_, inbox| {
            inbox.put(|news| {
                news.printed.insert(name.clone());
                if change.names {
                    news.rotated.insert(name.clone());
                }
            });
        });
    }

    /// Looks for services that came or went.
    fn look(&mut self) {
        let there = places::services(&self.places.logs);
        let gone: Vec<Name> = self.known.keys().filter(|name| !there.contains(name)).cloned().collect();
        for name in gone {
            self.lose(&name);
        }
        for name in there {
            if self.known.contains_key(&name) {
                continue;
            }
            // It is looked for again when something changes.
            let logs = match self.watches.add(&self.places.logs.join(name.as_str())) {
                Ok(logs) => logs,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    let text = format!("the log of {name} cannot be followed: {error}");
                    self.put(&name, |_, inbox| inbox.put(|news| news.trouble = Some(text.clone())));
                    continue;
                }
            };
            self.by_watch.insert(logs, name.clone());
            // What is rotated by now is held by the courier, which knows from where on; what comes, by us.
            let newest = self.newest(&name);
            self.known.insert(name.clone(), Known { logs, state: None, newest });
            self.watch_state(&name);
            self.put(&name, |_, inbox| {
                inbox.put(|news| {
                    news.found.insert(name.clone());
                    news.printed.insert(name.clone());
                    news.happened.insert(name.clone());
                });
            });
        }
    }

    fn newest(&self, name: &Name) -> [Option<u64>; 2] {
        let rotated = Rotated::of(&self.places.logs.join(name.as_str())).unwrap_or_default();
        Stream::BOTH.map(|stream| rotated.last(stream))
    }

    fn watch_state(&mut self, name: &Name) {
        if !self.clients.iter().any(|client| client.config.takes_events()) {
            return;
        }
        let Some(known) = self.known.get_mut(name).filter(|known| known.state.is_none()) else { return };
        if let Ok(id) = self.watches.add(&self.places.state.join(name.as_str())) {
            known.state = Some(id);
            self.by_watch.insert(id, name.clone());
            self.put(name, |client, inbox| {
                if client.takes_events() {
                    inbox.put(|news| {
                        news.happened.insert(name.clone());
                    });
                }
            });
        }
    }

    fn lose(&mut self, name: &Name) {
        let Some(known) = self.known.remove(name) else { return };
        for id in [Some(known.logs), known.state].into_iter().flatten() {
            self.by_watch.remove(&id);
            self.watches.remove(id);
        }
        self.put(name, |_, inbox| {
            inbox.put(|news| {
                news.gone.insert(name.clone());
                news.found.remove(name);
            });
        });
    }

    /// Holds what was rotated since the last look.
    fn hold(&mut self, name: &Name) {
        let newest = self.newest(name);
        let Some(known) = self.known.get_mut(name) else { return };
        let before = std::mem::replace(&mut known.newest, newest);
        let logs = self.places.logs.join(name.as_str());
        self.put(name, |client, _| {
            let places = self.clients.iter().find(|other| Arc::ptr_eq(&other.config, client));
            if let Some(places) = places.map(|other| &other.places) {
                let queue = Queue::new(logs.clone(), places.queue(name.as_str()));
                // What cannot be held is told by the courier, which tries too.
                let _ = queue.hold_newer(before);
            }
        });
    }

    /// For every courier that wants this service.
    fn put(&self, name: &Name, act: impl Fn(&Arc<SinkConfig>, &Inbox)) {
        for client in self.clients.iter().filter(|client| client.config.wants(name.as_str())) {
            act(&client.config, &client.inbox);
        }
    }
}

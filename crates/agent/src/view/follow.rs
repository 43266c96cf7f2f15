//! The thread that keeps the view up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_host::{Home, Known, Whose, home};
use abide_os::watches::{Changed, WatchId, Watches};
use abide_spec::Name;

use super::{Follower, Seen, Snapshot, View};

/// Looks once, so that the view is whole when this returns, and goes on in a thread of its own.
pub(super) fn begin(view: &View, whose: &Whose) -> io::Result<Follower> {
    let mut eye =
        Eye { view: view.clone(), whose: whose.clone(), watches: Watches::new()?, watched: BTreeMap::new() };
    let (waker, stop) = (eye.watches.waker(), Arc::new(AtomicBool::new(false)));
    eye.look_for_services();
    let told = Arc::clone(&stop);
    let thread = std::thread::Builder::new().name("view".into()).spawn(move || eye.follow(&told))?;
    Ok(Follower { waker, stop, thread: Some(thread) })
}

/// What a watched folder is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Watched {
    /// Services come and go in it, or their specs change.
    Root(PathBuf),
    /// The state of one service.
    State(Name),
}

struct Eye {
    view: View,
    whose: Whose,
    watches: Watches,
    watched: BTreeMap<WatchId, Watched>,
}

impl Eye {
    fn follow(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            // It fails only where no waiting is possible at all; the last look stays then.
            let Ok(changes) = self.watches.wait(None) else { return };
            self.take(&changes);
        }
    }

    fn take(&mut self, changes: &[Changed]) {
        let mut services = BTreeSet::new();
        let mut all = false;
        for change in changes {
            let watched = if change.gone {
                self.watched.remove(&change.id)
            } else {
                self.watched.get(&change.id).cloned()
            };
            match watched {
                // Files of a root are specs: a write into one is as good as a new one.
                Some(Watched::Root(_)) => all = true,
                Some(Watched::State(_)) if change.gone => all = true,
                Some(Watched::State(name)) => {
                    services.insert(name);
                }
                None => {}
            }
        }
        if all {
            self.look_for_services();
        } else if !services.is_empty() {
            self.look_again(&services);
        }
    }

    /// Looks at everything: which services there are, and what each does.
    fn look_for_services(&mut self) {
        self.watch_roots();
        let mut snapshot = Snapshot::default();
        for (name, home) in home::only(&self.whose) {
            self.watch(Watched::State(name.clone()), &home.place(&name).state);
            // One that cannot be told of must not hide the others.
            let known =
                Known::of(&name, &home).unwrap_or_else(|error| Known::nothing(&name, &home, error.error));
            snapshot.services.insert(name.clone(), Arc::new(seen(name, home, known)));
        }
        let gone: Vec<WatchId> = self
            .watched
            .iter()
            .filter(|(_, watched)| matches!(watched, Watched::State(name) if !snapshot.services.contains_key(name)))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.watched.remove(&id);
            self.watches.remove(id);
        }
        self.view.replace(snapshot);
    }

    /// Looks at some services whose state has changed.
    fn look_again(&self, names: &BTreeSet<Name>) {
        let mut snapshot = (*self.view.now()).clone();
        for name in names {
            let Some(old) = snapshot.services.get(name) else { continue };
            let known = old.known.renewed(name, &old.home);
            let new = Seen { name: name.clone(), home: old.home.clone(), known, spec: old.spec.clone() };
            snapshot.services.insert(name.clone(), Arc::new(new));
        }
        self.view.replace(snapshot);
    }

    fn watch_roots(&mut self) {
        for root in home::roots(&self.whose) {
            let nearest = root.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned);
            // One that is not there yet is seen coming from above.
            if let Some(folder) = nearest {
                self.watch(Watched::Root(folder.clone()), &folder);
            }
        }
    }

    /// Watches a folder, unless that is done already or cannot be: what cannot be watched is seen when something else
    /// changes.
    fn watch(&mut self, what: Watched, folder: &Path) {
        if self.watched.values().any(|known| *known == what) {
            return;
        }
        if let Ok(id) = self.watches.add(folder) {
            self.watched.insert(id, what);
        }
    }
}

fn seen(name: Name, home: Home, known: Known) -> Seen {
    let spec = home.read_spec(&name).map(Arc::new);
    Seen { name, home, known, spec }
}

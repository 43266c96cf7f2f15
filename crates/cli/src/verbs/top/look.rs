//! The thread that looks: at services when their files change, at what the chosen one prints as it prints it, and at what
//! all of them use every few seconds.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use abide_host::{Home, Known, Whose, home};
use abide_os::manager::Scope;
use abide_os::paths::Layout;
use abide_os::terminal::is_in_foreground;
use abide_os::watch::{Watch, Woken};
use abide_os::watches::{Waker, WatchId, Watches};
use abide_supervisor::status::supervisor_lives;

use super::model;
use super::news::{Id, News, Seen};
use super::reading::{Log, events};
use super::usage::Sampler;
use crate::failure::{self, Failure};
use crate::verbs::status::facts;

/// Between two samples of what services use.
const SAMPLES: Duration = Duration::from_secs(2);

/// What is wanted of the thread that looks.
#[derive(Debug, Default)]
struct Wanted {
    /// What this service prints, and what happens to it.
    chosen: Option<Id>,
    /// All services are to be looked at, and which there are.
    all: bool,
    /// This one is to be looked at.
    one: Vec<Id>,
}

/// What others want of the thread that looks.
#[derive(Clone, Debug)]
pub struct Asker {
    wanted: Arc<Mutex<Wanted>>,
    waker: Waker,
}

impl Asker {
    /// From now on, what this service prints and what happens to it is wanted.
    pub fn choose(&self, chosen: Option<Id>) {
        self.want(|wanted| wanted.chosen = chosen);
    }

    /// All services are to be looked at.
    pub fn look(&self) {
        self.want(|wanted| wanted.all = true);
    }

    /// One service is to be looked at.
    pub fn look_at(&self, id: Id) {
        self.want(|wanted| wanted.one.push(id));
    }

    fn want(&self, change: impl FnOnce(&mut Wanted)) {
        // A panic elsewhere leaves the guarded value whole.
        change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        self.waker.wake();
    }
}

/// A service that is looked at.
struct Looked {
    home: Home,
    watch: Option<WatchId>,
    /// Its program, as its status tells it.
    program: Option<u32>,
    /// What its status tells of its supervisor, for looking whether that lives.
    status: abide_supervisor::status::Status,
    /// Its supervisor lived when it was looked at.
    lived: bool,
}

/// Nobody wants to know any more.
struct Over;

/// Looks, and tells what it sees.
struct Looker {
    whose: Whose,
    watches: Watches,
    services: BTreeMap<Id, Looked>,
    log: Option<(Id, Log)>,
    sampler: Sampler,
    asker: Asker,
    news: SyncSender<News>,
}

/// Starts looking at the services that are meant. The threads end with the process.
pub fn start(whose: Whose, news: SyncSender<News>) -> Result<Asker, Failure> {
    let cannot = |error: io::Error| Failure::io("the services cannot be watched", &error);
    let watches = Watches::new().map_err(cannot)?;
    let asker = Asker { wanted: Arc::default(), waker: watches.waker() };
    for root in roots(&whose) {
        watch_root(root, asker.clone()).map_err(cannot)?;
    }
    asker.look();
    let looker = Looker {
        whose,
        watches,
        services: BTreeMap::new(),
        log: None,
        sampler: Sampler::default(),
        asker: asker.clone(),
        news,
    };
    std::thread::Builder::new().name("look".into()).spawn(move || looker.run()).map_err(cannot)?;
    Ok(asker)
}

/// The folders in which the state folders of services appear.
fn roots(whose: &Whose) -> Vec<PathBuf> {
    if let Some(dir) = &whose.dir {
        return home::absolute(dir).map(|dir| vec![Layout::project(&dir).state]).unwrap_or_default();
    }
    let mut layouts = vec![home::layout(Scope::User).ok()];
    if whose.scope == Scope::System {
        layouts.extend([home::layout(Scope::System).ok(), home::project()]);
    }
    let mut roots: Vec<PathBuf> = layouts.into_iter().flatten().map(|layout| layout.state).collect();
    roots.sort();
    roots.dedup();
    roots
}

/// Why services of an `abide up` may be there that are not known. Those that are installed, the service manager tells.
fn denied(whose: &Whose) -> Option<String> {
    let layout = match &whose.dir {
        Some(dir) => Some(Layout::project(&home::absolute(dir).ok()?)),
        None if whose.scope == Scope::System => home::project(),
        None => None,
    };
    let state = layout?.state;
    let error = std::fs::read_dir(&state).err()?;
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    is_denied.then(|| format!("{} is not yours to read; {}", state.display(), failure::as_administrator()))
}

/// Asks for a look at all services when other folders are there than before.
fn watch_root(root: PathBuf, asker: Asker) -> io::Result<()> {
    let mut watch = Watch::new(&root)?;
    let names = move || {
        let entries = std::fs::read_dir(&root).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let mut before = names();
    std::thread::Builder::new().name("abide-watch".into()).spawn(move || {
        while let Ok(woken) = watch.wait() {
            if woken == Woken::OutputClosed {
                break;
            }
            let now = names();
            if now != before {
                before = now;
                asker.look();
            }
        }
    })?;
    Ok(())
}

impl Looker {
    fn run(mut self) {
        let mut sample = Instant::now();
        // Over: nobody wants to know any more.
        while let Ok(()) = self.round(&mut sample) {}
    }

    fn tell(&self, news: News) -> Result<(), Over> {
        self.news.send(news).map_err(|_| Over)
    }

    fn round(&mut self, sample: &mut Instant) -> Result<(), Over> {
        self.answer()?;
        if Instant::now() >= *sample {
            self.sample()?;
            *sample = Instant::now() + SAMPLES;
        }
        let has_more = self.log.as_ref().is_some_and(|(_, log)| !log.is_dry());
        let until = if has_more { Instant::now() } else { *sample };
        let changes = match self.watches.wait(Some(until)) {
            Ok(changes) => changes,
            Err(error) => {
                self.tell(News::Blind(format!("changes are not told any more: {error}")))?;
                return Err(Over);
            }
        };
        for change in &changes {
            let found = self.services.iter_mut().find(|(_, looked)| looked.watch == Some(change.id));
            if let Some((id, looked)) = found {
                let id = id.clone();
                if change.gone {
                    looked.watch = None;
                    self.asker.look();
                } else {
                    self.look_at(&id)?;
                }
            }
            if change.gone {
                self.forget_log(change.id);
            }
        }
        self.read()
    }

    /// Does what is wanted of it.
    fn answer(&mut self) -> Result<(), Over> {
        let (chosen, all, one) = {
            let mut wanted = self.asker.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            (wanted.chosen.clone(), std::mem::take(&mut wanted.all), std::mem::take(&mut wanted.one))
        };
        if all {
            self.look()?;
        } else {
            for id in one {
                self.look_at(&id)?;
            }
        }
        if self.log.as_ref().map(|(id, _)| id) != chosen.as_ref() {
            if let Some((_, log)) = self.log.take() {
                log.end(&mut self.watches);
            }
            if let Some(id) = chosen
                && let Some(looked) = self.services.get(&id)
            {
                let home = looked.home.clone();
                self.log = Some((id.clone(), Log::new(&id.name, &home)));
                self.tell(News::Events(id.clone(), events(&id.name, &home)))?;
                self.read()?;
            }
        }
        Ok(())
    }

    /// Looks which services there are, and at all of them.
    fn look(&mut self) -> Result<(), Over> {
        let known = home::known(&self.whose);
        let mut before = std::mem::take(&mut self.services);
        let mut all = Vec::new();
        for (name, home) in known {
            let id = model::id(&name, &home);
            let watch = before.remove(&id).and_then(|looked| looked.watch);
            all.push(self.see(id, home, watch));
        }
        for watch in before.into_values().filter_map(|looked| looked.watch) {
            self.watches.remove(watch);
        }
        self.tell(News::Services(all, denied(&self.whose)))
    }

    /// Looks at one, and at what happened to it where that is shown.
    fn look_at(&mut self, id: &Id) -> Result<(), Over> {
        let Some(looked) = self.services.remove(id) else { return Ok(()) };
        let home = looked.home.clone();
        let seen = self.see(id.clone(), looked.home, looked.watch);
        self.tell(News::Service(Box::new(seen)))?;
        if self.log.as_ref().is_some_and(|(chosen, _)| chosen == id) {
            self.tell(News::Events(id.clone(), events(&id.name, &home)))?;
        }
        Ok(())
    }

    fn see(&mut self, id: Id, home: Home, watch: Option<WatchId>) -> Seen {
        // Before the look: what comes between the two is told.
        let (watch, blind) = match watch {
            Some(watch) => (Some(watch), None),
            None => self.watch(&id, &home),
        };
        // One that cannot be told of must not hide the others.
        let known =
            Known::of(&id.name, &home).unwrap_or_else(|error| Known::nothing(&id.name, &home, error.error));
        let status = known.status.clone();
        let (program, lived) = (status.pid, supervisor_lives(&status));
        let looked = Looked { home: home.clone(), watch, program, status, lived };
        self.services.insert(id.clone(), looked);
        let facts = facts(&known, &home, SystemTime::now());
        Seen { id, home, known, facts, blind }
    }

    /// Watches a service's state folder, or tells why not. One that never ran has none: it is watched when it comes.
    fn watch(&mut self, id: &Id, home: &Home) -> (Option<WatchId>, Option<String>) {
        let state = home.place(&id.name).state;
        match self.watches.add(&state) {
            Ok(watch) => (Some(watch), None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
            Err(error) => (None, Some(format!("{} cannot be watched: {error}", state.display()))),
        }
    }

    /// Looks at what services use, while somebody can see it; and at those whose supervisor has died or come meanwhile, of
    /// which no file tells.
    fn sample(&mut self) -> Result<(), Over> {
        if !is_in_foreground() {
            return Ok(());
        }
        let programs = self.services.iter().map(|(id, looked)| (id, looked.program));
        match self.sampler.take(programs) {
            Ok(samples) => self.tell(News::Samples(samples))?,
            Err(error) => {
                self.tell(News::NoSamples(format!("what services use is not told here: {error}")))?
            }
        }
        let turned =
            self.services.iter().filter(|(_, looked)| supervisor_lives(&looked.status) != looked.lived);
        let turned: Vec<Id> = turned.map(|(id, _)| id.clone()).collect();
        turned.iter().try_for_each(|id| self.look_at(id))
    }

    /// Reads what the chosen one has printed, up to a batch: others have something to tell, too.
    fn read(&mut self) -> Result<(), Over> {
        let Some((id, log)) = &mut self.log else { return Ok(()) };
        let news = match log.read(&mut self.watches) {
            Ok(lines) if lines.is_empty() => return Ok(()),
            Ok(lines) => News::Lines(id.clone(), lines),
            Err(None) => return Ok(()),
            Err(Some(why)) => News::NoLines(id.clone(), why),
        };
        self.news.send(news).map_err(|_| Over)
    }

    /// The folder of a log is gone: should the service come again, so does its log.
    fn forget_log(&mut self, watch: WatchId) {
        if let Some((_, log)) = &mut self.log {
            log.forget(watch);
        }
    }
}

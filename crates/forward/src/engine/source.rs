//! One service, as one sink follows it: its output, its events, its queue.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use abide_logs::{JoinRule, Mark, Reader, Start, Stream, Streams};
use abide_spec::{Name, Spec};

use super::acked::Place;
use super::events::{self, EventMark};
use super::log::{Log, Stopped, Wish};
use super::places::Places;
use super::queue::Queue;
use crate::config::SinkConfig;
use crate::sink::{Batch, Host, Limits, Service};

/// Events read at once: there are few, and each is an allocation.
const EVENTS: usize = 256;

/// A service whose log is gone is read to the end in these stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its log is there.
    There,
    /// What is open is read to its end.
    Closing,
    /// What the queue still has is read.
    Queued,
    /// All was read.
    Over,
}

/// One service.
pub struct Source {
    name: Name,
    service: Arc<Service>,
    wish: Wish,
    least: Option<abide_logs::Level>,
    takes_events: bool,
    pub queue: Queue,
    /// Its output, while it is open.
    pub log: Option<Log>,
    /// What of it is in batches, or settled otherwise.
    place: Place,
    /// It is in the list of those to be read.
    pub ready: bool,
    /// Its events have to be looked at.
    pub happened: bool,
    /// It was read since marks were taken last.
    pub touched: bool,
    /// When to try again, if it could not be read.
    pub read_again: Option<Instant>,
    pub stage: Stage,
    /// It was found again while it was leaving.
    pub reborn: bool,
    lost: u64,
}

impl Source {
    /// A service, from `place` on.
    pub fn new(name: &Name, config: &SinkConfig, host: &Host, places: &Places, place: Place) -> Self {
        let queue =
            Queue::new(places.logs.join(name.as_str()), places.sink(&config.name).queue(name.as_str()));
        let own = host.id.as_deref().unwrap_or(&host.name);
        let service = Service { name: name.to_string(), version: None, instance: format!("{own}/{name}") };
        Self {
            name: name.clone(),
            service: Arc::new(service),
            wish: wish(name, config, places),
            least: config.level,
            takes_events: config.takes_events(),
            queue,
            log: None,
            place,
            ready: false,
            happened: true,
            touched: false,
            read_again: None,
            stage: Stage::There,
            reborn: false,
            lost: 0,
        }
    }

    /// What of it is in batches.
    pub fn place(&self) -> Place {
        let output = self.log.as_ref().map_or(self.place.output, Log::mark);
        Place { output, events: self.place.events }
    }

    /// Goes back to a place: what was read since is read again.
    pub fn go_back(&mut self, place: Place) {
        self.lost += self.log.as_mut().map_or(0, Log::newly_lost);
        self.log = None;
        self.place = place;
        self.happened = true;
        self.touched = false;
    }

    /// Closes its log if all of it was given: it is opened again where it was.
    pub fn rest(&mut self) {
        if let Some(mut log) = self.log.take_if(|log| log.holds_since().is_none()) {
            self.place.output = log.mark();
            self.lost += log.newly_lost();
        }
    }

    /// How many more files were lost since this was asked last.
    pub fn newly_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost) + self.log.as_mut().map_or(0, Log::newly_lost)
    }

    /// Reads events and output into `batch`.
    pub fn read(
        &mut self,
        batch: &mut Batch,
        limits: &Limits,
        places: &Places,
        now: Instant,
    ) -> Result<Stopped, abide_logs::Error> {
        self.read_again = None;
        if self.takes_events && self.happened {
            let most = EVENTS.min(limits.records.saturating_sub(batch.len())).max(1);
            self.happened = self.read_events(batch, &places.state.join(self.name.as_str()), most);
        }
        if self.wants_output() {
            let stopped = self.read_output(batch, limits, places, now)?;
            if stopped != Stopped::Dry {
                return Ok(stopped);
            }
        } else if self.stage != Stage::There {
            self.stage = Stage::Over;
            self.touched = true;
        }
        Ok(if self.takes_events && self.happened { Stopped::Slice } else { Stopped::Dry })
    }

    fn wants_output(&self) -> bool {
        self.wish.streams.is_some()
    }

    /// True if there may be more.
    fn read_events(&mut self, batch: &mut Batch, state: &Path, most: usize) -> bool {
        // A service that never ran has none, and those of others may be out of reach: neither is a fault.
        let Ok((found, mark)) = events::after(state, self.place.events, most) else { return false };
        let more = found.len() >= most;
        self.touched |= mark != self.place.events;
        self.place.events = mark;
        for it in found {
            if self.least.is_some_and(|least| it.level < least) {
                continue;
            }
            batch.push_event(&self.service, it.event, it.time, Some(it.level), &it.text, it.uid);
        }
        more
    }

    fn read_output(
        &mut self,
        batch: &mut Batch,
        limits: &Limits,
        places: &Places,
        now: Instant,
    ) -> Result<Stopped, abide_logs::Error> {
        if self.log.is_none() && !self.open(places)? {
            return Ok(Stopped::Dry);
        }
        let Some(log) = &mut self.log else { return Ok(Stopped::Dry) };
        self.touched = true;
        let outcome = log.read(batch, limits, now);
        let stopped = match (outcome, self.stage) {
            (Err(error), Stage::There) => {
                let place = self.place();
                self.go_back(place);
                self.touched = true;
                return Err(error);
            }
            // Of a log that is gone, what cannot be read any more has ended.
            (Err(_), _) => Stopped::Dry,
            (Ok(stopped), _) => stopped,
        };
        if stopped != Stopped::Dry || self.stage == Stage::There {
            return Ok(stopped);
        }
        log.settle(batch);
        self.place.output = log.mark();
        self.lost += log.newly_lost();
        self.log = None;
        self.stage = match self.stage {
            Stage::Closing if !self.queue.is_empty() => Stage::Queued,
            _ => Stage::Over,
        };
        Ok(if self.stage == Stage::Over { Stopped::Dry } else { Stopped::Slice })
    }

    /// Opens the log; false if there is none yet.
    fn open(&mut self, places: &Places) -> Result<bool, abide_logs::Error> {
        let wish = self.wish.clone();
        let logs = places.logs.join(self.name.as_str());
        let opened = match self.stage {
            Stage::There => Log::open(self.service.clone(), &logs, &self.queue, &self.place.output, wish),
            Stage::Closing | Stage::Queued | Stage::Over if self.queue.is_empty() => {
                self.stage = Stage::Over;
                self.touched = true;
                return Ok(false);
            }
            _ => {
                self.stage = Stage::Queued;
                Log::open_queue(self.service.clone(), &self.queue, &self.place.output, wish)
            }
        };
        match opened {
            Ok(log) => {
                self.log = Some(log);
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The end of a log now.
pub fn end(logs: &Path) -> Mark {
    let end = Reader::open(logs).and_then(|reader| reader.lines(Start::Tail(0), Streams::Both));
    end.map(|lines| lines.mark()).unwrap_or_default()
}

/// The end of all that is known of a service.
pub fn end_of_all(name: &Name, places: &Places) -> Place {
    let events: EventMark = events::end(&places.state.join(name.as_str())).unwrap_or_default();
    Place { output: end(&places.logs.join(name.as_str())), events }
}

/// What a sink wants of a service.
fn wish(name: &Name, config: &SinkConfig, places: &Places) -> Wish {
    let streams = match Stream::BOTH.map(|stream| config.takes(stream)) {
        [true, true] => Some(Streams::Both),
        [true, false] => Some(Streams::Only(Stream::Stdout)),
        [false, true] => Some(Streams::Only(Stream::Stderr)),
        [false, false] => None,
    };
    Wish { streams, level: config.level, join: config.multiline.then(|| join_rule(name, places)) }
}

/// What begins an entry of this service, as its spec says. One whose spec cannot be read has none of its own.
fn join_rule(name: &Name, places: &Places) -> JoinRule {
    let spec = std::fs::read(places.specs.join(format!("{name}.toml"))).ok();
    let spec = spec.and_then(|bytes| Spec::parse_lean(std::str::from_utf8(&bytes).ok()?).ok());
    let start = spec.and_then(|spec| spec.logs.multiline).map(|multiline| multiline.start);
    start.and_then(|start| JoinRule::new(Some(&start)).ok()).unwrap_or_default()
}

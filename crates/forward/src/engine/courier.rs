//! One sink's thread: reads what services print, sends it, and writes down what is acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abide_os::process::StartToken;
use abide_spec::Name;

use super::acked::{Acked, Place};
use super::backoff::Backoff;
use super::delivery::{Delivery, Step};
use super::inbox::{Inbox, News};
use super::log::{self, Stopped};
use super::places::{Places, SinkPlaces};
use super::source::Source;
use super::status::Trouble;
use crate::config::SinkConfig;
use crate::sink::{Batch, Host, Limits, Sink};
use crate::sinks::OpenError;

/// Makes the sink that a configuration describes.
pub type Opener = Arc<dyn Fn(&SinkConfig, &Arc<Host>) -> Result<Box<dyn Sink>, OpenError> + Send + Sync>;

/// Told what people should know of: the sink, and what happened.
pub type Report = Arc<dyn Fn(&Name, &str) + Send + Sync>;

/// What may still go on is waited for so long, at least: the lines of a stack trace come together.
const SETTLE: Duration = Duration::from_millis(300);

/// How often things are written that need not be written at once.
const NOW_AND_THEN: Duration = Duration::from_secs(1);

/// How long until what could not be read is tried again, should nothing be told of it meanwhile.
const READ_AGAIN: Duration = Duration::from_secs(30);

/// Logs that stay open while nothing comes: each has its buffers.
const MOST_OPEN: usize = 32;

mod carry;
mod keep;
mod tell;

/// One sink, and all that is on its way there.
pub struct Courier {
    pub(super) config: Arc<SinkConfig>,
    pub(super) host: Arc<Host>,
    pub(super) places: Places,
    pub(super) own: SinkPlaces,
    pub(super) inbox: Arc<Inbox>,
    opener: Opener,
    report: Report,
    sink: Option<Box<dyn Sink>>,
    limits: Limits,
    pub(super) acked: Acked,
    pub(super) sources: BTreeMap<Name, Source>,
    /// Services that may have more to read.
    pub(super) ready: VecDeque<Name>,
    pub(super) batch: Batch,
    /// Since when there is something in the batch.
    since: Option<Instant>,
    /// The batch on its way, and what it acknowledges.
    pub(super) delivery: Option<Delivery>,
    pub(super) pending: Vec<(Name, Place)>,
    /// When the next try of a batch that was abandoned would have been due.
    not_before: Option<Instant>,
    backoff: Backoff,
    pub(super) check_queue: bool,
    stopping: bool,
    /// When the sink is opened again, if that failed.
    open_again: Option<Instant>,
    saved_for_good: Instant,
    /// Something was saved since, not for good.
    unsaved: bool,
    pub(super) trouble: Option<Trouble>,
    failing: bool,
    last_sent: Option<SystemTime>,
    /// When the status was written last.
    written: Option<Instant>,
    /// What waits and takes disk, in bytes, as of the last look.
    held_bytes: u64,
    told_dropped: u64,
    token: Option<StartToken>,
}

/// What a courier does next.
enum Act {
    /// The next thing.
    GoOn,
    /// Nothing until then, or until it is told something.
    Wait(Option<Instant>, bool),
    /// It has ended.
    End,
}

impl Courier {
    /// A courier for one sink, going on from `acked`.
    pub fn new(
        config: Arc<SinkConfig>,
        host: Arc<Host>,
        places: Places,
        inbox: Arc<Inbox>,
        opener: Opener,
        report: Report,
        acked: Acked,
    ) -> Self {
        let own = places.sink(&config.name);
        let seed = log::nanoseconds(SystemTime::now()) ^ u64::from(std::process::id()) << 32;
        Self {
            backoff: Backoff::new(&config.retry, seed),
            batch: Batch::new(host.clone()),
            limits: Limits { records: 1, bytes: 1, age: Duration::ZERO },
            config,
            host,
            places,
            own,
            inbox,
            opener,
            report,
            sink: None,
            sources: BTreeMap::new(),
            ready: VecDeque::new(),
            since: None,
            delivery: None,
            pending: Vec::new(),
            not_before: None,
            check_queue: true,
            stopping: false,
            open_again: None,
            saved_for_good: Instant::now(),
            unsaved: false,
            trouble: None,
            failing: false,
            last_sent: None,
            written: None,
            held_bytes: 0,
            told_dropped: acked.counts.dropped,
            token: abide_os::process::start_token(std::process::id()),
            acked,
        }
    }

    /// Carries until it is told to stop; what was read by then is sent, if it is taken at the first try.
    pub fn run(mut self) {
        // What was left by services that are no more.
        for name in self.own.queued() {
            if !self.places.logs.join(name.as_str()).is_dir() && self.config.wants(name.as_str()) {
                self.find(&name);
                self.leave(&name, false);
            }
        }
        loop {
            let news = self.inbox.take();
            self.hear(news);
            match self.step(Instant::now()) {
                Act::GoOn => self.write_status(false),
                Act::Wait(until, patient) => {
                    self.write_status(true);
                    let news = self.inbox.wait(until, patient);
                    self.hear(news);
                }
                Act::End => break,
            }
        }
        self.save(true);
        self.write_status(true);
    }

    fn hear(&mut self, news: News) {
        self.stopping |= news.stop;
        if let Some(text) = news.trouble {
            (self.report)(&self.config.name, &text);
            self.trouble = Some(Trouble::now(text));
        }
        for name in &news.gone {
            self.leave(name, news.found.contains(name));
        }
        for name in news.found.iter().filter(|name| !news.gone.contains(*name)) {
            self.find(name);
        }
        for name in &news.rotated {
            if let (Some(source), Some(place)) =
                (self.sources.get(name), self.acked.services.get(name.as_str()))
            {
                let _ = source.queue.release(&place.output);
            }
            self.check_queue = true;
        }
        for name in &news.happened {
            if let Some(source) = self.sources.get_mut(name) {
                source.happened = true;
                self.awake(name);
            }
        }
        for name in &news.printed {
            self.awake(name);
        }
    }

    /// Has a service looked at.
    pub(super) fn awake(&mut self, name: &Name) {
        if let Some(source) = self.sources.get_mut(name)
            && !std::mem::replace(&mut source.ready, true)
        {
            self.ready.push_back(name.clone());
        }
    }

    fn step(&mut self, now: Instant) -> Act {
        let settled = match self.delivery.as_ref().map(|delivery| delivery.step(now)) {
            Some(Step::Done(settled)) => Some(settled),
            _ => None,
        };
        if let Some(settled) = settled {
            // Before anything is dropped: what was taken is not to be counted as dropped.
            self.acknowledge(settled);
        }
        if std::mem::take(&mut self.check_queue) {
            self.bound_queue();
        }
        if let Some(delivery) = &self.delivery {
            return match delivery.step(now) {
                Step::Send(part) => {
                    self.send(&part, now);
                    // A sink that does not take it now will be asked again by the next forwarder.
                    if self.stopping && self.failing { Act::End } else { Act::GoOn }
                }
                Step::Wait(_) if self.stopping => Act::End,
                Step::Wait(until) => Act::Wait(Some(until), true),
                Step::Done(_) => Act::GoOn,
            };
        }
        if self.sink.is_none()
            && let Some(again) = self.open(now)
        {
            return if self.stopping { Act::End } else { Act::Wait(Some(again), true) };
        }
        if self.is_full() {
            self.deliver(now);
            return Act::GoOn;
        }
        if self.stopping {
            // What is in hand goes; what was not read stays where it is.
            for source in self.sources.values_mut() {
                if let Some(log) = &mut source.log {
                    log.settle(&mut self.batch);
                    source.touched = true;
                }
            }
            if self.batch.is_empty() {
                self.settle_marks();
                return Act::End;
            }
            self.deliver(now);
            return Act::GoOn;
        }
        if let Some(name) = self.ready.pop_front() {
            self.read(&name, now);
            return Act::GoOn;
        }
        match self.deadline() {
            Some(deadline) if now < deadline => Act::Wait(Some(deadline), true),
            Some(_) => {
                self.settle(now);
                if !self.batch.is_empty() {
                    self.deliver(now);
                }
                Act::GoOn
            }
            None => self.idle(now),
        }
    }

    /// There is nothing to read and nothing to send.
    fn idle(&mut self, now: Instant) -> Act {
        self.settle_marks();
        if self.sources.values().filter(|source| source.log.is_some()).count() > MOST_OPEN {
            self.sources.values_mut().for_each(Source::rest);
        }
        let again = self.sources.iter().filter_map(|(name, source)| Some((source.read_again?, name)));
        let again = again.min().map(|(at, name)| (at, name.clone()));
        if let Some((_, name)) = again.as_ref().filter(|(at, _)| *at <= now) {
            self.awake(name);
        }
        let for_good = self.unsaved.then(|| self.saved_for_good + NOW_AND_THEN);
        if for_good.is_some_and(|at| at <= now) {
            self.save(true);
        }
        if !self.ready.is_empty() {
            return Act::GoOn;
        }
        let for_good = for_good.filter(|_| self.unsaved);
        Act::Wait(again.map(|(at, _)| at).into_iter().chain(for_good).min(), false)
    }

    /// Opens the sink; when to try again, if that failed.
    fn open(&mut self, now: Instant) -> Option<Instant> {
        if let Some(again) = self.open_again.filter(|again| *again > now) {
            return Some(again);
        }
        match (self.opener)(&self.config, &self.host) {
            Ok(sink) => {
                self.limits = limits(&self.config, sink.limits());
                self.sink = Some(sink);
                self.open_again = None;
            }
            Err(error) => {
                self.fail(&error.to_string());
                self.open_again = Some(now + self.backoff.failed(None));
            }
        }
        self.open_again
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= self.limits.records || self.batch.bytes() >= self.limits.bytes
    }

    fn read(&mut self, name: &Name, now: Instant) {
        let Some(source) = self.sources.get_mut(name) else { return };
        source.ready = false;
        let outcome = source.read(&mut self.batch, &self.limits, &self.places, now);
        self.acked.counts.lost_files += source.newly_lost();
        match outcome {
            Ok(Stopped::Full | Stopped::Slice) => self.awake(name),
            Ok(Stopped::Dry) => {}
            Err(error) => {
                let text = format!("the log of {name} cannot be read: {error}");
                source.read_again = Some(now + READ_AGAIN);
                self.trouble = Some(Trouble::now(text));
            }
        }
        if self.since.is_none() && !self.batch.is_empty() {
            self.since = Some(now);
        }
        if self.batch.is_empty() && self.saved_for_good.elapsed() > NOW_AND_THEN {
            // Long stretches of nothing that is wanted.
            self.settle_marks();
        }
    }

    /// When something must be done though nothing is told.
    fn deadline(&self) -> Option<Instant> {
        let held = self.sources.values().filter_map(|source| source.log.as_ref()?.holds_since());
        let settle = SETTLE.max(self.limits.age);
        let batch = self.since.map(|since| since + self.limits.age);
        held.map(|read| read + settle).chain(batch).min()
    }

    /// Ends the entries to which nothing came for a while.
    fn settle(&mut self, now: Instant) {
        for source in self.sources.values_mut() {
            let Some(log) = &mut source.log else { continue };
            if log.holds_since().is_some_and(|read| now.saturating_duration_since(read) >= SETTLE) {
                log.settle(&mut self.batch);
                source.touched = true;
            }
        }
    }
}

/// The sink's own bounds, lowered by the configuration.
fn limits(config: &SinkConfig, own: Limits) -> Limits {
    let batch = &config.batch;
    let records = batch.records.map_or(own.records, |records| own.records.min(records as usize));
    let bytes = batch
        .bytes
        .map_or(own.bytes, |bytes| own.bytes.min(usize::try_from(bytes.bytes()).unwrap_or(usize::MAX)));
    let age = batch.every.map_or(own.age, abide_spec::Duration::get);
    Limits { records: records.max(1), bytes: bytes.max(1), age }
}

//! Batches: many records in one piece of memory.

use std::sync::Arc;

use abide_logs::{Level, Stream};

use super::{Event, Host, Origin, Record, Service, Uid};

/// What is sent at once: records in the order in which they arrived, those of one service together.
///
/// All bodies lie in one piece of memory, and nothing is allocated for a record.
#[derive(Clone, Debug)]
pub struct Batch {
    host: Arc<Host>,
    services: Vec<Arc<Service>>,
    events: Vec<Event>,
    bodies: Vec<u8>,
    records: Vec<Held>,
}

/// A record as a batch holds it.
#[derive(Clone, Copy, Debug)]
struct Held {
    service: u32,
    origin: HeldOrigin,
    level: Option<Level>,
    time: u64,
    start: usize,
    end: usize,
    uid: Uid,
}

#[derive(Clone, Copy, Debug)]
enum HeldOrigin {
    Output(Stream),
    Event(usize),
}

impl Batch {
    /// An empty one.
    #[must_use]
    pub fn new(host: Arc<Host>) -> Self {
        Self { host, services: Vec::new(), events: Vec::new(), bodies: Vec::new(), records: Vec::new() }
    }

    /// The machine that all of it comes from.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all bodies together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bodies.len()
    }

    /// Record `at`, from 0.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<Record<'_>> {
        self.records.get(at).and_then(|held| self.shown(held))
    }

    /// The records.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().filter_map(|held| self.shown(held))
    }

    /// The records in runs of one service each, in the order of [`Self::iter`].
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.records.chunk_by(|one, other| one.service == other.service).filter_map(|run| {
            let service = self.services.get(run.first()?.service as usize)?;
            Some(Group { batch: self, service, run })
        })
    }

    /// Adds a line, or several joined.
    pub fn push_output(
        &mut self,
        service: &Arc<Service>,
        stream: Stream,
        time: u64,
        level: Option<Level>,
        body: &[u8],
        uid: Uid,
    ) {
        self.push(service, HeldOrigin::Output(stream), time, level, body, uid);
    }

    /// Adds a lifecycle event.
    pub fn push_event(
        &mut self,
        service: &Arc<Service>,
        event: Event,
        time: u64,
        level: Option<Level>,
        text: &str,
        uid: Uid,
    ) {
        self.events.push(event);
        self.push(service, HeldOrigin::Event(self.events.len() - 1), time, level, text.as_bytes(), uid);
    }

    fn push(
        &mut self,
        service: &Arc<Service>,
        origin: HeldOrigin,
        time: u64,
        level: Option<Level>,
        body: &[u8],
        uid: Uid,
    ) {
        // Mostly it is the service of the record before.
        let last = self.records.last().map_or(0, |held| held.service as usize);
        let known = match self.services.get(last) {
            Some(known) if Arc::ptr_eq(known, service) => Some(last),
            _ => self.services.iter().position(|known| Arc::ptr_eq(known, service)),
        };
        let at = known.unwrap_or_else(|| {
            self.services.push(service.clone());
            self.services.len() - 1
        });
        let start = self.bodies.len();
        self.bodies.extend_from_slice(body);
        let service = u32::try_from(at).unwrap_or(u32::MAX);
        self.records.push(Held { service, origin, level, time, start, end: self.bodies.len(), uid });
    }

    /// The records of a range, as a batch of their own.
    #[must_use]
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        let mut part = Self::new(self.host.clone());
        for held in self.records.get(range).unwrap_or_default() {
            let (Some(service), Some(body)) =
                (self.services.get(held.service as usize), self.bodies.get(held.start..held.end))
            else {
                continue;
            };
            let origin = match held.origin {
                HeldOrigin::Event(at) => {
                    part.events.extend(self.events.get(at).cloned());
                    HeldOrigin::Event(part.events.len().saturating_sub(1))
                }
                output @ HeldOrigin::Output(_) => output,
            };
            part.push(service, origin, held.time, held.level, body, held.uid);
        }
        part
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.services.clear();
        self.events.clear();
        self.bodies.clear();
        self.records.clear();
    }

    fn shown(&self, held: &Held) -> Option<Record<'_>> {
        Some(Record {
            service: self.services.get(held.service as usize)?,
            origin: match held.origin {
                HeldOrigin::Output(stream) => Origin::Output(stream),
                HeldOrigin::Event(at) => Origin::Event(self.events.get(at)?),
            },
            time: held.time,
            level: held.level,
            body: self.bodies.get(held.start..held.end)?,
            uid: held.uid,
        })
    }
}

/// Records of one service that stand together in a batch.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    batch: &'a Batch,
    /// The service.
    pub service: &'a Arc<Service>,
    run: &'a [Held],
}

impl<'a> Group<'a> {
    /// The records.
    pub fn iter(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let batch = self.batch;
        self.run.iter().filter_map(move |held| batch.shown(held))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.run.len()
    }

    /// Never, but asked for by convention.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.run.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Arc<Service> {
        Arc::new(Service { name: name.into(), ..Service::default() })
    }

    fn uid(offset: u64) -> Uid {
        Uid { origin: 'o', file: 1, offset }
    }

    fn batch() -> Batch {
        let mut batch = Batch::new(Arc::default());
        let (web, db) = (service("web"), service("db"));
        batch.push_output(&web, Stream::Stdout, 1, None, b"one", uid(3));
        batch.push_output(&web, Stream::Stderr, 2, Some(Level::Error), b"tw\xffo", uid(6));
        let event = Event { kind: "failed".into(), record: serde_json::Value::Null };
        batch.push_event(&db, event, 3, None, "it failed", uid(9));
        batch.push_output(&web, Stream::Stdout, 4, None, b"", uid(12));
        batch
    }

    #[test]
    fn records_come_back_as_they_were_put_in() {
        let batch = batch();
        let texts: Vec<_> = batch.iter().map(|record| record.text().into_owned()).collect();
        assert_eq!(texts, ["one", "tw\u{fffd}o", "it failed", ""]);
        assert_eq!((batch.len(), batch.bytes()), (4, 16));
        let groups: Vec<_> =
            batch.groups().map(|group| (group.service.name.clone(), group.iter().count())).collect();
        assert_eq!(groups, [("web".to_owned(), 2), ("db".to_owned(), 1), ("web".to_owned(), 1)]);
        assert_eq!(batch.get(1).unwrap().stream(), Some(Stream::Stderr));
        assert!(batch.get(4).is_none());
    }

    #[test]
    fn a_part_says_the_same_of_its_records() {
        let whole = batch();
        for start in 0..=whole.len() {
            for end in start..=whole.len() {
                let part = whole.part(start..end);
                let (of_part, of_whole): (Vec<_>, Vec<_>) =
                    (part.iter().collect(), whole.iter().skip(start).take(end - start).collect());
                assert_eq!(of_part, of_whole);
            }
        }
    }

    #[test]
    fn uids_are_short_and_plain() {
        assert_eq!(Uid { origin: 'e', file: 42, offset: 255 }.to_string(), "e2a-ff");
    }
}

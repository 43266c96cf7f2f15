//! Which services there are, what is held for them, and what has to be dropped.

use std::time::Instant;

use abide_spec::Name;

use super::super::delivery::Step;
use super::super::log;
use super::super::queue::Held;
use super::super::source::{Source, Stage};
use super::super::status::Trouble;
use super::Courier;

impl Courier {
    /// A service is there.
    pub(super) fn find(&mut self, name: &Name) {
        if let Some(source) = self.sources.get_mut(name) {
            source.reborn |= source.stage != Stage::There;
            self.awake(name);
            return;
        }
        let place = self.acked.services.get(name.as_str()).cloned().unwrap_or_default();
        let mut source = Source::new(name, &self.config, &self.host, &self.places, place.clone());
        // Whoever was removed and installed again while no forwarder ran has a queue that is older than its log.
        if source.queue.is_of_an_older_log() {
            source.stage = Stage::Closing;
            source.reborn = true;
        } else if let Err(error) = source.queue.hold_from(&place.output) {
            self.trouble = Some(Trouble::now(format!(
                "files of {name} cannot be held until they are sent, and retention may take them: {error}"
            )));
        } else {
            let _ = source.queue.release(&place.output);
        }
        self.sources.insert(name.clone(), source);
        self.check_queue = true;
        self.awake(name);
    }

    /// The log of a service was removed: what is left of it is read to the end.
    pub(super) fn leave(&mut self, name: &Name, found_again: bool) {
        let Some(source) = self.sources.get_mut(name) else { return };
        if source.stage == Stage::There {
            source.stage = Stage::Closing;
        }
        source.reborn = found_again;
        self.awake(name);
    }

    /// Forgets the services that were removed and of which all is settled.
    pub(super) fn finish_leaving(&mut self) {
        let over = self.sources.iter().filter(|(_, source)| source.stage == Stage::Over && !source.touched);
        let over: Vec<Name> = over.map(|(name, _)| name.clone()).collect();
        for name in over {
            let Some(mut source) = self.sources.remove(&name) else { continue };
            self.acked.counts.lost_files += source.newly_lost();
            self.acked.services.remove(name.as_str());
            let _ = source.queue.clear();
            self.ready.retain(|other| *other != name);
            if source.reborn {
                self.find(&name);
            }
        }
    }

    /// Drops the oldest of what waits until no more waits than may.
    pub(super) fn bound_queue(&mut self) {
        loop {
            let mut held: Vec<(Name, Held)> = Vec::new();
            for (name, source) in &self.sources {
                let files = source.queue.held().unwrap_or_default();
                held.extend(files.into_iter().map(|file| (name.clone(), file)));
            }
            let bytes: u64 = held.iter().map(|(_, file)| file.bytes).sum();
            self.held_bytes = bytes;
            if bytes <= self.config.queue.bytes() {
                return;
            }
            let oldest = held.into_iter().min_by_key(|(_, file)| (file.written, file.number));
            let Some((name, file)) = oldest else { return };
            if !self.drop_file(&name, &file) {
                return;
            }
        }
    }

    /// Drops one file: what of it is not acknowledged is counted, and not sent.
    fn drop_file(&mut self, name: &Name, file: &Held) -> bool {
        self.abandon();
        let Some(source) = self.sources.get_mut(name) else { return false };
        let mut place = self.acked.services.get(name.as_str()).cloned().unwrap_or_default();
        let is_settled = place.output.file(file.stream).is_some_and(|reached| reached > file.number);
        if !is_settled {
            let logs = self.places.logs.join(name.as_str());
            let counted = log::count_lines(&logs, &source.queue, &place.output, file.stream, file.number);
            match counted {
                Ok(lines) => self.acked.counts.dropped += lines,
                Err(_) => self.acked.counts.lost_files += 1,
            }
            place.output = place.output.past(file.stream, file.number);
            self.acked.services.insert(name.to_string(), place.clone());
            source.go_back(place);
            // Counted before it is gone: a crash in between finds it behind the mark, and lets go of it.
            self.save(false);
            self.report_drop();
        }
        let removed = self.sources.get(name).map(|source| source.queue.remove(file.stream, file.number));
        self.awake(name);
        matches!(removed, Some(Ok(())))
    }

    /// Goes back to what is acknowledged: what is in the batch is read again.
    fn abandon(&mut self) {
        // A sink that is down is not asked more often because something is dropped.
        if let Some(Step::Wait(until)) = self.delivery.take().map(|delivery| delivery.step(Instant::now())) {
            self.not_before = Some(until);
        }
        self.pending.clear();
        self.batch.clear();
        self.since = None;
        let names: Vec<Name> = self.sources.keys().cloned().collect();
        for name in names {
            let place = self.acked.services.get(name.as_str()).cloned().unwrap_or_default();
            if let Some(source) = self.sources.get_mut(&name) {
                source.go_back(place);
                if source.stage == Stage::Over {
                    source.stage = Stage::Closing;
                }
            }
            self.awake(&name);
        }
    }
}

//! What becomes of a batch, and what is written down of it.

use std::time::{Instant, SystemTime};

use abide_logs::{Mark, Stream};
use abide_spec::Name;

use super::super::acked::Place;
use super::super::delivery::{Delivery, Settled};
use super::super::status::Trouble;
use super::{Courier, NOW_AND_THEN};
use crate::sink::SendError;

impl Courier {
    /// Puts the batch on its way.
    pub(super) fn deliver(&mut self, now: Instant) {
        self.pending = self.marks();
        let give_up = self.config.retry.give_up.map(abide_spec::Duration::get);
        let due = self.not_before.take().unwrap_or(now).max(now);
        self.delivery = Some(Delivery::new(self.batch.len(), give_up, due));
    }

    /// The places up to which all is in the batch, of the services that were read.
    pub(super) fn marks(&mut self) -> Vec<(Name, Place)> {
        let touched = self.sources.iter_mut().filter(|(_, source)| source.touched);
        touched
            .map(|(name, source)| {
                source.touched = false;
                (name.clone(), source.place())
            })
            .collect()
    }

    pub(super) fn send(&mut self, part: &std::ops::Range<usize>, now: Instant) {
        let Some(sink) = &mut self.sink else { return };
        let outcome = if part.len() == self.batch.len() {
            sink.send(&self.batch)
        } else {
            sink.send(&self.batch.part(part.clone()))
        };
        let Some(delivery) = &mut self.delivery else { return };
        match outcome {
            Ok(sent) => {
                delivery.sent(sent.rejected, &mut self.backoff);
                self.last_sent = Some(SystemTime::now());
                if sent.rejected > 0 {
                    let why = sent.why.unwrap_or_else(|| "it was not told why".into());
                    let text = format!("{} of {} records were refused: {why}", sent.rejected, part.len());
                    self.trouble = Some(Trouble::now(text.clone()));
                    (self.report)(&self.config.name, &text);
                }
                if std::mem::take(&mut self.failing) {
                    (self.report)(&self.config.name, "works again");
                }
            }
            Err(SendError::Retry { why, after }) => {
                delivery.failed(Instant::now().max(now), after, &mut self.backoff);
                self.acked.counts.retries += 1;
                self.fail(&why);
            }
            Err(SendError::Reject { why }) => {
                if delivery.refused(&mut self.backoff) {
                    let text = format!("a record was refused for good, and dropped: {why}");
                    self.trouble = Some(Trouble::now(text.clone()));
                    (self.report)(&self.config.name, &text);
                }
                self.failing = false;
            }
        }
    }

    /// Notes what failed; people are told when it begins.
    pub(super) fn fail(&mut self, why: &str) {
        self.trouble = Some(Trouble::now(why.to_owned()));
        if !std::mem::replace(&mut self.failing, true) {
            (self.report)(&self.config.name, &format!("{why}; trying again"));
        }
    }

    pub(super) fn acknowledge(&mut self, settled: Settled) {
        self.delivery = None;
        self.batch.clear();
        self.since = None;
        let counts = &mut self.acked.counts;
        counts.sent += settled.sent;
        counts.rejected += settled.rejected;
        counts.given_up += settled.given_up;
        if settled.given_up > 0 {
            let text = format!("{} records were given up, having failed for too long", settled.given_up);
            (self.report)(&self.config.name, &text);
            self.failing = false;
        }
        let pending = std::mem::take(&mut self.pending);
        self.apply(pending);
    }

    /// Moves the marks of what needs not be sent.
    pub(super) fn settle_marks(&mut self) {
        if self.delivery.is_none() && self.batch.is_empty() {
            let marks = self.marks();
            if !marks.is_empty() {
                self.apply(marks);
            }
        }
    }

    pub(super) fn apply(&mut self, marks: Vec<(Name, Place)>) {
        let mut release: Vec<(Name, Mark)> = Vec::new();
        for (name, place) in marks {
            let before = self.acked.services.insert(name.to_string(), place.clone());
            let before = before.unwrap_or_default().output;
            if Stream::BOTH.iter().any(|stream| before.file(*stream) != place.output.file(*stream)) {
                release.push((name, place.output));
            }
        }
        self.finish_leaving();
        self.save(false);
        for (name, mark) in release {
            if let Some(source) = self.sources.get(&name) {
                let _ = source.queue.release(&mark);
            }
        }
    }

    /// Writes down what is acknowledged; what outlives a power cut, now and then.
    pub(super) fn save(&mut self, for_good: bool) {
        let path = self.own.acked();
        let mut outcome = self.acked.save(&path);
        self.unsaved = true;
        if for_good || self.saved_for_good.elapsed() >= NOW_AND_THEN {
            outcome = outcome.and(self.acked.save_for_good(&path));
            self.saved_for_good = Instant::now();
            self.unsaved = false;
        }
        if let Err(error) = outcome {
            let text = format!("{} cannot be written: {error}", path.display());
            self.trouble = Some(Trouble::now(text));
        }
    }
}

//! What a courier tells of itself.

use std::time::{Instant, SystemTime};

use super::super::delivery::Step;
use super::super::status::{self, QueueStatus, SinkStatus, State};
use super::{Courier, NOW_AND_THEN};

impl Courier {
    /// Writes how the sink fares: when it falls idle or has to wait for the other side, and now and then meanwhile.
    pub(super) fn write_status(&mut self, waits: bool) {
        let now = Instant::now();
        let state = self.state(waits);
        let rests = waits && state != State::Sending;
        let is_old =
            self.written.is_none_or(|written| now.saturating_duration_since(written) >= NOW_AND_THEN);
        if rests || is_old {
            self.written = Some(now);
            // Whoever cannot write here cannot acknowledge either, and says so.
            let _ = self.status(state, now).write(&self.own.status());
        }
    }

    fn state(&self, waits: bool) -> State {
        if self.failing {
            State::Retrying
        } else if waits && self.batch.is_empty() && self.delivery.is_none() {
            State::Idle
        } else {
            State::Sending
        }
    }

    fn status(&self, state: State, now: Instant) -> SinkStatus {
        let wall = SystemTime::now();
        let due = match self.delivery.as_ref().map(|delivery| delivery.step(now)) {
            Some(Step::Wait(until)) => Some(until),
            _ => self.open_again,
        };
        let mut queue = QueueStatus { held_bytes: self.held_bytes, ..QueueStatus::default() };
        for source in self.sources.values() {
            let (files, bytes) = source.queue.size();
            queue.files += files;
            queue.bytes += bytes;
        }
        let pid = std::process::id();
        SinkStatus {
            schema: status::SCHEMA.into(),
            sink: self.config.name.to_string(),
            kind: self.config.kind,
            state,
            at_ms: status::milliseconds(wall),
            services: self.sources.len() as u64,
            counts: self.acked.counts,
            queue,
            oldest_ms: self.batch.iter().map(|record| record.time / 1_000_000).next(),
            last_sent_ms: self.last_sent.map(status::milliseconds),
            next_try_ms: due.map(|due| status::milliseconds(wall + due.saturating_duration_since(now))),
            last_error: self.trouble.clone(),
            pid,
            start_token: self.token.clone(),
        }
    }

    /// Tells people of what was dropped: at once, and then again each time ten times as much is.
    pub(super) fn report_drop(&mut self) {
        let dropped = self.acked.counts.dropped;
        if dropped >= self.told_dropped.saturating_mul(10).max(1) {
            self.told_dropped = dropped;
            let text = format!(
                "{dropped} lines were dropped so far: more is waiting than `queue = \"{}\"` allows",
                self.config.queue
            );
            (self.report)(&self.config.name, &text);
        }
    }
}

//! What becomes of one batch: sent, tried again, cut in two where it is refused, given up. No clock and no sink: time
//! and answers come in from outside.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::backoff::Backoff;

/// One batch on its way.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What is still to be sent, last first.
    parts: Vec<Range<usize>>,
    /// When the next try is due.
    due: Instant,
    /// Since when tries fail, and after how long to give up.
    failing: Option<Instant>,
    give_up: Option<Duration>,
    settled: Settled,
}

/// What became of the records of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// They are there.
    pub sent: u64,
    /// The other side refused them for good.
    pub rejected: u64,
    /// They were given up, having failed for too long.
    pub given_up: u64,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these records.
    Send(Range<usize>),
    /// Wait until then.
    Wait(Instant),
    /// Nothing: all is settled.
    Done(Settled),
}

impl Delivery {
    /// The delivery of a batch of so many records.
    pub fn new(records: usize, give_up: Option<Duration>, now: Instant) -> Self {
        let parts = (records > 0).then_some(0..records).into_iter().collect();
        Self { parts, due: now, failing: None, give_up, settled: Settled::default() }
    }

    /// What to do now.
    pub fn step(&self, now: Instant) -> Step {
        match self.parts.last() {
            None => Step::Done(self.settled),
            Some(_) if now < self.due => Step::Wait(self.due),
            Some(part) => Step::Send(part.clone()),
        }
    }

    /// The part in hand was taken, but for so many records.
    pub fn sent(&mut self, rejected: u64, backoff: &mut Backoff) {
        let Some(part) = self.parts.pop() else { return };
        let all = part.len() as u64;
        let rejected = rejected.min(all);
        self.settled.sent += all - rejected;
        self.settled.rejected += rejected;
        self.failing = None;
        backoff.worked();
    }

    /// The part in hand may be taken later.
    pub fn failed(&mut self, now: Instant, after: Option<Duration>, backoff: &mut Backoff) {
        let since = *self.failing.get_or_insert(now);
        if self.give_up.is_some_and(|most| now.saturating_duration_since(since) >= most) {
            self.settled.given_up += self.parts.drain(..).map(|part| part.len() as u64).sum::<u64>();
            return;
        }
        self.due = now + backoff.failed(after);
    }

    /// The part in hand will never be taken: its halves may, and a single record is dropped. True if one was.
    pub fn refused(&mut self, backoff: &mut Backoff) -> bool {
        let Some(part) = self.parts.pop() else { return false };
        // The other side is there and answers.
        self.failing = None;
        backoff.worked();
        if part.len() <= 1 {
            self.settled.rejected += part.len() as u64;
            return true;
        }
        let middle = part.start + part.len() / 2;
        self.parts.push(middle..part.end);
        self.parts.push(part.start..middle);
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Retry;

    fn backoff() -> Backoff {
        Backoff::new(&Retry::default(), 7)
    }

    /// Plays a delivery to its end against a sink that refuses some records and fails now and then; gives what was
    /// taken, in order.
    fn play(records: usize, bad: &[usize], failures: &[bool]) -> (Vec<usize>, Settled) {
        let mut now = Instant::now();
        let mut backoff = backoff();
        let mut delivery = Delivery::new(records, None, now);
        let mut failures = failures.iter().copied();
        let mut taken = Vec::new();
        loop {
            match delivery.step(now) {
                Step::Done(settled) => return (taken, settled),
                Step::Wait(until) => {
                    assert!(until > now);
                    now = until;
                }
                Step::Send(_) if failures.next() == Some(true) => {
                    delivery.failed(now, None, &mut backoff);
                }
                Step::Send(part) if part.clone().any(|at| bad.contains(&at)) => {
                    delivery.refused(&mut backoff);
                }
                Step::Send(part) => {
                    taken.extend(part);
                    delivery.sent(0, &mut backoff);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_good_record_is_taken_once_and_in_order(
            records in 0_usize..200,
            bad in proptest::collection::btree_set(0_usize..200, 0..12),
            failures in proptest::collection::vec(any::<bool>(), 0..60),
        ) {
            let bad: Vec<usize> = bad.into_iter().filter(|at| *at < records).collect();
            let (taken, settled) = play(records, &bad, &failures);
            let good: Vec<usize> = (0..records).filter(|at| !bad.contains(at)).collect();
            prop_assert_eq!(taken, good.clone());
            let wanted = Settled { sent: good.len() as u64, rejected: bad.len() as u64, given_up: 0 };
            prop_assert_eq!(settled, wanted);
        }
    }

    #[test]
    fn one_bad_record_of_many_costs_few_requests() {
        let mut backoff = backoff();
        let now = Instant::now();
        let mut delivery = Delivery::new(10_000, None, now);
        let mut requests = 0;
        while let Step::Send(part) = delivery.step(now) {
            requests += 1;
            if part.contains(&1234) {
                let _ = delivery.refused(&mut backoff);
            } else {
                delivery.sent(0, &mut backoff)
            }
        }
        assert!(requests < 40, "{requests}");
    }

    #[test]
    fn what_fails_for_too_long_is_given_up_if_it_shall_be() {
        let mut now = Instant::now();
        let most = Duration::from_secs(60);
        let mut backoff = backoff();
        let mut delivery = Delivery::new(10, Some(most), now);
        let begun = now;
        let settled = loop {
            match delivery.step(now) {
                Step::Send(_) => delivery.failed(now, None, &mut backoff),
                Step::Wait(until) => now = until,
                Step::Done(settled) => break settled,
            }
        };
        assert_eq!(settled, Settled { sent: 0, rejected: 0, given_up: 10 });
        assert!(now - begun >= most && now - begun < most * 2);
    }

    #[test]
    fn records_refused_within_a_batch_that_was_taken_are_counted() {
        let mut backoff = backoff();
        let now = Instant::now();
        let mut delivery = Delivery::new(10, None, now);
        delivery.sent(3, &mut backoff);
        assert_eq!(delivery.step(now), Step::Done(Settled { sent: 7, rejected: 3, given_up: 0 }));
    }
}

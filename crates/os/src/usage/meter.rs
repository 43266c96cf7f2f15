//! Counters that never go backwards, made of several looks.

use std::collections::HashMap;

use super::{Counters, Processes, Reading, Spent, Usage};

/// Makes counters of several looks at the same service: processor time and bytes that never go backwards, whatever ends
/// or is started again between the looks.
///
/// Where the program has a control group of its own, its processor time is counted to the last, that of processes which
/// were never seen too. Otherwise lost is what a process used after the last look that saw it, and all that was used by a
/// process that no look saw, unless another process of the tree waited for it (on Windows: in any case). Bytes are
/// counted so everywhere. The count begins anew with the meter, with what the processes that live then have used so far.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    known: HashMap<(u32, u64), Spent>,
    group: Option<(u64, Counters)>,
    total: Counters,
    tells_storage: bool,
}

impl Meter {
    /// Begins at nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the service uses by this look, its counters being those since the meter began. `program`: the process id of its
    /// program while there is one.
    pub fn read(&mut self, processes: &Processes, program: Option<u32>) -> Usage {
        let pids = program.map_or_else(Vec::new, |program| processes.program(program));
        self.take(processes.read(&pids))
    }

    fn take(&mut self, reading: Reading) -> Usage {
        let Reading { mut usage, spent, group } = reading;
        let by_processes = self.since_last(&spent);
        let more = match (self.group, group) {
            (Some((before_id, before)), Some((id, now))) if before_id == id => {
                by_processes.with_cpu_of(now.minus(before))
            }
            // An earlier program may have been in a group that is new to us.
            _ => by_processes,
        };
        self.total = self.total.plus(more);
        self.known = spent.into_iter().collect();
        // While there is no program, the group may become another's.
        self.group = group;
        self.tells_storage |= usage.read_bytes.is_some();
        (usage.cpu_user, usage.cpu_system) = self.total.cpu();
        let (read, written) = self.total.storage();
        usage.read_bytes = self.tells_storage.then_some(read);
        usage.written_bytes = self.tells_storage.then_some(written);
        usage
    }

    /// What is new since the last look, by the processes' own counts.
    ///
    /// A process that has ended may have been waited for by one that lives, which then counts all that it used: what we had
    /// counted of it before is taken off again. Where nobody of the tree waited for it, that takes off too much, but never
    /// more than what the living had waited for meanwhile.
    fn since_last(&self, spent: &[((u32, u64), Spent)]) -> Counters {
        let (mut own, mut waited) = (Counters::default(), Counters::default());
        let mut ended = self.known.clone();
        for (id, now) in spent {
            match ended.remove(id) {
                Some(before) => {
                    own = own.plus(now.own.minus(before.own));
                    waited = waited.plus(now.waited.minus(before.waited));
                }
                // All of its children are as new as it is.
                None => own = own.plus(now.all()),
            }
        }
        let counted = ended.into_values().fold(Counters::default(), |sum, spent| sum.plus(spent.all()));
        own.plus(waited.minus(counted))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn counted(seconds: u64) -> Counters {
        Counters::new(Duration::from_secs(seconds), Duration::ZERO, seconds, 0)
    }

    fn process(pid: u32, own: u64, waited: u64) -> ((u32, u64), Spent) {
        ((pid, 1), Spent { own: counted(own), waited: counted(waited) })
    }

    fn look(meter: &mut Meter, spent: &[((u32, u64), Spent)], group: Option<(u64, u64)>) -> u64 {
        let reading = Reading {
            spent: spent.to_vec(),
            group: group.map(|(id, seconds)| (id, counted(seconds))),
            ..Reading::default()
        };
        meter.take(reading).cpu_user.as_secs()
    }

    #[test]
    fn a_child_that_was_waited_for_is_counted_once() {
        let mut meter = Meter::new();
        assert_eq!(look(&mut meter, &[process(1, 5, 0), process(2, 10, 0)], None), 15);
        // It used two more before it ended, and one that was never seen used three.
        assert_eq!(look(&mut meter, &[process(1, 6, 15)], None), 21);
    }

    #[test]
    fn one_that_nobody_waited_for_takes_nothing_back() {
        let mut meter = Meter::new();
        assert_eq!(look(&mut meter, &[process(1, 5, 0), process(2, 100, 0)], None), 105);
        assert_eq!(look(&mut meter, &[process(1, 7, 0)], None), 107);
        assert_eq!(look(&mut meter, &[], None), 107);
        assert_eq!(look(&mut meter, &[process(9, 1, 2)], None), 110, "the next program begins at nothing");
    }

    #[test]
    fn a_process_id_that_came_again_is_another_process() {
        let mut meter = Meter::new();
        assert_eq!(look(&mut meter, &[process(1, 50, 0)], None), 50);
        let again = ((1, 2), Spent { own: counted(3), waited: counted(0) });
        assert_eq!(look(&mut meter, &[again], None), 53);
    }

    #[test]
    fn a_group_counts_from_when_it_is_known() {
        let mut meter = Meter::new();
        assert_eq!(look(&mut meter, &[process(1, 5, 0)], Some((7, 500))), 5, "500 may be another's");
        assert_eq!(look(&mut meter, &[process(1, 6, 0)], Some((7, 520))), 25);
        assert_eq!(look(&mut meter, &[process(2, 1, 0)], Some((7, 530))), 35, "the next program is in it");
        assert_eq!(look(&mut meter, &[process(3, 2, 0)], Some((8, 900))), 37, "and the one after in another");
        assert_eq!(look(&mut meter, &[], None), 37);
        assert_eq!(look(&mut meter, &[process(4, 4, 0)], Some((8, 999))), 41);
    }

    proptest! {
        #[test]
        fn counters_never_go_backwards(
            looks in prop::collection::vec(
                (
                    prop::collection::vec((0_u32..6, 0_u64..3, 0_u64..1000, 0_u64..1000), 0..6),
                    prop::option::of((0_u64..3, 0_u64..1000)),
                ),
                1..20,
            )
        ) {
            let mut meter = Meter::new();
            let mut last = Usage::default();
            for (processes, group) in looks {
                let spent = processes
                    .into_iter()
                    .map(|(pid, started, own, waited)| {
                        ((pid, started), Spent { own: counted(own), waited: counted(waited) })
                    })
                    .collect();
                let group = group.map(|(id, seconds)| (id, counted(seconds)));
                let usage = Usage { read_bytes: Some(0), ..Usage::default() };
                let now = meter.take(Reading { usage, spent, group });
                prop_assert!(now.cpu_user >= last.cpu_user && now.cpu_system >= last.cpu_system);
                prop_assert!(now.read_bytes >= last.read_bytes);
                last = now;
            }
        }
    }
}

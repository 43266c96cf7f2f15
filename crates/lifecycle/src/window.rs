//! The sliding window that decides when to give up.

use std::collections::VecDeque;

use abide_spec::GiveUp;

use crate::Moment;

/// The moments of the ends and failures still within the window; never more than `after` of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Window {
    moments: VecDeque<Moment>,
}

impl Window {
    /// Adds one at `now`, and returns how many there are within the window, that one included.
    pub(crate) fn add(&mut self, now: Moment, rule: &GiveUp) -> u32 {
        while self.moments.front().is_some_and(|first| now.since(*first) > rule.within.get()) {
            self.moments.pop_front();
        }
        let most = rule.after.max(1);
        // Reached only when the caller goes on in spite of the count; then the oldest makes room.
        if self.moments.len() >= most as usize {
            self.moments.pop_front();
        }
        self.moments.push_back(now);
        u32::try_from(self.moments.len()).unwrap_or(u32::MAX)
    }

    /// Forgets all of them, and gives their memory back.
    pub(crate) fn clear(&mut self) {
        self.moments = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn slides() {
        let rule = GiveUp { after: 3, within: abide_spec::Duration::from_secs(10) };
        let mut window = Window::default();
        let counts: Vec<u32> = [0, 5, 11, 12, 30].map(|s| window.add(at(s), &rule)).to_vec();
        // At 11 the one of 0 is out; at 12 there are three; at 30 all others are out.
        assert_eq!(counts, [1, 2, 2, 3, 1]);
    }

    #[test]
    fn both_ends_of_the_window_belong_to_it() {
        let rule = GiveUp { after: 2, within: abide_spec::Duration::from_secs(10) };
        let mut window = Window::default();
        assert_eq!((window.add(at(0), &rule), window.add(at(10), &rule)), (1, 2));
    }

    proptest! {
        #[test]
        fn counts_as_a_plain_list_would_and_stays_small(
            gaps in proptest::collection::vec(0u64..30, 0..200), after in 1u32..20, within in 0u64..100,
        ) {
            let rule = GiveUp { after, within: abide_spec::Duration::from_secs(within) };
            let mut window = Window::default();
            let mut all: Vec<u64> = Vec::new();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                all.push(now);
                let count = window.add(at(now), &rule);
                let plain = all.iter().filter(|then| now - **then <= within).count().min(after as usize);
                prop_assert_eq!(count as usize, plain);
                prop_assert!(window.moments.len() <= after as usize);
            }
        }
    }
}

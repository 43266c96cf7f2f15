//! What a service used over the last minutes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many samples are kept: ten minutes of them.
const KEPT: usize = 300;

/// What a service has used up to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The moment.
    pub at: Instant,
    /// Processor time since some beginning; it never goes back while the beginning stays.
    pub cpu: Duration,
    /// Bytes of memory in use.
    pub memory: u64,
}

/// What a service used between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Percent of one processor.
    pub cpu: f64,
    /// Bytes of memory in use at the end.
    pub memory: u64,
}

/// The newest samples, oldest first; nothing for those at which it did not run.
#[derive(Clone, Debug, Default)]
pub struct Past {
    last: Option<Sample>,
    points: VecDeque<Option<Point>>,
}

impl Past {
    /// Another sample; nothing where it does not run.
    pub fn push(&mut self, sample: Option<Sample>) {
        let point = match (self.last, sample) {
            (Some(before), Some(now)) => {
                let spent = now.cpu.saturating_sub(before.cpu).as_secs_f64();
                let passed = now.at.saturating_duration_since(before.at).as_secs_f64();
                let cpu = if passed > 0.0 { 100.0 * spent / passed } else { 0.0 };
                Some(Point { cpu, memory: now.memory })
            }
            // A share needs two samples; the memory is known by one.
            (None, Some(now)) => Some(Point { cpu: 0.0, memory: now.memory }),
            (_, None) => None,
        };
        self.last = sample;
        if self.points.len() == KEPT {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// What it uses now.
    pub fn now(&self) -> Option<Point> {
        self.points.back().copied().flatten()
    }

    /// The last `n` points, oldest first.
    pub fn last(&self, n: usize) -> impl Iterator<Item = Option<Point>> + '_ {
        self.points.iter().skip(self.points.len().saturating_sub(n)).copied()
    }

    /// The processor time of the last `n` points as bars, each between nothing and eight eighths of the most of them, or
    /// of one processor's tenth where that is more: what idles is shown as idle.
    pub fn bars(&self, n: usize) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.last(n).flatten().map(|point| point.cpu).fold(10.0, f64::max);
        self.last(n)
            .map(|point| match point {
                // Between 0 and 7: what is shared is not more than the most.
                Some(point) => BARS.get((point.cpu / most * 7.0).round() as usize).copied().unwrap_or('█'),
                None => ' ',
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(samples: &[Option<(u64, u64, u64)>]) -> Past {
        let begin = Instant::now();
        let mut past = Past::default();
        for sample in samples {
            past.push(sample.map(|(at, cpu, memory)| Sample {
                at: begin + Duration::from_secs(at),
                cpu: Duration::from_millis(cpu),
                memory,
            }));
        }
        past
    }

    #[test]
    fn shares_are_of_the_time_between_two_samples() {
        let past = past(&[Some((0, 100, 5)), Some((2, 1100, 6)), Some((6, 7100, 7))]);
        let cpu: Vec<f64> = past.last(9).flatten().map(|point| point.cpu).collect();
        assert_eq!(cpu, [0.0, 50.0, 150.0]);
        assert_eq!(past.now(), Some(Point { cpu: 150.0, memory: 7 }));
    }

    #[test]
    fn what_did_not_run_leaves_a_gap_and_begins_anew() {
        let past = past(&[Some((0, 9000, 5)), None, Some((2, 100, 6)), Some((4, 100, 6))]);
        assert_eq!(past.last(4).map(|point| point.is_some()).collect::<Vec<_>>(), [true, false, true, true]);
        assert_eq!(past.now(), Some(Point { cpu: 0.0, memory: 6 }));
    }

    #[test]
    fn clocks_that_stand_and_counters_that_go_back_do_no_harm() {
        let past = past(&[Some((2, 500, 1)), Some((2, 900, 1)), Some((4, 100, 1))]);
        assert!(past.last(9).flatten().all(|point| point.cpu == 0.0));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let samples: Vec<_> = (0..1000).map(|n| Some((n, 0, n))).collect();
        let past = past(&samples);
        assert_eq!(past.last(usize::MAX).count(), KEPT);
        assert_eq!(past.last(2).flatten().map(|point| point.memory).collect::<Vec<_>>(), [998, 999]);
    }

    #[test]
    fn bars_show_shares() {
        let past = past(&[Some((0, 0, 0)), Some((1, 1000, 0)), Some((2, 1500, 0)), None]);
        assert_eq!(past.bars(4), "▁█▅ ");
        assert_eq!(past.bars(2), "█ ");
        assert_eq!(past.bars(0), "");
    }
}

//! How often someone may be refused before being refused unheard.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So many callers are remembered; beyond that the oldest are forgotten.
const MOST: usize = 4096;

/// A bucket of tries for each caller: it holds `burst`, and one comes back every `every`.
#[derive(Debug)]
pub struct Limit<K> {
    burst: u32,
    every: Duration,
    buckets: HashMap<K, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    at: Instant,
}

impl<K: Clone + Eq + Hash> Limit<K> {
    /// Full buckets for everybody.
    pub fn new(burst: u32, every: Duration) -> Self {
        Self { burst: burst.max(1), every, buckets: HashMap::new() }
    }

    /// Takes a try out of the caller's bucket. How long to wait, where it is empty.
    pub fn take(&mut self, caller: &K, now: Instant) -> Result<(), Duration> {
        let bucket = self.filled(caller, now);
        if bucket.left == 0 {
            return Err(self
                .every
                .saturating_sub(now.saturating_duration_since(bucket.at))
                .max(Duration::from_secs(1)));
        }
        self.put(caller, Bucket { left: bucket.left - 1, ..bucket }, now);
        Ok(())
    }

    fn filled(&self, caller: &K, now: Instant) -> Bucket {
        let Some(bucket) = self.buckets.get(caller).copied() else {
            return Bucket { left: self.burst, at: now };
        };
        let passed = now.saturating_duration_since(bucket.at).as_nanos();
        let back = passed / self.every.as_nanos().max(1);
        let left = u128::from(bucket.left).saturating_add(back);
        if left >= u128::from(self.burst) {
            return Bucket { left: self.burst, at: now };
        }
        // What has passed of the next one is not lost.
        let used = self.every.saturating_mul(u32::try_from(back).unwrap_or(u32::MAX));
        Bucket { left: u32::try_from(left).unwrap_or(self.burst), at: bucket.at + used }
    }

    fn put(&mut self, caller: &K, bucket: Bucket, now: Instant) {
        if self.buckets.len() >= MOST && !self.buckets.contains_key(caller) {
            let (burst, every) = (self.burst, self.every);
            self.buckets
                .retain(|_, bucket| now.saturating_duration_since(bucket.at) < every.saturating_mul(burst));
            if self.buckets.len() >= MOST
                && let Some(oldest) =
                    self.buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| key.clone())
            {
                self.buckets.remove(&oldest);
            }
        }
        self.buckets.insert(caller.clone(), bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_at_a_time() {
        let mut limit = Limit::new(3, Duration::from_secs(2));
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(limit.take(&"a", start), Ok(()));
        }
        assert_eq!(limit.take(&"a", start), Err(Duration::from_secs(2)));
        assert_eq!(limit.take(&"b", start), Ok(()), "another caller has a bucket of its own");
        let later = start + Duration::from_secs(3);
        assert_eq!(limit.take(&"a", later), Ok(()));
        assert_eq!(limit.take(&"a", later), Err(Duration::from_secs(1)), "half of the next one has passed");
        assert_eq!(limit.take(&"a", start + Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let mut limit = Limit::new(1, Duration::from_secs(60));
        let now = Instant::now();
        for caller in 0..3 * MOST {
            let _ = limit.take(&caller, now);
        }
        assert!(limit.buckets.len() <= MOST);
    }
}

//! What a courier is told by the scout and by whoever stops it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use abide_spec::Name;

/// News for a courier, since it looked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Services that are there, some perhaps known already.
    pub found: BTreeSet<Name>,
    /// Services that printed something.
    pub printed: BTreeSet<Name>,
    /// Services whose files were rotated, compressed or removed.
    pub rotated: BTreeSet<Name>,
    /// Services to which something happened.
    pub happened: BTreeSet<Name>,
    /// Services whose log was removed as a whole. It may have been found again since.
    pub gone: BTreeSet<Name>,
    /// Why a service cannot be followed.
    pub trouble: Option<String>,
    /// It shall stop.
    pub stop: bool,
}

impl News {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is of a kind that cannot wait.
    fn is_urgent(&self) -> bool {
        self.stop || !(self.found.is_empty() && self.rotated.is_empty() && self.gone.is_empty())
    }
}

/// Where news are put, and waited for.
#[derive(Debug, Default)]
pub struct Inbox {
    inner: Mutex<Inner>,
    come: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    news: News,
    /// Whoever waits will look at what was printed in time, and need not be told.
    patient: bool,
}

impl Inbox {
    /// Adds news.
    pub fn put(&self, change: impl FnOnce(&mut News)) {
        let mut inner = self.lock();
        change(&mut inner.news);
        if inner.news.is_urgent() || !inner.patient {
            self.come.notify_one();
        }
    }

    /// Takes what there is.
    pub fn take(&self) -> News {
        std::mem::take(&mut self.lock().news)
    }

    /// Waits for news, until a moment or for ever. Who is `patient` is not woken for what is printed.
    pub fn wait(&self, until: Option<Instant>, patient: bool) -> News {
        let mut inner = self.lock();
        inner.patient = patient;
        loop {
            let enough = if patient { inner.news.is_urgent() } else { !inner.news.is_empty() };
            if enough {
                break;
            }
            inner = match until {
                None => self.come.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.come.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        inner.patient = false;
        std::mem::take(&mut inner.news)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_is_patient_is_woken_only_for_what_cannot_wait() {
        let inbox = Arc::new(Inbox::default());
        let web: Name = "web".parse().unwrap();
        inbox.put(|news| {
            news.printed.insert(web.clone());
        });
        let soon = Instant::now() + Duration::from_millis(30);
        let news = inbox.wait(Some(soon), true);
        assert!(Instant::now() >= soon && news.printed.contains(&web));
        inbox.put(|news| {
            news.printed.insert(web.clone());
        });
        assert!(!inbox.wait(None, false).is_empty());
        let other = inbox.clone();
        let told = std::thread::spawn(move || other.put(|news| news.stop = true));
        assert!(inbox.wait(None, true).stop);
        told.join().unwrap();
        assert!(inbox.take().is_empty());
    }
}

//! The token that tells all parts of a program that it is to stop, whatever they wait with: a thread, a future of any
//! runtime, or a look now and then.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::Stop;

/// Tells that the program is to stop. Clones are told together; a token that was told stays so.
///
/// It is a [`Future`] of no runtime in particular, it can be waited for by a thread, and it can be asked:
///
/// ```
/// # use std::time::Duration;
/// async fn serve(stop: abide::StopToken) {
///     let stop = stop.await; // with any runtime
///     println!("stopping, {:?} left", stop.remaining());
/// }
///
/// fn tick(stop: &abide::StopToken) {
///     while stop.wait_for(Duration::from_secs(1)).is_none() {
///         println!("tick");
///     }
/// }
///
/// fn crunch(stop: &abide::StopToken) {
///     while !stop.is_stopping() { /* the next piece of work */ }
/// }
/// ```
#[derive(Debug)]
pub struct StopToken {
    shared: Arc<Shared>,
    /// This token's place among the wakers.
    id: u64,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stop: Option<Stop>,
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StopToken {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::default(), id: 0 }
    }

    /// Tells every clone. The first telling counts.
    pub(crate) fn tell(&self, stop: Stop) {
        let mut state = self.shared.lock();
        state.stop.get_or_insert(stop);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.shared.told.notify_all();
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Whether the program is to stop.
    ///
    /// ```
    /// fn next(stop: &abide::StopToken) -> Option<&'static str> {
    ///     (!stop.is_stopping()).then_some("more work")
    /// }
    /// ```
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.get().is_some()
    }

    /// Why and until when, once the program is to stop.
    ///
    /// ```
    /// fn why(stop: &abide::StopToken) -> Option<abide::StopReason> {
    ///     stop.get().map(|stop| stop.reason())
    /// }
    /// ```
    #[must_use]
    pub fn get(&self) -> Option<Stop> {
        self.shared.lock().stop
    }

    /// Blocks this thread until the program is to stop.
    ///
    /// ```
    /// fn worker(stop: &abide::StopToken) {
    ///     let stop = stop.wait();
    ///     println!("{:?} left to tidy up", stop.remaining());
    /// }
    /// ```
    pub fn wait(&self) -> Stop {
        let mut state = self.shared.lock();
        loop {
            match state.stop {
                Some(stop) => return stop,
                None => state = self.shared.told.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Blocks this thread for so long, or until the program is to stop: a sleep that a stop ends.
    ///
    /// ```
    /// # use std::time::Duration;
    /// fn poll(stop: &abide::StopToken, mut look: impl FnMut()) {
    ///     while stop.wait_for(Duration::from_secs(5)).is_none() {
    ///         look();
    ///     }
    /// }
    /// ```
    pub fn wait_for(&self, time: Duration) -> Option<Stop> {
        let until = Instant::now().checked_add(time);
        let mut state = self.shared.lock();
        loop {
            if state.stop.is_some() {
                return state.stop;
            }
            // A time that ends beyond all clocks does not end.
            let Some(until) = until else {
                drop(state);
                return Some(self.wait());
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.shared.told.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Clone for StopToken {
    fn clone(&self) -> Self {
        let mut state = self.shared.lock();
        state.next += 1;
        Self { id: state.next, shared: Arc::clone(&self.shared) }
    }
}

impl Drop for StopToken {
    fn drop(&mut self) {
        self.shared.lock().wakers.retain(|(id, _)| *id != self.id);
    }
}

impl Future for StopToken {
    type Output = Stop;

    fn poll(self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Stop> {
        let mut state = self.shared.lock();
        if let Some(stop) = state.stop {
            return Poll::Ready(stop);
        }
        let id = self.id;
        match state.wakers.iter_mut().find(|(other, _)| *other == id) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => state.wakers.push((id, context.waker().clone())),
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use super::*;
    use crate::StopReason;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn stop() -> Stop {
        Stop { reason: StopReason::Requested, deadline: Instant::now() }
    }

    #[test]
    fn every_clone_wakes_once_and_stays_told() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        let token = StopToken::new();
        let (mut one, mut two) = (token.clone(), token.clone());
        for _ in 0..3 {
            assert!(Pin::new(&mut one).poll(&mut context).is_pending());
            assert!(Pin::new(&mut two).poll(&mut context).is_pending());
        }
        drop(token.clone());
        let stop = stop();
        token.tell(stop);
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        assert_eq!(Pin::new(&mut one).poll(&mut context), Poll::Ready(stop));
        assert_eq!(Pin::new(&mut two).poll(&mut context), Poll::Ready(stop));
        token.tell(Stop { reason: StopReason::Shutdown, ..stop });
        assert_eq!(token.get(), Some(stop), "the first telling counts");
    }

    #[test]
    fn a_dropped_token_is_not_woken() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let token = StopToken::new();
        let mut gone = token.clone();
        assert!(Pin::new(&mut gone).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(gone);
        token.tell(stop());
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn threads_wait() {
        let token = StopToken::new();
        assert_eq!(token.wait_for(Duration::ZERO), None);
        let waiters: Vec<_> = [Duration::MAX, Duration::from_secs(3600)]
            .into_iter()
            .map(|time| {
                let token = token.clone();
                std::thread::spawn(move || token.wait_for(time))
            })
            .collect();
        let last = token.clone();
        let last = std::thread::spawn(move || Some(last.wait()));
        let stop = stop();
        token.tell(stop);
        for waiter in waiters.into_iter().chain([last]) {
            assert_eq!(waiter.join().unwrap(), Some(stop));
        }
    }
}

//! Time as the machine sees it: points on a clock that only moves forward, handed in from outside.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, as the span since an origin the caller chose (for example its own start) on a monotonic clock.
///
/// All arithmetic saturates: no input can make it panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(Duration);

impl Moment {
    /// The origin itself.
    pub const ORIGIN: Moment = Moment(Duration::ZERO);

    /// The moment `span` after the origin.
    pub const fn after_origin(span: Duration) -> Self {
        Moment(span)
    }

    /// The span from the origin to this moment.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// The span from `earlier` to this moment; zero when `earlier` is in fact later.
    pub const fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, span: Duration) -> Moment {
        Moment(self.0.saturating_add(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let late = Moment::after_origin(Duration::MAX);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(Moment::ORIGIN.since(late), Duration::ZERO);
        assert_eq!(late.since(Moment::ORIGIN), Duration::MAX);
    }
}

//! The clock.

use std::time::Duration;

use crate::finding::{Finding, Step};
use crate::scene::Scene;
use crate::words;

const STEP: Step = Step::Clock;

/// So much ahead of now is still now.
const SLACK: Duration = Duration::from_secs(5);

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    let ahead = scene.clock.newest.and_then(|newest| newest.duration_since(scene.now).ok());
    if let Some(ahead) = ahead.filter(|ahead| *ahead > SLACK) {
        found.push(
            Finding::warning(
                "clock-behind",
                STEP,
                42,
                "the clock was set back: what happened lies in the future",
            )
            .seen(format!("the newest event or line of output is {} ahead of now", words::span(ahead)))
            .next("timedatectl   (is the time right, and NTP on?)"),
        );
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    match scene.clock.synchronised {
        Some(true) => "synchronised".into(),
        _ if scene.clock.newest.is_some() => "nothing lies in the future".into(),
        _ => String::new(),
    }
}

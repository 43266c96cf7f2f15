//! What happened to a service.

use std::path::Path;

use abide_supervisor::history;

use crate::scene::Happened;
use crate::words;

/// So many of the newest are of use.
const MOST: usize = 1000;

pub(super) fn read(state: &Path) -> Vec<Happened> {
    // Where it cannot be read, that is told of its folder.
    let events = history::read(state).unwrap_or_default();
    let skip = events.len().saturating_sub(MOST);
    events
        .into_iter()
        .skip(skip)
        .map(|event| Happened {
            time: words::moment(&event.time),
            text: event.text,
            record: serde_json::from_value(event.record).ok(),
        })
        .collect()
}

//! The few keys of the registry that are ours: sources of the Event Log.

use std::io;

use crate::manager::scm::{EVENT_MESSAGES, EVENT_SOURCES};
use crate::windows::registry::Key;

/// Error, warning and information.
const TYPES: u32 = 7;

/// By what one of ours is known.
const OWNER: &str = "abide";

/// What is registered under the name of a service as a source of the Event Log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Missing,
    /// Registered by Abide, and as it should be or not.
    Ours {
        right: bool,
    },
    /// Registered by somebody else, and left alone.
    Foreign,
}

fn path(name: &str) -> String {
    format!(r"{EVENT_SOURCES}\{name}")
}

pub(super) fn source(name: &str) -> io::Result<Source> {
    let Some(key) = Key::open(&path(name))? else { return Ok(Source::Missing) };
    if key.pattern("ManagedBy")?.as_deref() != Some(OWNER) {
        return Ok(Source::Foreign);
    }
    let right = key.pattern("EventMessageFile")?.as_deref() == Some(EVENT_MESSAGES)
        && key.number("TypesSupported")? == Some(TYPES);
    Ok(Source::Ours { right })
}

pub(super) fn register_source(name: &str) -> io::Result<()> {
    let key = Key::create(&path(name))?;
    key.set_text("ManagedBy", OWNER)?;
    key.set_pattern("EventMessageFile", EVENT_MESSAGES)?;
    key.set_number("TypesSupported", TYPES)
}

/// Removes a source. Answers whether there was one.
pub(super) fn remove_source(name: &str) -> io::Result<bool> {
    Key::remove(&path(name))
}

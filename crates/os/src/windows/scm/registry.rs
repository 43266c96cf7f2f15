//! What of a service stands in the registry alone: its source of the Event Log, and its environment.

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

/// Where the SCM keeps what it knows of services, below HKEY_LOCAL_MACHINE.
const SERVICES: &str = r"SYSTEM\CurrentControlSet\Services";

/// The value of a service's key with the variables that its process gets. The SCM has no call for it.
const ENVIRONMENT: &str = "Environment";

/// The variables of a service, `NAME=VALUE` each.
pub(in crate::windows) fn environment(name: &str) -> io::Result<Vec<String>> {
    let Some(key) = Key::open(&format!(r"{SERVICES}\{name}"))? else { return Ok(Vec::new()) };
    Ok(key.list(ENVIRONMENT)?.unwrap_or_default())
}

/// Sets the variables of a service that is there.
pub(super) fn set_environment(name: &str, entries: &[String]) -> io::Result<()> {
    let key = Key::open_to_change(&format!(r"{SERVICES}\{name}"))?;
    let key = key.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the service has no key"))?;
    if entries.is_empty() { key.remove_value(ENVIRONMENT) } else { key.set_list(ENVIRONMENT, entries) }
}

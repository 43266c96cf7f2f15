//! From text to a checked spec.

use crate::error::{Errors, SpecError};
use crate::spec::Spec;

/// Largest spec that is read. A spec is written by people; what is larger is some other file.
const MAX_BYTES: usize = 1 << 20;

impl Spec {
    /// Reads and checks a spec. All that is wrong with it is told at once, with feature `diagnose`; without it, this is
    /// [`Spec::parse_lean`].
    pub fn parse(text: &str) -> Result<Self, Errors> {
        if text.len() > MAX_BYTES {
            return Err(too_large(text.len()));
        }
        parse(text)
    }

    /// [`Spec::parse`] in little code: only the first thing that is wrong is told, in the reader's own words. For the
    /// supervisor, whose spec has been checked before.
    pub fn parse_lean(text: &str) -> Result<Self, Errors> {
        if text.len() > MAX_BYTES {
            return Err(too_large(text.len()));
        }
        let spec: Self = toml::from_str(text).map_err(|error| {
            let told = SpecError::new(error.message(), None, String::new());
            Errors::one(match error.span() {
                Some(span) => told.at(text, span),
                None => told,
            })
        })?;
        spec.validate()?;
        Ok(spec)
    }

    /// [`Spec::parse`] for bytes that may not be text at all.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Errors> {
        Self::parse(text_of(bytes)?)
    }

    /// Checks a spec that was not read but made, as [`Spec::parse`] does.
    pub fn validate(&self) -> Result<(), Errors> {
        let issues = crate::validate::issues(self);
        if issues.is_empty() {
            return Ok(());
        }
        Err(Errors(issues.into_iter().map(|issue| issue.into_error()).collect()))
    }
}

/// Checks that bytes can be a spec: UTF-8, and not larger than 1 MiB.
pub fn text_of(bytes: &[u8]) -> Result<&str, Errors> {
    if bytes.len() > MAX_BYTES {
        return Err(too_large(bytes.len()));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let line = bytes[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        let what = match bytes.get(offset) {
            Some(byte) => format!("byte {byte:#04X} at offset {offset} (line {line}) cannot stand there"),
            None => format!("it breaks off at offset {offset}"),
        };
        let hint = match bytes {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the file is UTF-16; save it as UTF-8",
            _ => "save the file as UTF-8",
        };
        Errors::one(SpecError::new(
            format!("spec is not UTF-8: {what}"),
            Some(hint.to_owned()),
            String::new(),
        ))
    })
}

fn too_large(bytes: usize) -> Errors {
    let size = match bytes >> 20 {
        mib if bytes == mib << 20 => format!("{mib} MiB"),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    };
    let message = format!("spec is {size}; at most 1 MiB is read");
    Errors::one(SpecError::new(message, Some("is this the right file?".to_owned()), String::new()))
}

#[cfg(feature = "diagnose")]
use crate::diagnose::parse;

#[cfg(not(feature = "diagnose"))]
fn parse(text: &str) -> Result<Spec, Errors> {
    Spec::parse_lean(text)
}

//! `--flag VALUE` pairs, as much of a command line as an example needs.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// The flags given on the command line.
#[derive(Debug)]
pub struct Flags(HashMap<String, String>);

impl Flags {
    /// Reads this process's arguments.
    ///
    /// # Errors
    /// An argument that is not one of `known`, or a flag without its value.
    pub fn from_env(known: &[&str]) -> Result<Self, String> {
        let mut arguments = std::env::args().skip(1);
        let mut flags = HashMap::new();
        while let Some(flag) = arguments.next() {
            if !known.contains(&flag.as_str()) {
                return Err(format!("unknown argument '{flag}'; known are: {}", known.join(", ")));
            }
            let Some(value) = arguments.next() else {
                return Err(format!("{flag} needs a value"));
            };
            flags.insert(flag, value);
        }
        Ok(Self(flags))
    }

    /// The value of `flag`, or `default` where it was not given.
    ///
    /// # Errors
    /// A value that does not read as a `T`.
    pub fn get<T>(&self, flag: &str, default: T) -> Result<T, String>
    where
        T: FromStr<Err: Display>,
    {
        match self.0.get(flag) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|error| format!("{flag} '{text}': {error}")),
        }
    }

    /// The value of `flag` in seconds (fractions allowed), or `default` where it was not given.
    ///
    /// # Errors
    /// A value that is no number, is negative or is too large for a [`Duration`].
    pub fn seconds(&self, flag: &str, default: f64) -> Result<Duration, String> {
        let seconds = self.get(flag, default)?;
        Duration::try_from_secs_f64(seconds).map_err(|error| format!("{flag} '{seconds}': {error}"))
    }
}

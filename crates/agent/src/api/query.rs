//! What a request asks for, read strictly: what is not understood is told, never guessed.

use std::str::FromStr;
use std::time::SystemTime;

use abide_logs::{Level, Streams};
use abide_spec::Name;
use axum::extract::{FromRequestParts, Query};
use axum::http::header;
use axum::http::request::Parts;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::error::Problem;

/// The most lines or events of one answer.
pub const MOST: usize = 10_000;
/// As many as are given where nothing is said.
const USUAL: usize = 200;
/// The memory that a compiled expression may take, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// The name in the path.
pub fn name(text: &str) -> Result<Name, Problem> {
    Name::new(text).map_err(|error| Problem::bad(error.to_string()))
}

/// What part of the output is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Logs {
    lines: Option<usize>,
    since: Option<String>,
    until: Option<String>,
    stream: Option<String>,
    level: Option<String>,
    grep: Option<String>,
}

/// The same, understood.
#[derive(Clone, Debug)]
pub struct WantedLines {
    /// At most so many, the newest ones.
    pub lines: usize,
    /// That arrived at this time or later.
    pub since: Option<SystemTime>,
    /// That arrived at this time or earlier.
    pub until: Option<SystemTime>,
    /// Of these streams.
    pub streams: Streams,
    /// Of this level or above.
    pub level: Option<Level>,
    /// In which this is found.
    pub grep: Option<Regex>,
}

impl WantedLines {
    /// The newest lines, whatever they are.
    pub fn newest(lines: usize) -> Self {
        Self { lines, since: None, until: None, streams: Streams::Both, level: None, grep: None }
    }
}

impl Logs {
    /// What is meant, at a moment.
    pub fn understood(&self, now: SystemTime) -> Result<WantedLines, Problem> {
        let time = |text: &Option<String>| text.as_deref().map(|text| time(text, now)).transpose();
        let streams = match self.stream.as_deref() {
            None => Streams::Both,
            Some("stdout") => Streams::Only(abide_logs::Stream::Stdout),
            Some("stderr") => Streams::Only(abide_logs::Stream::Stderr),
            Some(other) => {
                return Err(Problem::bad(format!(
                    "`stream` is `{}`: it is stdout or stderr",
                    other.escape_debug()
                )));
            }
        };
        let level = self.level.as_deref().map(Level::from_str).transpose();
        let grep = self
            .grep
            .as_deref()
            .map(|text| RegexBuilder::new(text).size_limit(REGEX_SIZE).build())
            .transpose();
        Ok(WantedLines {
            lines: count(self.lines)?,
            since: time(&self.since)?,
            until: time(&self.until)?,
            streams,
            level: level.map_err(|error| Problem::bad(format!("`level`: {error}")))?,
            grep: grep.map_err(|error| Problem::bad(format!("`grep` is no regular expression: {error}")))?,
        })
    }
}

/// How many events are wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Events {
    lines: Option<usize>,
}

impl Events {
    /// At most so many, the newest ones.
    pub fn understood(self) -> Result<usize, Problem> {
        count(self.lines)
    }
}

fn count(lines: Option<usize>) -> Result<usize, Problem> {
    match lines.unwrap_or(USUAL) {
        lines if lines <= MOST => Ok(lines),
        lines => Err(Problem::bad(format!("`lines` is {lines}: it is at most {MOST}"))),
    }
}

/// `10m` (ago), or RFC 3339.
fn time(text: &str, now: SystemTime) -> Result<SystemTime, Problem> {
    let not_understood = || {
        let error = format!("`{}` is no time: write 10m (ago) or 2026-11-22T13:00:00Z", text.escape_debug());
        Problem::bad(error)
    };
    if let Ok(ago) = text.parse::<abide_spec::Duration>() {
        return now.checked_sub(ago.get()).ok_or_else(not_understood);
    }
    text.parse::<jiff::Timestamp>().map(Into::into).map_err(|_| not_understood())
}

/// Whether what is asked for is to go on as it comes: the caller takes server-sent events.
#[derive(Clone, Copy, Debug)]
pub struct Follow(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for Follow {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let accept = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
        Ok(Self(accept.split(',').any(|kind| kind.trim().starts_with("text/event-stream"))))
    }
}

/// The query of a request; what is not understood is a [`Problem`] like any other.
#[derive(Clone, Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|error| Problem::bad(error.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn logs(json: serde_json::Value) -> Result<WantedLines, String> {
        let logs: Logs = serde_json::from_value(json).map_err(|error| error.to_string())?;
        logs.understood(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)).map_err(|problem| problem.error)
    }

    #[test]
    fn what_is_not_understood_is_told() {
        use serde_json::json;
        for (asked, word) in [
            (json!({"stream": "stdin"}), "stdout or stderr"),
            (json!({"level": "loud"}), "level"),
            (json!({"grep": "("}), "regular expression"),
            (json!({"grep": "a{1000}{1000}"}), "regular expression"),
            (json!({"since": "soon"}), "is no time"),
            (json!({"since": "1000000d"}), "is no time"),
            (json!({"lines": 10_001}), "at most 10000"),
            (json!({"follow": true}), "unknown field"),
        ] {
            let error = logs(asked.clone()).unwrap_err();
            assert!(error.contains(word), "{asked}: {error}");
        }
    }

    #[test]
    fn what_is_understood_is_taken() {
        let wanted =
            logs(serde_json::json!({"since": "10m", "until": "1970-01-01T00:00:01Z", "lines": 3})).unwrap();
        assert_eq!(wanted.since, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(400)));
        assert_eq!(wanted.until, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!((wanted.lines, wanted.streams), (3, Streams::Both));
        assert_eq!(logs(serde_json::json!({})).unwrap().lines, USUAL);
    }
}

//! The control protocol: one JSON line asks, one or more JSON lines answer.
//!
//! A request names a [`Verb`]; the answer is any number of `progress` lines and then exactly one
//! `done` or `error` line. Verbs that change something are answered when the change is so, or when it
//! has become clear that it will not be: nobody has to poll.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::status::Status;

/// The longest request that is read, in bytes.
const LONGEST_REQUEST: u64 = 64 * 1024;

/// What a supervisor can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verb {
    /// Tell the status.
    Status,
    /// Start the program, and wait until it is ready.
    Start,
    /// Stop the program by its ladder, and wait until its whole process tree is gone.
    Stop,
    /// Stop, then start.
    Restart,
    /// Run the spec's reload action.
    Reload,
    /// Suspend every process of the program.
    Pause,
    /// Let a paused program go on.
    Continue,
    /// Switch verbosity: of the program by its `[debug]` section, of what is kept of its output where the spec has a
    /// `logs.level`, and of the supervisor's own events.
    Debug {
        /// True for `debug on`.
        on: bool,
    },
    /// Begin new log files now.
    Rotate,
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The work goes on; this is what just happened.
    Progress(String),
    /// It is so.
    Done(Box<Done>),
    /// It is not so, and will not become so by this request.
    Error(Refusal),
}

/// The last line of an answer that succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Done {
    /// What is so now, in words.
    pub text: String,
    /// The status at that moment.
    pub status: Status,
}

/// The last line of an answer that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// What failed, on what, and why.
    pub error: String,
    /// What to do next, if something can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal with a next step.
    pub fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: Some(hint.into()) }
    }

    /// A refusal for which no next step can be named.
    pub fn plain(error: impl Into<String>) -> Self {
        Self { error: error.into(), hint: None }
    }
}

/// Why a supervisor could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No supervisor listens at the endpoint.
    #[error("no supervisor listens at {path}: {source}")]
    Unreachable {
        /// The control endpoint.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The connection broke, or the answer did not come in time.
    #[error("the supervisor at {path} did not finish its answer: {source}")]
    Broken {
        /// The control endpoint.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// What came back is not an answer of this protocol.
    #[error("the supervisor at {path} answered something else than expected: {detail}")]
    Garbled {
        /// The control endpoint.
        path: String,
        /// What was wrong with it.
        detail: String,
    },
    /// The supervisor understood and refused.
    #[error("{}", .0.error)]
    Refused(Refusal),
}

/// Asks the supervisor behind the endpoint at `path`, telling `progress` what happens meanwhile.
///
/// `patience` bounds the wait for each line of the answer, not the whole.
pub fn ask(
    path: &Path,
    verb: Verb,
    patience: Duration,
    mut progress: impl FnMut(&str),
) -> Result<Done, AskError> {
    let shown = path.display().to_string();
    let unreachable = |source| AskError::Unreachable { path: shown.clone(), source };
    let broken = |source| AskError::Broken { path: shown.clone(), source };

    let mut connection = abide_os::endpoint::connect(path, Duration::from_secs(5)).map_err(unreachable)?;
    connection.set_timeout(patience).map_err(broken)?;
    write_line(&mut connection, &verb).map_err(broken)?;
    let mut lines = BufReader::new(connection);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).map_err(broken)? == 0 {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_str::<Answer>(&line) {
            Ok(Answer::Progress(text)) => progress(&text),
            Ok(Answer::Done(done)) => return Ok(*done),
            Ok(Answer::Error(refusal)) => return Err(AskError::Refused(refusal)),
            Err(error) => return Err(AskError::Garbled { path: shown, detail: error.to_string() }),
        }
    }
}

/// Reads the one request of a connection.
pub fn read_request(connection: &mut impl Read) -> Result<Verb, Refusal> {
    let mut line = String::new();
    BufReader::with_capacity(512, connection.take(LONGEST_REQUEST))
        .read_line(&mut line)
        .map_err(|error| Refusal::plain(format!("the request could not be read: {error}")))?;
    serde_json::from_str(&line).map_err(|error| {
        Refusal::new(
            format!("the request is not understood: {error}"),
            "use an `abide` of the same version as the supervisor; `abide version` tells",
        )
    })
}

/// Writes `value` as one line.
pub fn write_line(connection: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    connection.write_all(&line)?;
    connection.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_round_trip() {
        for verb in [Verb::Status, Verb::Stop, Verb::Debug { on: true }, Verb::Rotate] {
            let mut wire = Vec::new();
            write_line(&mut wire, &verb).unwrap();
            assert_eq!(read_request(&mut wire.as_slice()).unwrap(), verb);
        }
    }

    #[test]
    fn a_request_that_is_not_understood_names_the_next_step() {
        let refusal = read_request(&mut &b"{\"verb\":\"explode\"}\n"[..]).unwrap_err();
        assert!(refusal.error.contains("explode"), "{}", refusal.error);
        assert!(refusal.hint.unwrap().contains("same version"));
    }

    #[test]
    fn an_endless_request_is_cut() {
        let refusal = read_request(&mut io::repeat(b'x')).unwrap_err();
        assert!(refusal.error.contains("not understood"));
    }
}

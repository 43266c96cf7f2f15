//! What a service printed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use abide_logs::{JoinRule, Level, LevelOf, Line, Range, Reader, Start, Stream, Until};
use abide_os::watch::Watch;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::Problem;
use super::query::{self, Asked, Follow, WantedLines};
use super::services::{blocking, seen};
use super::{Shared, stream};
use crate::view::Seen;

/// A line, as `abide logs --json` tells it.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    schema: &'static str,
    service: String,
    /// When its end arrived: RFC 3339, UTC.
    pub time: Option<String>,
    /// `stdout` or `stderr`.
    pub stream: &'static str,
    /// Its level, where it tells one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    /// The line as the program wrote it, which may be anything.
    pub text: String,
    complete: bool,
}

/// Whose log is read, and what of it.
struct Source {
    service: String,
    folder: PathBuf,
    rule: JoinRule,
    wanted: WantedLines,
}

/// The newest lines, oldest first; to whoever takes server-sent events those that come as well.
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Asked(asked): Asked<query::Logs>,
    Follow(follow): Follow,
) -> Result<Response, Problem> {
    let seen = seen(&shared, &query::name(&name)?)?;
    let wanted = asked.understood(SystemTime::now())?;
    let source = Source::of(&seen, wanted);
    if !follow {
        let lines = blocking(move || source.newest()).await?.map_err(|error| unreadable(&error))?;
        return Ok(Json(lines).into_response());
    }
    if source.wanted.until.is_some() {
        return Err(Problem::bad("`until` has no meaning for what goes on as it comes"));
    }
    let (response, sender) = stream::open(&shared)?;
    let ending = shared.ending.clone();
    std::thread::Builder::new()
        .name("follow".into())
        .spawn(move || source.follow(&sender, &|| *ending.borrow()))
        .map_err(|error| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                format!("no thread to follow with: {error}"),
            )
        })?;
    Ok(response)
}

/// The newest lines of a service, oldest first. It reads files, and may wait for them.
pub fn newest(seen: &Seen, lines: usize) -> Result<VecDeque<Told>, Problem> {
    Source::of(seen, WantedLines::newest(lines)).newest().map_err(|error| unreadable(&error))
}

/// What is carried from line to line.
struct Eye<'a> {
    source: &'a Source,
    levels: [LevelOf; 2],
}

impl Eye<'_> {
    /// The line as it is told, if it is wanted.
    fn told(&mut self, line: &Line) -> Option<Told> {
        let level = self.levels[usize::from(line.stream == Stream::Stderr)].of(&line.bytes, line.complete);
        let wanted = &self.source.wanted;
        let high = wanted.level.is_none_or(|least| level.is_some_and(|level| level >= least));
        let found = wanted.grep.as_ref().is_none_or(|grep| grep.is_match(&line.bytes));
        (high && found).then(|| Told {
            schema: "abide.log/1",
            service: self.source.service.clone(),
            time: line.time.map(abide_supervisor::timestamp::rfc3339),
            stream: line.stream.name(),
            level: level.map(Level::name),
            text: String::from_utf8_lossy(&line.bytes).into_owned(),
            complete: line.complete,
        })
    }
}

impl Source {
    fn of(seen: &Seen, wanted: WantedLines) -> Self {
        let join = seen.spec.as_ref().and_then(|spec| spec.logs.multiline.as_ref());
        let start = join.map(|join| join.start.to_string());
        Self {
            service: seen.name.to_string(),
            folder: seen.home.place(&seen.name).logs,
            rule: JoinRule::new(start.as_deref()).unwrap_or_default(),
            wanted,
        }
    }

    fn eye(&self) -> Eye<'_> {
        Eye { source: self, levels: [LevelOf::new(&self.rule), LevelOf::new(&self.rule)] }
    }

    /// Where to begin: all that may be wanted, and no more where that can be told.
    fn start(&self) -> Start {
        let every_line =
            self.wanted.level.is_none() && self.wanted.grep.is_none() && self.wanted.until.is_none();
        match self.wanted.since {
            Some(since) => Start::Since(since),
            None if every_line => Start::Tail(self.wanted.lines),
            None => Start::Oldest,
        }
    }

    fn newest(&self) -> Result<VecDeque<Told>, abide_logs::Error> {
        let mut told = VecDeque::new();
        // It has printed nothing yet.
        if !self.folder.is_dir() {
            return Ok(told);
        }
        let until = self.wanted.until.map_or(Until::Now, Until::Time);
        let range = Range { start: self.start(), until, streams: self.wanted.streams };
        let mut lines = Reader::open(&self.folder)?.range(&range)?;
        let (mut eye, mut line) = (self.eye(), Line::default());
        while lines.read(&mut line)? {
            told.extend(eye.told(&line));
            if told.len() > self.wanted.lines {
                told.pop_front();
            }
        }
        Ok(told)
    }

    /// Sends what there is and what comes, until nobody reads any more or the agent ends.
    fn follow(&self, sender: &stream::Sender, is_ending: &dyn Fn() -> bool) {
        let outcome = self.send_all(sender, is_ending);
        if let Err(error) = outcome {
            sender.send_blocking("problem", &unreadable(&error));
        }
    }

    fn send_all(
        &self,
        sender: &stream::Sender,
        is_ending: &dyn Fn() -> bool,
    ) -> Result<(), abide_logs::Error> {
        // Before the first look: what comes between the two is told.
        let Ok(mut watch) = Watch::new(&self.folder) else { return Ok(()) };
        let mut is_over = || {
            if sender.is_closed() || is_ending() {
                return true;
            }
            // A reader that goes is noticed then, if nothing is printed before.
            watch.wait_until(Instant::now() + stream::ALIVE).is_err()
        };
        while !self.folder.is_dir() {
            if is_over() {
                return Ok(());
            }
        }
        let start = if self.wanted.since.is_some() { self.start() } else { Start::Tail(self.wanted.lines) };
        let reader = Reader::open(&self.folder)?;
        let mut lines = reader.follow(start, self.wanted.streams, || !is_over())?;
        let (mut eye, mut line) = (self.eye(), Line::default());
        while lines.read(&mut line)? {
            if let Some(told) = eye.told(&line)
                && !sender.send_blocking("line", &told)
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn unreadable(error: &abide_logs::Error) -> Problem {
    let status = match error.kind() {
        std::io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::CONFLICT,
    };
    Problem::new(status, "unreadable", error.to_string())
}

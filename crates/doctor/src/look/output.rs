//! What the program printed since its last start.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use abide_lifecycle::Record;
use abide_logs::{Entry, JoinRule, Joiner, Level, Line, Reader, Start, Stream, Streams};

use crate::scene::{Output, Said, Scene};
use crate::{steps, trace, words};

/// So many lines are read, and no more.
const MOST_LINES: usize = 50_000;
/// For so long, and no longer.
const LONGEST: Duration = Duration::from_secs(3);
/// So many entries are kept.
const MOST_ERRORS: usize = 40;
/// So many of the last lines.
const LAST: usize = 5;
/// Times in logs are exact to 10 ms, and clocks to less.
const SLACK: Duration = Duration::from_millis(50);

pub(super) fn read(logs: &Path, scene: &mut Scene) {
    let reader = match Reader::open(logs) {
        Ok(reader) => reader,
        Err(error) => {
            if error.kind() == std::io::ErrorKind::PermissionDenied {
                scene.blind.push(format!("its output: {error}"));
                scene.output.unread = Some(error.to_string());
            }
            return;
        }
    };
    let multiline = scene.valid_spec().and_then(|spec| spec.logs.multiline.as_ref());
    let rule = JoinRule::new(multiline.map(|multiline| multiline.start.as_str())).unwrap_or_default();
    let from = begin(scene).map_or(Start::Tail(1000), Start::Since);
    match entries(&reader, from, &rule) {
        Ok((output, newest)) => {
            scene.output = output;
            scene.clock.newest = newest;
        }
        Err(error) => {
            scene.blind.push(format!("its output: {error}"));
            scene.output.unread = Some(error.to_string());
        }
    }
}

/// When the run began that is of interest: the one that ended last if the service ails, else the one of now.
fn begin(scene: &Scene) -> Option<SystemTime> {
    let events = scene.recent();
    let last_end = events.iter().rposition(|event| {
        matches!(
            event.record,
            Some(Record::Exited { .. } | Record::NotReady { .. } | Record::Unhealthy { .. })
        )
    });
    let until = last_end.filter(|_| scene.ails()).unwrap_or(events.len());
    let started =
        events.get(..until)?.iter().rev().find(|event| matches!(event.record, Some(Record::Started { .. })));
    let started = started.and_then(|event| event.time);
    let started = started.or_else(|| words::moment(scene.known.status.started.as_deref()?))?;
    started.checked_sub(SLACK)
}

fn entries(
    reader: &Reader,
    from: Start,
    rule: &JoinRule,
) -> Result<(Output, Option<SystemTime>), abide_logs::Error> {
    let until = Instant::now() + LONGEST;
    let mut lines = reader.lines(from, Streams::Both)?;
    let (mut line, mut joiner, mut output, mut newest) =
        (Line::default(), Joiner::new(rule), Output::default(), None);
    while output.lines < MOST_LINES && Instant::now() < until && lines.read(&mut line)? {
        output.lines += 1;
        newest = newest.max(line.time);
        joiner.push(&line);
        take(&mut joiner, &mut output);
    }
    joiner.flush();
    take(&mut joiner, &mut output);
    let last = reader.tail(LAST, Streams::Both)?;
    output.last = last.flatten().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
    Ok((output, newest))
}

fn take(joiner: &mut Joiner, output: &mut Output) {
    while let Some(entry) = joiner.pop() {
        if output.errors.len() < MOST_ERRORS
            && let Some(said) = trouble(&entry)
        {
            output.errors.push(said);
        }
    }
}

/// The entry, if it tells of trouble.
fn trouble(entry: &Entry) -> Option<Said> {
    let level = entry.level();
    let text = String::from_utf8_lossy(&entry.bytes);
    let is_bad = level.is_some_and(|level| level >= Level::Error)
        || trace::read(&text).is_some()
        // Many a program says why it ends without saying how bad that is.
        || (level.is_none() && entry.stream == Stream::Stderr && steps::is_known_trouble(&text));
    is_bad.then(|| Said { time: entry.time, level, text: text.into_owned() })
}

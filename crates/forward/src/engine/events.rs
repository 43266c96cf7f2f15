//! What happened to a service: the event log its supervisor writes, from a place on.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use abide_logs::Level;
use serde::{Deserialize, Serialize};

use crate::sink::{Event, Uid};

/// The newest events, and those before them.
const FILES: [&str; 2] = ["events.ndjson", "events.1.ndjson"];

/// A place in the event log of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMark {
    /// Which file: a hash of its first line, since files are moved aside. 0 for none yet.
    pub file: u64,
    /// The offset in it.
    pub offset: u64,
}

/// An event, and the place behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// What kind, and all that is known of it.
    pub event: Event,
    /// In words.
    pub text: String,
    /// Nanoseconds since 1970; 0 where it is not told.
    pub time: u64,
    /// How much it matters.
    pub level: Level,
    /// Tells it from all others of the service.
    pub uid: Uid,
    /// The place behind it.
    pub mark: EventMark,
}

/// As the supervisor writes it.
#[derive(Deserialize)]
struct Written {
    time: String,
    text: String,
    record: serde_json::Value,
}

/// At most so many of the events behind `mark`, oldest first, and the place behind what was looked at. A file that
/// cannot be found again, for it was moved aside twice since, is lost.
pub fn after(state: &Path, mark: EventMark, most: usize) -> io::Result<(Vec<Happened>, EventMark)> {
    let mut found = Vec::new();
    let mut mark = mark;
    for (mut file, id, from) in files(state, mark)? {
        file.seek(SeekFrom::Start(from))?;
        let mut offset = from;
        let mut line = Vec::new();
        while found.len() < most {
            line.clear();
            let length = file.read_until(b'\n', &mut line)?;
            if length == 0 || line.last() != Some(&b'\n') {
                break;
            }
            offset += length as u64;
            mark = EventMark { file: id, offset };
            found.extend(happened(&line, mark));
        }
    }
    Ok((found, mark))
}

/// The end of the event log now.
pub fn end(state: &Path) -> io::Result<EventMark> {
    let Some((_, id, _)) = files(state, EventMark::default())?.pop() else { return Ok(EventMark::default()) };
    let length = std::fs::metadata(state.join(FILES[0]))?.len();
    Ok(EventMark { file: id, offset: length })
}

/// What is to be read, oldest first: each file with its name and where to begin.
fn files(state: &Path, mark: EventMark) -> io::Result<Vec<(BufReader<File>, u64, u64)>> {
    let mut found = Vec::new();
    // The newest first: should it be moved aside between the two, the other is this one again.
    for name in FILES {
        let mut file = match File::open(state.join(name)) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut first = Vec::new();
        file.read_until(b'\n', &mut first)?;
        let id = hash(&first);
        if first.last() != Some(&b'\n') || found.iter().any(|(_, known, _)| *known == id) {
            continue;
        }
        let is_here = id == mark.file;
        found.push((file, id, if is_here { mark.offset } else { 0 }));
        if is_here {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

fn happened(line: &[u8], mark: EventMark) -> Option<Happened> {
    let written: Written = serde_json::from_slice(line).ok()?;
    let kind = written.record.get("kind").and_then(|kind| kind.as_str()).unwrap_or("event").to_owned();
    Some(Happened {
        level: level(&kind, &written.record),
        time: nanoseconds(&written.time).unwrap_or(0),
        text: written.text,
        uid: Uid { origin: 'v', file: mark.file, offset: mark.offset },
        event: Event { kind, record: written.record },
        mark,
    })
}

/// How much an event matters: as the lifecycle sees it.
fn level(kind: &str, record: &serde_json::Value) -> Level {
    let next = |key: &str| record.get("next").and_then(|next| next.get(key));
    match kind {
        "failed" | "left-behind" => Level::Error,
        "exited" => {
            let then = next("then").and_then(|then| then.as_str());
            let failed = next("failure").and_then(serde_json::Value::as_bool) != Some(false);
            if then == Some("finish") || (then == Some("restart") && !failed) {
                Level::Info
            } else {
                Level::Warn
            }
        }
        "spawn-failed" | "not-ready" | "unhealthy" | "step-failed" | "killed-again" | "died-late"
        | "leftovers-stay" => Level::Warn,
        "ignored" => Level::Debug,
        _ => Level::Info,
    }
}

/// FNV-1a; never 0.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step).max(1)
}

/// `2026-11-22T13:02:11.204Z` in nanoseconds since 1970.
fn nanoseconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':');
    let (hour, minute): (u64, u64) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let (second, fraction) = time.next()?.split_once('.').unwrap_or(("0", "0"));
    let second: u64 = second.parse().ok()?;
    let nanos: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    if !(1970..=2500).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + nanos)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn append(state: &Path, numbers: std::ops::Range<u64>) {
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(state.join(FILES[0])).unwrap();
        for n in numbers {
            writeln!(
                file,
                r#"{{"schema":"abide.event/1","time":"2026-11-22T13:02:11.204Z","service":"a","text":"event {n}","record":{{"kind":"started","pid":{n}}}}}"#
            )
            .unwrap();
        }
    }

    fn texts(state: &Path, mark: &mut EventMark) -> Vec<String> {
        let (found, behind) = after(state, *mark, usize::MAX).unwrap();
        assert!(found.last().is_none_or(|last| last.mark == behind));
        *mark = behind;
        found.into_iter().map(|happened| happened.text).collect()
    }

    fn numbered(numbers: std::ops::Range<u64>) -> Vec<String> {
        numbers.map(|n| format!("event {n}")).collect()
    }

    #[test]
    fn events_are_read_on_through_the_move_aside() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let mut mark = EventMark::default();
        assert!(texts(state, &mut mark).is_empty());
        append(state, 0..3);
        assert_eq!(texts(state, &mut mark), numbered(0..3));
        assert!(texts(state, &mut mark).is_empty());
        append(state, 3..5);
        std::fs::rename(state.join(FILES[0]), state.join(FILES[1])).unwrap();
        assert_eq!(texts(state, &mut mark), numbered(3..5));
        append(state, 5..6);
        assert_eq!(texts(state, &mut mark), numbered(5..6));
        // Half a line is not an event yet.
        let mut file = std::fs::OpenOptions::new().append(true).open(state.join(FILES[0])).unwrap();
        file.write_all(b"{\"schema\":").unwrap();
        assert!(texts(state, &mut mark).is_empty());
    }

    #[test]
    fn a_new_sink_can_begin_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(end(folder.path()).unwrap(), EventMark::default());
        append(folder.path(), 0..3);
        let mut mark = end(folder.path()).unwrap();
        append(folder.path(), 3..4);
        assert_eq!(texts(folder.path(), &mut mark), numbered(3..4));
    }

    #[test]
    fn so_many_are_read_at_once() {
        let folder = tempfile::tempdir().unwrap();
        append(folder.path(), 0..5);
        let (found, mark) = after(folder.path(), EventMark::default(), 2).unwrap();
        assert_eq!((found.len(), found[1].mark), (2, mark));
        assert_eq!(found[0].time, 1_795_352_531_204_000_000);
        let (found, _) = after(folder.path(), mark, 2).unwrap();
        assert_eq!(found[0].text, "event 2");
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(nanoseconds(shown), Some(seconds * 1_000_000_000));
        }
        for bad in ["", "Z", "2026-13-01T00:00:00.0Z", "2026-01-01", "T:Z", "2026-01-01T00:00:00.xZ"] {
            assert_eq!(nanoseconds(bad), None);
        }
    }

    #[test]
    fn what_matters_more_has_a_higher_level() {
        let of = |text: &str| {
            let record: serde_json::Value = serde_json::from_str(text).unwrap();
            level(record["kind"].as_str().unwrap(), &record)
        };
        assert_eq!(of(r#"{"kind":"failed"}"#), Level::Error);
        assert_eq!(of(r#"{"kind":"exited","next":{"then":"restart","failure":true}}"#), Level::Warn);
        assert_eq!(of(r#"{"kind":"exited","next":{"then":"restart","failure":false}}"#), Level::Info);
        assert_eq!(of(r#"{"kind":"exited","next":{"then":"finish"}}"#), Level::Info);
        assert_eq!(of(r#"{"kind":"exited","next":{"then":"give-up"}}"#), Level::Warn);
        assert_eq!(of(r#"{"kind":"started","pid":1}"#), Level::Info);
    }
}

//! `abide forward status`: how each sink fares.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use abide_forward::engine::status::{self, SinkStatus, State};
use abide_spec::Size;
use abide_supervisor::timestamp::rfc3339;
use serde_json::Value;

use super::Scene;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::{self, BAD, FAINT, GOOD, Printer};
use crate::shown;
use crate::table::{self, Cell, Column};

const COLUMNS: [Column; 8] = [
    Column { title: "SINK", spare: 0 },
    Column { title: "KIND", spare: 3 },
    Column { title: "STATE", spare: 0 },
    Column { title: "SENT", spare: 2 },
    Column { title: "WAITING", spare: 1 },
    Column { title: "BEHIND", spare: 4 },
    Column { title: "LOST", spare: 0 },
    Column { title: "LAST ERROR", spare: 5 },
];

/// Shows it; the exit code tells whether a forwarder runs.
pub fn run(scene: &Scene, json: bool, printer: &Printer) -> Result<Exit, Failure> {
    let places = scene.places();
    // What may not be looked into would seem empty.
    if let Err(error) = std::fs::read_dir(&places.own)
        && error.kind() == std::io::ErrorKind::PermissionDenied
    {
        let failure = Failure::io(format!("{} cannot be read", places.own.display()), &error);
        return Err(failure.hint(failure::as_administrator()));
    }
    let known = status::all(&places).map_err(|error| Failure::new(Exit::UnknownStatus, error.to_string()))?;
    let runs = known.iter().any(|sink| sink.state != State::Stopped);
    if json {
        let shown: Result<Vec<Value>, _> = known.iter().map(for_programs).collect();
        let shown = shown.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        printer.json(&shown)?;
    } else if known.is_empty() {
        printer.note("nothing was forwarded here yet; `abide forward run` or `abide forward install` begins");
    } else {
        let now = status::milliseconds(SystemTime::now());
        let rows: Vec<Vec<Cell>> = known.iter().map(|sink| row(sink, now)).collect();
        for line in table::render(&COLUMNS, &rows, printer::output_width()) {
            printer.data(line)?;
        }
    }
    Ok(if runs { Exit::Ok } else { Exit::NotRunningStatus })
}

/// As it is kept, with times as every `--json` has them: RFC 3339, UTC.
fn for_programs(sink: &SinkStatus) -> serde_json::Result<Value> {
    Ok(with_times(serde_json::to_value(sink)?))
}

fn with_times(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let shown = fields.into_iter().map(|(key, value)| match (key.strip_suffix("-ms"), value.as_u64()) {
        (Some(name), Some(at)) => {
            let time = UNIX_EPOCH + Duration::from_millis(at);
            (name.to_owned(), Value::String(rfc3339(time)))
        }
        (Some(name), None) => (name.to_owned(), Value::Null),
        (None, _) => (key, with_times(value)),
    });
    Value::Object(shown.collect())
}

fn row(sink: &SinkStatus, now: u64) -> Vec<Cell> {
    let style = match sink.state {
        State::Idle | State::Sending => GOOD,
        State::Retrying => BAD,
        State::Stopped => FAINT,
    };
    let counts = &sink.counts;
    let lost = counts.rejected + counts.given_up + counts.dropped;
    let mut losses = lost.to_string();
    if counts.lost_files > 0 {
        losses.push_str(&format!(" and {} files", counts.lost_files));
    }
    let waiting = match sink.queue.files {
        0 => String::from("-"),
        1 => format!("1 file, {}", rounded(sink.queue.bytes)),
        files => format!("{files} files, {}", rounded(sink.queue.bytes)),
    };
    let behind = sink.oldest_ms.filter(|_| sink.state != State::Idle);
    let ago = |at: u64| shown::span(Duration::from_millis(now.saturating_sub(at)));
    let error = sink.last_error.as_ref().map(|error| format!("{} ({} ago)", error.text, ago(error.at_ms)));
    vec![
        Cell::from(&sink.sink),
        Cell::from(sink.kind.name()),
        Cell::new(sink.state.name(), style),
        Cell::from(counts.sent.to_string()),
        Cell::from(waiting),
        Cell::from(behind.map_or_else(|| "-".to_owned(), ago)),
        if lost > 0 || counts.lost_files > 0 { Cell::new(losses, BAD) } else { Cell::from("0") },
        Cell::from(error.unwrap_or_else(|| "-".to_owned())),
    ]
}

/// To the nearest whole unit: exact bytes are for programs.
fn rounded(bytes: u64) -> String {
    let unit = [1 << 40, 1 << 30, 1 << 20, 1 << 10].into_iter().find(|unit| bytes >= *unit).unwrap_or(1);
    Size((bytes + unit / 2) / unit * unit).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_texts_for_programs() {
        let kept = serde_json::json!({ "at-ms": 951_782_400_000_u64, "oldest-ms": null, "last-error": { "at-ms": 0 } });
        let shown = serde_json::json!({
            "at": "2000-02-29T00:00:00.000Z", "oldest": null, "last-error": { "at": "1970-01-01T00:00:00.000Z" }
        });
        assert_eq!(super::with_times(kept), shown);
    }

    #[test]
    fn amounts_are_short() {
        for (bytes, shown) in [(0, "0B"), (1023, "1023B"), (1 << 20, "1MiB"), ((5 << 30) + 7, "5GiB")] {
            assert_eq!(super::rounded(bytes), shown);
        }
    }
}

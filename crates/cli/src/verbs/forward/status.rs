//! `abide forward status`: how each sink fares.

use std::time::{Duration, SystemTime};

use abide_forward::engine::status::{self, SinkStatus, State};
use abide_spec::Size;

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
        printer.json(&known)?;
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
    fn amounts_are_short() {
        for (bytes, shown) in [(0, "0B"), (1023, "1023B"), (1 << 20, "1MiB"), ((5 << 30) + 7, "5GiB")] {
            assert_eq!(super::rounded(bytes), shown);
        }
    }
}

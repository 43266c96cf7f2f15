//! Writes batches: lines above, the table below, redrawn in place.

use std::collections::BTreeMap;
use std::io::{self, Write};

use abide_supervisor::status::Status;

use super::Look;
use super::queue::{Batch, Queue};
use crate::printer::{FAINT, WARN};
use crate::table;
use crate::text;
use crate::verbs::status::{Times, columns, row};

/// Size of a terminal that does not tell its own.
const USUAL: (usize, usize) = (80, 24);
/// What is said below the table.
const FOOTER: &str = "Ctrl-C stops them, a second one kills them at once";

/// What stands on the terminal.
#[derive(Debug)]
pub struct View {
    names: Vec<String>,
    look: Look,
    statuses: BTreeMap<String, Status>,
    /// The width of each line of the table that stands there now.
    drawn: Vec<usize>,
}

impl View {
    /// A view with nothing drawn yet.
    pub fn new(names: Vec<String>, look: Look) -> Self {
        Self { names, look, statuses: BTreeMap::new(), drawn: Vec::new() }
    }

    /// Writes what comes until the queue is closed.
    pub fn run(mut self, queue: &Queue) {
        // Colours are decided on already; this one passes everything on, and lets Windows consoles take it.
        let mut out = anstream::AutoStream::always_ansi(io::stdout());
        loop {
            let batch = queue.next();
            let last = batch.last;
            let bytes = self.take(batch, size());
            // The terminal has gone: the services go on, and `abide logs` tells.
            let _ = out.write_all(&bytes).and_then(|()| out.flush());
            if last {
                return queue.done();
            }
        }
    }

    /// The bytes that bring a batch onto a terminal of (columns, rows).
    fn take(&mut self, batch: Batch, size: (usize, usize)) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.erase(&mut bytes, size.0);
        if batch.dropped > 0 {
            let told = format!(
                "{WARN}({} lines are not shown here; `abide logs` has them){WARN:#}\n",
                batch.dropped
            );
            bytes.extend(self.painted(&told).into_bytes());
        }
        bytes.extend(batch.lines);
        if let Some(statuses) = batch.statuses {
            self.statuses = statuses;
        }
        if self.look.table {
            self.draw(&mut bytes, size, batch.last);
        }
        bytes
    }

    fn painted(&self, text: &str) -> String {
        if self.look.colour { text.to_owned() } else { anstream::adapter::strip_str(text).to_string() }
    }

    /// Takes away the table. A terminal that has become narrower has broken its lines.
    fn erase(&mut self, out: &mut Vec<u8>, width: usize) {
        let rows: usize = self.drawn.drain(..).map(|line| line.div_ceil(width.max(1)).max(1)).sum();
        if rows > 0 {
            out.extend(format!("\r\x1b[{rows}A\x1b[J").into_bytes());
        }
    }

    fn draw(&mut self, out: &mut Vec<u8>, (width, height): (usize, usize), last: bool) {
        let statuses = self.most_telling(height / 2);
        if statuses.is_empty() {
            return;
        }
        let hidden = self.statuses.len() - statuses.len();
        // The last column stays free: some terminals begin a new line as soon as it is taken.
        let room = width.saturating_sub(1).max(1);
        let rows: Vec<_> = statuses.iter().map(|status| row(status, Times::Clock)).collect();
        let mut lines = vec![String::new()];
        lines.extend(table::render(&columns(Times::Clock), &rows, Some(room)));
        if hidden > 0 {
            let more = format!("and {hidden} more; `abide status` shows all");
            lines.push(format!("{FAINT}{}{FAINT:#}", text::cut(&more, room)));
        }
        if !last {
            lines.push(format!("{FAINT}{}{FAINT:#}", text::cut(FOOTER, room)));
        }
        for line in lines {
            self.drawn.push(text::width(&anstream::adapter::strip_str(&line).to_string()));
            out.extend(self.painted(&line).into_bytes());
            out.push(b'\n');
        }
        if last {
            self.drawn.clear();
        }
    }

    /// As many as there is room for, those in trouble before the others, each group in the order given.
    fn most_telling(&self, room: usize) -> Vec<&Status> {
        let mut order: Vec<&Status> = self.names.iter().filter_map(|name| self.statuses.get(name)).collect();
        let room = room.max(3);
        if order.len() > room {
            order.sort_by_key(|status| match status.state.as_str() {
                "failed" | "backing-off" => 0,
                "running" if status.ready && status.healthy => 2,
                _ => 1,
            });
            order.truncate(room);
        }
        order
    }
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    terminal_size::terminal_size_of(io::stdout())
        .map_or(USUAL, |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { terminal: true, table: true, events: true, colour: false };

    fn status(name: &str, state: &str) -> Status {
        let name: abide_spec::Name = name.parse().unwrap();
        Status { why: Some("because ".repeat(40)), ..Status::never_ran(&name, state) }
    }

    fn batch(lines: &str, statuses: &[Status]) -> Batch {
        let statuses = statuses.iter().map(|status| (status.name.clone(), status.clone())).collect();
        Batch { lines: lines.into(), dropped: 0, statuses: Some(statuses), last: false }
    }

    fn view(names: &[&str]) -> View {
        View::new(names.iter().map(|name| (*name).to_owned()).collect(), LOOK)
    }

    #[test]
    fn a_redraw_takes_away_exactly_what_was_drawn() {
        let mut view = view(&["a", "b"]);
        let first = view.take(batch("", &[status("a", "failed"), status("b", "running")]), (40, 24));
        let lines = first.iter().filter(|byte| **byte == b'\n').count();
        let second =
            String::from_utf8(view.take(batch("out\n", &[status("a", "failed")]), (40, 24))).unwrap();
        assert!(second.starts_with(&format!("\r\x1b[{lines}A\x1b[Jout\n")), "{second:?}");
    }

    #[test]
    fn lines_that_a_narrower_terminal_broke_are_counted() {
        let mut view = view(&["a"]);
        let first = view.take(batch("", &[status("a", "failed")]), (80, 24));
        let text = String::from_utf8(first).unwrap();
        let broken: usize = text.lines().map(|line| text::width(line).div_ceil(20).max(1)).sum();
        let second = String::from_utf8(view.take(batch("", &[]), (20, 24))).unwrap();
        assert!(second.starts_with(&format!("\r\x1b[{broken}A")), "{second:?}");
    }

    #[test]
    fn a_table_never_fills_the_terminal() {
        let names: Vec<String> = (0..100).map(|n| format!("s{n:02}")).collect();
        let mut statuses: Vec<Status> = names.iter().map(|name| status(name, "stopped")).collect();
        statuses[97].state = "failed".into();
        let mut view = View::new(names, LOOK);
        let text = String::from_utf8(view.take(batch("", &statuses), (80, 24))).unwrap();
        assert!(text.lines().count() < 24, "{text}");
        assert!(text.contains("s97") && text.contains("and 88 more"), "{text}");
    }

    #[test]
    fn the_last_view_stays() {
        let mut view = view(&["a"]);
        view.take(batch("", &[status("a", "running")]), (80, 24));
        let last = Batch { last: true, ..batch("", &[status("a", "stopped")]) };
        let text = String::from_utf8(view.take(last, (80, 24))).unwrap();
        assert!(text.contains("stopped") && !text.contains("Ctrl-C"), "{text}");
        assert!(view.drawn.is_empty());
    }
}

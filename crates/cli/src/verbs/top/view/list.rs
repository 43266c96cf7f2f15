//! The list of services.

use anstyle::Style;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{Look, scaled};
use crate::printer::{FAINT, HINT};
use crate::shown;
use crate::table::{self, Cell, Column};
use crate::verbs::status::{health, mark, why};
use crate::verbs::top::model::{Model, Service};
use crate::verbs::top::news::Id;

/// So many samples are drawn in a row.
const BARS: usize = 12;
/// What stands before the chosen one.
const CHOSEN: &str = "▸";

/// Draws it, so that the chosen one is seen.
pub fn draw(frame: &mut Frame, model: &Model, area: Rect, look: Look) {
    let room = usize::from(area.width);
    let shown = model.shown();
    if shown.is_empty() {
        let told = match (model.looked, model.services.is_empty()) {
            (false, _) => "looking…",
            (true, true) if model.denied.is_some() => "no services that this account may see",
            (true, true) => "no services here yet; `abide install NAME -- COMMAND…` or `abide up` makes one",
            (true, false) => "no service has a name like that; Esc shows all",
        };
        let lines = super::wrapped(told, room);
        let lines: Vec<Line> = lines.into_iter().map(|told| super::line([(told, FAINT)], look)).collect();
        return frame.render_widget(Paragraph::new(lines), area);
    }
    let place = model.place();
    let height = usize::from(area.height.saturating_sub(1));
    let skipped = place.map_or(0, |place| (place + 1).saturating_sub(height));
    let rows: Vec<_> = shown
        .iter()
        .enumerate()
        .map(|(number, (id, service))| row(id, service, place == Some(number), look))
        .collect();
    // All of them have a say in how wide columns are, so that these stay while the list is scrolled.
    let mut lines = table::pieces(&columns(), &rows, Some(room));
    lines.drain(1..=skipped.min(lines.len() - 1));
    let lines: Vec<Line> = lines.into_iter().map(|pieces| super::line(pieces, look)).collect();
    frame.render_widget(Paragraph::new(lines), area);
    let row = place.and_then(|place| u16::try_from((place + 1).saturating_sub(skipped)).ok());
    if let Some(row) = row.filter(|row| (1..area.height).contains(row)) {
        let row = Rect { y: area.y + row, height: 1, ..area };
        frame.buffer_mut().set_style(row, Modifier::REVERSED);
    }
}

fn columns() -> [Column; 10] {
    [
        ("", 0),
        ("NAME", 0),
        ("STATE", 0),
        ("HEALTH", 3),
        ("UP", 4),
        ("RESTARTS", 5),
        ("CPU%", 1),
        ("MEM", 2),
        ("", 6),
        ("WHY", 0),
    ]
    .map(|(title, spare)| Column { title, spare })
}

fn row(id: &Id, service: &Service, is_chosen: bool, look: Look) -> Vec<Cell> {
    let status = &service.known.status;
    let (sign, style) = mark(status);
    let pointer = if is_chosen { CHOSEN } else { " " };
    let name = if id.own { format!("{} (yours)", id.name) } else { id.name.to_string() };
    let up = status.started.as_deref().filter(|_| status.pid.is_some());
    let up = up.and_then(|time| shown::distance(time, look.now)).map_or("-".into(), shown::span);
    let now = service.past.now();
    vec![
        Cell::new(format!("{pointer}{sign}"), style),
        name.into(),
        Cell::new(&status.state, style),
        health(status).into(),
        up.into(),
        status.restarts.to_string().into(),
        now.map_or("-".into(), |point| format!("{:.1}", point.cpu)).into(),
        now.map_or("-".into(), |point| memory(point.memory)).into(),
        Cell::new(service.past.bars(BARS).trim_end(), HINT),
        Cell::new(why(status), if service.is_failing() { Style::new() } else { FAINT }),
    ]
}

/// Bytes in few letters: `12.3M`.
fn memory(number: u64) -> String {
    let (value, unit) = scaled(number);
    format!("{value:.1}{}", unit.trim_end_matches("iB"))
}

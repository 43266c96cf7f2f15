//! What is said below everything: what is typed, asked or told, else the keys.

use anstyle::Style;
use ratatui::text::Line;

use super::{Look, line, wrapped};
use crate::printer::{BAD, BOLD, FAINT, HINT, WARN};
use crate::table::Piece;
use crate::text;
use crate::verbs::top::model::Model;

/// The keys that are shown while nothing else is to be said.
const KEYS: &str = "q quit  ? help  Tab turns  s start/stop  r restart  p pause  d debug  / filter";
/// So many lines at most.
const MOST: usize = 4;

/// The lines, at least one.
pub fn lines(model: &Model, room: usize, look: Look) -> Vec<Line<'static>> {
    if model.typing {
        let typed = format!("/{}", text::plain(&model.filter));
        let told = "▏ Enter keeps it, Esc shows all".to_owned();
        return vec![line([(typed, BOLD), (told, FAINT)], look)];
    }
    if let Some((id, order)) = &model.question {
        let asked = format!("{order} {}? ", id.name);
        return vec![line(
            [(asked, BOLD), ("y does it, any other key leaves it".into(), Style::new())],
            look,
        )];
    }
    if let Some(told) = &model.told {
        let mark = if told.is_bad { "error: " } else { "" };
        let painted = if told.is_bad { BAD } else { Style::new() };
        let mut lines = marked(mark, painted, &told.text, room);
        if let Some(hint) = &told.hint {
            lines.extend(marked("hint: ", HINT, hint, room));
        }
        lines.truncate(MOST);
        return lines.into_iter().map(|pieces| line(pieces, look)).collect();
    }
    let warning = model.blind.clone().or_else(|| model.denied.clone()).or_else(|| unwatched(model));
    match warning {
        Some(warning) => {
            let lines = marked("warning: ", WARN, &text::plain(&warning), room);
            lines.into_iter().take(MOST).map(|pieces| line(pieces, look)).collect()
        }
        None => vec![line([(text::cut(KEYS, room), FAINT)], look)],
    }
}

/// A text behind a mark, in lines.
fn marked(mark: &str, painted: Style, text: &str, room: usize) -> Vec<Vec<Piece>> {
    let mut lines = wrapped(&format!("{mark}{text}"), room).into_iter();
    let first = lines.next().unwrap_or_default();
    let rest = first.strip_prefix(mark.trim_end()).unwrap_or(&first).to_owned();
    let first = vec![(mark.trim_end().to_owned(), painted), (rest, Style::new())];
    std::iter::once(first).chain(lines.map(|text| vec![(text, Style::new())])).collect()
}

/// That changes of some services are not told.
fn unwatched(model: &Model) -> Option<String> {
    let blind: Vec<&str> = model
        .services
        .iter()
        .filter(|(_, service)| service.blind.is_some())
        .map(|(id, _)| id.name.as_str())
        .collect();
    let named = match blind.as_slice() {
        [] => return None,
        [one] => format!("changes of {one} are"),
        [one, other] => format!("changes of {one} and {other} are"),
        [one, other, more @ ..] => format!("changes of {one}, {other} and {} more are", more.len()),
    };
    Some(format!("{named} not told to this account: u looks again, detail tells why"))
}

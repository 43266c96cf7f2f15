//! Draws what the model knows.

mod below;
mod list;
mod pane;

use std::time::SystemTime;

use anstyle::{Ansi256Color, AnsiColor, Color as Colour, Effects};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::keys;
use super::model::Model;
use crate::printer::{BAD, BOLD, HINT};
use crate::table::Piece;
use crate::text;

/// The least height at which the chosen service is shown below the list.
const LEAST: u16 = 5;

/// How it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// In colours, and not in bold and the like alone.
    pub colour: bool,
    /// The time now.
    pub now: SystemTime,
}

/// Draws the model on the whole of a frame.
pub fn draw(frame: &mut Frame, model: &Model, look: Look) {
    let whole = frame.area();
    let told = below::lines(model, usize::from(whole.width), look);
    let below = u16::try_from(told.len()).unwrap_or(1).min(whole.height.saturating_sub(2)).max(1);
    let room = whole.height.saturating_sub(1 + below);
    let rows = u16::try_from(model.shown().len().max(1)).unwrap_or(u16::MAX).saturating_add(1);
    let list = if room < LEAST { room } else { rows.min((room / 2).max(3)) };
    let areas = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(list),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(below),
    ]);
    // Where there is no room for the chosen one, its two areas are empty.
    let [title, list, tabs, pane, bottom] =
        if room < LEAST { short(whole, list, below) } else { areas.areas(whole) };
    frame.render_widget(heading(model, look), title);
    list::draw(frame, model, list, look);
    pane::draw(frame, model, tabs, pane, look);
    frame.render_widget(Paragraph::new(told), bottom);
    if model.help {
        help(frame, look);
    }
}

fn short(whole: Rect, list: u16, below: u16) -> [Rect; 5] {
    let areas = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(list),
        Constraint::Length(0),
        Constraint::Length(0),
        Constraint::Length(below),
    ]);
    areas.areas(whole)
}

fn heading(model: &Model, look: Look) -> Line<'static> {
    let shown = model.shown();
    let failing = shown.iter().filter(|(_, service)| service.is_failing()).count();
    let many = match model.services.len() {
        1 => "1 service".to_owned(),
        n => format!("{n} services"),
    };
    let mut pieces = vec![("abide top".to_owned(), BOLD), (format!("  {many}"), anstyle::Style::new())];
    if failing > 0 {
        pieces.push((format!("  {failing} failing"), BAD));
    }
    if !model.filter.is_empty() && !model.typing {
        let told = format!("  {} with `{}` in their names", shown.len(), text::plain(&model.filter));
        pieces.push((told, HINT));
    }
    line(pieces, look)
}

fn help(frame: &mut Frame, look: Look) {
    let whole = frame.area();
    let width = keys::HELP.iter().map(|(_, does)| 16 + text::width(does)).max().unwrap_or(0) + 4;
    let height = keys::HELP.len() + 2;
    let fit = |wanted: usize, room: u16| u16::try_from(wanted).unwrap_or(room).min(room);
    let (width, height) = (fit(width, whole.width), fit(height, whole.height));
    let area = Rect { x: (whole.width - width) / 2, y: (whole.height - height) / 2, width, height };
    let lines: Vec<Line> = keys::HELP
        .iter()
        .map(|(key, does)| {
            let blanks = " ".repeat(16_usize.saturating_sub(text::width(key)));
            let pieces = [
                (format!(" {key}"), HINT),
                (blanks, anstyle::Style::new()),
                ((*does).to_owned(), anstyle::Style::new()),
            ];
            line(pieces, look)
        })
        .collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), area);
}

/// A line of pieces.
fn line(pieces: impl IntoIterator<Item = Piece>, look: Look) -> Line<'static> {
    pieces.into_iter().map(|(text, painted)| Span::styled(text, style(painted, look))).collect()
}

/// A style as it is painted: where colours are not wanted, what is left of it.
fn style(style: anstyle::Style, look: Look) -> Style {
    let mut painted = Style::new();
    if let Some(colour) = style.get_fg_color().filter(|_| look.colour) {
        painted = painted.fg(match colour {
            Colour::Ansi(colour) => ansi(colour),
            Colour::Ansi256(Ansi256Color(index)) => Color::Indexed(index),
            Colour::Rgb(anstyle::RgbColor(r, g, b)) => Color::Rgb(r, g, b),
        });
    }
    for (effect, modifier) in [(Effects::BOLD, Modifier::BOLD), (Effects::DIMMED, Modifier::DIM)] {
        if style.get_effects().contains(effect) {
            painted = painted.add_modifier(modifier);
        }
    }
    painted
}

const fn ansi(colour: AnsiColor) -> Color {
    match colour {
        AnsiColor::Black => Color::Black,
        AnsiColor::Red => Color::Red,
        AnsiColor::Green => Color::Green,
        AnsiColor::Yellow => Color::Yellow,
        AnsiColor::Blue => Color::Blue,
        AnsiColor::Magenta => Color::Magenta,
        AnsiColor::Cyan => Color::Cyan,
        AnsiColor::White => Color::Gray,
        AnsiColor::BrightBlack => Color::DarkGray,
        AnsiColor::BrightRed => Color::LightRed,
        AnsiColor::BrightGreen => Color::LightGreen,
        AnsiColor::BrightYellow => Color::LightYellow,
        AnsiColor::BrightBlue => Color::LightBlue,
        AnsiColor::BrightMagenta => Color::LightMagenta,
        AnsiColor::BrightCyan => Color::LightCyan,
        AnsiColor::BrightWhite => Color::White,
    }
}

/// A text in lines of at most `room` columns, broken between words where that can be.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        if text::width(&line) + gap + text::width(word) <= room {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if text::width(&line) + text::width(c.encode_utf8(&mut [0; 4])) > room && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// Bytes as people read them: `12.3 MiB`.
fn bytes(number: u64) -> String {
    let (value, unit) = scaled(number);
    format!("{value:.1} {unit}")
}

/// Bytes in the largest unit of which they are one at least.
fn scaled(bytes: u64) -> (f64, &'static str) {
    const UNITS: [&str; 4] = ["MiB", "GiB", "TiB", "PiB"];
    let mut scaled = (bytes as f64 / 1024.0, "KiB");
    for unit in UNITS {
        // What rounds to 1024 is one of the next.
        if scaled.0 < 1023.95 {
            break;
        }
        scaled = (scaled.0 / 1024.0, unit);
    }
    scaled
}

#[cfg(test)]
mod tests;

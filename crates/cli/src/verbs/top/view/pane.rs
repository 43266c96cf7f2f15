//! What is shown of the chosen service.

use abide_logs::Level;
use anstyle::Style;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, RenderDirection, Sparkline, SparklineBar, Wrap};

use super::{Look, bytes, line, style, wrapped};
use crate::printer::{BAD, BOLD, FAINT, HINT, WARN};
use crate::table::Piece;
use crate::text;
use crate::verbs::status::state;
use crate::verbs::top::model::{Model, Service, Tab};
use crate::verbs::top::past::Point;

/// Draws the titles of the tabs, and what the chosen one shows.
pub fn draw(frame: &mut Frame, model: &Model, tabs: Rect, pane: Rect, look: Look) {
    let chosen = model.chosen();
    let name = chosen.map_or("", |(id, _)| id.name.as_str());
    frame.render_widget(titles(model, name, usize::from(tabs.width), look), tabs);
    let Some((_, service)) = chosen else { return };
    match model.tab {
        Tab::Logs => logs(frame, model, pane, look),
        Tab::Events => events(frame, model, pane, look),
        Tab::Detail => detail(frame, model, service, pane, look),
        Tab::Graph => graph(frame, model, service, pane, look),
    }
}

fn titles(model: &Model, name: &str, room: usize, look: Look) -> Line<'static> {
    let mut pieces: Vec<Piece> = vec![("── ".into(), FAINT), (name.to_owned(), BOLD), (" ──".into(), FAINT)];
    for tab in Tab::ALL {
        // Seen without colours, too.
        pieces.push(match tab == model.tab {
            true => (format!("[{}]", tab.title()), BOLD),
            false => (format!(" {} ", tab.title()), Style::new()),
        });
    }
    if model.scrolled > 0 && model.tab != Tab::Detail {
        pieces.push((format!(" ↑{} ", model.scrolled), WARN));
    }
    let taken: usize = pieces.iter().map(|(text, _)| text::width(text)).sum();
    pieces.push(("─".repeat(room.saturating_sub(taken)), FAINT));
    line(pieces, look)
}

/// The lines of `all` that are seen, the newest at the bottom, so many lines back.
fn window<T>(all: &[T], back: usize, height: usize) -> &[T] {
    let end = all.len().saturating_sub(back).max(height.min(all.len()));
    all.get(end.saturating_sub(height)..end).unwrap_or_default()
}

fn words(frame: &mut Frame, told: &str, painted: Style, pane: Rect, look: Look) {
    let lines = wrapped(told, usize::from(pane.width));
    let lines: Vec<Line> = lines.into_iter().map(|told| line([(told, painted)], look)).collect();
    frame.render_widget(Paragraph::new(lines), pane);
}

fn logs(frame: &mut Frame, model: &Model, pane: Rect, look: Look) {
    if let Some(why) = &model.no_lines {
        return words(frame, why, WARN, pane, look);
    }
    if model.lines.is_empty() {
        return words(frame, "it has printed nothing yet", FAINT, pane, look);
    }
    let all: Vec<_> = model.lines.iter().collect();
    let room = usize::from(pane.width);
    let lines: Vec<Line> = window(&all, model.scrolled, usize::from(pane.height))
        .iter()
        .map(|printed| {
            let painted = match printed.level {
                Some(Level::Fatal | Level::Error) => BAD,
                Some(Level::Warn) => WARN,
                Some(Level::Debug | Level::Trace) => FAINT,
                _ => Style::new(),
            };
            line([(text::cut(&printed.text, room), painted)], look)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), pane);
}

fn events(frame: &mut Frame, model: &Model, pane: Rect, look: Look) {
    if let Some(why) = &model.no_events {
        return words(frame, why, WARN, pane, look);
    }
    if model.events.is_empty() {
        return words(frame, "nothing has happened to it yet", FAINT, pane, look);
    }
    let room = usize::from(pane.width);
    let lines: Vec<Line> = window(&model.events, model.scrolled, usize::from(pane.height))
        .iter()
        .map(|event| {
            let left = room.saturating_sub(text::width(&event.time) + 2);
            let pieces = [(format!("{}  ", event.time), FAINT), (text::cut(&event.text, left), Style::new())];
            line(pieces, look)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), pane);
}

fn detail(frame: &mut Frame, model: &Model, service: &Service, pane: Rect, look: Look) {
    // It was looked at some time ago; how long it has been so is told as of now.
    let state = state(&service.known, look.now);
    let mut lines: Vec<Line> = std::iter::once(&state)
        .chain(service.facts.iter().skip(1))
        .map(|fact| {
            let (marked, painted) = &fact.marked;
            let pieces = [
                (format!("{:>10}: ", fact.label), FAINT),
                (text::plain(marked), *painted),
                (text::plain(&fact.rest), Style::new()),
            ];
            line(pieces, look)
        })
        .skip(model.scrolled)
        .collect();
    if let Some(why) = &service.blind {
        lines.push(line([(format!("{:>10}: ", "Watched"), FAINT), (text::plain(why), WARN)], look));
    }
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), pane);
}

fn graph(frame: &mut Frame, model: &Model, service: &Service, pane: Rect, look: Look) {
    if let Some(why) = &model.no_samples {
        return words(frame, why, WARN, pane, look);
    }
    let [left, _, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(2), Constraint::Fill(1)]).areas(pane);
    let percent = |value: f64| format!("{value:.1} %");
    // To a tenth of a percent.
    let cpu = |point: &Point| (point.cpu * 10.0).round() as u64;
    curve(frame, service, left, look, "CPU", cpu, |tenths| percent(tenths as f64 / 10.0));
    curve(frame, service, right, look, "memory", |point| point.memory, bytes);
}

fn curve(
    frame: &mut Frame,
    service: &Service,
    area: Rect,
    look: Look,
    title: &str,
    of: impl Fn(&Point) -> u64,
    told: impl Fn(u64) -> String,
) {
    let points: Vec<Option<u64>> =
        service.past.last(usize::from(area.width)).map(|point| point.as_ref().map(&of)).collect();
    let most = points.iter().flatten().copied().max();
    let now = points.last().copied().flatten().map_or("-".into(), &told);
    let most_told = most.map(|most| format!(", at most {}", told(most))).unwrap_or_default();
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(
        line([(title.to_owned(), BOLD), (format!(" {now}{most_told}"), Style::new())], look),
        head,
    );
    // The newest at the right.
    let bars = points.into_iter().rev().map(SparklineBar::from);
    let sparkline = Sparkline::default()
        .data(bars)
        .direction(RenderDirection::RightToLeft)
        .max(most.unwrap_or(1).max(1))
        .style(style(HINT, look));
    frame.render_widget(sparkline, body);
}

//! The view of `abide up`: what the programs print scrolls by, what the services do stands below.
//!
//! Drawn when something changes and never by the clock, so that an idle `abide up` is idle.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use abide_logs::Stream;
use abide_supervisor::status::Status;
use abide_supervisor::{Show, Watch};
use anstyle::{AnsiColor, Style};

use crate::printer::{BAD, FAINT};
use crate::table;
use crate::verbs::status::{HEADING, row};

/// Colours by which services are told apart.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Yellow,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
];

/// The terminal of an `abide up`.
#[derive(Debug)]
pub struct Screen {
    names: Vec<String>,
    width: usize,
    live: bool,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    statuses: BTreeMap<String, Status>,
    /// Lines of the table that stand on the terminal now.
    drawn: usize,
}

impl Screen {
    /// A view of the services named; with a live table where `live`.
    pub fn new(names: Vec<String>, live: bool) -> Self {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        Self { names, width, live, shown: Mutex::default() }
    }

    fn colour(&self, service: &str) -> Style {
        let index = self.names.iter().position(|name| name == service).unwrap_or(0);
        COLOURS[index % COLOURS.len()].on_default()
    }

    /// Puts lines above the table.
    fn scroll(&self, lines: &[u8], shown: &mut Shown) {
        let mut out = anstream::stdout().lock();
        // The terminal has gone: the services go on, and `abide logs` tells.
        let _ = erase(&mut out, shown.drawn).and_then(|()| out.write_all(lines));
        shown.drawn = 0;
        if self.live {
            self.draw(&mut out, shown);
        }
        let _ = out.flush();
    }

    fn draw(&self, out: &mut impl Write, shown: &mut Shown) {
        let rows: Vec<_> = self.names.iter().filter_map(|name| shown.statuses.get(name)).map(row).collect();
        if rows.is_empty() {
            return;
        }
        let lines = table::render(&HEADING, &rows);
        let _ = writeln!(out);
        for line in &lines {
            let _ = writeln!(out, "{line}");
        }
        shown.drawn = lines.len() + 1;
    }
}

/// Takes away the lines that stand at the bottom.
fn erase(out: &mut impl Write, lines: usize) -> std::io::Result<()> {
    if lines > 0 {
        write!(out, "\x1b[{lines}A\x1b[J")?;
    }
    Ok(())
}

impl Show for Screen {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let colour = self.colour(service);
        let bar = if stream == Stream::Stderr { BAD } else { FAINT };
        let width = self.width;
        let mut text = format!("{colour}{service:width$}{colour:#} {bar}|{bar:#} ").into_bytes();
        text.extend_from_slice(line);
        text.push(b'\n');
        self.scroll(&text, &mut shown);
    }
}

impl Watch for Screen {
    fn status(&self, status: &Status) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.statuses.insert(status.name.clone(), status.clone());
        if self.live {
            self.scroll(b"", &mut shown);
        }
    }

    fn event(&self, service: &str, text: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (colour, width) = (self.colour(service), self.width);
        let line = format!("{colour}{service:width$}{colour:#} {FAINT}* {text}{FAINT:#}\n");
        self.scroll(line.as_bytes(), &mut shown);
    }
}

//! How lines look.

use std::io::{self, BufWriter, StdoutLock, Write};

use abide_logs::{Level, LevelOf, Line, Stream};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::chosen::Service;
use crate::args::{Form, Logs};
use crate::failure::Failure;
use crate::printer::{BAD, FAINT, WARN, output_is_coloured, output_is_terminal, written};
use crate::{shown, text};

/// The colours of names, one after the other.
const NAMES: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
];

/// A line for machines.
#[derive(Serialize)]
struct LogLine<'a> {
    schema: &'static str,
    service: &'a str,
    time: Option<String>,
    stream: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    text: &'a str,
    complete: bool,
}

/// Standard output, written when there is enough or nothing more for now.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    form: Option<Form>,
    /// The names of the services, as they stand before their lines where there are several.
    names: Vec<String>,
    named: bool,
    /// What tells the level of a line by the entry that it goes on with, for each service and stream; nothing where lines
    /// between those shown are left out.
    levels: Option<Vec<[LevelOf; 2]>>,
    terminal: bool,
    colour: bool,
    /// The service and stream whose line has no end yet.
    open: Option<(usize, Stream)>,
}

impl Output {
    /// Output of several services is `named`.
    pub fn new(args: &Logs, named: bool) -> Self {
        let form = match (args.json, args.timestamps) {
            (true, _) => Some(Form::Json),
            (_, true) => Some(Form::Short),
            _ => args.output,
        };
        Self {
            out: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
            form,
            names: Vec::new(),
            named,
            levels: args.grep.is_none().then(Vec::new),
            terminal: output_is_terminal(),
            colour: output_is_coloured(),
            open: None,
        }
    }

    /// Lines come of these services.
    pub fn set_services(&mut self, services: &[Service]) {
        self.names = services.iter().map(|service| service.name.to_string()).collect();
        if let Some(levels) = &mut self.levels {
            let new = services.iter().skip(levels.len());
            levels.extend(new.map(|service| [LevelOf::new(&service.rule), LevelOf::new(&service.rule)]));
        }
    }

    /// Hands on what is written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        written(self.out.flush())
    }

    /// Writes a line of the service with this number.
    pub fn show(&mut self, service: usize, line: &Line) -> Result<(), Failure> {
        if self.form == Some(Form::Json) {
            return self.json(service, line);
        }
        let goes_on = self.open == Some((service, line.stream));
        if self.open.take().is_some() && !goes_on {
            written(self.out.write_all(b"\n"))?;
        }
        if !goes_on {
            written(self.head(service, line))?;
        }
        let level = if self.terminal && self.colour { self.level(service, line) } else { None };
        written(self.body(line, level))?;
        if line.complete {
            written(self.out.write_all(b"\n"))
        } else {
            self.open = Some((service, line.stream));
            Ok(())
        }
    }

    /// What stands before the text.
    fn head(&mut self, service: usize, line: &Line) -> io::Result<()> {
        let name = self.names.get(service).map_or("", String::as_str);
        let name_style = self.style(Style::new().fg_color(Some(NAMES[service % NAMES.len()].into())));
        let faint = self.style(FAINT);
        match self.form {
            Some(form @ (Form::Short | Form::Iso)) => {
                let time = if form == Form::Iso { shown::iso } else { shown::moment };
                let time = line.time.map(time).unwrap_or_default();
                write!(self.out, "{faint}{time}{faint:#} ")?;
                if self.named {
                    write!(self.out, "{name_style}{name}{name_style:#} ")?;
                }
                let style = self.style(if line.stream == Stream::Stderr { BAD } else { FAINT });
                write!(self.out, "{style}{}{style:#} ", line.stream.name())
            }
            None if self.named => {
                let width = self.names.iter().map(String::len).max().unwrap_or(0);
                write!(self.out, "{name_style}{name:width$} |{name_style:#} ")
            }
            _ => Ok(()),
        }
    }

    fn level(&mut self, service: usize, line: &Line) -> Option<Level> {
        match self.levels.as_mut().and_then(|levels| levels.get_mut(service)) {
            Some(levels) => levels[usize::from(line.stream == Stream::Stderr)].of(&line.bytes, line.complete),
            None => Level::of(&line.bytes),
        }
    }

    fn body(&mut self, line: &Line, level: Option<Level>) -> io::Result<()> {
        if !self.terminal {
            return self.out.write_all(&line.bytes);
        }
        let text = text::line(&line.bytes);
        if !self.colour {
            return write!(self.out, "{}", anstream::adapter::strip_str(&text));
        }
        let style = match level.filter(|_| !text.contains('\x1b')) {
            Some(Level::Fatal | Level::Error) => BAD,
            Some(Level::Warn) => WARN,
            Some(Level::Debug | Level::Trace) => FAINT,
            _ => Style::new(),
        };
        write!(self.out, "{style}{text}{style:#}")
    }

    fn json(&mut self, service: usize, line: &Line) -> Result<(), Failure> {
        let level = self.level(service, line);
        let shown = LogLine {
            schema: "abide.log/1",
            service: self.names.get(service).map_or("", String::as_str),
            time: line.time.map(abide_supervisor::timestamp::rfc3339),
            stream: line.stream.name(),
            level: level.map(Level::name),
            text: &String::from_utf8_lossy(&line.bytes),
            complete: line.complete,
        };
        let told = serde_json::to_writer(&mut self.out, &shown).map_err(io::Error::from);
        written(told.and_then(|()| self.out.write_all(b"\n")))
    }

    fn style(&self, style: Style) -> Style {
        if self.colour { style } else { Style::new() }
    }
}

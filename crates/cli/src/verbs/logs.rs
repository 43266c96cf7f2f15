//! `abide logs`: what a service printed.

use std::collections::VecDeque;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;
use std::time::SystemTime;

use abide_logs::{Line, Reader, Start, Stream, Streams};
use abide_os::watch::{Watch, Woken};
use regex_lite::Regex;
use serde::Serialize;

use crate::args::{Common, Logs, StreamChoice};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{BAD, FAINT, Printer, output_is_coloured, output_is_terminal, written};
use crate::services::{self, Home};
use crate::shown;
use crate::text;

/// Lines shown when nothing else is asked for.
const LINES: usize = 100;

/// Shows what a service printed, and with `--follow` goes on with what it prints.
pub fn run(args: &Logs, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let wanted = Wanted::of(args)?;
    let home = Home::required(&args.name, common)?;
    if home.is_direct(&args.name) {
        return Err(services::without_supervisor(&args.name, &home, "nobody keeps what it prints"));
    }
    let folder = home.place(&args.name).logs;
    let mut out = Output::new(args);
    if args.follow {
        follow(&folder, &wanted, args, &mut out, printer)?;
    } else if let Some(reader) = open(&folder)? {
        read(&reader, &wanted, &mut out)?;
    } else {
        printer.note(format!("{} has printed nothing yet", args.name));
    }
    out.flush()?;
    Ok(Exit::Ok)
}

/// Which lines are wanted.
struct Wanted {
    start: Start,
    streams: Streams,
    filter: Option<Regex>,
    /// Of those that the filter lets through, the last so many.
    last: Option<usize>,
}

impl Wanted {
    fn of(args: &Logs) -> Result<Self, Failure> {
        let usage = |error: String| Failure::new(Exit::Usage, error);
        let since = args.since.as_deref().map(|text| shown::parse_since(text, SystemTime::now()));
        let since = since.transpose().map_err(usage)?;
        let filter = args.grep.as_deref().map(Regex::new).transpose();
        let filter = filter.map_err(|error| usage(format!("--grep is no regular expression: {error}")))?;
        let (start, last) = match (since, args.lines, &filter) {
            (Some(time), ..) => (Start::Since(time), None),
            // The last lines that match, wherever they are.
            (None, Some(lines), Some(_)) if !args.follow => (Start::Oldest, Some(lines)),
            (None, None, Some(_)) => (Start::Oldest, None),
            (None, lines, _) => (Start::Tail(lines.unwrap_or(LINES)), None),
        };
        let streams = match args.stream {
            None => Streams::Both,
            Some(StreamChoice::Stdout) => Streams::Only(Stream::Stdout),
            Some(StreamChoice::Stderr) => Streams::Only(Stream::Stderr),
        };
        Ok(Self { start, streams, filter, last })
    }

    fn takes(&self, line: &Line) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(&String::from_utf8_lossy(&line.bytes)))
    }
}

/// A service that never ran has no folder for its output.
fn open(folder: &Path) -> Result<Option<Reader>, Failure> {
    match Reader::open(folder) {
        Ok(reader) => Ok(Some(reader)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read(reader: &Reader, wanted: &Wanted, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut lines = reader.lines(wanted.start, wanted.streams)?;
    let Some(last) = wanted.last else {
        let mut line = Line::default();
        while lines.read(&mut line)? {
            if wanted.takes(&line) {
                out.show(&line)?;
            }
        }
        return Ok(());
    };
    let mut kept = VecDeque::new();
    for line in lines {
        let line = line?;
        if wanted.takes(&line) {
            kept.push_back(line);
            if kept.len() > last {
                kept.pop_front();
            }
        }
    }
    kept.iter().try_for_each(|line| out.show(line))
}

/// Goes on until the user ends it, or nobody reads any more.
fn follow(
    folder: &Path,
    wanted: &Wanted,
    args: &Logs,
    out: &mut Output<'_>,
    printer: &Printer,
) -> Result<(), Failure> {
    let cannot = |error| Failure::io(format!("{} cannot be watched", folder.display()), &error);
    // Before the first look: what comes between the two is told.
    let mut watch = Watch::new(folder).map_err(cannot)?;
    let mut told = false;
    let reader = loop {
        if let Some(reader) = open(folder)? {
            break reader;
        }
        if !std::mem::replace(&mut told, true) {
            printer.note(format!("{} has printed nothing yet", args.name));
        }
        if watch.wait().map_err(cannot)? == Woken::OutputClosed {
            return Ok(());
        }
    };
    let out = std::cell::RefCell::new(out);
    let trouble = std::cell::RefCell::new(Ok(()));
    let wait = || {
        let outcome = out.borrow_mut().flush().and_then(|()| watch.wait().map_err(cannot));
        match outcome {
            Ok(woken) => woken == Woken::Changed,
            Err(failure) => {
                *trouble.borrow_mut() = Err(failure);
                false
            }
        }
    };
    let mut lines = reader.follow(wanted.start, wanted.streams, wait)?;
    let mut line = Line::default();
    while lines.read(&mut line)? {
        if wanted.takes(&line) {
            out.borrow_mut().show(&line)?;
        }
    }
    drop(lines);
    trouble.into_inner()
}

/// A line for machines.
#[derive(Serialize)]
struct LogLine<'a> {
    schema: &'static str,
    service: &'a str,
    time: Option<String>,
    stream: &'static str,
    text: &'a str,
    complete: bool,
}

/// Standard output, written when there is enough or nothing more for now.
struct Output<'a> {
    out: BufWriter<StdoutLock<'static>>,
    args: &'a Logs,
    terminal: bool,
    colour: bool,
}

impl<'a> Output<'a> {
    fn new(args: &'a Logs) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
            args,
            terminal: output_is_terminal(),
            colour: output_is_coloured(),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        written(self.out.flush())
    }

    fn show(&mut self, line: &Line) -> Result<(), Failure> {
        if self.args.json {
            return self.json(line);
        }
        let mut bytes = Vec::with_capacity(line.bytes.len() + 64);
        if self.args.timestamps {
            let time = line.time.map(shown::moment).unwrap_or_default();
            let style = if line.stream == Stream::Stderr { BAD } else { FAINT };
            let stream = line.stream.name();
            bytes.extend(
                self.painted(format!("{FAINT}{time}{FAINT:#} {style}{stream}{style:#} ")).into_bytes(),
            );
        }
        if self.terminal {
            bytes.extend(self.painted(text::line(&line.bytes)).into_bytes());
        } else {
            bytes.extend_from_slice(&line.bytes);
        }
        if line.complete {
            bytes.push(b'\n');
        }
        written(self.out.write_all(&bytes))
    }

    fn json(&mut self, line: &Line) -> Result<(), Failure> {
        let shown = LogLine {
            schema: "abide.log/1",
            service: self.args.name.as_str(),
            time: line.time.map(abide_supervisor::timestamp::rfc3339),
            stream: line.stream.name(),
            text: &String::from_utf8_lossy(&line.bytes),
            complete: line.complete,
        };
        let told = serde_json::to_writer(&mut self.out, &shown).map_err(io::Error::from);
        written(told.and_then(|()| self.out.write_all(b"\n")))
    }

    fn painted(&self, text: String) -> String {
        if self.colour { text } else { anstream::adapter::strip_str(&text).to_string() }
    }
}

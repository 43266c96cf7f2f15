//! `abide logs`: what a service printed.

use std::time::{Duration, SystemTime};

use abide_logs::{Line, Reader, Start, Stream, Streams};
use regex_lite::Regex;
use serde::Serialize;

use crate::args::{Common, Logs, StreamChoice};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{BAD, FAINT, Printer};
use crate::services::Home;
use crate::shown;

/// Lines shown when nothing else is asked for.
const LINES: usize = 100;
/// How soon new output is looked for while following.
const PAUSE: Duration = Duration::from_millis(100);

/// Shows what a service printed, and with `--follow` goes on with what it prints.
pub fn run(args: &Logs, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let start = start(args)?;
    let streams = match args.stream {
        None => Streams::Both,
        Some(StreamChoice::Stdout) => Streams::Only(Stream::Stdout),
        Some(StreamChoice::Stderr) => Streams::Only(Stream::Stderr),
    };
    let filter =
        args.grep.as_deref().map(Regex::new).transpose().map_err(|error| {
            Failure::new(Exit::Usage, format!("--grep is no regular expression: {error}"))
        })?;
    let home = Home::required(&args.name, common)?;
    let reader = Reader::open(&home.place(&args.name).logs)?;
    let show = |line: Result<Line, abide_logs::Error>| {
        let line = line?;
        if filter.as_ref().is_none_or(|filter| filter.is_match(&String::from_utf8_lossy(&line.bytes))) {
            show(&line, args, printer)?;
        }
        Ok::<(), Failure>(())
    };
    if args.follow {
        // Until the user ends it.
        let pause = || {
            std::thread::sleep(PAUSE);
            true
        };
        reader.follow(start, streams, pause)?.try_for_each(show)?;
    } else {
        reader.lines(start, streams)?.try_for_each(show)?;
    }
    Ok(Exit::Ok)
}

fn start(args: &Logs) -> Result<Start, Failure> {
    match (&args.since, args.lines) {
        (Some(since), None) => {
            let time = shown::parse_since(since, SystemTime::now())
                .map_err(|error| Failure::new(Exit::Usage, error))?;
            Ok(Start::Since(time))
        }
        (Some(_), Some(_)) => Err(Failure::new(Exit::Usage, "--since and --lines exclude each other")),
        (None, lines) => Ok(Start::Tail(lines.unwrap_or(LINES))),
    }
}

/// A line for machines.
#[derive(Serialize)]
struct LogLine<'a> {
    schema: &'static str,
    time: Option<String>,
    stream: &'static str,
    text: &'a str,
}

fn show(line: &Line, args: &Logs, printer: &Printer) -> Result<(), Failure> {
    if args.json {
        let text = String::from_utf8_lossy(&line.bytes);
        return printer.json_line(&LogLine {
            schema: "abide.log/1",
            time: line.time.map(abide_supervisor::timestamp::rfc3339),
            stream: line.stream.name(),
            text: &text,
        });
    }
    let mut bytes = Vec::new();
    if args.timestamps {
        let time = line.time.map(shown::moment).unwrap_or_default();
        let style = if line.stream == Stream::Stderr { BAD } else { FAINT };
        printer.inline(format!("{FAINT}{time}{FAINT:#} {style}{}{style:#} ", line.stream.name()))?;
    }
    bytes.extend_from_slice(&line.bytes);
    if line.complete {
        bytes.push(b'\n');
    }
    printer.raw(&bytes)
}

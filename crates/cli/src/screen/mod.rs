//! The view of `abide up`: what the programs print scrolls by, what the services do stands below.
//!
//! Drawn when something changes and never by the clock, so that an idle `abide up` is idle. A thread of its
//! own draws: a terminal that does not take what is written (Ctrl-S, a slow line) holds up neither the
//! supervision nor the programs.

mod queue;
mod view;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use abide_logs::Stream;
use abide_supervisor::status::Status;
use abide_supervisor::{Show, Watch};
use anstyle::{AnsiColor, Style};

use crate::printer::{BAD, FAINT};
use crate::text;
use queue::Queue;
use view::View;

/// Colours by which services are told apart.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Yellow,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
];
/// How long the last words may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is shown, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Standard output is a terminal.
    pub terminal: bool,
    /// A table stands below the output.
    pub table: bool,
    /// Events scroll by with the output.
    pub events: bool,
    /// Colours are wanted.
    pub colour: bool,
}

/// The terminal of an `abide up`, or the pipe or file in its place.
#[derive(Debug)]
pub struct Screen {
    names: Vec<String>,
    width: usize,
    look: Look,
    queue: Arc<Queue>,
}

impl Screen {
    /// A view of the services named.
    pub fn new(names: Vec<String>, look: Look) -> Self {
        let width = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
        // A pipe is the only place where what is printed goes; a terminal is looked at, the log keeps it all.
        let queue = Arc::new(Queue::new(!look.terminal));
        Self { names, width, look, queue }
    }

    /// Starts drawing. The thread ends some time after [`Self::close`].
    pub fn start(&self) -> std::io::Result<JoinHandle<()>> {
        let view = View::new(self.names.clone(), self.look);
        let queue = Arc::clone(&self.queue);
        std::thread::Builder::new().name("screen".into()).spawn(move || view.run(&queue))
    }

    /// Writes what there is to be written, and leaves the terminal as it is for others to go on.
    pub fn close(&self) {
        self.queue.close(LAST_WORDS);
    }

    fn colour(&self, service: &str) -> Style {
        let index = self.names.iter().position(|name| name == service).unwrap_or(0);
        COLOURS[index % COLOURS.len()].on_default()
    }

    /// The beginning of each line of a service.
    fn label(&self, service: &str, mark: &str, style: Style) -> Vec<u8> {
        let (colour, width) = (self.colour(service), self.width);
        self.painted(format!("{colour}{service:width$}{colour:#} {style}{mark}{style:#} "))
    }

    fn painted(&self, text: String) -> Vec<u8> {
        if self.look.colour { text } else { anstream::adapter::strip_str(&text).to_string() }.into_bytes()
    }
}

impl Show for Screen {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        let style = if stream == Stream::Stderr { BAD } else { FAINT };
        let mut bytes = self.label(service, "|", style);
        if self.look.terminal {
            bytes.extend(self.painted(text::line(line)));
        } else {
            bytes.extend_from_slice(line);
        }
        bytes.push(b'\n');
        self.queue.output(&bytes);
    }
}

impl Watch for Screen {
    fn status(&self, status: &Status) {
        if self.look.table {
            self.queue.status(status);
        }
    }

    fn event(&self, service: &str, text: &str) {
        if self.look.events {
            let mut bytes = self.label(service, "*", FAINT);
            bytes.extend(self.painted(format!("{FAINT}{}{FAINT:#}\n", text::plain(text))));
            self.queue.event(&bytes);
        }
    }
}

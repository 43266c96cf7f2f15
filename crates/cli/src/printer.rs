//! The one way to the terminal: data to standard output, everything else to standard error, colour only
//! where it is wanted, and nothing that needs colour to be understood.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::Color;
use crate::exit::Exit;
use crate::failure::Failure;

/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// What to do next, and literals.
pub const HINT: Style = AnsiColor::Cyan.on_default();
/// What is said by the way.
pub const FAINT: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();

/// Prints for one run of `abide`.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    quiet: bool,
    progress: bool,
}

impl Printer {
    /// A printer that colours as asked.
    pub fn new(color: Color, quiet: bool) -> Self {
        match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        let wanted = std::env::var_os("ABIDE_NO_PROGRESS").is_none();
        Self { quiet, progress: wanted && !quiet && io::stderr().is_terminal() }
    }

    /// Whether somebody watches standard error.
    pub fn is_watched(&self) -> bool {
        self.progress
    }

    /// Data, with a line end.
    pub fn data(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        written(writeln!(out, "{}", text.as_ref()))
    }

    /// Data without a line end.
    pub fn inline(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        written(write!(out, "{}", text.as_ref()))
    }

    /// Data as it is: bytes a program wrote.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        written(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// A value as indented JSON.
    pub fn json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(Exit::Failed, format!("this cannot be shown as JSON: {error}")))?;
        self.data(text)
    }

    /// A value as one line of JSON, for streams.
    pub fn json_line(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::new(Exit::Failed, format!("this cannot be shown as JSON: {error}")))?;
        self.data(text)
    }

    /// Something a person may want to know.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            anstream::eprintln!("{}", text.as_ref());
        }
    }

    /// What is done by now: on a terminal only.
    pub fn progress(&self, text: &str) {
        if self.progress {
            anstream::eprintln!("{FAINT}{text}{FAINT:#}");
        }
    }

    /// A warning.
    pub fn warning(&self, text: impl AsRef<str>) {
        anstream::eprintln!("{WARN}warning{WARN:#}: {}", text.as_ref());
    }

    /// A next step.
    pub fn hint(&self, text: &str) {
        anstream::eprintln!("\n{HINT}hint{HINT:#}: {text}");
    }

    /// Why the verb failed.
    pub fn failure(&self, failure: &Failure) {
        if failure.error.is_empty() {
            return;
        }
        anstream::eprintln!("{BAD}error{BAD:#}: {}", failure.error);
        if let Some(hint) = &failure.hint {
            self.hint(hint);
        }
    }
}

/// A reader that has gone (`| head`) is no failure of ours, but there is nothing more to do.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(Exit::Ok, ""),
        _ => Failure::io("standard output cannot be written", &error),
    })
}

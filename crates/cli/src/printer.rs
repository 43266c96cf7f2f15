//! The one way to the terminal: data to standard output, everything else to standard error, colour only
//! where it is wanted, and nothing that needs colour to be understood.

use std::io::{self, IsTerminal, Write};

use abide_os::terminal::is_in_foreground;
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

/// What Windows may say of a pipe whose reader has gone; no error of other systems has this number.
const PIPE_NOT_CONNECTED: i32 = 233;

/// Prints for one run of `abide`.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    quiet: bool,
    progress: bool,
    /// Whether it is about the user's own services.
    user: bool,
}

/// Whether standard output is a terminal that a person looks at.
pub fn output_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal that standard output is; nothing where it is none.
pub fn output_width() -> Option<usize> {
    let size = output_is_terminal().then(|| terminal_size::terminal_size_of(io::stdout())).flatten();
    size.map(|(width, _)| usize::from(width.0).max(1))
}

/// Whether colours are wanted on standard output.
pub fn output_is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
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
        Self { quiet, user: false, progress: is_progress_wanted() && !quiet && io::stderr().is_terminal() }
    }

    /// The same for someone who works on services of their own: commands to type say so.
    pub fn of_user(self, user: bool) -> Self {
        Self { user, ..self }
    }

    /// A text with the commands in it as this user has to type them.
    fn as_typed(&self, text: &str) -> String {
        if !self.user {
            return text.to_owned();
        }
        let told = text.replace("`abide ", "`abide --user ").replace("--user --user ", "--user ");
        // This one is there for everybody.
        told.replace("`abide --user up", "`abide up")
    }

    /// Whether little is to be said.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a live view is of use: standard output is a terminal that can move its cursor, and ours.
    pub fn is_live(&self) -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        !self.quiet && !dumb && is_progress_wanted() && output_is_terminal() && is_in_foreground()
    }

    /// Data, with a line end.
    pub fn data(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        written(writeln!(out, "{}", text.as_ref()))
    }

    /// What a verb has brought about: data, but nothing that was asked for.
    pub fn result(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.data(text) }
    }

    /// Data as it is, such as a script.
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
            anstream::eprintln!("{}", self.as_typed(text.as_ref()));
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
        anstream::eprintln!("\n{HINT}hint{HINT:#}: {}", self.as_typed(text));
    }

    /// Why the verb failed.
    pub fn failure(&self, failure: &Failure) {
        if failure.error.is_empty() {
            return;
        }
        if failure.framed {
            anstream::eprintln!("{}", failure.error);
        } else {
            anstream::eprintln!("{BAD}error{BAD:#}: {}", failure.error);
        }
        // More rights are no way to one's own services: root's are others.
        let as_root = |hint: &&String| hint.starts_with("`sudo ") && failure.exit == Exit::Permission;
        if let Some(hint) = failure.hint.as_ref().filter(|hint| !(self.user && as_root(hint))) {
            self.hint(hint);
        }
    }
}

fn is_progress_wanted() -> bool {
    std::env::var_os("ABIDE_NO_PROGRESS").is_none()
}

/// A reader that has gone (`| head`) is no failure of ours, but there is nothing more to do.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
        _ if error.raw_os_error() == Some(PIPE_NOT_CONNECTED) => Failure::nobody_reads(),
        _ => Failure::io("standard output cannot be written", &error),
    })
}

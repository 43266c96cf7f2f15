//! Stack traces of the common languages, line by line.

use crate::Level;

/// What an entry is, as far as its lines tell, and so what can come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// A message. Only what no message begins with goes on with it.
    Message,
    /// A message about a failure, which a stack trace may follow.
    Logged,
    /// Rust's `Error: …` from `main`: its causes may come below an empty line.
    Ended,
    /// That empty line.
    EndedGap,
    /// Its last line was indented: a bracket may close it.
    Block,
    /// Go: a panic or a dump of goroutines.
    Go,
    /// Python: from the traceback's first line to the exception.
    Python,
    /// Python: the exception was told.
    PythonEnd,
    /// An empty line below it, where another one may follow.
    PythonGap,
    /// The line that tells so.
    PythonChain,
    /// Rust: where it panicked; why comes in the next line.
    RustHead,
    /// Rust: why.
    Rust,
    /// PHP and others: numbered calls.
    Numbered,
    /// Node: a piece of source with a mark below it.
    Caret,
    /// Node: the error that ended the process.
    Node,
}

impl Trace {
    /// What an entry is that begins with `line`, whose level is `level`.
    pub(super) fn begin(line: &[u8], level: Option<Level>) -> Self {
        let starts = |words: &[u8]| line.starts_with(words);
        match line.first() {
            Some(b' ' | b'\t') => Self::Block,
            Some(b'p') if starts(b"panic: ") => Self::Go,
            Some(b'f') if starts(b"fatal error: ") => Self::Go,
            Some(b'g') if is_goroutine(line) => Self::Go,
            Some(b'T') if starts(TRACEBACK) => Self::Python,
            Some(b't') if starts(b"thread '") && level.is_some() => match line.trim_ascii_end() {
                [.., b':'] => Self::RustHead,
                _ => Self::Rust,
            },
            Some(b'E') if starts(b"Error: ") => Self::Ended,
            _ if names_failure(line) => Self::Message,
            _ if level.is_some_and(|level| level >= Level::Warn) => Self::Logged,
            _ => Self::Message,
        }
    }

    /// What the entry is with `line` as a part of it; `None` if the line begins the next one.
    pub(super) fn next(self, line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None => self.empty(),
            Some(b' ' | b'\t') => self.indented(line.trim_ascii()),
            Some(_) => anywhere(line).or_else(|| self.plain(line)),
        }
    }

    fn empty(self) -> Option<Self> {
        match self {
            Self::Ended => Some(Self::EndedGap),
            Self::PythonEnd => Some(Self::PythonGap),
            Self::Go | Self::PythonChain | Self::Caret | Self::Node => Some(self),
            _ => None,
        }
    }

    fn indented(self, line: &[u8]) -> Option<Self> {
        if is_time(line) || (self == Self::Message && line.starts_with(b"+ Exception Group Traceback")) {
            return None;
        }
        Some(match self {
            Self::Message | Self::Logged | Self::Ended | Self::EndedGap | Self::Block
                if !line.is_empty() && line.iter().all(|byte| matches!(byte, b'^' | b'~')) =>
            {
                Self::Caret
            }
            Self::Message | Self::Logged | Self::Ended | Self::EndedGap | Self::Caret => Self::Block,
            Self::RustHead => Self::Rust,
            Self::PythonGap | Self::PythonChain => Self::PythonEnd,
            _ => self,
        })
    }

    fn plain(self, line: &[u8]) -> Option<Self> {
        let starts = |words: &[u8]| line.starts_with(words);
        let closes = || line.len() <= 3 && line.iter().all(|byte| b"})];,".contains(byte));
        let goes_on = match self {
            Self::Python => !is_time(line) && !starts(TRACEBACK),
            Self::Logged | Self::PythonChain if starts(TRACEBACK) => return Some(Self::Python),
            Self::Logged => names_failure(line) && line.contains(&b'.'),
            Self::PythonEnd | Self::PythonGap => {
                starts(b"During handling of the above exception")
                    || starts(b"The above exception was the direct cause")
            }
            Self::RustHead => !is_time(line) && !starts(b"thread '"),
            Self::Go => is_go(line),
            Self::Numbered => line[0] == b'#' && line.get(1).is_some_and(u8::is_ascii_digit),
            Self::Caret => names_failure(line) || starts(b"Uncaught "),
            Self::Node => closes() || starts(b"Node.js v") || starts(b"(Use `node ") || starts(b"Thrown at:"),
            Self::Block => closes(),
            Self::Message | Self::Ended | Self::EndedGap | Self::PythonChain | Self::Rust => false,
        };
        goes_on.then_some(match self {
            Self::Python => Self::PythonEnd,
            Self::PythonEnd | Self::PythonGap => Self::PythonChain,
            Self::RustHead => Self::Rust,
            Self::Caret => Self::Node,
            Self::Logged | Self::Block => Self::Message,
            _ => self,
        })
    }
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

/// What goes on with an entry, whatever it is: lines that no program begins a message with.
fn anywhere(line: &[u8]) -> Option<Trace> {
    let starts = |words: &[u8]| line.starts_with(words);
    match line[0] {
        b'C' if starts(b"Caused by:") => Some(Trace::Block),
        b'S' if starts(b"Suppressed:") => Some(Trace::Block),
        b'S' if starts(b"Stack trace:") || starts(b"Stack backtrace:") => Some(Trace::Numbered),
        b's' if starts(b"stack backtrace:") => Some(Trace::Rust),
        b'W' if starts(b"Wrapped by:") => Some(Trace::Block),
        b'.' if starts(b"... ") && (line.ends_with(b" more") || line.ends_with(b" omitted")) => {
            Some(Trace::Block)
        }
        b'-' if starts(b"--- End of ") => Some(Trace::Block),
        b'n' if starts(b"note: run with `RUST_BACKTRACE=") || starts(b"note: Some details are omitted") => {
            Some(Trace::Rust)
        }
        b'g' if is_goroutine(line) => Some(Trace::Go),
        _ => None,
    }
}

/// `goroutine 7 [running]:`
fn is_goroutine(line: &[u8]) -> bool {
    line.strip_prefix(b"goroutine ").is_some_and(|rest| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && rest[digits..].starts_with(b" [")
    })
}

/// What stands in a dump of goroutines without being indented.
fn is_go(line: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [
        b"created by ",
        b"[signal ",
        b"exit status ",
        b"runtime stack:",
        b"...additional frames",
        b"[recovered",
    ];
    WORDS.iter().any(|words| line.starts_with(words)) || is_call(line)
}

/// `main.(*Server).serve(0xc000010000, {0x1, 0x2})`
fn is_call(line: &[u8]) -> bool {
    let Some(open) = line.iter().position(|byte| *byte == b'(') else { return false };
    let name = &line[..open];
    let named = name == b"panic" || name.contains(&b'.');
    named && line.ends_with(b")") && !name.contains(&b' ')
}

/// Whether a line begins with the name of a failure: `TypeError: …`, `java.io.IOException`.
fn names_failure(line: &[u8]) -> bool {
    let named = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    let (name, rest) = line.split_at(line.iter().take_while(named).count());
    let ends = matches!(rest, [] | [b':', ..] | [b' ', b'[', ..]);
    ends && (name.ends_with(b"Error") || name.ends_with(b"Exception"))
}

/// Whether a line begins with a date or a time.
fn is_time(line: &[u8]) -> bool {
    matches!(
        line,
        [
            b'0'..=b'9',
            b'0'..=b'9',
            b'0'..=b'9',
            b'0'..=b'9',
            b'-' | b'/',
            b'0'..=b'9',
            b'0'..=b'9',
            b'-' | b'/',
            ..
        ] | [b'0'..=b'9', b'0'..=b'9', b':', b'0'..=b'9', b'0'..=b'9', b':', b'0'..=b'9', ..]
    )
}

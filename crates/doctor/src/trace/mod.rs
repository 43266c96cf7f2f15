//! Stack traces, read down to the module and line where something failed.
//!
//! A reader takes the text of an entry and gives what failed and the frames, innermost first. Which of these is the
//! program's own, and not its libraries', is told by where its source lies: that frame is the one to look at.

mod dotnet;
mod go;
mod java;
mod node;
mod python;
mod rust;

use std::fmt;

/// The language of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Go: a panic or fatal error.
    Go,
    /// Python: a traceback.
    Python,
    /// Java, Kotlin, Scala: an exception.
    Java,
    /// JavaScript in Node, Deno or Bun.
    Node,
    /// Rust: a panic.
    Rust,
    /// .NET: an exception.
    DotNet,
}

impl Language {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Python => "Python",
            Self::Java => "Java",
            Self::Node => "Node",
            Self::Rust => "Rust",
            Self::DotNet => ".NET",
        }
    }
}

/// A call that was under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The function, with its module.
    pub function: String,
    /// The file of its source, as the trace has it; nothing where it has none.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// It belongs to the language or a library, as far as its place tells.
    pub is_library: bool,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}")?,
            (Some(file), None) => f.write_str(file)?,
            _ => return f.write_str(&self.function),
        }
        if self.function.is_empty() { Ok(()) } else { write!(f, " in {}", self.function) }
    }
}

/// A stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// In which language.
    pub language: Language,
    /// What failed, in the program's words; the innermost cause where several are told.
    pub what: String,
    /// The calls, innermost first.
    pub frames: Vec<Frame>,
}

impl Trace {
    /// The frame to look at: the innermost one of the program's own, else the innermost of all.
    #[must_use]
    pub fn culprit(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| !frame.is_library).or_else(|| self.frames.first())
    }
}

/// Reads a trace of one language from the lines of an entry.
type Reader = fn(&[&str]) -> Option<Trace>;

/// The trace in the text of an entry, if one is.
#[must_use]
pub fn read(text: &str) -> Option<Trace> {
    const READERS: [Reader; 6] = [go::read, python::read, rust::read, java::read, dotnet::read, node::read];
    let lines: Vec<&str> = text.lines().collect();
    READERS.iter().find_map(|reader| reader(&lines))
}

/// Takes `:LINE` or `:LINE:COLUMN` off the end of a place.
fn place(text: &str) -> Option<(&str, u32)> {
    let (rest, last) = text.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    match rest.rsplit_once(':') {
        Some((file, line)) if !file.is_empty() => match line.parse() {
            Ok(line) => Some((file, line)),
            Err(_) => Some((rest, last)),
        },
        _ => Some((rest, last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lose_their_column() {
        assert_eq!(place("src/main.rs:4:9"), Some(("src/main.rs", 4)));
        assert_eq!(place("/srv/app.js:10"), Some(("/srv/app.js", 10)));
        assert_eq!(place(r"C:\app\x.js:3:1"), Some((r"C:\app\x.js", 3)));
        assert_eq!(place(r"C:\app\x.cs:3"), Some((r"C:\app\x.cs", 3)));
        assert_eq!(place("main"), None);
    }

    #[test]
    fn plain_text_is_no_trace() {
        for text in
            ["", "listening on :9000", "Error: boom", "panic", "at last it works", "ERROR at noon\n  at work"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_breaks_off_anywhere_is_read_without_panic() {
        for sample in [go::SAMPLE, python::SAMPLE, java::SAMPLE, node::SAMPLE, rust::SAMPLE, dotnet::SAMPLE] {
            assert!(read(sample).is_some());
            for end in 0..sample.len() {
                if let Some(part) = sample.get(..end) {
                    let _ = read(part);
                }
                if let Some(part) = sample.get(end..) {
                    let _ = read(part);
                }
            }
        }
    }
}

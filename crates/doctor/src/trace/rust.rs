//! Rust: `thread 'main' panicked at src/main.rs:4:9:` and the backtrace below.

use super::{Frame, Language, Trace, place};

pub(super) fn read(lines: &[&str]) -> Option<Trace> {
    let head =
        lines.iter().position(|line| line.starts_with("thread '") && line.contains(" panicked at "))?;
    let (_, told) = lines.get(head)?.split_once(" panicked at ")?;
    // Before 1.73: `panicked at 'why', src/main.rs:4:9`; since: the place, and why in the next line.
    let (what, source) = match told.trim_end().strip_suffix(':') {
        Some(source) => {
            let below = lines.iter().skip(head + 1);
            let why = below.take_while(|line| !ends(line)).map(|line| line.trim_end()).collect::<Vec<_>>();
            (why.join(" "), source)
        }
        None => told.rsplit_once(", ").map(|(what, source)| (what.trim_matches('\'').to_owned(), source))?,
    };
    let (file, line) = place(source.trim_end())?;
    let panicked = Frame {
        function: String::new(),
        file: Some(file.to_owned()),
        line: Some(line),
        is_library: is_library(file),
    };
    let mut frames: Vec<Frame> = backtrace(lines.get(head..)?);
    // The backtrace names the function of the place, and who called it.
    let same = |frame: &Frame| {
        frame.line == Some(line) && frame.file.as_deref().is_some_and(|it| it.ends_with(file))
    };
    match frames.iter().position(same) {
        Some(at) => drop(frames.drain(..at)),
        None => frames.insert(0, panicked),
    }
    Some(Trace { language: Language::Rust, what: what.trim().to_owned(), frames })
}

fn ends(line: &str) -> bool {
    line.starts_with("stack backtrace:") || line.starts_with("note: ") || line.starts_with("thread '")
}

/// `   3: shop::total` and `             at ./src/orders.rs:47:5` below it.
fn backtrace(lines: &[&str]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in lines {
        let text = line.trim();
        if let Some(source) = text.strip_prefix("at ") {
            if let (Some((file, line)), Some(frame)) = (place(source), frames.last_mut()) {
                frame.is_library |= is_library(file);
                frame.file = Some(file.strip_prefix("./").unwrap_or(file).to_owned());
                frame.line = Some(line);
            }
        } else if let Some((number, function)) = text.split_once(": ")
            && number.parse::<u32>().is_ok()
        {
            let function = function.split_once(" - ").map_or(function, |(_, function)| function);
            let first = function.trim_start_matches('<').split("::").next().unwrap_or_default();
            let is_library =
                ["core", "std", "alloc", "tokio", "rust_begin_unwind", "__rust_begin_short_backtrace"]
                    .contains(&first);
            frames.push(Frame { function: function.to_owned(), is_library, ..Frame::default() });
        }
    }
    frames
}

fn is_library(file: &str) -> bool {
    file.starts_with("/rustc/")
        || file.contains("/.cargo/registry/")
        || file.contains("/rustlib/")
        || file.contains(r"\.cargo\registry\")
}

#[cfg(test)]
pub(super) const SAMPLE: &str = "thread 'main' panicked at src/orders.rs:47:30:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0: rust_begin_unwind
             at /rustc/07dca489ac2d933c78d3c5158e3f43beefeb02ce/library/std/src/panicking.rs:645:5
   1: core::panicking::panic_fmt
             at /rustc/07dca489ac2d933c78d3c5158e3f43beefeb02ce/library/core/src/panicking.rs:72:14
   2: shop::orders::total
             at ./src/orders.rs:47:30
   3: shop::main
             at ./src/main.rs:9:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_with_a_backtrace() {
        let trace = super::super::read(SAMPLE).unwrap();
        assert_eq!(trace.language, Language::Rust);
        assert_eq!(trace.what, "called `Option::unwrap()` on a `None` value");
        assert_eq!(trace.culprit().unwrap().to_string(), "src/orders.rs:47 in shop::orders::total");
    }

    #[test]
    fn a_panic_without_one_and_of_an_older_compiler() {
        let trace = super::super::read("thread 'worker-3' panicked at src/main.rs:4:9:\nboom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace").unwrap();
        assert_eq!(
            (trace.what.as_str(), trace.culprit().unwrap().to_string()),
            ("boom", "src/main.rs:4".into())
        );
        let trace =
            super::super::read("thread 'main' panicked at 'index out of bounds: the len is 3', src/a.rs:2:5")
                .unwrap();
        assert_eq!(trace.what, "index out of bounds: the len is 3");
        let in_library = super::super::read("thread 'main' panicked at /home/x/.cargo/registry/src/a-1/src/lib.rs:4:9:\nboom\nstack backtrace:\n   0: lib::f\n             at /home/x/.cargo/registry/src/a-1/src/lib.rs:4:9\n   1: app::main\n             at ./src/main.rs:2:1").unwrap();
        assert_eq!(in_library.culprit().unwrap().to_string(), "src/main.rs:2 in app::main");
    }
}

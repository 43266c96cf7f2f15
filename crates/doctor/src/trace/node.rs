//! Node and its kin: `TypeError: …` and `at f (FILE:LINE:COLUMN)` below.

use super::{Frame, Language, Trace, place};

pub(super) fn read(lines: &[&str]) -> Option<Trace> {
    let first = lines.iter().position(|line| frame(line).is_some())?;
    let what = lines.get(..first)?.iter().rev().find(|line| !line.trim().is_empty())?.trim();
    // Several lines of message may stand between the name of the error and its frames.
    let named = lines.get(..first)?.iter().rev().find(|line| {
        let name = line.trim().strip_prefix("Uncaught ").unwrap_or(line.trim());
        let name = name.split([':', ' ']).next().unwrap_or_default();
        name.ends_with("Error") || name.ends_with("Exception")
    });
    let what = named.map_or(what, |line| line.trim());
    let frames: Vec<Frame> = lines.iter().skip(first).map_while(|line| frame(line)).collect();
    Some(Trace { language: Language::Node, what: what.to_owned(), frames })
}

/// `    at Object.total (/srv/app/orders.js:47:11)`, `    at /srv/app/a.js:1:2`, `    at async f (file:///srv/a.mjs:3:4)`
fn frame(line: &str) -> Option<Frame> {
    let call = line.trim().strip_prefix("at ")?;
    let (function, source) = match call.strip_suffix(')').and_then(|call| call.rsplit_once(" (")) {
        Some((function, source)) => (function, source),
        None => ("", call.strip_prefix("async ").unwrap_or(call)),
    };
    if source == "<anonymous>" || source == "native" {
        return Some(Frame { function: function.to_owned(), is_library: true, ..Frame::default() });
    }
    let (file, line) = place(source)?;
    let file = file.strip_prefix("file://").unwrap_or(file);
    // Both a line and a column are always there.
    if source.matches(':').count() < 2 || file.contains(' ') && !file.starts_with('/') {
        return None;
    }
    Some(Frame {
        function: function.strip_prefix("async ").unwrap_or(function).to_owned(),
        file: Some(file.to_owned()),
        line: Some(line),
        is_library: file.starts_with("node:")
            || file.starts_with("internal/")
            || file.contains("node_modules"),
    })
}

#[cfg(test)]
pub(super) const SAMPLE: &str = "/srv/app/orders.js:47
    return order.items.length;
                 ^

TypeError: Cannot read properties of undefined (reading 'items')
    at total (/srv/app/orders.js:47:18)
    at Layer.handle [as handle_request] (/srv/app/node_modules/express/lib/router/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)

Node.js v20.11.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncaught_error_is_told_with_its_place() {
        let trace = super::super::read(SAMPLE).unwrap();
        assert_eq!(trace.language, Language::Node);
        assert!(trace.what.starts_with("TypeError: Cannot read"), "{}", trace.what);
        assert_eq!(trace.culprit().unwrap().to_string(), "/srv/app/orders.js:47 in total");
        assert_eq!(trace.frames.len(), 3);
        assert!(trace.frames[1].is_library && trace.frames[2].is_library);
    }

    #[test]
    fn an_error_of_node_itself_and_one_of_a_module() {
        let text = "node:events:491\n      throw er; // Unhandled 'error' event\n      ^\n\nError: listen EADDRINUSE: address already in use :::9000\n    at Server.setupListenHandle [as _listen2] (node:net:1463:16)\n    at Object.<anonymous> (/srv/app/index.js:8:5)";
        let trace = super::super::read(text).unwrap();
        assert!(trace.what.contains("EADDRINUSE"), "{}", trace.what);
        assert_eq!(trace.culprit().unwrap().to_string(), "/srv/app/index.js:8 in Object.<anonymous>");
        let trace = super::super::read("Error: x\n    at async main (file:///srv/a.mjs:3:4)").unwrap();
        assert_eq!(trace.culprit().unwrap().to_string(), "/srv/a.mjs:3 in main");
    }
}

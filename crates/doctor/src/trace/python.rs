//! Python: tracebacks, the innermost call last.

use super::{Frame, Language, Trace};

pub(super) fn read(lines: &[&str]) -> Option<Trace> {
    // Of a chain, the last exception is what ended the program; the first one is why.
    let first =
        lines.iter().position(|line| line.trim_end().ends_with("Traceback (most recent call last):"))?;
    let mut frames = Vec::new();
    let mut what = None;
    for line in lines.iter().skip(first + 1) {
        let text = line.trim();
        if let Some(frame) = frame(text) {
            frames.push(frame);
        } else if !line.starts_with([' ', '\t']) && !text.is_empty() {
            what = Some(text.to_owned());
            break;
        }
    }
    if frames.is_empty() && what.is_none() {
        return None;
    }
    frames.reverse();
    Some(Trace { language: Language::Python, what: what.unwrap_or_default(), frames })
}

/// `File "/srv/app/main.py", line 12, in handler`
fn frame(text: &str) -> Option<Frame> {
    let (file, rest) = text.strip_prefix("File \"")?.split_once("\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(Frame {
        function: function.to_owned(),
        file: Some(file.to_owned()),
        line: Some(line.parse().ok()?),
        is_library: ["site-packages", "dist-packages", "/lib/python", r"\lib\", "<frozen "]
            .iter()
            .any(|part| file.to_ascii_lowercase().contains(part)),
    })
}

#[cfg(test)]
pub(super) const SAMPLE: &str = "Traceback (most recent call last):
  File \"/srv/app/db.py\", line 20, in connect
    return psycopg2.connect(dsn)
           ^^^^^^^^^^^^^^^^^^^^^
  File \"/srv/app/venv/lib/python3.11/site-packages/psycopg2/__init__.py\", line 122, in connect
    conn = _connect(dsn, connection_factory=connection_factory, **kwasync)
psycopg2.OperationalError: connection to server at \"127.0.0.1\", port 5432 failed: Connection refused

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/srv/app/main.py\", line 7, in <module>
    start()
  File \"/srv/app/main.py\", line 4, in start
    raise RuntimeError(\"no database\")
RuntimeError: no database";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_chain_is_the_cause() {
        let trace = super::super::read(SAMPLE).unwrap();
        assert_eq!(trace.language, Language::Python);
        assert!(trace.what.starts_with("psycopg2.OperationalError: "), "{}", trace.what);
        assert_eq!(trace.culprit().unwrap().to_string(), "/srv/app/db.py:20 in connect");
        assert_eq!(trace.frames.len(), 2);
    }

    #[test]
    fn an_exception_logged_with_a_message_before_it() {
        let text = "ERROR:root:request failed\nTraceback (most recent call last):\n  File \"app.py\", line 3, in f\n    g()\nKeyError: 'id'";
        let trace = super::super::read(text).unwrap();
        assert_eq!((trace.what.as_str(), trace.culprit().unwrap().line), ("KeyError: 'id'", Some(3)));
    }
}

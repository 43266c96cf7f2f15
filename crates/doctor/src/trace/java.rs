//! Java and its kin: `Exception in thread "main" …`, `Caused by: …`.

use super::{Frame, Language, Trace};

/// Packages of the language and of the common frameworks.
const LIBRARIES: [&str; 17] = [
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "jakarta.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "org.springframework.",
    "org.apache.",
    "org.eclipse.",
    "io.netty.",
    "org.hibernate.",
    "com.zaxxer.",
    "reactor.",
    "io.quarkus.",
];

pub(super) fn read(lines: &[&str]) -> Option<Trace> {
    // The innermost cause stands last.
    let is_frame = |index: usize| lines.get(index).is_some_and(|line| frame(line).is_some());
    let is_head = |index: usize| {
        let line = lines.get(index).copied().unwrap_or_default();
        is_frame(index + 1)
            && !is_frame(index)
            && !is_skipped(line)
            && !line.trim_start().starts_with("Suppressed:")
    };
    let head = (0..lines.len()).rfind(|index| is_head(*index))?;
    let what = lines.get(head)?.trim();
    let what = what.strip_prefix("Caused by: ").unwrap_or(what);
    let what = match what.strip_prefix("Exception in thread \"") {
        Some(rest) => rest.split_once("\" ").map_or(rest, |(_, what)| what),
        None => what,
    };
    let mut frames: Vec<Frame> = lines.iter().skip(head + 1).map_while(|line| frame(line)).collect();
    // A cause that is all library was called by the program: the frames of what it caused tell from where.
    if frames.iter().all(|frame| frame.is_library) {
        let outer = lines.iter().take(head).filter_map(|line| frame(line));
        frames.extend(outer.filter(|frame| !frame.is_library));
    }
    Some(Trace { language: Language::Java, what: what.to_owned(), frames })
}

/// `at com.acme.Orders.total(Orders.java:47)`
fn frame(line: &str) -> Option<Frame> {
    let call = line.trim_start().strip_prefix("at ")?;
    let (function, source) = call.trim_end().split_once('(')?;
    // .NET has `at X.Y(Int32 z) in FILE:line N`, Node `at f (FILE:1:2)`.
    let source = match source.split_once(')') {
        Some((source, after)) if after.is_empty() || after.starts_with(" [") || after.starts_with(" ~[") => {
            source
        }
        _ => return None,
    };
    if function.contains(' ')
        || source.contains(['/', '\\', ' ']) && source != "Native Method" && source != "Unknown Source"
    {
        return None;
    }
    let (file, number) = match source.rsplit_once(':') {
        Some((file, line)) => (Some(file), Some(line.parse().ok()?)),
        None if source.contains('.') || ["Native Method", "Unknown Source"].contains(&source) => (None, None),
        None => return None,
    };
    // `java.base/java.lang.Thread.run`, `app//com.acme.Main.main`
    let name = function.rsplit_once('/').map_or(function, |(_, name)| name);
    Some(Frame {
        function: name.to_owned(),
        file: file.map(str::to_owned),
        line: number,
        is_library: LIBRARIES.iter().any(|library| name.starts_with(library)),
    })
}

/// `... 12 more`
fn is_skipped(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("... ") && (line.ends_with(" more") || line.ends_with(" omitted"))
}

#[cfg(test)]
pub(super) const SAMPLE: &str = "Exception in thread \"main\" java.lang.IllegalStateException: cannot start
\tat com.acme.orders.Main.start(Main.java:31)
\tat com.acme.orders.Main.main(Main.java:12)
Caused by: java.sql.SQLException: Access denied for user 'orders'
\tat com.mysql.cj.jdbc.Driver.connect(Driver.java:200) ~[mysql-connector.jar:8.0]
\tat java.sql/java.sql.DriverManager.getConnection(DriverManager.java:681)
\tat com.acme.orders.Store.<init>(Store.java:18)
\tat com.acme.orders.Main.start(Main.java:29)
\t... 1 more";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_cause_is_told_with_its_place() {
        let trace = super::super::read(SAMPLE).unwrap();
        assert_eq!(trace.language, Language::Java);
        assert_eq!(trace.what, "java.sql.SQLException: Access denied for user 'orders'");
        assert_eq!(trace.frames.len(), 4);
        assert_eq!(
            trace.culprit().unwrap().to_string(),
            "Driver.java:200 in com.mysql.cj.jdbc.Driver.connect"
        );
    }

    #[test]
    fn a_cause_in_libraries_alone_is_traced_to_its_caller() {
        let text = "2026-01-01 ERROR failed\njava.lang.RuntimeException: outer\n\tat com.acme.Job.run(Job.java:9)\n\tat java.base/java.lang.Thread.run(Thread.java:1583)\nCaused by: java.net.ConnectException: Connection refused\n\tat java.base/sun.nio.ch.Net.connect0(Native Method)\n\t... 3 more";
        let trace = super::super::read(text).unwrap();
        assert_eq!(trace.what, "java.net.ConnectException: Connection refused");
        assert_eq!(trace.culprit().unwrap().to_string(), "Job.java:9 in com.acme.Job.run");
    }
}

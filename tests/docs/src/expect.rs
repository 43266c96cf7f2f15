//! Comparing what was printed with what the page shows.

/// Stands for any text within a line, or for any lines when it stands alone.
const ANY: &str = "…";

/// Whether `actual` is what the page shows.
pub fn matches(expected: &[String], actual: &str) -> bool {
    let expected: Vec<&str> = trim_end(expected.iter().map(|line| line.trim_end()).collect());
    let actual: Vec<&str> = trim_end(actual.lines().map(str::trim_end).collect());
    lines(&expected, &actual)
}

fn trim_end(mut lines: Vec<&str>) -> Vec<&str> {
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn lines(expected: &[&str], actual: &[&str]) -> bool {
    match expected {
        [] => actual.is_empty(),
        [first, rest @ ..] if first.trim() == ANY => {
            (0..=actual.len()).any(|skip| lines(rest, &actual[skip..]))
        }
        [first, rest @ ..] => match actual {
            [line, others @ ..] => line_matches(first, line) && lines(rest, others),
            [] => false,
        },
    }
}

/// `…` within a line stands for any text.
fn line_matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split(ANY);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Both texts, for a failure.
pub fn difference(expected: &[String], actual: &str) -> String {
    let marked = |sign: &str, text: &str| format!("    {sign} {text}\n");
    let mut shown = String::new();
    expected.iter().for_each(|line| shown += &marked("page", line));
    actual.lines().for_each(|line| shown += &marked("was ", line));
    if actual.trim().is_empty() {
        shown += "    was  nothing\n";
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(expected: &str, actual: &str) -> bool {
        let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        matches(&expected, actual)
    }

    #[test]
    fn wildcards() {
        assert!(ok("a\nb", "a\nb\n"));
        assert!(ok("a\n\n", "a  \n"));
        assert!(!ok("a", "a\nb"));
        assert!(ok("a\n…", "a\nb\nc"));
        assert!(ok("…\nc", "a\nb\nc"));
        assert!(ok("…\nb\n…", "a\nb\nc"));
        assert!(!ok("…\nd", "a\nb\nc"));
        assert!(ok("up … of …s", "up 3.2s of 9s"));
        assert!(!ok("up … of …s", "up 3.2s of 9m"));
        assert!(ok("", ""));
        assert!(!ok("", "a"));
        assert!(ok("…", ""));
    }
}

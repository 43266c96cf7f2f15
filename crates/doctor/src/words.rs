//! Spans, sizes and times as people say them.

use std::time::{Duration, SystemTime};

/// A span in its two largest units: `2d 4h`, `3m 20s`, `4.2s`, `850ms`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => format!("{}ms", span.as_millis()),
        (0, 0, 0) if seconds < 10 => format!("{:.1}s", span.as_secs_f64()),
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// A number of bytes: `512 B`, `1.5 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// An RFC 3339 time.
pub(crate) fn moment(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(Into::into)
}

/// How long ago a time was; nothing for one in the future.
pub(crate) fn since(time: SystemTime, now: SystemTime) -> Option<Duration> {
    now.duration_since(time).ok()
}

/// One line that holds nothing a terminal would take for a command, and is not longer than it needs to be.
pub(crate) fn plain(text: &str) -> String {
    const LONGEST: usize = 300;
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown: String = text.chars().take(LONGEST).map(|c| if hidden(c) { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown.trim_end().to_owned()
}

/// The name under which the kernel tells of a program: without its folder, and 15 bytes of it at most. Nothing for those that run
/// programs of all kinds, of which a name tells nothing.
pub(crate) fn kernel_name(command: &str) -> Option<&str> {
    const OF_ALL_KINDS: [&str; 15] = [
        "sh", "bash", "dash", "env", "sudo", "python", "python3", "node", "java", "ruby", "perl", "php",
        "dotnet", "sleep", "bun",
    ];
    let name = command.rsplit(['/', '\\']).next().unwrap_or(command);
    let end = (0..=name.len().min(15)).rfind(|end| name.is_char_boundary(*end)).unwrap_or(0);
    let name = name.get(..end).unwrap_or(name);
    (!name.is_empty() && !OF_ALL_KINDS.contains(&name)).then_some(name)
}

/// `once`, `3 times`.
pub(crate) fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_read_well() {
        assert_eq!(
            (bytes(12), bytes(1536), bytes(3 << 30)),
            ("12 B".into(), "1.5 KiB".into(), "3.0 GiB".into())
        );
        assert_eq!(span(Duration::from_millis(1500)), "1.5s");
        assert_eq!(span(Duration::from_secs(90)), "1m 30s");
    }

    #[test]
    fn a_shell_is_no_name_of_a_service() {
        assert_eq!(kernel_name("/srv/web/orders-server-of-acme"), Some("orders-server-o"));
        assert_eq!(kernel_name("/bin/sh"), None);
        assert_eq!(kernel_name("ääääääääää"), Some("äääääää"));
        assert_eq!(kernel_name(""), None);
    }

    #[test]
    fn hostile_text_becomes_one_harmless_line() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{202e}"), "a [2Jb c");
        assert_eq!(plain(&"x".repeat(400)).chars().count(), 301);
    }
}

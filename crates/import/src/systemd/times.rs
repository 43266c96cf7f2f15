//! Times and sizes as systemd writes them.

use abide_spec::{Duration, Size};

use crate::draft;

/// `90`, `5min 20s`, `1h30min`, `500ms`; `infinity` is none.
pub(crate) fn span(text: &str) -> Option<Option<Duration>> {
    let text = text.trim();
    if text == "infinity" {
        return Some(None);
    }
    let mut total = 0.0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number = rest[..digits].parse::<f64>().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !(c.is_alphabetic())).unwrap_or(rest.len());
        let factor = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "us" | "usec" | "µs" | "μs" => 1e-6,
            "ms" | "msec" => 1e-3,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            "M" | "month" | "months" => 2_629_800.0,
            "y" | "year" | "years" => 31_557_600.0,
            _ => return None,
        };
        total += number * factor;
        rest = rest[letters..].trim_start();
    }
    (total < 1e9).then(|| Some(draft::from_seconds(total)))
}

/// `512M`, `1G`: powers of 1024.
pub(crate) fn size(text: &str) -> Option<Size> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number = text[..split].parse::<f64>().ok()?;
    let factor = match text[split..].trim() {
        "" | "B" => 1u64,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    let bytes = number * factor as f64;
    (1.0..9e18).contains(&bytes).then_some(Size(bytes as u64))
}

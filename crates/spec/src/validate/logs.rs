//! What becomes of a program's output: `[logs]`.

use super::Findings;
use super::texts::unique;
use crate::path::{Path, at};
use crate::{Duration, LogLevel, Logs, Pattern, Rotate, Size};

pub(super) fn check(logs: &Logs, found: &mut Findings) {
    rotate(found, &logs.rotate);
    let (least, most) = (Size::kib(4), Size::mib(1024));
    if logs.buffer < least || logs.buffer > most {
        found.add(
            at!["logs", "buffer"],
            format!("`buffer` must be from {least} to {most}, not {}", logs.buffer),
        );
    }
    level(found, logs);
    rate_limit(found, logs);
    redact(found, &logs.redact);
    if let Some(multiline) = &logs.multiline {
        pattern(
            found,
            at!["logs", "multiline", "start"],
            &multiline.start,
            "every line would begin an entry",
        );
    }
}

fn rotate(found: &mut Findings, rotate: &Rotate) {
    let at = at!["logs", "rotate"];
    if rotate.size < Size::kib(1) {
        found
            .add(at.child("size"), format!("`size` must be at least 1KiB, not {}", rotate.size))
            .hint("for files that never end, choose a size larger than the disk");
    }
    for (key, time) in [("every", rotate.every), ("max-age", rotate.max_age)] {
        if time.is_some_and(|time| time < Duration::from_secs(1)) {
            found.add(at.child(key), format!("`{key}` must be at least 1s"));
        }
    }
    if rotate.keep > 10_000 {
        found.add(at.child("keep"), format!("`keep` must be at most 10000, not {}", rotate.keep));
    }
    if let Some(most) = rotate.max_size.filter(|most| *most < rotate.size) {
        found
            .add(
                at.child("max-size"),
                format!(
                    "`max-size` ({most}) is less than `size` ({}), so no old file could be kept",
                    rotate.size
                ),
            )
            .hint("choose a smaller `size`; or keep = 0 for no old files")
            .involves([at.child("size")]);
    }
}

fn level(found: &mut Findings, logs: &Logs) {
    if logs.level == Some(LogLevel::Trace) {
        found
            .add(at!["logs", "level"], "nothing is lower than `trace`, so this changes nothing")
            .hint("leave `level` out to keep everything");
    }
    let Some(sample) = logs.sample else { return };
    let at = at!["logs", "sample"];
    if !(0.0..=1.0).contains(&sample) {
        found
            .add(at, format!("`sample` must be from 0 to 1, not {sample}"))
            .hint("0.01 keeps each hundredth of the lines below `level`");
    } else if logs.level.is_none() {
        found
            .add(at, "`sample` is the share of the lines below `level`, and no `level` is set")
            .hint("add level = \"warn\", or leave `sample` out to keep everything")
            .involves([at!["logs", "level"]]);
    }
}

fn rate_limit(found: &mut Findings, logs: &Logs) {
    let Some(limit) = logs.rate_limit else { return };
    let at = at!["logs", "rate-limit"];
    if limit.lines == 0 {
        found
            .add(at.child("lines"), "`lines` must be at least 1")
            .hint("leave `rate-limit` out for no limit");
    }
    let (least, most) = (Duration::from_millis(1), Duration::from_secs(24 * 60 * 60));
    if limit.per < least || limit.per > most {
        found
            .add(at.child("per"), format!("`per` must be from {least} to {most}, not {}", limit.per))
            .hint("rate-limit = { lines = 1000, per = \"1s\" } keeps at most a thousand lines a second");
    }
}

/// Each pattern costs time for each line.
const MAX_PATTERNS: usize = 100;

fn redact(found: &mut Findings, patterns: &[String]) {
    let at = at!["logs", "redact"];
    if patterns.len() > MAX_PATTERNS {
        found
            .add(at, format!("{} expressions; at most {MAX_PATTERNS} are allowed", patterns.len()))
            .hint("join them with `|`");
        return;
    }
    unique(found, &at, patterns);
    for (index, it) in patterns.iter().enumerate() {
        pattern(found, at.child(index), it, "it would be found everywhere");
    }
}

/// `empty`: what an expression that is found in nothing at all would do.
fn pattern(found: &mut Findings, at: Path, text: &str, empty: &str) {
    let shown = if text.chars().count() <= 60 { format!("{text:?}") } else { "it".to_owned() };
    match text.parse::<Pattern>() {
        Err(why) => {
            found.add(at, format!("{shown} is not a regular expression: {why}")).hint(
                "write expressions in 'single quotes', so that a backslash is one; lookaround and references to \
                 groups do not exist",
            );
        }
        Ok(pattern) if pattern.is_match("") => {
            found
                .add(at, format!("{shown} matches an empty text: {empty}"))
                .hint("let it match at least one character, as with `+` for `*`");
        }
        Ok(_) if text.contains(['\n', '\r']) => {
            found
                .add(at, format!("{shown} contains a line break, and is looked for line by line"))
                .hint("in \"double quotes\" write \\\\ for a backslash, or use 'single quotes'");
        }
        Ok(_) => {}
    }
}

//! `<log mode="…">`.

use abide_spec::{Compress, Duration, Size, Spec};

use super::element::Element;

const KEPT: &str = "Abide keeps the output itself: `abide logs NAME` shows it";

pub(super) fn map(spec: &mut Spec, service: &Element<'_>) {
    for name in
        ["logpath", "logname", "outfilepattern", "errfilepattern", "outfiledisabled", "errfiledisabled"]
    {
        if let Some(element) = service.child(name) {
            element.field.left(KEPT);
        }
    }
    if let Some(element) = service.child("logmode") {
        mode(&element.text, element.field);
    }
    let Some(log) = service.child("log") else { return };
    if let Some(attribute) = log.attribute("mode") {
        log.field.group();
        mode(&attribute.value, attribute.field);
    }
    if let Some(element) = log.child("directory").or_else(|| log.child("logpath")) {
        element.field.left(KEPT);
    }
    if let Some(element) = log.child("sizeThreshold") {
        match element.text.parse::<u64>() {
            Ok(kib) if kib > 0 => {
                spec.logs.rotate.size = Size(kib.saturating_mul(1024).min(i64::MAX as u64));
                element.field.carried("logs.rotate.size");
            }
            _ => element.field.bad("`sizeThreshold` must be a whole number of KB", None),
        }
    }
    if let Some(element) = log.child("keepFiles") {
        match element.text.parse::<u32>() {
            Ok(count) => {
                spec.logs.rotate.keep = count.min(10_000);
                element.field.carried("logs.rotate.keep");
            }
            Err(_) => element.field.bad("`keepFiles` must be a whole number", None),
        }
    }
    if let Some(element) = log.child("pattern") {
        spec.logs.rotate.every = Some(period(&element.text));
        element
            .field
            .changed("logs.rotate.every", "files begin anew when they are so old, not by the calendar");
    }
    if let Some(element) = log.child("period") {
        element.field.left("logs.rotate.every says how old a file becomes");
    }
    if let Some(element) = log.child("autoRollAtTime") {
        spec.logs.rotate.every.get_or_insert(Duration::from_secs(24 * 60 * 60));
        element
            .field
            .changed("logs.rotate.every", "files begin anew when they are a day old, not at a time of day");
    }
    if let Some(element) = log.child("zipOlderThanNumDays") {
        spec.logs.rotate.compress = Compress::Gzip;
        element.field.changed("logs.rotate.compress", "every old file is compressed, also those of today");
    }
    if let Some(element) = log.child("zipDateFormat") {
        element.field.left("files are compressed one by one");
    }
}

fn mode(mode: &str, field: crate::ledger::Field<'_>) {
    match mode.to_ascii_lowercase().as_str() {
        "append" => field.changed("logs.rotate", "output is kept, and files begin anew at logs.rotate.size"),
        "roll-by-size" | "roll-by-time" | "roll-by-size-time" | "rotate" => field.carried("logs.rotate"),
        "roll" => field.changed(
            "logs.rotate",
            "files begin anew by their size, not with each start; `abide rotate` does it by hand",
        ),
        "reset" => field.left("the output of earlier runs is kept, up to logs.rotate.keep files"),
        "none" => field.left("output is kept always, up to logs.rotate.keep files"),
        other => field.bad(
            format!("`{other}` is no log mode"),
            Some("it is append, reset, none, roll, roll-by-size, roll-by-time or roll-by-size-time"),
        ),
    }
}

/// How often the name of a file with this date pattern changes.
fn period(pattern: &str) -> Duration {
    let seconds = if pattern.contains('m') {
        60
    } else if pattern.contains(['H', 'h']) {
        60 * 60
    } else if pattern.contains('d') {
        24 * 60 * 60
    } else if pattern.contains('M') {
        30 * 24 * 60 * 60
    } else {
        365 * 24 * 60 * 60
    };
    Duration::from_secs(seconds)
}

//! Times as people write them.

use std::time::SystemTime;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// What `text` says of a time, seen from `now` in its zone: `10m` or `-10m` (ago), `13:00` (the last time it was that),
/// `today`, `yesterday` or a date, alone or with a time of day, a date and time with its zone, or `@SECONDS`.
pub fn parse(text: &str, now: &Zoned) -> Result<SystemTime, String> {
    let text = text.trim();
    let ago = text.strip_prefix('-').unwrap_or(text);
    let ago = ago.strip_suffix(" ago").unwrap_or(ago).trim();
    if let Ok(ago) = ago.parse::<abide_spec::Duration>() {
        return SystemTime::from(now.timestamp())
            .checked_sub(ago.get())
            .ok_or_else(|| format!("`{text}` lies before the beginning of time"));
    }
    if let Some(seconds) = text.strip_prefix('@').and_then(|seconds| seconds.parse().ok()) {
        return Timestamp::from_second(seconds).map(Into::into).map_err(|error| format!("`{text}`: {error}"));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.into());
    }
    local(text, now)
        .and_then(|time| time.to_zoned(now.time_zone().clone()).ok())
        .map(|time| time.timestamp().into())
        .ok_or_else(|| {
            format!(
                "`{text}` is no time; write 10m (ago), 13:00, yesterday, 2026-11-22, \"2026-11-22 13:00\" or \
                 2026-11-22T13:00:00Z"
            )
        })
}

/// The current time in the zone of this machine.
pub fn now() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::system())
}

/// A time without a zone.
fn local(text: &str, now: &Zoned) -> Option<DateTime> {
    if text == "now" {
        return Some(now.datetime());
    }
    if let Some(time) = time_of_day(text) {
        let today = now.date().to_datetime(time);
        // At ten past midnight, 23:50 was twenty minutes ago.
        return if today > now.datetime() { today.checked_sub(1.day()).ok() } else { Some(today) };
    }
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, time_of_day(time.trim())?),
        None => (text, Time::midnight()),
    };
    let day = match day {
        "today" => now.date(),
        "yesterday" => now.date().checked_sub(1.day()).ok()?,
        _ => day.parse::<Date>().ok()?,
    };
    Some(day.to_datetime(time))
}

/// `13:00`, `13:00:05`, `13:00:05.25`.
fn time_of_day(text: &str) -> Option<Time> {
    let begins_right = text.len() >= 4 && text.bytes().take(3).any(|byte| byte == b':');
    let padded = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
    begins_right.then(|| padded.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now = "2026-11-22T11:30:15Z".parse::<Timestamp>().unwrap().to_zoned(zone.clone());
        match parse(text, &now) {
            Ok(time) => {
                Timestamp::try_from(time).unwrap().to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
            }
            Err(error) => error,
        }
    }

    #[test]
    fn times_of_all_forms() {
        for (text, time) in [
            ("10m", "2026-11-22 13:20:15"),
            ("-10m", "2026-11-22 13:20:15"),
            ("10m ago", "2026-11-22 13:20:15"),
            ("13:00", "2026-11-22 13:00:00"),
            ("9:05", "2026-11-22 09:05:00"),
            ("13:30:15", "2026-11-22 13:30:15"),
            ("23:50", "2026-11-21 23:50:00"),
            ("today", "2026-11-22 00:00:00"),
            ("now", "2026-11-22 13:30:15"),
            ("yesterday", "2026-11-21 00:00:00"),
            ("yesterday 18:00", "2026-11-21 18:00:00"),
            ("2026-11-20", "2026-11-20 00:00:00"),
            ("2026-11-20 07:08", "2026-11-20 07:08:00"),
            ("2026-11-20T07:08:09", "2026-11-20 07:08:09"),
            ("2026-11-20T07:08:09Z", "2026-11-20 09:08:09"),
            ("2026-11-20T07:08:09+01:00", "2026-11-20 08:08:09"),
            ("@1795347015", "2026-11-22 13:30:15"),
        ] {
            assert_eq!(seen(text), time, "{text}");
        }
        for text in ["", "soon", "25:00", "yesterday-ish", "13", "2026-13-01", "12:3", "1:2:3", "€:00"] {
            assert!(seen(text).contains("is no time; write 10m (ago)"), "{text}: {}", seen(text));
        }
    }
}

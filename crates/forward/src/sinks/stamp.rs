//! Times as text.

use std::io::Write;

/// Appends a time, nanoseconds since 1970, as RFC 3339 in UTC with `digits` (at most 9) behind the second.
pub(super) fn rfc3339(out: &mut Vec<u8>, time: u64, digits: usize) {
    let (seconds, nanoseconds) = (time / 1_000_000_000, time % 1_000_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // Writing to memory cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}");
    out.truncate(out.len() - 9 + digits.clamp(1, 9));
    out.push(b'Z');
}

/// Year, month and day of a number of days since 1970. Years are counted from March, so that the day that some have
/// more comes last.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let january = month >= 10;
    (era * 400 + year + january as u64, if january { month - 9 } else { month + 3 }, day)
}

/// Seconds since 1970 of a date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.strip_suffix(" GMT")?.split(' ');
    let number = |least: u64, most: u64, text: Option<&str>| {
        text?.parse().ok().filter(|number| (least..=most).contains(number))
    };
    let day = number(1, 31, words.next())?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64;
    let year = number(1970, 9999, words.next())?;
    let mut clock = words.next()?.split(':');
    let seconds = number(0, 23, clock.next())? * 3600
        + number(0, 59, clock.next())? * 60
        + number(0, 60, clock.next())?;
    if words.next().is_some() || clock.next().is_some() {
        return None;
    }
    // The reverse of `date`.
    let year = year - u64::from(month >= 10);
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(719_468).map(|days| days * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn dates_of_http_are_read(seconds in 0_u64..200_000_000_000) {
            let (year, month, day) = date(seconds / 86_400);
            let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let (name, rest) = (names[month as usize - 1], seconds % 86_400);
            let text = format!(
                "Sun, {day:02} {name} {year} {:02}:{:02}:{:02} GMT", rest / 3600, rest / 60 % 60, rest % 60
            );
            prop_assert_eq!(http_date(&text), Some(seconds));
        }

        #[test]
        fn no_text_makes_it_stumble(text in "\\PC*", day: u64, year: u64, clock in "[0-9:]*") {
            let _ = http_date(&text);
            let _ = http_date(&format!("Sun, {day} Nov {year} {clock} GMT"));
        }
    }

    #[test]
    fn the_date_of_the_standard_is_read() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for wrong in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 40 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(wrong), None);
        }
    }

    fn text(time: u64, digits: usize) -> String {
        let mut out = Vec::new();
        rfc3339(&mut out, time, digits);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_868_799_000_000_001, "2000-02-29T23:59:59.000000001Z"),
            (1_709_164_800_123_456_789, "2024-02-29T00:00:00.123456789Z"),
            (1_735_689_599_500_000_000, "2024-12-31T23:59:59.500000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ] {
            assert_eq!(text(time, 9), expected);
        }
        assert_eq!(text(1_709_164_800_123_456_789, 6), "2024-02-29T00:00:00.123456Z");
    }
}

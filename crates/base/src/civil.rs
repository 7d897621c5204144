//! Times as people and other programs write them: dates of the Gregorian calendar, in UTC.

use crate::clock::Timestamp;

/// A time as RFC 3339 has it: `2026-01-31T23:59:59Z`.
pub fn rfc3339(at: Timestamp) -> String {
    written(at, 'T')
}

/// A time for people: `2026-01-31 23:59:59Z`.
pub fn readable(at: Timestamp) -> String {
    written(at, ' ')
}

fn written(at: Timestamp, between: char) -> String {
    let (day, second) = (at.unix().div_euclid(86_400), at.unix().rem_euclid(86_400));
    let (year, month, day) = date(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day counted from 1970-01-01. Years are counted from March here, so that the leap
/// day is a year's last and every month begins at a fixed day of its year.
fn date(day: i64) -> (i64, i64, i64) {
    const FROM_YEAR_0: i64 = 719_468;
    const IN_400_YEARS: i64 = 146_097;
    let day = day.saturating_add(FROM_YEAR_0);
    let (cycle, day) = (day.div_euclid(IN_400_YEARS), day.rem_euclid(IN_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let first = (153 * month + 2) / 5;
    let is_next_year = i64::from(month >= 10);
    (400 * cycle + year + is_next_year, month + 3 - 12 * is_next_year, day - first + 1)
}

/// How long something took or is ago, for people: `3 minutes`, `1 day`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let fits = |(_, length): &(&str, i64)| seconds >= *length;
    let (unit, length) = units.into_iter().find(fits).unwrap_or(("second", 1));
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        for (unix, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            let at = Timestamp::from_unix(unix);
            assert_eq!(rfc3339(at), expected);
            assert_eq!(readable(at), expected.replace('T', " "));
        }
    }

    #[test]
    fn spans_are_in_one_unit() {
        for (seconds, expected) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (185, "3 minutes"),
            (7_200, "2 hours"),
            (86_400, "1 day"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }
}

//! Times as people and file names have them, in UTC.

/// A time to the second, as `2026-11-29 09:15:00Z`.
pub fn time(unix: i64) -> String {
    let ((year, month, day), (hour, minute, second)) = parts(unix);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// The same without what is no good in a file's name, as `20261129T091500Z`.
pub fn compact(unix: i64) -> String {
    let ((year, month, day), (hour, minute, second)) = parts(unix);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

type Triple = (i64, i64, i64);

fn parts(unix: i64) -> (Triple, Triple) {
    let (day, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    (date(day), (second / 3600, second / 60 % 60, second % 60))
}

/// The Gregorian date of a day counted from 1970-01-01. Years are counted from March here, so
/// that the leap day is a year's last and every month begins at a fixed day of its year.
fn date(day: i64) -> Triple {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(time(1_767_225_599), "2025-12-31 23:59:59Z");
        assert_eq!(time(4_107_542_400), "2100-03-01 00:00:00Z");
        assert_eq!(time(-1), "1969-12-31 23:59:59Z");
        assert_eq!(compact(951_782_400), "20000229T000000Z");
    }
}

//! Durations as people write them.

/// The longest duration, a hundred years: whoever writes more has mistaken the unit.
const LONGEST_SECONDS: i64 = 36_525 * 86_400;

/// `30d`, `12h`, `90m` or `45s`, in seconds.
///
/// # Errors
/// If it is anything else, zero, or longer than the longest expiry.
pub fn seconds(text: &str) -> Result<i64, String> {
    let units = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let parsed = units.iter().find_map(|(letter, seconds)| {
        let digits = text.strip_suffix(*letter)?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        let count = digits.parse::<i64>().ok().filter(|_| all_digits)?;
        count.checked_mul(*seconds)
    });
    match parsed {
        Some(seconds) if (1..=LONGEST_SECONDS).contains(&seconds) => Ok(seconds),
        Some(0) => Err("must be longer than nothing".to_owned()),
        Some(_) => Err("is longer than 100 years".to_owned()),
        None => {
            Err("must be a number of days, hours, minutes or seconds: 30d, 12h, 90m, 45s"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_days_hours_minutes_and_seconds() {
        assert_eq!(seconds("30d"), Ok(2_592_000));
        assert_eq!(seconds("12h"), Ok(43_200));
        assert_eq!(seconds("90m"), Ok(5400));
        assert_eq!(seconds("45s"), Ok(45));
    }

    #[test]
    fn anything_else_is_refused() {
        let wrong = ["", "d", "30", "0s", "-1d", "+1d", "1.5h", "30 d", "1w", "36526d", "1h30m"];
        for text in wrong {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert!(seconds("99999999999999999d").is_err());
    }
}

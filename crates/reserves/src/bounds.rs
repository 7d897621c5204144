//! How long money can be held (reserves §3.1, §4.1, §11 decision 5).

use coffer_base::{Timestamp, clock::DAY_SECONDS, limit};
use coffer_dialect::ApiError;

/// How far clocks of caller and server may differ.
const GRACE: i64 = limit::RESERVE_GRACE_SECONDS;
const SHORTEST: i64 = limit::RESERVE_DAYS_FLOOR * DAY_SECONDS;
const LONGEST: i64 = limit::RESERVE_DAYS_CEILING * DAY_SECONDS;

/// Checks a date that is asked for at `now`: at least 3 and at most 180 days ahead.
///
/// # Errors
/// 400 that names `param`.
pub(crate) fn check_ahead(
    param: &str,
    release_after: Timestamp,
    now: Timestamp,
) -> Result<(), ApiError> {
    let (earliest, latest) = (now.plus(SHORTEST), now.plus(LONGEST));
    if release_after >= earliest.plus(-GRACE) && release_after <= latest.plus(GRACE) {
        return Ok(());
    }
    Err(ApiError::invalid_param(
        param,
        format!(
            "'{param}' must be at least {} and at most {} days in the future: from {earliest} to \
             {latest}, in Unix seconds, not {release_after}.",
            limit::RESERVE_DAYS_FLOOR,
            limit::RESERVE_DAYS_CEILING
        ),
    ))
}

/// Checks a new date of a hold that was made at `created`: not past, and at most 180 days after
/// the hold was made.
///
/// # Errors
/// 400 that names `param`.
pub(crate) fn check_moved(
    param: &str,
    release_after: Timestamp,
    created: Timestamp,
    now: Timestamp,
) -> Result<(), ApiError> {
    let latest = created.plus(LONGEST);
    if release_after >= now.plus(-GRACE) && release_after <= latest.plus(GRACE) {
        return Ok(());
    }
    Err(ApiError::invalid_param(
        param,
        format!(
            "'{param}' must be in the future and at most {} days after the hold was made: from \
             {now} to {latest}, in Unix seconds, not {release_after}.",
            limit::RESERVE_DAYS_CEILING
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_772_359_200);

    #[test]
    fn both_ends_belong_to_the_range_and_have_a_minute_of_grace() {
        let check = |seconds: i64| check_ahead("p", NOW.plus(seconds), NOW).is_ok();
        assert!(check(SHORTEST) && check(LONGEST));
        assert!(check(SHORTEST - 60) && check(LONGEST + 60));
        assert!(!check(SHORTEST - 61) && !check(LONGEST + 61));
    }

    #[test]
    fn a_hold_is_not_moved_beyond_180_days_of_its_making() {
        let created = NOW.plus(-100 * DAY_SECONDS);
        let check = |seconds: i64| check_moved("p", NOW.plus(seconds), created, NOW).is_ok();
        assert!(check(0) && check(-60) && check(80 * DAY_SECONDS) && check(80 * DAY_SECONDS + 60));
        assert!(!check(-61) && !check(80 * DAY_SECONDS + 61));
    }
}

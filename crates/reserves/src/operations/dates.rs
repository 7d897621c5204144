//! How long money can be reserved. Both ends of a range belong to it, and a minute more, since the
//! clocks of caller and server may differ.

use crate::limits;
use crate::reasons;
use coffer_base::{Timestamp, clock::DAY_SECONDS};
use coffer_dialect::ApiError;

const GRACE: i64 = limits::GRACE_SECONDS;
/// The nearest date, in seconds from now.
const SHORTEST: i64 = limits::DAYS_FLOOR * DAY_SECONDS;
/// The farthest date, in seconds from now; in an update, from the hold's creation.
const LONGEST: i64 = limits::DAYS_CEILING * DAY_SECONDS;

/// Checks a date that a caller asks for at `now`: at least 3 and at most 180 days ahead. Also the
/// new date of a fixed plan, as if the plan were created now.
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
            limits::DAYS_FLOOR,
            limits::DAYS_CEILING
        ),
    )
    .because(&reasons::DATE_RANGE))
}

/// Checks a new date of a hold that was created at `created`: not past, and at most 180 days after
/// the hold was created, so that moving it again and again reserves no money for longer.
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
            limits::DAYS_CEILING
        ),
    )
    .because(&reasons::DATE_RANGE))
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
    fn a_holds_date_is_at_most_180_days_after_its_creation() {
        let created = NOW.plus(-100 * DAY_SECONDS);
        let check = |seconds: i64| check_moved("p", NOW.plus(seconds), created, NOW).is_ok();
        assert!(check(0) && check(-60) && check(80 * DAY_SECONDS) && check(80 * DAY_SECONDS + 60));
        assert!(!check(-61) && !check(80 * DAY_SECONDS + 61));
    }
}

//! Sums and shares of money: checked, in whole minor units (reserves §11, decisions 1 and 31).

use coffer_dialect::ApiError;

/// `one + other`, refused where it leaves 64 bits.
///
/// # Errors
/// 400: no account has that much money.
pub fn sum(one: i64, other: i64) -> Result<i64, ApiError> {
    one.checked_add(other).ok_or_else(|| {
        ApiError::invalid(
            "This would take a balance beyond what the ledger can count. Are the amounts in the \
             currency's minor unit?",
        )
    })
}

/// `percent` of `amount`, half a unit rounded up, never above `amount`; 0 if `amount` is not
/// positive.
pub fn percent_of(amount: i64, percent: i64) -> i64 {
    if amount <= 0 || percent <= 0 {
        return 0;
    }
    let share = (i128::from(amount) * i128::from(percent) + 50) / 100;
    i64::try_from(share).map_or(amount, |share| share.min(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_half_up_and_never_above_the_whole() {
        for (amount, percent, share) in [
            (9680, 15, 1452),
            (8000, 25, 2000),
            (9680, 60, 5808),
            (10, 15, 2),
            (10, 14, 1),
            (1, 49, 0),
            (1, 50, 1),
            (3, 100, 3),
            (0, 15, 0),
            (-9680, 15, 0),
            (i64::MAX, 100, i64::MAX),
        ] {
            assert_eq!(percent_of(amount, percent), share, "{percent} % of {amount}");
        }
    }

    #[test]
    fn sums_stop_at_the_ends() {
        assert_eq!(sum(i64::MAX - 1, 1).unwrap(), i64::MAX);
        assert_eq!(sum(i64::MAX, 1).unwrap_err().status(), 400);
        assert_eq!(sum(i64::MIN, -1).unwrap_err().status(), 400);
    }
}

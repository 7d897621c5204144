//! Sums of money: checked, in whole minor units.

use crate::reasons;
use coffer_dialect::ApiError;

/// `one + other`.
///
/// # Errors
/// 400 if the sum does not fit into 64 bits: amounts that large are not in the minor unit.
pub fn sum(one: i64, other: i64) -> Result<i64, ApiError> {
    one.checked_add(other).ok_or_else(|| {
        ApiError::invalid(
            "This would take a balance beyond what the ledger can count. Are the amounts in the \
             currency's minor unit?",
        )
        .because(&reasons::BALANCE_OVERFLOW)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stop_at_the_ends() {
        assert_eq!(sum(i64::MAX - 1, 1).unwrap(), i64::MAX);
        assert_eq!(sum(i64::MAX, 1).unwrap_err().status(), 400);
        assert_eq!(sum(i64::MIN, -1).unwrap_err().status(), 400);
    }
}

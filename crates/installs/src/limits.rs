//! Bounds of app installs.

use std::ops::RangeInclusive;

/// Characters of a code challenge, as RFC 7636 has them.
pub const CODE_CHALLENGE_CHARACTERS: RangeInclusive<usize> = 43..=128;

/// Longest text that is taken for the id of an app: as long as ids of Stripe's may be. One that no
/// app has is unknown, and not too long.
pub const APP_ID_CHARACTERS: usize = 255;

/// Installs that one statement of a list reads whose filters look into them.
pub const INSTALLS_AT_ONCE: i64 = 250;

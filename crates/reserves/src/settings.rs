//! What an operator can set of reserves.

/// Which money a refund or a dispute takes first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Consumption {
    /// The reserve of its charge.
    #[default]
    ReserveFirst,
    /// What the account has; the reserve only as far as that does not suffice.
    OnlyIfNeeded,
}

/// The settings of reserves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Which money refunds and disputes take first.
    pub consumption: Consumption,
    /// Whether a caller's hold above what is available is refused; otherwise the available balance
    /// goes below zero.
    pub strict: bool,
    /// The smallest hold that a plan makes, in minor units, at least 1; of a charge whose share is
    /// smaller it reserves nothing.
    pub hold_floor: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { consumption: Consumption::ReserveFirst, strict: false, hold_floor: 1 }
    }
}

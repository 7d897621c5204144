//! What an operator can set of reserves. Settings are read once, when the server starts, and passed
//! by value to the operations and rules that need them.

use crate::limits;
use coffer_kernel::{Setting, SettingKind};

/// Which money a refund or a dispute takes first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Consumption {
    /// The reserve of its charge.
    #[default]
    ReserveFirst,
    /// What the account has; the reserve only as far as that does not suffice. Stripe's guide can
    /// be read either way.
    OnlyIfNeeded,
}

impl Consumption {
    /// The values of the parameter and the setting `reserve_draw`.
    pub const CHOICES: [(&'static str, Self); 2] =
        [("first", Self::ReserveFirst), ("only_if_needed", Self::OnlyIfNeeded)];

    /// Its name in rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReserveFirst => "first",
            Self::OnlyIfNeeded => "only_if_needed",
        }
    }
}

/// What happens to a reserve that a refund or a dispute took, when its money comes back.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Restore {
    /// It stays released.
    #[default]
    Never,
    /// It is held again, until the date of the hold that it came from.
    UntilScheduled,
}

/// The settings of reserves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Which money refunds and disputes take first.
    pub consumption: Consumption,
    /// Whether a caller's hold above what is available is refused; otherwise the available balance
    /// goes below zero. Holds of plans are never refused.
    pub strict: bool,
    /// The smallest hold that a plan makes, in minor units, at least 1; of a charge whose share is
    /// smaller it reserves nothing.
    pub hold_floor: i64,
    /// Whether a plan's hold follows a fee that is told on the day on which it was made.
    pub follow_fee: bool,
    /// What happens to a reserve whose refund failed, or whose dispute was won.
    pub restore: Restore,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consumption: Consumption::ReserveFirst,
            strict: false,
            hold_floor: 1,
            follow_fee: false,
            restore: Restore::Never,
        }
    }
}

impl From<&coffer_kernel::Settings> for Settings {
    fn from(chosen: &coffer_kernel::Settings) -> Self {
        let consumption = match chosen.choice(&RESERVE_DRAW) {
            "only_if_needed" => Consumption::OnlyIfNeeded,
            _ => Consumption::ReserveFirst,
        };
        let restore = match chosen.choice(&RESERVE_RESTORE) {
            "until_scheduled" => Restore::UntilScheduled,
            _ => Restore::Never,
        };
        Self {
            consumption,
            strict: chosen.is_on(&RESERVE_STRICT),
            hold_floor: chosen.number(&RESERVE_HOLD_FLOOR),
            follow_fee: chosen.is_on(&RESERVE_FOLLOW_FEE),
            restore,
        }
    }
}

/// [`Settings::consumption`].
pub const RESERVE_DRAW: Setting = Setting {
    name: "reserve_draw",
    default: "first",
    kind: SettingKind::Choice(&["first", "only_if_needed"]),
    about: "what is held of a charge pays for its refunds and disputes: first, or only_if_needed, \
            when the account has not enough; a plan's own reserve_draw comes before it",
};

/// [`Settings::strict`].
pub const RESERVE_STRICT: Setting = Setting {
    name: "reserve_strict",
    default: "false",
    kind: SettingKind::Switch,
    about: "refuse holds above what the account has available, instead of leaving it below zero",
};

/// [`Settings::hold_floor`].
pub const RESERVE_HOLD_FLOOR: Setting = Setting {
    name: "reserve_hold_floor",
    default: "1",
    kind: SettingKind::Number { from: 1, to: limits::HOLD_FLOOR_CEILING },
    about: "smallest hold that a plan makes of a charge, in the currency's minor unit",
};

/// [`Settings::follow_fee`].
pub const RESERVE_FOLLOW_FEE: Setting = Setting {
    name: "reserve_follow_fee",
    default: "false",
    kind: SettingKind::Switch,
    about: "shrink a plan's hold to its share of the new net when the charge's fee is told on the \
            day (UTC) on which the hold was made",
};

/// [`Settings::restore`].
pub const RESERVE_RESTORE: Setting = Setting {
    name: "reserve_restore",
    default: "never",
    kind: SettingKind::Choice(&["never", "until_scheduled"]),
    about: "what a refund or a dispute took of a hold, and what comes back of it, is held again: \
            never, or until_scheduled, the date of that hold",
};

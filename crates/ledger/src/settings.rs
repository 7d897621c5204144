//! What an operator can set of ledgers. Settings are read once, when the server starts, and passed
//! by value to the operations that need them.

use coffer_base::Currency;
use coffer_kernel::{Form, Setting, SettingKind};

/// What a payout that is asked for is measured against.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PayoutFloor {
    /// Its own pool, as at Stripe: one pool pays although another is below zero.
    #[default]
    Pool,
    /// Its own pool, and all pools of its currency together.
    Currency,
}

/// The settings of ledgers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What payouts that are asked for are measured against.
    pub payout_floor: PayoutFloor,
    /// Whether a reported payout with an unknown id is the one that was asked for shortly before,
    /// if exactly one fits.
    pub payout_match: bool,
    /// The currency in which the balance of an account without money is shown as 0; `None` if the
    /// operator's is none, which is refused at the start.
    pub default_currency: Option<Currency>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::from(&coffer_kernel::Settings::default())
    }
}

impl From<&coffer_kernel::Settings> for Settings {
    fn from(chosen: &coffer_kernel::Settings) -> Self {
        let payout_floor = match chosen.choice(&PAYOUT_FLOOR) {
            "currency" => PayoutFloor::Currency,
            _ => PayoutFloor::Pool,
        };
        Self {
            payout_floor,
            payout_match: chosen.is_on(&PAYOUT_MATCH),
            default_currency: Currency::any(chosen.line(&DEFAULT_CURRENCY)),
        }
    }
}

/// What a payout that is asked for may not exceed.
pub const PAYOUT_FLOOR: Setting = Setting {
    name: "payout_floor",
    default: "pool",
    kind: SettingKind::Choice(&["pool", "currency"]),
    about: "what a payout that is asked for may not exceed: what its own source type has, or also \
            what the account has in its currency",
};

/// Whether a reported payout is found by its amount.
pub const PAYOUT_MATCH: Setting = Setting {
    name: "payout_match",
    default: "false",
    kind: SettingKind::Switch,
    about: "a reported payout with an unknown id is the one of the same amount, currency and \
            source type that was asked for within 10 minutes before, if there is exactly one",
};

/// The currency of the zero that an account has whose balance has no row yet.
pub const DEFAULT_CURRENCY: Setting = Setting {
    name: "default_currency",
    default: "usd",
    kind: SettingKind::Text(Form::Currency),
    about: "currency in which the balance of an account without money is shown as 0",
};

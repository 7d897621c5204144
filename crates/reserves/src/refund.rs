//! A refund: money that went back to a customer (reserves §6, §11 decisions 20 and 21).

use crate::Settings;
use crate::charge::{self, Charge, Taken};
use crate::draw::draw;
use crate::release::Source;
use crate::store::{charge as charges, refund as store};
use crate::turn::Turn;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::Object;
use coffer_kernel::Failure;

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refund {
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// The id of its charge.
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) created: Timestamp,
    /// What came from what was held back of its charge.
    pub(crate) drawn: i64,
    /// What it took of its charge's pending money.
    pub(crate) from_pending: i64,
    /// Whether the processor could not carry it out, so that the money came back.
    pub(crate) failed: bool,
}

impl Refund {
    /// The object on the wire.
    pub(crate) fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.refund")
            .set("amount", self.amount)
            .set("charge", self.charge.clone())
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("drawn", self.drawn)
            .set("livemode", livemode)
            .set("status", if self.failed { "failed" } else { "succeeded" })
    }
}

/// Records a refund of `charge`, which has that much left: what was held back of it is drawn on
/// first.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn add(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    mut refund: Refund,
    settings: &Settings,
) -> Result<Refund, Failure> {
    let source = Source::Refund(refund.id.clone());
    refund.drawn = draw(turn, charge, refund.amount, source, settings).await?;
    let taken = Taken {
        kind: "refund",
        source: &refund.id,
        created: refund.created,
        amount: refund.amount,
        fee: 0,
    };
    refund.from_pending = charge::take_back(turn, charge, &taken).await?;
    charge.refunded = charge.refunded.saturating_add(refund.amount);
    charges::update(turn.tx, turn.owner, charge);
    store::insert(turn.tx, turn.owner, &refund);
    Ok(refund)
}

/// Records that a refund failed: the money is the account's again, and no hold is revived.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn fail(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    refund: &mut Refund,
) -> Result<(), Failure> {
    let taken = Taken {
        kind: "refund_failure",
        source: &refund.id,
        created: turn.now(),
        amount: refund.amount,
        fee: 0,
    };
    charge::give_back(turn, charge, &taken, refund.from_pending).await?;
    charge.refunded = charge.refunded.saturating_sub(refund.amount);
    charges::update(turn.tx, turn.owner, charge);
    refund.failed = true;
    store::set_failed(turn.tx, turn.owner, refund);
    Ok(())
}

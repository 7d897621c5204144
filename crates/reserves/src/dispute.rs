//! A dispute whose funds were withdrawn (reserves §6, §11 decisions 18 and 22).

use crate::Settings;
use crate::charge::{self, Charge, Taken};
use crate::draw::draw;
use crate::release::Source;
use crate::store::{charge as charges, dispute as store};
use crate::turn::Turn;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::Object;
use coffer_kernel::Failure;
use coffer_storage::StorageError;

/// A dispute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Dispute {
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// The id of its charge.
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    /// What the processor took for it.
    pub(crate) fee: i64,
    pub(crate) created: Timestamp,
    /// What came from what was held back of its charge.
    pub(crate) drawn: i64,
    /// What it took of its charge's pending money.
    pub(crate) from_pending: i64,
    pub(crate) status: Status,
    pub(crate) fee_returned: bool,
}

/// What became of a dispute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// The funds are withdrawn.
    Open,
    /// They came back.
    Won,
    /// They are gone.
    Lost,
}

impl Status {
    const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// The word for it on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// How a stored row writes it.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Won => 1,
            Self::Lost => 2,
        }
    }

    /// The status that a stored row means.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if it means none.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no dispute status {code}").into())
        })
    }
}

impl Dispute {
    /// The object on the wire.
    pub(crate) fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.dispute")
            .set("amount", self.amount)
            .set("charge", self.charge.clone())
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("drawn", self.drawn)
            .set("fee", self.fee)
            .set("fee_returned", self.fee_returned)
            .set("livemode", livemode)
            .set("status", self.status.as_str())
    }
}

/// Records a dispute of `charge`: what was held back of it is drawn on first, though not for the
/// fee.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn add(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    mut dispute: Dispute,
    settings: &Settings,
) -> Result<Dispute, Failure> {
    let source = Source::Dispute(dispute.id.clone());
    dispute.drawn = draw(turn, charge, dispute.amount, source, settings).await?;
    let taken = Taken {
        kind: "adjustment",
        source: &dispute.id,
        created: dispute.created,
        amount: dispute.amount,
        fee: dispute.fee,
    };
    dispute.from_pending = charge::take_back(turn, charge, &taken).await?;
    charge.disputed = true;
    charges::update(turn.tx, turn.owner, charge);
    store::insert(turn.tx, turn.owner, &dispute);
    Ok(dispute)
}

/// Records that a dispute was won: the money comes back, and its fee if the processor says so. No
/// hold is revived.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn win(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    dispute: &mut Dispute,
    fee_returned: bool,
) -> Result<(), Failure> {
    let taken = Taken {
        kind: "adjustment",
        source: &dispute.id,
        created: turn.now(),
        amount: dispute.amount,
        fee: if fee_returned { dispute.fee } else { 0 },
    };
    charge::give_back(turn, charge, &taken, dispute.from_pending).await?;
    charges::update(turn.tx, turn.owner, charge);
    dispute.status = Status::Won;
    dispute.fee_returned = fee_returned;
    store::set_status(turn.tx, turn.owner, dispute);
    Ok(())
}

/// Records that a dispute was lost, which moves nothing.
pub(crate) fn lose(turn: &mut Turn<'_, '_>, dispute: &mut Dispute) {
    dispute.status = Status::Lost;
    store::set_status(turn.tx, turn.owner, dispute);
}
